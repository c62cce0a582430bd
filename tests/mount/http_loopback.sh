#!/bin/bash
# Plain http goes to loopback only, unless allow_http says otherwise; for destinations as well.
. "$(dirname "$0")/lib.sh"
begin
# 192.0.2.1 is of TEST-NET: nobody answers, and it must not be asked
mount_fails any url=http://192.0.2.1:80
one_clear_line 'allow_http|https'
mount_fails any url=http://s3.example.com
one_clear_line 'allow_http|https'
make_destinations http://192.0.2.1:80
mount_fails any
one_clear_line 'allow_http|https'
make_destinations
# the gateway takes a Host that is none of its own names for the name of a bucket, as AWS does: there the address alone
name=localhost
[ "$S3_SERVER" = s3d ] || name=127.0.0.1
mount_crrfs "url=${S3_A_ENDPOINT/127.0.0.1/$name}"
echo text >"$MNT/file"
wait_repl
s3 compare
