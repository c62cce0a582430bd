#!/bin/bash
# For rules with tags a resync goes by the tags as they are now, of each version; a delete marker by those of the
# version that it hides.
. "$(dirname "$0")/lib.sh"
begin
make_rules tag=class:tax
for i in 1 2 3; do printf 'text %d' $i >"$T/$i"; done
s3 put a one "$T/1" --tags class=tax , put a one "$T/2" --tags class=other , put a one "$T/3" --tags 'class=tax&x=y' \
	, put a none "$T/1" , put a later "$T/1" , puttags a later class=tax
mount_crrfs
ctl resync "$MNT" --wait >"$T/out"
assert_match "$(cat "$T/out")" '3 queued'
assert_eq "$(s3 history b)" "$(printf 'later\ttext 1\none\ttext 1\none\ttext 3')" "histories"
assert_eq "$(s3 tags b one | tr '\n' ' ')" "class=tax x=y "
