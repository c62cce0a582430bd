#!/bin/bash
# Versioning of the source that is suspended under a mount: it is said once, with the remedy, and what is written then arrives
# as it is; when it is on again, versions are made again.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
said() { grep -c "source=suspended bucket=$SRC .*crrctl setup" "$MOUNT_LOG" || true; }
at_b() { s3 get b "$1" "$T/got" && cat "$T/got"; }
echo one >"$MNT/file"
wait_repl
s3 versioning a Suspended
for i in two three four; do echo $i >"$MNT/file"; done
echo other >"$MNT/other"
wait_repl
assert_eq "$(said)" 1 "times that it was said"
assert_eq "$(s3 count-versions a file)" 2 "versions at the source"
assert_eq "$(at_b file)" four
assert_eq "$(at_b other)" other
s3 versioning a Enabled
echo five >"$MNT/file"
echo six >"$MNT/file"
wait_repl
assert_eq "$(s3 count-versions a file)" 4 "versions at the source"
assert_eq "$(at_b file)" six
s3 versioning a Suspended
echo seven >"$MNT/file"
wait_repl
assert_eq "$(said)" 2 "times that it was said"
umount_crrfs
