#!/bin/bash
# What another program wrote arrives with all its headers, metadata and tags: in one PUT and in parts.
. "$(dirname "$0")/lib.sh"
begin
make_rules tag=go:yes
random_file "$T/big" $((9 * 1024 * 1024))
echo text >"$T/small"
headers=(--type application/x-thing --cache 'max-age=60, public' --disposition 'attachment; filename="a b.pdf"'
	--encoding gzip --language de-AT --expires 'Wed, 21 Oct 2026 07:28:00 GMT' --redirect /elsewhere
	colour=green 'words=two words, and a comma' --tags 'class=tax&empty=&odd+name=a%2Bb%3Dc')
s3 put a small "$T/small" "${headers[@]}" , mput a big "$T/big" 8388608,rest "${headers[@]}" , put a plain "$T/small" \
	, put a nothing /dev/null --type text/plain
mount_crrfs
let_go small big plain nothing
wait_repl
assert_arrived small big plain nothing
s3 what b small >"$T/small.b"
for value in /elsewhere de-AT 'max-age=60, public' '2026-10-21' 'two words, and a comma'; do
	grep -qF "$value" "$T/small.b" || fail "not at the replica: $value"
done
# where it comes from, at the replica and in the ledger
for key in small big; do
	version=$(s3 version-id a $key)
	assert_eq "$(s3 meta b $key crrfs-source-version)" "$version" "source version of $key"
	assert_eq "$(s3 meta b $key crrfs-replica-of)" "$SRC" "source of $key"
	made=$(s3 meta b $key crrfs-source-time)
	assert_match "$made" '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$' "creation time of $key"
	ctl versions "$MNT/$key" >"$T/versions"
	grep -F -e "$version" "$T/versions" | grep -qF -e "$(s3 version-id b $key)" ||
		fail "not in the ledger: $(cat "$T/versions")"
done
