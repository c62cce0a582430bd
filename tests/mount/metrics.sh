#!/bin/bash
# crrctl metrics: what is pending, FAILED and how late, by rule and destination, for people, as JSON and for Prometheus,
# with and without a mount.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
make_rules all,id=everything,priority=1 prefix=Tax/,id=tax,priority=2
mount_crrfs heal_first=3600,heal_max=3600,retry_first=3600,retry_max=3600,max_attempts=1,drain_timeout=0

json() { ctl metrics --json "$@" >"$T/json"; }
metric() { # RULE FIELD
	/usr/bin/python3 -c '
import json, sys
rows = [m for m in json.load(open(sys.argv[1]))["metrics"] if m["RuleId"] == sys.argv[2]]
assert len(rows) == 1, rows
value = rows[0]
for name in sys.argv[3].split("."):
    value = value[name]
print(value)' "$T/json" "$1" "$2"
}

# rules in force have their numbers before anything is written
json "$MNT"
assert_eq "$(metric tax OperationsPendingReplication)" 0 "pending at first"
assert_eq "$(metric tax lag.replicated)" 0 "replicated at first"

mkdir "$MNT/Tax"
for i in 1 2 3; do echo $i >"$MNT/Tax/$i"; done
echo 4 >"$MNT/other"
wait_repl
json "$MNT"
assert_eq "$(metric tax SourceBucket) $(metric tax DestinationBucket)" "$SRC $DST" dimensions
assert_eq "$(metric tax lag.replicated) $(metric everything lag.replicated)" "4 1" "replicated in the window"
assert_eq "$(metric everything replicated_bytes_ever)" 2 "bytes replicated"
/usr/bin/python3 - "$T/json" <<'END'
import json, sys
for m in json.load(open(sys.argv[1]))['metrics']:
    lag = m['lag']
    assert 0 <= lag['p50_ms'] <= lag['p99_ms'] <= lag['max_ms'], m
END

# one is FAILED, one is pending
fault b 'op=PutObject key=Tax/bad count=-1 action=deny' 'op=PutObject key=later count=-1 action=status:503:SlowDown'
echo bad >"$MNT/Tax/bad"
echo later >"$MNT/later"
tried() { ctl queue "$MNT" | grep -q SlowDown && ctl queue "$MNT" | grep -q AccessDenied; }
retry_until "$LONG" tried
json "$MNT"
assert_eq "$(metric tax OperationsFailedReplication) $(metric tax failed_now)" "1 1" FAILED
assert_eq "$(metric tax OperationsPendingReplication)" 0 "pending of the rule with a failure"
assert_eq "$(metric tax oldest.key)" Tax/bad "oldest"
assert_eq "$(metric everything OperationsPendingReplication) $(metric everything BytesPendingReplication)" "1 6" pending
assert_eq "$(metric everything oldest.key) $(metric everything oldest.version)" \
	"later $(s3 version-id a later)" "oldest that is pending"
ctl metrics "$MNT" >"$T/out"
grep -q 'oldest: Tax/bad' "$T/out" || fail "the table: $(cat "$T/out")"
umount_crrfs

# without a mount, aged by hand: an hour behind; the window leaves out what is older than it
/usr/bin/python3 - "$STATE/queue.db" <<'END'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("UPDATE job SET created_ms = created_ms - 3600000 WHERE key = 'later'")
db.execute("UPDATE job SET created_ms = done_ms - 250, done_ms = done_ms WHERE key = 'Tax/1'")
db.execute("UPDATE job SET created_ms = created_ms - 7200000, done_ms = done_ms - 7200000 WHERE key = 'Tax/2'")
db.commit()
END
json --state "$STATE"
[ "$(metric everything ReplicationLatency)" -ge 3600 ] || fail "latency $(metric everything ReplicationLatency)"
assert_eq "$(metric tax lag.replicated)" 3 "replicated in the last hour"
json --state "$STATE" --window 1d
assert_eq "$(metric tax lag.replicated)" 4 "replicated in the last day"
[ "$(metric tax lag.max_ms)" -ge 250 ] || fail "the longest lag"

ctl metrics --state "$STATE" --prometheus >"$T/prometheus"
labels="source_bucket=\"$SRC\",destination_bucket=\"$DST\",rule_id=\"everything\""
for line in "crrfs_bytes_pending_replication{$labels} 6" "crrfs_operations_pending_replication{$labels} 1" \
	"crrfs_operations_failed_replication_total{${labels/everything/tax}} 1" \
	'# TYPE crrfs_operations_failed_replication_total counter' '# TYPE crrfs_replication_latency_seconds gauge'; do
	grep -qxF -- "$line" "$T/prometheus" || fail "no line '$line' in: $(cat "$T/prometheus")"
done
grep -q "^crrfs_replication_lag_seconds{.*quantile=\"0.99\"} [0-9.]*$" "$T/prometheus" || fail "no quantile"
if grep -vE '^(# (HELP|TYPE) crrfs_[a-z_]+ .+|crrfs_[a-z_]+\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\} [0-9.e+]+)$' \
	"$T/prometheus"; then fail "a line that Prometheus does not understand"; fi
assert_fails ctl metrics --state "$STATE" --window soon
