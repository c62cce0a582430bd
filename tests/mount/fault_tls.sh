#!/bin/bash
# Certificates and TLS: one that has expired, or is another host's, is refused with words that say so, at the start and while
# mounted; with the right one all goes on by itself. A connection that is cut within a body is no end of the body.
# servers: s3d
. "$(dirname "$0")/lib.sh"
USE_TLS=yes
begin
ca() { # NAME DAYS SUBJECT-ALT-NAME: a certificate of our own authority that ends so many days from now
	local end
	end=$(date -u -d "$2 days" +%y%m%d%H%M%SZ)
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$T/ca/$1.key" \
		-out "$T/ca/$1.csr" 2>>"$T/ca/log"
	printf 'subjectAltName=%s\n' "$3" >"$T/ca/$1.ext"
	openssl ca -batch -notext -config "$T/ca/conf" -cert "$T/ca/ca.pem" -keyfile "$T/ca/ca.key" -in "$T/ca/$1.csr" \
		-out "$T/ca/$1.pem" -extfile "$T/ca/$1.ext" -startdate 20200101000000Z -enddate "$end" 2>>"$T/ca/log" ||
		fail "openssl: $(tail -n 3 "$T/ca/log")"
}
mkdir "$T/ca"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=tests -keyout "$T/ca/ca.key" \
	-out "$T/ca/ca.pem" 2>"$T/ca/log"
: >"$T/ca/index"
cat >"$T/ca/conf" <<-'END'
	[ca]
	default_ca = own
	[own]
	database = index
	new_certs_dir = .
	rand_serial = yes
	default_md = sha256
	policy = any
	unique_subject = no
	[any]
	commonName = supplied
END
sed -i "s|= index|= $T/ca/index|; s|= \\.|= $T/ca|" "$T/ca/conf"
ca good 30 IP:127.0.0.1
ca expired -1 IP:127.0.0.1
ca other 30 DNS:s3.example.com
serve() { # a|b NAME
	stop_s3d "$1"
	cp "$T/ca/$2.pem" "$T/tls/cert.pem"
	cp "$T/ca/$2.key" "$T/tls/key.pem"
	start_s3d "$1"
}
serve a good
serve b good
S3_CA=$T/ca/ca.pem
sed -i "s|^profile = b|&\ncacert = $S3_CA|" "$DESTINATIONS"
options="cacert=$S3_CA,timeout=60,retry_first=0.1,retry_max=0.5"

for side in a b; do
	for bad in expired other; do
		serve $side $bad
		mount_fails any "$options"
		case $bad in
		expired) one_clear_line 'certificate has expired' ;;
		other) one_clear_line "does not match target host name|no alternative certificate subject name matches" ;;
		esac
	done
	serve $side good
done

mount_crrfs "$options"
echo one >"$MNT/f"
wait_repl
for bad in expired other; do
	serve b $bad
	echo "$bad" >"$MNT/f"
	says_why() { ctl status "$MNT" | grep -q 'certificate'; }
	retry_until "$LONG" says_why
	serve b good
	wait_repl
	serve a $bad
	echo "$bad at the source" >"$MNT/f" &
	writer=$!
	waits() { grep -q S "/proc/$writer/stat"; }
	retry_until "$LONG" waits
	serve a good
	wait $writer || fail "the certificate is good again, and the writer was told of an error"
	wait_repl
done
s3 compare

# cut within a body: the read goes on, and what was uploaded is whole
meddler_start a
umount_crrfs
STATE=$T/state-2 # to crrfs this is another bucket
random_file "$T/big" 6000000
s3 put a read "$T/big"
mount_crrfs "$options,url=$MEDDLE_A"
for cut in 'end 300000 2 -' 'answer 300000 2 -'; do
	meddle a "$cut"
	assert_file_equal "$T/big" "$MNT/read"
	meddled a 1
	meddle a 'body 2000000 2 -'
	cp "$T/big" "$MNT/written-${cut%% *}"
	meddled a 1
	meddle a
	remount_crrfs "$options,url=$MEDDLE_A"
done
wait_repl
s3 compare --extra-ok --prefix written
