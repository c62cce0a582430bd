#!/bin/bash
# SQLite in the mount, as the man page states it: rollback journals in every mode, locks between processes, VACUUM; WAL works
# for the processes of one mount or is refused by SQLite itself, and is never wrong.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
make_twins
db=$MNT/work/data.db
for mode in delete truncate persist memory off; do
	sqlite3 "$MNT/work/$mode.db" "PRAGMA journal_mode=$mode; CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO t SELECT i, hex(randomblob(40)) FROM n;
		UPDATE t SET b = 'changed' WHERE a % 7 = 0; DELETE FROM t WHERE a % 11 = 0;" >"$T/out" 2>&1 || fail "$mode: $(cat "$T/out")"
	assert_eq "$(sqlite3 "$MNT/work/$mode.db" "PRAGMA integrity_check; SELECT count(*), sum(b = 'changed') FROM t" | tr '\n' ' ')" \
		"ok 455|65 " "journal_mode=$mode"
done
# a rollback, a vacuum
sqlite3 "$db" "CREATE TABLE t(a); INSERT INTO t VALUES(1); BEGIN; INSERT INTO t VALUES(2); ROLLBACK; VACUUM;"
assert_eq "$(sqlite3 "$db" 'SELECT group_concat(a) FROM t')" 1 "after a rollback"
# writers at once: the locks hold, nothing is lost
for i in 1 2 3 4; do
	(for j in 1 2 3 4 5; do sqlite3 -cmd '.timeout 100000' "$db" "INSERT INTO t VALUES($i$j)"; done) &
	pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "a writer"; done
assert_eq "$(sqlite3 "$db" 'PRAGMA integrity_check; SELECT count(*) FROM t' | tr '\n' ' ')" "ok 21 "
# a process that is killed within a transaction leaves a hot journal, which the next one plays back
/usr/bin/python3 - "$db" <<'PYTHON' || true
import os, signal, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute('PRAGMA cache_size = 1')
db.execute('BEGIN')
db.execute('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO t SELECT randomblob(100) FROM n')
os.kill(os.getpid(), signal.SIGKILL)
PYTHON
[ -s "$db-journal" ] || fail "no hot journal"
assert_eq "$(sqlite3 "$db" 'PRAGMA integrity_check; SELECT count(*) FROM t' | tr '\n' ' ')" "ok 21 " "after a hot journal"
# WAL: two connections
/usr/bin/python3 - "$MNT/work/wal.db" <<'PYTHON'
import sqlite3, sys
one = sqlite3.connect(sys.argv[1], isolation_level=None)
print('journal_mode', one.execute('PRAGMA journal_mode=WAL').fetchone()[0])
one.execute('CREATE TABLE t(a)')
two = sqlite3.connect(sys.argv[1], isolation_level=None)
for i in range(200):
    (one, two)[i % 2].execute('INSERT INTO t VALUES(?)', (i,))
assert two.execute('SELECT count(*) FROM t').fetchone() == (200,)
assert one.execute('PRAGMA integrity_check').fetchone() == ('ok',)
one.close()
two.close()
PYTHON
assert_eq "$(sqlite3 "$MNT/work/wal.db" 'SELECT sum(a) FROM t')" 19900 "the sum in WAL mode"
wait_repl
s3 compare
remount_crrfs
for name in delete truncate persist memory off data wal; do
	assert_eq "$(sqlite3 "$MNT/work/$name.db" 'PRAGMA integrity_check')" ok "$name.db after a remount"
done
s3 get b work/data.db "$T/replica.db"
assert_eq "$(sqlite3 "$T/replica.db" 'PRAGMA integrity_check; SELECT count(*) FROM t' | tr '\n' ' ')" "ok 21 " "the replica"
