#!/bin/bash
# Versions of a key that is being written are left to the writer, and the resync says how many: run again, it takes them. A
# resync whose row is damaged ends as failed, and does not hold up the next.
. "$(dirname "$0")/lib.sh"
begin
printf x >"$T/x"
mount_crrfs
random_file "$T/big" 40000000
exec 5>"$MNT/k"
cat "$T/big" >&5
begun() { [ -n "$(s3 uploads a)" ]; }
retry_until "$LONG" begun
s3 put a k "$T/x"
ctl resync "$MNT" --wait >"$T/out" 2>"$T/err"
assert_match "$(cat "$T/err")" '^crrctl: 1 versions belong to files being written; run it again$'
exec 5>&-
wait_repl
/usr/bin/python3 - "$STATE/queue.db" <<-'END'
	import sqlite3, sys
	db = sqlite3.connect(sys.argv[1])
	db.execute("INSERT INTO scan (kind, state, args, started_ms, updated_ms) VALUES ('resync', 'running', '{', 0, 0)")
	db.commit()
END
ctl resync "$MNT" --wait >"$T/out" 2>"$T/err"
assert_match "$(cat "$T/out")" 'resync 3 done: 2 versions seen, '
ctl resync "$MNT" --list >"$T/list"
assert_match "$(cat "$T/list")" ' 2 resync failed '
assert_match "$(cat "$T/list")" 'the row is damaged'
