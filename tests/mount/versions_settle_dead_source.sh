#!/bin/bash
# servers: s3d
# The source gives no answer when metadata have settled, or loses it: they stay here, are tried again, and make one version.
. "$(dirname "$0")/lib.sh"
only_on s3d "faults"
begin
mount_crrfs settle=0.1,attr_timeout=600,timeout=2,retry_first=0.1,retry_max=0.2
for name in f g; do echo text >"$MNT/$name"; done
wait_repl
fault a "op=CopyObject count=-1 action=status:503"
chmod 600 "$MNT/f"
retry_until "$LONG" grep -q "op=copy key=\"f\"" "$MOUNT_LOG"
assert_match "$(ctl status "$MNT")" "1 settling"
assert_eq "$(stat -c %a "$MNT/f")" 600
no_faults a
wait_repl
assert_versions f 2
# done, and the answer lost for longer than it is asked for
fault a "op=CopyObject count=1 action=reset-after" "op=ListObjectVersions count=-1 action=status:503" \
	"op=HeadObject skip=1 count=-1 action=status:503"
chmod 600 "$MNT/g"
retry_until "$LONG" grep -q "op=copy key=\"g\"" "$MOUNT_LOG"
no_faults a
wait_repl
assert_versions g 2
assert_eq "$(s3 meta a g mode)" $((0100600))
# the same, and another change before anybody knows: it is not taken for the one that is found
fault a "op=CopyObject count=1 action=reset-after" "op=ListObjectVersions count=-1 action=status:503" \
	"op=HeadObject skip=1 count=-1 action=status:503"
chmod 640 "$MNT/g"
tried() { [ "$(grep -c "op=copy key=\"g\"" "$MOUNT_LOG")" -ge 2 ]; }
retry_until "$LONG" tried
assert_fails chmod 604 "$MNT/g"
no_faults a
chmod 644 "$MNT/g"
wait_repl
assert_versions g 4
assert_eq "$(s3 meta a g mode)" $((0100644))
