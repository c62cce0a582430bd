#!/bin/bash
# The state directory is lost, and with it the ledger: a resync asks the destination, which has all versions and delete
# markers already, and makes none twice.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
for i in 1 2 3; do printf 'text %d' $i >"$T/$i"; done
s3 put a a "$T/1" , put a a "$T/2" , rm a a , put a a "$T/3" , put a b "$T/1" , rm a b , put a b "$T/2" , rm a b
mount_crrfs
echo live >"$MNT/live"
cp "$T/3" "$MNT/a"
rm "$MNT/live"
wait_repl
ctl resync "$MNT" --wait >"$T/out"
before=$(s3 history b)
assert_eq "$(s3 history b b)" "$(s3 history a b)"
umount_crrfs
rm -r "$STATE"
mount_crrfs
ctl resync "$MNT" --wait --report "$T/report.csv" >"$T/out"
assert_match "$(cat "$T/out")" ' 11 queued'
assert_eq "$(s3 history b)" "$before" "the replica's history"
assert_match "$(grep ,SKIPPED, "$T/report.csv")" 'a newer version stands'
s3 compare
# the ledger is whole again
assert_match "$(ctl versions "$MNT/a")" "$(s3 version-id b a)"
