#!/bin/bash
# servers: s3d
# A level of its own for a rule, in destinations.conf; the strongest of the rules that select a file counts, by its tags too.
. "$(dirname "$0")/lib.sh"
only_on s3d "faults"
begin
third_bucket
make_rules prefix=fast/,id=Fast prefix=safe/,id=safe-1 prefix=both/,id=both-a tag=class:tax,to=c,id=tax
cat >>"$DESTINATIONS" <<-END

	[rule Fast]
	durability = staged
	[rule safe-1]
	durability = replicas
	[rule both-a]
	durability = A
	[rule tax]
	durability = replicas
	[rule nobody]
	durability = replicas
END
mount_crrfs timeout=2,retry_first=0.1,retry_max=0.2
assert_match "$(line_of "$MOUNT_LOG" 'rule="nobody"')" "the rules have none of this ID"
if grep -q 'rule="tax"' "$MOUNT_LOG"; then fail "a rule that is there is not missed"; fi
mkdir "$MNT"/{fast,safe,both,other}
wait_repl
echo text >"$MNT/safe/f"
assert_versions safe/f 1
echo text >"$MNT/other/f"
assert_eq "$(s3 count-versions a other/f)" 1
/usr/bin/python3 - "$MNT/both/tax" <<'END'
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
os.write(fd, b'text')
os.setxattr(fd, 'user.s3.tag.class', b'tax')
os.close(fd)
END
assert_eq "$(s3 count-versions a both/tax , count-versions b both/tax , count-versions c both/tax | tr '\n' ' ')" "1 1 1 "
fault a "op=PutObject count=-1 action=status:503"
echo text >"$MNT/fast/f"
echo text >"$MNT/both/f"
for dir in safe other; do assert_fails dd if="$T/credentials" of="$MNT/$dir/g" status=none; done
all_held() { ctl status "$MNT" | grep -q "2 held"; } # none on its way, in vain
retry_until "$LONG" all_held
no_faults a
wait_repl
for key in fast/f both/f; do assert_versions "$key" 1; done
umount_crrfs
# what is wrong in the file is said
sed -i 's/durability = A/durability = soon/' "$DESTINATIONS"
mount_fails any ""
one_clear_line "line [0-9]+: durability: must be staged, source or replicas"
