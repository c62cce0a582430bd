#!/bin/bash
# crrctl verify over more than a page of a listing: the versions of one key stand on two pages, and nothing is lost or
# taken twice.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=m/
mount_crrfs
mkdir "$MNT/m"
for i in $(seq 20); do echo "version $i" >"$MNT/m/f"; done
echo last >"$MNT/m/g"
wait_repl
cat >"$T/fill.py" <<'END'
import os, sys
from concurrent.futures import ThreadPoolExecutor
sys.path.insert(0, os.environ['TEST_DIR'])
import s3
client = s3.client('a')
with ThreadPoolExecutor(8) as threads:
    list(threads.map(lambda i: client.put_object(Bucket=s3.bucket('a'), Key='a%04d' % i, Body=b'x'), range(990)))
END
TEST_DIR=$TEST_DIR /usr/bin/python3 "$T/fill.py"
ctl verify "$MNT" >"$T/out"
assert_eq "$(cat "$T/out")" "22 equal, 0 different, 0 missing, 0 extra, 0 behind, 990 unselected"
# the oldest is on the second page
version=$(s3 versions a m/f | tail -n1 | cut -f2)
s3 rm b m/f "$(s3 versions b m/f | tail -n1 | cut -f2)"
status=0
ctl verify --repair "$MNT" >"$T/out" || status=$?
assert_eq $status 2
assert_eq "$(grep -v -e ^queued -e equal, "$T/out")" "missing m/f $version at $DST_ARN"
# all of its key come again, in their order
assert_eq "$(grep -c '^queued object m/f ' "$T/out")" 20
wait_repl
ctl verify "$MNT" >"$T/out"
assert_match "$(cat "$T/out")" '^22 equal, 0 different, 0 missing, 0 extra, 0 behind'
s3 compare --prefix m/
