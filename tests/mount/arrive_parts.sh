#!/bin/bash
# An object made in parts by another program is replicated in those very parts: the ETags are equal.
. "$(dirname "$0")/lib.sh"
begin
make_rules tag=go:yes
M=$((1024 * 1024))
random_file "$T/even" $((20 * M + 7))
random_file "$T/small" 1000
s3 mput a even "$T/even" $((8 * M)),$((8 * M)),rest \
	, mput a exact "$T/even" $((10 * M)),$((10 * M)),7 \
	, mput a uneven "$T/even" $((5 * M)),$((9 * M)),rest \
	, mput a rising "$T/even" $((6 * M)),$((7 * M)),rest \
	, mput a one "$T/small" rest , mput a one-big "$T/even" rest , put a whole "$T/even" \
	, mcopy a copied whole $((7 * M)),$((7 * M)),rest , mcopy a copied-uneven whole $((5 * M)),$((6 * M)),rest
mount_crrfs
keys=(even exact uneven rising one one-big whole copied copied-uneven)
let_go "${keys[@]}"
wait_repl
if [ "$S3_SERVER" = rgw ]; then
	# this server tells nobody where its parts end: common part sizes are right all the same, odd ones are not known
	odd=(exact uneven rising copied copied-uneven)
	assert_arrived even one one-big whole
	for key in "${odd[@]}"; do
		s3 get b "$key" "$T/got"
		assert_file_equal "$T/even" "$T/got"
	done
else
	assert_arrived "${keys[@]}"
	assert_eq "$(for key in "${keys[@]}"; do s3 parts b "$key"; done | tr '\n' ' ')" "3 3 3 3 1 1 1 3 3 " "parts"
fi
for key in even uneven; do
	s3 get b "$key" "$T/got"
	assert_file_equal "$T/even" "$T/got"
done
assert_eq "$(s3 versions b | cut -f1 | sort | uniq -d)" "" "sent twice"
assert_eq "$(s3 uploads b)" "" "uploads left behind"
