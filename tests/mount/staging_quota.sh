#!/bin/bash
# servers: s3d
# staging_max holds writers back: while what was written before is on its way to the source, who writes more than fits
# waits, and may be interrupted. Nobody waits for what cannot come, and nothing that was acknowledged is lost.
. "$(dirname "$0")/lib.sh"
only_on s3d "faults"
begin
staged() { { du -sk "$STATE/staging" 2>/dev/null || true; } | cut -f1; } # files go while it looks
nothing_staged() { [ -z "$(find "$STATE/staging" -type f)" ]; }
refuse() {
	fault a "op=PutObject count=-1 action=status:503" "op=CreateMultipartUpload count=-1 action=status:503" \
		"op=UploadPart count=-1 action=status:503"
}

# 16 writers by a program whose files are acknowledged before the source has them: what is staged is bounded by the quota,
# what each of them writes, and what is on its way
mount_crrfs staging_max=4M
mkdir "$MNT/d"
for i in $(seq 16); do random_file "$T/f$i" 524288 "$i"; done
fault a "op=PutObject count=-1 action=latency:200"
pids=()
for i in $(seq 16); do
	for n in $(seq 6); do install -m 644 "$T/f$i" "$MNT/d/$i-$n"; done &
	pids+=($!)
done
max=0
some_run() {
	local pid
	for pid in "${pids[@]}"; do running "$pid" && return 0; done
	return 1
}
while some_run; do
	now=$(staged)
	[ "$now" -le "$max" ] || max=$now
	sleep 0.02
done
for pid in "${pids[@]}"; do wait "$pid" || fail "install"; done
say "at most $max KiB were staged of $((16 * 6 * 512))"
[ "$max" -le $((4096 + 16 * 512 + 16 * 512)) ] || fail "$max KiB were staged"
no_faults a
wait_repl
assert_eq "$(s3 keys a d/ | grep -c -)" 96 "keys"
for i in 1 7 16; do for n in 1 6; do assert_file_equal "$T/f$i" "$MNT/d/$i-$n"; done; done
s3 compare
retry_until "$LONG" nothing_staged

# one file that is larger than the quota, while others save
random_file "$T/big" 20000000
(for i in $(seq 20); do install -m 644 "$T/f1" "$MNT/d/more-$i"; done) &
others=$!
cp "$T/big" "$MNT/big"
wait $others
wait_repl
assert_file_equal "$T/big" "$MNT/big"
assert_versions big 1
umount_crrfs

: >"$MOUNT_LOG"
# who waits may be interrupted: only that ends the wait here
mount_crrfs durability=staged,staging_max=4M,timeout=1200,retry_first=0.1,retry_max=0.2
refuse
for i in $(seq 7); do cp "$T/f$i" "$MNT/held-$i"; done
cat >"$T/writer.py" <<'END'
import errno, os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler) # a shell's child in the background ignores it
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
try:
    for i in range(100):
        os.write(fd, bytes(1 << 18))
except OSError as e:
    print(errno.errorcode[e.errno])
except KeyboardInterrupt:
    print('interrupted', flush=True)
try:
    os.close(fd)
except OSError as e:
    print(errno.errorcode[e.errno])
END
waits() { grep -q 'staging=full' "$MOUNT_LOG"; }
/usr/bin/python3 "$T/writer.py" "$MNT/waits" >"$T/out" 2>/dev/null &
writer=$!
retry_until "$LONG" waits
[ ! -s "$T/out" ] || fail "it did not wait: $(cat "$T/out")"
ls "$MNT" >/dev/null
df "$MNT" >/dev/null
kill -INT $writer
retry_until "$LONG" grep -q interrupted "$T/out"
kill9_crrfs
no_faults a
mount_crrfs
wait_repl
for i in $(seq 7); do assert_versions "held-$i" 1; done
s3 compare
umount_crrfs

# a source that does not answer: an error within timeout, that names it; the close says it again, and it is no version
mount_crrfs durability=staged,staging_max=4M,timeout=2,retry_first=0.1,retry_max=0.2
refuse
for i in $(seq 7); do cp "$T/f$i" "$MNT/again-$i"; done
/usr/bin/python3 "$T/writer.py" "$MNT/torn" >"$T/out"
assert_eq "$(tr '\n' ' ' <"$T/out")" "ETIMEDOUT ETIMEDOUT " "errors of write and close"
for i in $(seq 7); do assert_file_equal "$T/f$i" "$MNT/again-$i"; done
kill9_crrfs
no_faults a
mount_crrfs
wait_repl
assert_versions torn 0
for i in $(seq 7); do
	assert_versions "again-$i" 1
	assert_file_equal "$T/f$i" "$MNT/again-$i"
done
s3 compare
