#!/bin/bash
# With -o watch what other tools write into the source bucket is replicated: in order, with delete markers and tags, by
# the rules, once. What was there before the first watch is not, and replicas are not.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=Tax/,markers tag=class:tax,priority=9
for i in 1 2 3; do printf 'text %d' $i >"$T/$i"; done
s3 put a Tax/old "$T/1" , put a old "$T/1" --tags class=tax
later() { [ "$(date +%s)" -gt "$1" ]; } # the listing tells whole seconds
retry_until 10 later "$(($(date +%s) + 1))"
mount_crrfs watch=0.3
arrived() { [ "$(s3 history b "$1")" = "$2" ]; }
watching() { ctl resync "$MNT" --list | grep -q ' watch '; }
retry_until "$LONG" watching
s3 put a Tax/a "$T/1" , put a Tax/a "$T/2" , rm a Tax/a , put a Tax/a "$T/3" , put a Legal/a "$T/1" \
	, put a other "$T/2" --tags 'class=tax&x=y' , put a Tax/replica "$T/1" crrfs-replica-of=elsewhere
printf 'by the mount' >"$MNT/Tax/mine"
retry_until "$LONG" arrived Tax/a "$(printf 'Tax/a\ttext 1\nTax/a\ttext 2\nTax/a\t<marker>\nTax/a\ttext 3')"
retry_until "$LONG" arrived other "$(printf 'other\ttext 2')"
assert_eq "$(s3 tags b other | tr '\n' ' ')" "class=tax x=y "
s3 put a Tax/a "$T/1" , rm a Tax/mine
retry_until "$LONG" arrived Tax/mine "$(printf 'Tax/mine\tby the mount\nTax/mine\t<marker>')"
wait_repl
assert_eq "$(s3 history b Tax/a)" "$(s3 history a Tax/a)"
assert_eq "$(s3 keys b | tr '\n' ' ')" "Tax/a other "
# new tags at an old version are no new version
s3 puttags a old class=tax
s3 put a Tax/z "$T/1"
retry_until "$LONG" arrived Tax/z "$(printf 'Tax/z\ttext 1')"
wait_repl
assert_eq "$(s3 keys b | tr '\n' ' ')" "Tax/a Tax/z other "
