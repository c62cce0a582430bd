#!/bin/bash
# crrctl setup: versioning, and the lifecycle rules that it makes necessary; what is there stays; a second run changes
# nothing. A mount says it when such a rule is missing.
. "$(dirname "$0")/lib.sh"
begin
cat >"$T/conf.py" <<'END'
"""conf.py make|put|get|versioning BUCKET [FILE]: the configuration of a bucket at b, by boto3."""
import json, os, sys
sys.path.insert(0, os.environ['TEST_DIR'])
import s3
what, bucket = sys.argv[1:3]
client = s3.client('b')
if what == 'make':
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={'LocationConstraint': os.environ['S3_B_REGION']})
elif what == 'put':
    client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=json.load(open(sys.argv[3])))
elif what == 'get':
    for rule in sorted(client.get_bucket_lifecycle_configuration(Bucket=bucket)['Rules'], key=lambda r: r['ID']):
        # V1 and V2 are one to the gateway
        prefix = rule.pop('Prefix', None)
        if prefix is not None:
            rule['Filter'] = {'Prefix': prefix}
        print(json.dumps(rule, sort_keys=True))
elif what == 'versioning':
    print(client.get_bucket_versioning(Bucket=bucket).get('Status', 'off'))
END
export TEST_DIR
conf() { /usr/bin/python3 "$T/conf.py" "$@"; }
source=(--url "$S3_A_ENDPOINT" --region "$S3_A_REGION" --path-style --profile a)
where=(--url "$S3_B_ENDPOINT" --region "$S3_B_REGION" --path-style --profile b)
setup() { ctl setup "${where[@]}" "$@" </dev/null; }
BARE=bare-$DST
conf make "$BARE"
cat >"$T/life.json" <<'END'
{"Rules": [
 {"ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 10}},
 {"ID": "done", "Status": "Enabled", "Filter": {"Prefix": "done/"}, "Expiration": {"Days": 5},
  "NoncurrentVersionExpiration": {"NoncurrentDays": 3}},
 {"ID": "tagged", "Status": "Enabled", "Filter": {"And": {"Prefix": "t/", "Tags": [{"Key": "k", "Value": "v"}]}},
  "Expiration": {"Days": 9}}]}
END
conf put "$BARE" "$T/life.json"
conf get "$BARE" >"$T/before"

say "no terminal and no --yes: it says what it would do, and changes nothing"
assert_fails setup "$BARE"
grep -q 'versioning is off; it is to be enabled' "$T/out"
grep -q "'logs' expires objects under 'logs/'" "$T/out"
grep -q "'tagged' expires objects under 't/' tagged k=v" "$T/out"
if grep -q "'done'" "$T/out"; then fail "the rule that is complete is named"; fi
grep -q 'multipart uploads that nobody completes' "$T/out"
grep -q -- '--yes' "$T/err"
assert_eq "$(conf versioning "$BARE")" off
conf get "$BARE" | cmp - "$T/before"

say "asked on a terminal: yes to the first question, no to the second"
cat >"$T/terminal.py" <<'END'
import os, pty, sys
answers, seen = sys.argv[1], []
def read(fd):
    data = os.read(fd, 4096)
    seen.append(data)
    while answers_left and b''.join(seen).count(b'[y/N]') > len(answers) - len(answers_left):
        os.write(fd, answers_left.pop(0).encode() + b'\n')
    return data
answers_left = list(answers)
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[2:], read)))
END
status=0
/usr/bin/python3 "$T/terminal.py" yn "$CRRCTL" setup "${where[@]}" "$BARE" >"$T/out" 2>&1 || status=$?
assert_eq $status 1 "exit status when something was declined ($(cat "$T/out"))"
assert_eq "$(conf versioning "$BARE")" Enabled
conf get "$BARE" | cmp - "$T/before"

say "--yes: rules with the same filters, the old ones as they were"
setup --yes --noncurrent-days 12 "$BARE" >"$T/out"
conf get "$BARE" >"$T/after"
/usr/bin/python3 - "$T/before" "$T/after" <<'END'
import json, sys
before, after = ({r['ID']: r for r in map(json.loads, open(p))} for p in sys.argv[1:3])
for name, rule in before.items():
    assert after.pop(name) == rule, (name, rule)
new = sorted((json.dumps(r['Filter'], sort_keys=True), r.get('NoncurrentVersionExpiration'),
              r.get('AbortIncompleteMultipartUpload')) for r in after.values())
assert len(new) == 3, new
assert new == sorted([
    (json.dumps(before['tagged']['Filter'], sort_keys=True), {'NoncurrentDays': 12}, None),
    ('{"Prefix": "logs/"}', {'NoncurrentDays': 12}, None),
    ('{"Prefix": ""}', None, {'DaysAfterInitiation': 7})]), new
assert all(r['Status'] == 'Enabled' for r in after.values())
END

say "again: nothing to do, without a question"
setup "$BARE" >"$T/out"
grep -q 'versioning is enabled$' "$T/out"
grep -q 'needs nothing' "$T/out"
conf get "$BARE" | cmp - "$T/after"

say "a destination by its ARN; a bucket without a configuration"
ctl setup "${source[@]}" --destinations "$DESTINATIONS" --yes "$DST_ARN" >"$T/out"
conf get "$DST" | grep -q AbortIncompleteMultipartUpload
if conf get "$DST" | grep -q Noncurrent; then fail "a rule for versions that nobody asked for"; fi

say "a mount of such a bucket warns, once; not when the rule is there"
s3 putlifecycle a "$T/life.json"
mount_crrfs
umount_crrfs
assert_eq "$(grep -c 'lifecycle=incomplete' "$MOUNT_LOG")" 1 "warnings"
ctl setup "${source[@]}" --yes "$SRC" >"$T/out"
mount_crrfs
umount_crrfs
assert_eq "$(grep -c 'lifecycle=incomplete' "$MOUNT_LOG")" 1 "warnings after the setup"
assert_fails setup --yes "no-such-$DST"
grep -q NoSuchBucket "$T/err"
