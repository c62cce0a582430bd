#!/bin/bash
# https with a private CA: verified with cacert=, refused without; the destination's cacert as well.
. "$(dirname "$0")/lib.sh"
USE_TLS=yes
begin
sed -i "s|^profile = b|&\ncacert = $S3_CA|" "$DESTINATIONS"
mount_fails any
one_clear_line 'cert|Cert|CA|TLS|SSL'
mount_crrfs "cacert=$S3_CA"
random_file "$T/f" 7000000
cp "$T/f" "$MNT/f"
echo small >"$MNT/small"
assert_file_equal "$T/f" "$MNT/f"
wait_repl
s3 compare
remount_crrfs "cacert=$S3_CA"
assert_file_equal "$T/f" "$MNT/f"
umount_crrfs
# the destination's certificate is verified as well
grep -v cacert "$DESTINATIONS" >"$T/d"
good=$DESTINATIONS DESTINATIONS=$T/d
mount_fails any "cacert=$S3_CA"
one_clear_line 'cert|Cert|CA|TLS|SSL'
DESTINATIONS=$good
# not verified at all: works, with a warning
: >"$MOUNT_LOG"
mount_crrfs no_check_certificate
grep -qi certificate "$MOUNT_LOG" || fail "no warning of no_check_certificate: $(cat "$MOUNT_LOG")"
assert_eq "$(cat "$MNT/small")" small
