#!/bin/bash
# crrctl rules explain says rule by rule why a file is replicated or not: from the mount, its tags, a file of rules.
. "$(dirname "$0")/lib.sh"
begin
make_rules prefix=Tax/,id=tax,markers prefix=Tax/,tag=class:pii,id=pii prefix=Old/,id=old,disabled
mount_crrfs
mkdir -p "$MNT/Tax" "$MNT/Legal"
echo 1 >"$MNT/Tax/plain"
echo 1 >"$MNT/Tax/pii"
set_xattr "$MNT/Tax/pii" user.s3.tag.class pii
echo 1 >"$MNT/Legal/doc3"
wait_repl
said() { # regex command...: the words of explain
	local want=$1
	shift
	ctl rules explain "$@" >"$T/out"
	assert_match "$(cat "$T/out")" "$want" "explain $*"
}
said "^Tax/plain" "$MNT/Tax/plain"
said "rule 'tax' \(priority 1\) -> $DST_ARN: acts" "$MNT/Tax/plain"
said "rule 'pii' \(priority 2\) -> $DST_ARN: tag class is missing; it must be 'pii'" "$MNT/Tax/plain"
said "rule 'old' \(priority 3\) -> $DST_ARN: disabled" "$MNT/Tax/plain"
said "rule 'tax' .*: rule 'pii' has the greater priority \(2\)" "$MNT/Tax/pii"
said "rule 'pii' .*: acts" "$MNT/Tax/pii"
said "rule 'tax' .*: the key does not begin with 'Tax/'" "$MNT/Legal/doc3"
# the mount agrees
replicated "$MNT/Tax/plain"
assert_errno "No such attribute" xattr "$MNT/Legal/doc3" user.s3.replication-status
# other tags than it has; a name that is not there; a folder that is not there; a key
said "tag class is 'public', not 'pii'" "$MNT/Tax/pii" --tag class=public
said "^Tax/new, tags not known" "$MNT/Tax/new"
said "rule 'pii' .*: it depends on tags that are not known" "$MNT/Tax/new"
said "rule 'tax' .*: acts, unless the object has the tags of rule 'pii'" "$MNT/Tax/new"
said "^Tax/sub/new, " --state "$STATE" Tax/sub/new
# deletions: the rule with tags decides, and it cannot want them
said "rule 'tax' .*: acts" --delete "$MNT/Tax/plain"
said "rule 'pii' .*: it does not replicate delete markers" --delete "$MNT/Tax/pii"
ctl rules explain --json "$MNT/Tax/pii" >"$T/out"
/usr/bin/python3 - "$T/out" <<'END'
import json, sys
said = json.load(open(sys.argv[1]))
assert said['key'] == 'Tax/pii', said
assert [(r['rule'], r['acts']) for r in said['rules']] == [('tax', 'no'), ('pii', 'yes'), ('old', 'no')], said
END
# a mount that replicates all deletions
remount_crrfs delete_markers=all
said "rule 'pii' .*: acts" --delete "$MNT/Tax/pii"
umount_crrfs
# the rules that were in force, and a file of rules without any mount
said "rule 'tax' .*: acts" --state "$STATE" Tax/plain --tag class=other
rm -r "$STATE"
said "rule 'pii' .*: acts" --rules "$RULES" Tax/x --tag class=pii --tag more=1
assert_fails ctl rules explain --rules "$T/missing" Tax/x
assert_fails ctl rules explain
# a mount of a prefix has keys with it
mount_crrfs "" Tax
echo 1 >"$MNT/inside"
wait_repl
said "^Tax/inside" "$MNT/inside"
said "rule 'tax' .*: acts" "$MNT/inside"
