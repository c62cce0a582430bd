#!/bin/bash
# Nothing that was signed goes anywhere else: a server that answers with a redirect, to another host, to plain text, to a
# file, is refused with its words, and the place it names is never asked.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
cat >"$T/redirect.py" <<-'END'
	# redirect.py FOLDER: answers everything with the redirect that FOLDER/answer names, and writes down who asks the other port
	import http.server, pathlib, sys, threading
	folder = pathlib.Path(sys.argv[1])
	class Elsewhere(http.server.BaseHTTPRequestHandler):
	    def do(self):
	        with open(folder / 'asked', 'a') as f:
	            f.write(self.requestline + '\n' + str(self.headers))
	        self.send_response(200); self.send_header('Content-Length', '0'); self.end_headers()
	    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do
	    def log_message(self, *_): pass
	class Here(Elsewhere):
	    protocol_version = 'HTTP/1.1'
	    def do(self):
	        n = int(self.headers.get('Content-Length') or 0)
	        self.rfile.read(n)
	        status, location = (folder / 'answer').read_text().split()
	        body = b'' if self.command == 'HEAD' else b'<Error><Code>TemporaryRedirect</Code><Message>elsewhere</Message>' \
	            b'<Endpoint>' + location.encode() + b'</Endpoint></Error>'
	        self.send_response(int(status)); self.send_header('Location', location)
	        self.send_header('Content-Length', str(len(body))); self.end_headers(); self.wfile.write(body)
	    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do
	here = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Here)
	there = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Elsewhere)
	threading.Thread(target=there.serve_forever, daemon=True).start()
	(folder / 'ports.new').write_text('%d %d\n' % (here.server_port, there.server_port))
	(folder / 'ports.new').rename(folder / 'ports')
	here.serve_forever()
END
/usr/bin/python3 "$T/redirect.py" "$T" >"$T/redirect.log" 2>&1 &
CHILDREN+=($!)
retry_until "$LONG" test -s "$T/ports"
read -r here there <"$T/ports"
good=$S3_A_ENDPOINT
for status in 301 302 307 308; do
	for location in "http://127.0.0.1:$there/x" "https://127.0.0.1:$there/x" "file:///etc/passwd" "gopher://127.0.0.1:$there/"; do
		echo "$status $location" >"$T/answer"
		S3_A_ENDPOINT=http://127.0.0.1:$here
		mount_fails any max_attempts=2
		[ ! -e "$T/asked" ] || fail "$status to $location was followed: $(cat "$T/asked")"
	done
done
# a destination that was good and redirects from now on
S3_A_ENDPOINT=$good
mount_crrfs retry_first=0.1,retry_max=0.2
echo one >"$MNT/one"
wait_repl
umount_crrfs
echo "307 http://127.0.0.1:$there/x" >"$T/answer"
make_destinations "http://127.0.0.1:$here"
mount_crrfs retry_first=0.1,retry_max=0.2
echo two >"$MNT/two"
behind() { ctl queue --json "$MNT" | grep -qi redirect || ctl status "$MNT" | grep -qi redirect; }
retry_until "$LONG" behind
[ ! -e "$T/asked" ] || fail "the copy went elsewhere: $(cat "$T/asked")"
umount_crrfs
make_destinations
mount_crrfs
ctl retry "$MNT" >/dev/null
wait_repl
s3 compare
