#!/bin/bash
# The same rules as JSON and XML, V1 and V2, from a file and from the bucket.
. "$(dirname "$0")/lib.sh"
begin
try() { # name: what is in Tax/ goes, the rest stays
	mount_crrfs
	mkdir -p "$MNT/Tax"
	echo "$1" >"$MNT/Tax/$1"
	echo "$1" >"$MNT/$1"
	wait_repl
	umount_crrfs
	s3 compare --prefix Tax/
}
make_rules prefix=Tax/
try json-v2
cat >"$RULES" <<END
{"Role": "arn:aws:iam::123456789012:role/crr",
 "Rules": [{"ID": "v1", "Prefix": "Tax/", "Status": "Enabled", "Destination": {"Bucket": "$DST_ARN"}}]}
END
try json-v1
plain=$(cat "$RULES")
printf '{"ReplicationConfiguration": %s}\n' "$plain" >"$RULES"
try json-wrapped
RULES=$T/rules.xml
cat >"$RULES" <<END
<?xml version="1.0" encoding="UTF-8"?>
<ReplicationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
  <Role>arn:aws:iam::123456789012:role/crr</Role>
  <Rule>
    <ID>v1</ID>
    <Prefix>Tax/</Prefix>
    <Status>Enabled</Status>
    <Destination><Bucket>$DST_ARN</Bucket></Destination>
  </Rule>
</ReplicationConfiguration>
END
try xml-v1
cat >"$RULES" <<END
<ReplicationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
  <Role>arn:aws:iam::123456789012:role/crr</Role>
  <Rule>
    <ID>v2</ID>
    <Priority>1</Priority>
    <Status>Enabled</Status>
    <Filter><Prefix>Tax/</Prefix></Filter>
    <DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>
    <Destination><Bucket>$DST_ARN</Bucket></Destination>
  </Rule>
</ReplicationConfiguration>
END
try xml-v2
RULES=$T/rules.json
make_rules prefix=Tax/
s3 putrules a "$RULES"
RULES=bucket
try from-the-bucket
