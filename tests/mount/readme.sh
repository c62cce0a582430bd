#!/bin/bash
# The examples of README.md: its rules file, its attribute commands and its crrctl commands do what they say.
. "$(dirname "$0")/lib.sh"
begin
readme=$TEST_DIR/../../README.md
# shellcheck disable=SC2016 # these are Markdown's backticks
sed -n '/^```json$/,/^```$/{/^```/d;p}' "$readme" >"$T/readme.json"
ctl rules check "$T/readme.json" >"$T/out"
assert_match "$(cat "$T/out")" 'Tax/' "crrctl rules check"
sed "s/:my-copy\"/:$DST\"/" "$T/readme.json" >"$RULES"
mount_crrfs
echo text >"$MNT/report.pdf"
# (other tests' mounts run beside this one, so crrctl is told which)
# the commands that are indented under "Tags, metadata and status", without their comments
sed -n '/^## Tags, metadata and status/,/^## What/{/^    [sgc]/p}' "$readme" |
	sed -e 's/ #.*//' -e "s|/mnt/data|$MNT|g" -e "s/my-copy/$DST/" -e "s/crrctl \(versions\|restore\) PATH/crrctl \1 MNT\/report.pdf/; s|MNT/|$MNT/|" \
		-e "s|crrctl \([a-z]*\) *\$|crrctl \1 $MNT|" -e "s|crrctl|$CRRCTL|" >"$T/commands"
assert_eq "$(grep -c . "$T/commands")" 12 "commands found in README.md"
while read -r command; do
	case $command in *replication*) wait_repl ;; esac
	eval "$command" >>"$T/said" 2>&1 || fail "$command"
done <"$T/commands"
for wanted in 'user.s3.tags="keep=yes"' 'user.s3.replication-status="COMPLETED"' "user.s3.replication.$DST=\"COMPLETED"; do
	grep -qF -- "$wanted" "$T/said" || fail "$wanted is not in: $(cat "$T/said")"
done
assert_eq "$(s3 tags b report.pdf)" "$(s3 tags a report.pdf)"
