#!/bin/bash
# -o events=: one line of JSON for each event, as S3 would send it: failed, over the rule's time, done after it, tracked
# no more. Told again after a crash rather than never. A rule's 15 minutes are made to pass by dating the rows back.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
EVENTS=$T/events.json

rules_with_time() { # Enabled|Disabled
	local threshold=
	[ "$1" = Disabled ] || threshold=', "EventThreshold": {"Minutes": 15}'
	cat >"$RULES" <<-END
		{"Role": "arn:aws:iam::123456789012:role/crr", "Rules": [{"ID": "timed", "Priority": 1, "Status": "Enabled",
		 "Filter": {"Prefix": ""}, "DeleteMarkerReplication": {"Status": "Disabled"},
		 "Destination": {"Bucket": "$DST_ARN", "ReplicationTime": {"Status": "$1", "Time": {"Minutes": 15}},
		  "Metrics": {"Status": "$1"$threshold}}}]}
	END
}

make_older() { # KEY: written an hour ago
	/usr/bin/python3 - "$STATE/queue.db" "$1" <<-'END'
		import sqlite3, sys
		db = sqlite3.connect(sys.argv[1])
		db.execute("UPDATE job SET created_ms = created_ms - 3600000, alarm_ms = alarm_ms - 3600000 WHERE key = ?"
		           " AND alarm_ms > 0", (sys.argv[2],))
		assert db.total_changes == 1
		db.commit()
	END
}

told() { # KEY: the names of its events in order
	/usr/bin/python3 - "$EVENTS" "$1" <<-'END'
		import json, sys
		names = []
		for line in open(sys.argv[1]):
		    record, = json.loads(line)['Records']
		    if record['s3']['object']['key'] == sys.argv[2]:
		        names.append(record['eventName'].replace('Replication:Operation', ''))
		print(' '.join(names))
	END
}
has_told() { [ "$(told "$1")" = "$2" ]; }

rules_with_time Enabled
options=events=$EVENTS,heal_first=0.2,heal_max=0.5,retry_first=0.1,retry_max=0.2,drain_timeout=0,max_attempts=1
mount_crrfs "$options"
fault b 'op=PutObject key=bad count=-1 action=deny' 'op=PutObject key=slow count=-1 action=status:503:SlowDown' \
	'op=PutObject key=dropped count=-1 action=status:503:SlowDown'
echo good >"$MNT/good"
echo bad >"$MNT/bad"
echo slow >"$MNT/slow"
echo dropped >"$MNT/dropped"
retry_until "$LONG" has_told bad FailedReplication
retry_until "$LONG" replicated "$MNT/good"
/usr/bin/python3 - "$EVENTS" "$SRC" "$DST_ARN" "$(s3 version-id a bad)" <<'END'
import json, sys
record, = json.loads(open(sys.argv[1]).readline())['Records']
assert record['eventVersion'] == '2.2' and record['eventSource'] == 'aws:s3', record
assert record['s3']['bucket']['name'] == sys.argv[2], record
assert record['s3']['object']['versionId'] == sys.argv[4] and record['s3']['object']['size'] == 4, record
data = record['replicationEventData']
assert data['replicationRuleId'] == 'timed' and data['destinationBucket'] == sys.argv[3], data
assert data['s3Operation'] == 'OBJECT_PUT' and data['failureReason'] == 'DstPutObjectNotPermitted', data
assert data['requestTime'].endswith('Z'), data
END
# a file that was rotated away is made anew; what is tried again in vain is no news
mv "$EVENTS" "$EVENTS.1"
scouts() { [ "$(grep -c 'key="bad".*result=parked' "$MOUNT_LOG")" -ge 3 ]; }
retry_until "$LONG" scouts

umount_crrfs
make_older slow
mount_crrfs "$options"
retry_until "$LONG" has_told slow MissedThreshold
kill9_crrfs
no_faults b
fault b 'op=PutObject key=bad count=-1 action=deny' 'op=PutObject key=dropped count=-1 action=status:503:SlowDown'
mount_crrfs "$options"
retry_until "$LONG" has_told slow "MissedThreshold ReplicatedAfterThreshold"
assert_eq "$(told good)" "" "what was in time"
assert_eq "$(told bad)" "" "what was told before"

# the rule has no time any more
rules_with_time Disabled
ctl rules reload "$MNT" >/dev/null
retry_until "$LONG" has_told dropped NotTracked
umount_crrfs

# a command gets each line on its standard input, and no credentials
rules_with_time Enabled
cat >"$T/hook" <<-END
	#!/bin/sh
	cat >>"$T/hooked.json"
	env >"$T/hook.env"
END
chmod +x "$T/hook"
export AWS_SESSION_TOKEN_OF_THE_TEST=hidden
mount_crrfs "${options/events=$EVENTS/events=|$T/hook}"
fault b 'op=PutObject key=worse count=-1 action=deny'
echo worse >"$MNT/worse"
hooked() { grep -q '"key":"worse"' "$T/hooked.json"; }
retry_until "$LONG" hooked
if grep -q hidden "$T/hook.env"; then fail "credentials reach the command"; fi
no_faults b
retry_until "$LONG" replicated "$MNT/worse"
wait_repl
s3 compare
umount_crrfs

# a pipe that nobody reads: said once, however many events there are, and they wait for a reader
mkfifo "$T/pipe"
mount_crrfs "${options/events=$EVENTS/events=$T/pipe}"
fault b 'op=PutObject key=piped* count=-1 action=deny'
echo 1 >"$MNT/piped1"
retry_until "$LONG" grep -q 'nobody reads the pipe' "$MOUNT_LOG"
echo 2 >"$MNT/piped2"
retry_until "$LONG" grep -q 'key="piped2".*result=parked' "$MOUNT_LOG"
cat <>"$T/pipe" >"$T/piped.json" & # which keeps the pipe open
CHILDREN+=($!)
retry_until "$LONG" grep -q '"key":"piped2"' "$T/piped.json"
retry_until "$LONG" grep -q 'result="told again"' "$MOUNT_LOG"
assert_eq "$(grep -c 'nobody reads the pipe' "$MOUNT_LOG")" 1 "how often it is said"
no_faults b
for i in 1 2; do retry_until "$LONG" replicated "$MNT/piped$i"; done
wait_repl
umount_crrfs
mount_fails any "events=$T/nowhere/events.json"
one_clear_line 'events=.*No such file'
