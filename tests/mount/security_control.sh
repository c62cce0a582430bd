#!/bin/bash
# The control socket answers its own user and root: another user gets nothing, even if the folders were opened to all.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root, to be another user"
begin
mount_crrfs
cat >"$T/ask.py" <<-'END'
	import socket, sys
	s = socket.socket(socket.AF_UNIX)
	s.connect(sys.argv[1])
	s.sendall(b'status\n')
	print(s.recv(65536).decode())
END
assert_match "$(/usr/bin/python3 "$T/ask.py" "$STATE/ctl.sock")" '"ok":true'
as_nobody() { runuser -u nobody -- /usr/bin/python3 "$T/ask.py" "$STATE/ctl.sock"; }
chmod 755 "$T"
assert_errno "Permission denied" as_nobody
chmod 755 "$STATE"
assert_errno "Permission denied" as_nobody
chmod 666 "$STATE/ctl.sock"
assert_eq "$(as_nobody 2>"$T/err" || true)" ""
if ! grep -q 'control=refused' "$MOUNT_LOG"; then fail "nothing in the log"; fi
chmod 700 "$STATE"
