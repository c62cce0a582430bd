#!/bin/bash
# Rules that cannot be understood are refused before anything is mounted, with line, column and S3's code.
. "$(dirname "$0")/lib.sh"
begin
refused() { # regex
	mount_fails 1
	one_clear_line "$1"
	assert_fails ctl rules check "$RULES"
	assert_match "$(cat "$T/out" "$T/err")" "$1" "crrctl rules check"
}
make_rules prefix=Tax/
ctl rules check "$RULES"
printf '{"Role": "r",\n "Rules": [ {"ID" "x"} ]}\n' >"$RULES"
refused '(2:[0-9]+|line 2.*column [0-9]+).*MalformedXML|MalformedXML.*(2:[0-9]+|line 2.*column [0-9]+)'
cat >"$RULES" <<END
{"Role": "arn:aws:iam::123456789012:role/crr", "Rules": [
  {"ID": "x", "Priority": 1, "Filter": {"Prefix": "a"},
   "Status": "Sometimes",
   "DeleteMarkerReplication": {"Status": "Disabled"},
   "Destination": {"Bucket": "$DST_ARN"}}]}
END
refused ':3:[0-9]+: MalformedXML'
RULES=$T/rules.xml
printf '<ReplicationConfiguration>\n  <Role>r</Role>\n  <Rule><ID>x</ID></Rul>\n</ReplicationConfiguration>\n' >"$RULES"
refused '(3:[0-9]+|line 3.*column [0-9]+).*MalformedXML|MalformedXML.*(3:[0-9]+|line 3.*column [0-9]+)'
RULES=$T/missing
mount_fails 1
one_clear_line "$T/missing"
RULES=$T/rules.json
make_rules prefix=Tax/
sed -i "s/$DST_ARN/not-an-arn/" "$RULES"
refused 'InvalidArgument|MalformedXML|InvalidRequest'

say "strict_rules: what else is a warning is an error"
make_rules prefix=Tax/
sed -i 's/"Status"/"Colour": "red", "Status"/' "$RULES"
mount_crrfs
umount_crrfs
mount_fails 1 strict_rules
one_clear_line "MalformedXML.*Colour"
