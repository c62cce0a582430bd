#!/usr/bin/python3
"""Self-test of s3d. Starts the server by itself: S3D=/path/to/s3d /usr/bin/python3 selftest.py"""
import base64, datetime, hashlib, hmac, http.client, os, re, shutil, signal, socket, subprocess
import sys, tempfile, threading, time, urllib.parse, zlib

import boto3
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError

S3D = os.environ.get("S3D", "/tmp/s3d")
counts = {"passed": 0, "failed": 0}


def check(name, ok, detail=""):
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print("FAIL", name, detail, flush=True)


def same(name, got, want):
    check(name, got == want, "got %r, want %r" % (got, want))


def refused(name, code, fn, *args, **kw):
    """fn must end in this S3 error code (or HTTP status); returns the answer."""
    try:
        fn(*args, **kw)
    except ClientError as e:
        got, status = e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"]
        check(name, code in (got, status), "got %s %s" % (got, status))
        return e.response
    except Exception as e:
        check(name, False, repr(e))
        return {}
    check(name, False, "no error")
    return {}


def body(answer):
    return answer["Body"].read()


KEYS = "AK:SK:111122223333,AK2:SK2:444455556666,TK:TS:111122223333:tok"


class Server:
    def __init__(self, *args, keys=KEYS):
        self.dir = tempfile.mkdtemp(prefix="s3d-test-")
        self.log = os.path.join(self.dir, "log")
        self.args, self.keys, self.proc = args, keys, None
        self.start()

    def start(self):
        ready = os.path.join(self.dir, "ready")
        if os.path.exists(ready):
            os.unlink(ready)
        self.proc = subprocess.Popen(
            [S3D, "--dir", self.dir + "/d", "--listen", "127.0.0.1:0", "--log", self.log,
             "--ready-file", ready, *self.args], env=dict(os.environ, S3D_KEYS=self.keys))
        end = time.time() + 20
        while not os.path.exists(ready) and time.time() < end and self.proc.poll() is None:
            time.sleep(0.01)
        self.addr = open(ready).read().strip()
        self.host, self.port = self.addr.split(":")[0], int(self.addr.split(":")[1])

    def stop(self):
        self.proc.send_signal(signal.SIGTERM)
        return self.proc.wait(15)

    def client(self, key="AK", secret="SK", region="us-east-1", **kw):
        cfg = dict(retries={"max_attempts": 1, "total_max_attempts": 1}, connect_timeout=5,
                   read_timeout=20, max_pool_connections=80)
        host = kw.pop("host", self.addr)
        scheme, verify = kw.pop("scheme", "http"), kw.pop("verify", None)
        token = kw.pop("token", None)
        cfg.update(kw)
        return boto3.client("s3", endpoint_url="%s://%s" % (scheme, host), region_name=region,
                            aws_access_key_id=key, aws_secret_access_key=secret, verify=verify,
                            aws_session_token=token, config=Config(**cfg))

    def count(self, pattern):
        return sum(1 for line in open(self.log) if re.search(pattern, line))

    def raw(self, method, path, data=None, headers=None):
        c = http.client.HTTPConnection(self.host, self.port, timeout=20)
        c.request(method, path, data, headers or {})
        r = c.getresponse()
        text = r.read()
        c.close()
        return r.status, r.headers, text

    def faults(self, text):
        self.raw("DELETE", "/_s3d/faults")
        status, _, _ = self.raw("PUT", "/_s3d/faults", text)
        assert status == 200, text


def sign(server, method, path, query="", headers=None, payload="UNSIGNED-PAYLOAD", key="AK",
         secret="SK", region="us-east-1", skew=0, drop=(), service="s3"):
    """SigV4 by hand, with room for mistakes."""
    now = datetime.datetime.utcnow() + datetime.timedelta(seconds=skew)
    date = now.strftime("%Y%m%dT%H%M%SZ")
    h = {"host": server.addr, "x-amz-date": date, "x-amz-content-sha256": payload}
    h.update(headers or {})
    signed = sorted(k for k in h if k not in drop)
    canonical = "\n".join([method, path, query, "".join("%s:%s\n" % (k, h[k]) for k in signed),
                           ";".join(signed), payload])
    scope = "%s/%s/%s/aws4_request" % (date[:8], region, service)
    text = "AWS4-HMAC-SHA256\n%s\n%s\n%s" % (date, scope,
                                             hashlib.sha256(canonical.encode()).hexdigest())
    k = ("AWS4" + secret).encode()
    for part in (date[:8], region, service, "aws4_request"):
        k = hmac.new(k, part.encode(), hashlib.sha256).digest()
    sig = hmac.new(k, text.encode(), hashlib.sha256).hexdigest()
    h["authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s,SignedHeaders=%s,Signature=%s" % (
        key, scope, ";".join(signed), sig)
    del h["host"]
    return h, k, date, scope, sig


def code_of(text):
    m = re.search(rb"<Code>(.*?)</Code>", text)
    return m.group(1).decode() if m else ""


def test_auth(s):
    c = s.client()
    c.put_object(Bucket="plain", Key="a", Body=b"1")
    refused("bad secret", "SignatureDoesNotMatch", s.client(secret="no").list_buckets)
    refused("unknown key", "InvalidAccessKeyId", s.client(key="ZZ").list_buckets)
    same("anonymous", code_of(s.raw("GET", "/plain/a")[2]), "AccessDenied")
    h, *_ = sign(s, "GET", "/plain/a", region="eu-west-1")
    st, _, text = s.raw("GET", "/plain/a", headers=h)
    same("wrong region", (st, code_of(text)), (400, "AuthorizationHeaderMalformed"))
    h, *_ = sign(s, "HEAD", "/plain", region="eu-west-1")
    st, hd, text = s.raw("HEAD", "/plain", headers=h)
    same("HEAD, wrong region", (st, hd["x-amz-bucket-region"]), (400, "us-east-1"))
    st, _, text = s.raw("GET", "/plain/a", headers=sign(s, "GET", "/plain/a", region="x")[0])
    check("wrong region names the right one", b"<Region>us-east-1</Region>" in text)
    h, *_ = sign(s, "GET", "/plain/a", skew=-3600)
    st, _, text = s.raw("GET", "/plain/a", headers=h)
    same("skew", (st, code_of(text)), (403, "RequestTimeTooSkewed"))
    h, *_ = sign(s, "GET", "/plain/a")
    st, hd, text = s.raw("GET", "/plain/a", headers=h)
    same("signed by hand", (st, text), (200, b"1"))
    check("request id", hd["x-amz-request-id"])
    h, *_ = sign(s, "GET", "/plain/a", headers={"x-amz-meta-x": "1"}, drop=("x-amz-meta-x",))
    same("unsigned x-amz header", code_of(s.raw("GET", "/plain/a", headers=h)[2]), "AccessDenied")
    h, *_ = sign(s, "GET", "/plain/a", service="sqs")
    same("wrong service", code_of(s.raw("GET", "/plain/a", headers=h)[2]),
         "AuthorizationHeaderMalformed")
    h, *_ = sign(s, "PUT", "/plain/h", payload=hashlib.sha256(b"x").hexdigest())
    same("wrong payload hash", code_of(s.raw("PUT", "/plain/h", b"y", h)[2]),
         "XAmzContentSHA256Mismatch")
    h, *_ = sign(s, "GET", "/plain/a")
    del h["x-amz-content-sha256"]
    check("payload hash header needed", s.raw("GET", "/plain/a", headers=h)[0] in (400, 403))
    same("V2 signature", code_of(s.raw("GET", "/plain/a", headers={"Authorization": "AWS a:b"})[2]),
         "InvalidRequest")
    same("V2 presigned", code_of(s.raw("GET", "/plain/a?AWSAccessKeyId=AK&Signature=SK&Expires=9")
                                 [2]), "InvalidRequest")
    url = c.generate_presigned_url("get_object", {"Bucket": "plain", "Key": "a"}, ExpiresIn=60)
    if "X-Amz-Algorithm" not in url:
        url = s.client(signature_version="s3v4").generate_presigned_url(
            "get_object", {"Bucket": "plain", "Key": "a"}, ExpiresIn=60)
    path = url[url.index(s.addr) + len(s.addr):]
    same("presigned GET", s.raw("GET", path)[2], b"1")
    same("presigned, changed", code_of(s.raw("GET", path.replace("/a?", "/b?"))[2]),
         "SignatureDoesNotMatch")
    url = s.client(signature_version="s3v4").generate_presigned_url(
        "get_object", {"Bucket": "plain", "Key": "a"}, ExpiresIn=1)
    time.sleep(2.1)
    st, _, text = s.raw("GET", url[url.index(s.addr) + len(s.addr):])
    check("presigned, expired", st == 403 and b"expired" in text)
    url = s.client(signature_version="s3v4").generate_presigned_url(
        "put_object", {"Bucket": "plain", "Key": "pre"}, ExpiresIn=60)
    same("presigned PUT", s.raw("PUT", url[url.index(s.addr) + len(s.addr):], b"zz")[0], 200)
    same("token", body(s.client("TK", "TS", token="tok").get_object(Bucket="plain", Key="a")), b"1")
    refused("wrong token", "InvalidToken", s.client("TK", "TS", token="no").list_buckets)
    refused("no token", "InvalidToken", s.client("TK", "TS").list_buckets)
    refused("other account", 403, s.client("AK2", "SK2").put_object, Bucket="plain", Key="a")
    refused("expected owner", 403, c.head_bucket, Bucket="plain", ExpectedBucketOwner="9" * 12)
    c.head_bucket(Bucket="plain", ExpectedBucketOwner="111122223333")
    log = open(s.log).read()
    check("no secrets in the log", "Signature" not in log and "Credential" not in log)


def chunked(s, path, data, mode, size=8192, spoil=False, trailer=None):
    payload = {"unsigned": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
               "signed": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
               "trailer": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"}[mode]
    extra = {"x-amz-decoded-content-length": str(len(data)), "content-encoding": "aws-chunked"}
    if trailer:
        extra["x-amz-trailer"] = trailer[0]
    h, k, date, scope, sig = sign(s, "PUT", path, headers=extra, payload=payload)
    out, empty = b"", hashlib.sha256(b"").hexdigest()
    chunks = [data[i:i + size] for i in range(0, len(data), size)] + [b""]
    for ch in chunks:
        if mode == "unsigned":
            out += b"%x\r\n" % len(ch)
        else:
            text = "AWS4-HMAC-SHA256-PAYLOAD\n%s\n%s\n%s\n%s\n%s" % (
                date, scope, sig, empty, hashlib.sha256(ch).hexdigest())
            sig = hmac.new(k, text.encode(), hashlib.sha256).hexdigest()
            out += b"%x;chunk-signature=%s\r\n" % (len(ch), sig.encode())
        out += (b"X" + ch[1:] if spoil and ch else ch) + (b"\r\n" if ch else b"")
    if trailer:
        line = "%s:%s" % trailer
        out += line.encode() + b"\r\n"
        if mode == "trailer":
            text = "AWS4-HMAC-SHA256-TRAILER\n%s\n%s\n%s\n%s" % (
                date, scope, sig, hashlib.sha256((line + "\n").encode()).hexdigest())
            out += b"x-amz-trailer-signature:" + hmac.new(
                k, text.encode(), hashlib.sha256).hexdigest().encode() + b"\r\n"
    return s.raw("PUT", path, out + b"\r\n", h)


def test_integrity(s):
    c = s.client()
    data = os.urandom(30000)
    crc = base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
    same("chunked unsigned", chunked(s, "/plain/c1", data, "unsigned")[0], 200)
    same("chunked unsigned body", body(c.get_object(Bucket="plain", Key="c1")), data)
    check("aws-chunked is not kept",
          "ContentEncoding" not in c.head_object(Bucket="plain", Key="c1"))
    same("chunked signed", chunked(s, "/plain/c2", data, "signed")[0], 200)
    same("chunked signed body", body(c.get_object(Bucket="plain", Key="c2")), data)
    same("chunked signed, spoilt", code_of(chunked(s, "/plain/c2", data, "signed", spoil=True)[2]),
         "SignatureDoesNotMatch")
    same("trailer", chunked(s, "/plain/c3", data, "unsigned",
                            trailer=("x-amz-checksum-crc32", crc))[0], 200)
    same("wrong trailer", code_of(chunked(s, "/plain/c3", data, "unsigned",
                                          trailer=("x-amz-checksum-crc32", "AAAAAA=="))[2]),
         "BadDigest")
    same("signed trailer", chunked(s, "/plain/c4", data, "trailer",
                                   trailer=("x-amz-checksum-crc32", crc))[0], 200)
    r = c.put_object(Bucket="plain", Key="m", Body=data,
                     ContentMD5=base64.b64encode(hashlib.md5(data).digest()).decode())
    same("MD5 and ETag", r["ETag"], '"%s"' % hashlib.md5(data).hexdigest())
    refused("wrong MD5", "BadDigest", c.put_object, Bucket="plain", Key="m", Body=data,
            ContentMD5=base64.b64encode(bytes(16)).decode())
    refused("malformed MD5", "InvalidDigest", c.put_object, Bucket="plain", Key="m", Body=data,
            ContentMD5="x")
    r = c.put_object(Bucket="plain", Key="m", Body=data, ChecksumCRC32=crc)
    same("crc32 echoed", r.get("ChecksumCRC32"), crc)
    refused("wrong crc32", "BadDigest", c.put_object, Bucket="plain", Key="m", Body=data,
            ChecksumCRC32="AAAAAA==")
    same("checksum mode", c.head_object(Bucket="plain", Key="m",
                                        ChecksumMode="ENABLED").get("ChecksumCRC32"), crc)
    refused("wrong sha256", "BadDigest", c.put_object, Bucket="plain", Key="m", Body=data,
            ChecksumSHA256=base64.b64encode(bytes(32)).decode())
    c.put_object(Bucket="plain", Key="k", Body=b"123456789", ChecksumCRC32C="4waSgw==")
    check("crc32c check value", True)
    h, *_ = sign(s, "PUT", "/plain/nv", headers={"x-amz-checksum-crc64nvme": "rosUhgp5mIg="})
    st, _, text = s.raw("PUT", "/plain/nv", b"123456789", h)
    same("crc64nvme check value", (st, code_of(text)), (200, ""))
    h, *_ = sign(s, "PUT", "/plain/sh", headers={"x-amz-decoded-content-length": "9"},
                 payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER")
    same("short chunked body", code_of(s.raw("PUT", "/plain/sh", b"5\r\nabcde\r\n0\r\n\r\n", h)[2]),
         "IncompleteBody")


def test_expect(s):
    """A refused PUT must be answered, with and without Expect: 100-continue."""
    for expect in (True, False):
        h, *_ = sign(s, "PUT", "/plain/x", secret="wrong")
        sock = socket.create_connection((s.host, s.port), timeout=10)
        head = "PUT /plain/x HTTP/1.1\r\nHost: %s\r\nContent-Length: 8000000\r\n" % s.addr
        head += "".join("%s: %s\r\n" % kv for kv in h.items())
        head += "Expect: 100-continue\r\n" if expect else ""
        sock.sendall((head + "\r\n").encode())
        if not expect:
            sock.sendall(bytes(8000000))
        first = sock.recv(4096)
        check("refused PUT is answered, expect=%s" % expect, first.startswith(b"HTTP/1.1 403"),
              first)
        sock.close()
    h, *_ = sign(s, "PUT", "/plain/x")
    sock = socket.create_connection((s.host, s.port), timeout=10)
    head = "PUT /plain/x HTTP/1.1\r\nHost: %s\r\nContent-Length: 3\r\n" % s.addr
    head += "Expect: 100-continue\r\n"
    sock.sendall((head + "".join("%s: %s\r\n" % kv for kv in h.items()) + "\r\n").encode())
    check("100 Continue", sock.recv(4096).startswith(b"HTTP/1.1 100"))
    sock.sendall(b"abc")
    check("then 200", sock.recv(4096).startswith(b"HTTP/1.1 200"))
    sock.close()
    h, *_ = sign(s, "PUT", "/plain/x")
    sock = socket.create_connection((s.host, s.port), timeout=10)
    head = "PUT /plain/x HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n" % s.addr
    sock.sendall((head + "".join("%s: %s\r\n" % kv for kv in h.items()) +
                  "\r\n3\r\nabc\r\n0\r\n\r\n").encode())
    check("chunked without a length", sock.recv(4096).startswith(b"HTTP/1.1 501"))
    sock.close()


REPL = {"Role": "arn:aws:iam::111122223333:role/r", "Rules": [
    {"ID": "a", "Priority": 1, "Status": "Enabled", "Filter": {"Prefix": ""},
     "DeleteMarkerReplication": {"Status": "Disabled"},
     "Destination": {"Bucket": "arn:aws:s3:::elsewhere"}}]}


def test_buckets(s):
    c = s.client()
    c.create_bucket(Bucket="made")
    check("ListBuckets", "made" in [b["Name"] for b in c.list_buckets()["Buckets"]])
    c.create_bucket(Bucket="made")
    check("create again in us-east-1", True)
    refused("create, other owner", "BucketAlreadyExists", s.client("AK2", "SK2").create_bucket,
            Bucket="made")
    refused("bad name", "InvalidBucketName", c.create_bucket, Bucket="Bad.Name")
    r = c.head_bucket(Bucket="made")
    same("bucket region", r["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"], "us-east-1")
    refused("head nothing", 404, c.head_bucket, Bucket="nothing")
    refused("no bucket", "NoSuchBucket", c.list_objects_v2, Bucket="nothing")
    same("location", c.get_bucket_location(Bucket="made")["LocationConstraint"], None)
    h, *_ = sign(s, "GET", "/faraway", query="list-type=2")
    st, hd, text = s.raw("GET", "/faraway?list-type=2", headers=h)
    same("other region", (st, hd["x-amz-bucket-region"], code_of(text)),
         (301, "eu-west-1", "PermanentRedirect"))
    check("never versioned", "Status" not in c.get_bucket_versioning(Bucket="made"))
    refused("replication unversioned", "InvalidRequest", c.put_bucket_replication, Bucket="made",
            ReplicationConfiguration=REPL)
    c.put_bucket_versioning(Bucket="made", VersioningConfiguration={"Status": "Enabled"})
    same("versioning", c.get_bucket_versioning(Bucket="made")["Status"], "Enabled")
    refused("no replication", "ReplicationConfigurationNotFoundError", c.get_bucket_replication,
            Bucket="made")
    c.put_bucket_replication(Bucket="made", ReplicationConfiguration=REPL)
    same("replication", c.get_bucket_replication(Bucket="made")["ReplicationConfiguration"], REPL)
    refused("suspend under replication", "InvalidBucketState", c.put_bucket_versioning,
            Bucket="made", VersioningConfiguration={"Status": "Suspended"})
    two = dict(REPL, Rules=REPL["Rules"] * 2)
    refused("duplicate rule", "InvalidArgument", c.put_bucket_replication, Bucket="made",
            ReplicationConfiguration=two)
    bad = dict(REPL, Rules=[dict(REPL["Rules"][0], Destination={"Bucket": "arn:aws:s3:::plain"})])
    refused("unversioned destination", "InvalidRequest", c.put_bucket_replication, Bucket="made",
            ReplicationConfiguration=bad)
    bad = dict(REPL, Rules=[dict(REPL["Rules"][0], Status="Maybe")])
    refused("bad status", "MalformedXML", c.put_bucket_replication, Bucket="made",
            ReplicationConfiguration=bad)
    c.delete_bucket_replication(Bucket="made")
    refused("replication deleted", "ReplicationConfigurationNotFoundError",
            c.get_bucket_replication, Bucket="made")
    refused("no lifecycle", "NoSuchLifecycleConfiguration", c.get_bucket_lifecycle_configuration,
            Bucket="made")
    rules = [{"ID": "x", "Status": "Enabled", "Filter": {"Prefix": "a/"},
              "Expiration": {"Days": 3}}]
    c.put_bucket_lifecycle_configuration(Bucket="made", LifecycleConfiguration={"Rules": rules})
    same("lifecycle", c.get_bucket_lifecycle_configuration(Bucket="made")["Rules"], rules)
    c.delete_bucket_lifecycle(Bucket="made")
    refused("no tags", "NoSuchTagSet", c.get_bucket_tagging, Bucket="made")
    c.put_bucket_tagging(Bucket="made", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    same("bucket tags", c.get_bucket_tagging(Bucket="made")["TagSet"], [{"Key": "a", "Value": "b"}])
    same("bucket ACL", c.get_bucket_acl(Bucket="made")["Grants"][0]["Permission"], "FULL_CONTROL")
    c.put_object(Bucket="made", Key="x")
    refused("not empty", "BucketNotEmpty", c.delete_bucket, Bucket="made")
    c.delete_object(Bucket="made", Key="x")
    refused("markers count", "BucketNotEmpty", c.delete_bucket, Bucket="made")
    for v in c.list_object_versions(Bucket="made").get("Versions", []) + \
            c.list_object_versions(Bucket="made").get("DeleteMarkers", []):
        c.delete_object(Bucket="made", Key=v["Key"], VersionId=v["VersionId"])
    c.delete_bucket(Bucket="made")
    refused("deleted", 404, c.head_bucket, Bucket="made")
    h, *_ = sign(s, "PUT", "/ver", query="versioning=")
    st, _, text = s.raw("PUT", "/ver?versioning", b"<Bad", h)
    same("malformed XML", (st, code_of(text)), (400, "MalformedXML"))


def test_objects(s):
    c = s.client()
    r = c.put_object(Bucket="ver", Key="o/1", Body=b"0123456789", ContentType="text/x", Metadata={
        "a": "b", "c": "d  e"}, ContentEncoding="x", ContentDisposition="d", ContentLanguage="de",
        CacheControl="no", StorageClass="STANDARD_IA", Tagging="t=1&u=%C3%A9",
        WebsiteRedirectLocation="/z", ServerSideEncryption="AES256")
    check("version id", re.fullmatch(r"[A-Za-z0-9._]{32}", r["VersionId"]))
    same("encryption echoed", r["ServerSideEncryption"], "AES256")
    g = c.get_object(Bucket="ver", Key="o/1")
    same("body", body(g), b"0123456789")
    same("headers", (g["ContentType"], g["ContentEncoding"], g["ContentDisposition"],
                     g["ContentLanguage"], g["CacheControl"], g["StorageClass"],
                     g["WebsiteRedirectLocation"], g["ServerSideEncryption"]),
         ("text/x", "x", "d", "de", "no", "STANDARD_IA", "/z", "AES256"))
    same("metadata", (g["Metadata"]["a"], " ".join(g["Metadata"]["c"].split())), ("b", "d e"))
    same("tag count", g["TagCount"], 2)
    same("same version", g["VersionId"], r["VersionId"])
    same("tags", c.get_object_tagging(Bucket="ver", Key="o/1")["TagSet"],
         [{"Key": "t", "Value": "1"}, {"Key": "u", "Value": "\u00e9"}])
    check("seconds", re.search(r":\d\d GMT$",
                               g["ResponseMetadata"]["HTTPHeaders"]["last-modified"]))
    for rng, want in (("bytes=2-4", b"234"), ("bytes=7-", b"789"), ("bytes=-3", b"789"),
                      ("bytes=5-99", b"56789"), ("bytes=-99", b"0123456789")):
        g = c.get_object(Bucket="ver", Key="o/1", Range=rng)
        same("range " + rng, (body(g), g["ResponseMetadata"]["HTTPStatusCode"]), (want, 206))
    refused("range beyond", "InvalidRange", c.get_object, Bucket="ver", Key="o/1",
            Range="bytes=10-")
    same("range nonsense", c.get_object(Bucket="ver", Key="o/1", Range="bytes=4-2")
         ["ResponseMetadata"]["HTTPStatusCode"], 200)
    etag = g["ETag"]
    same("if-match", body(c.get_object(Bucket="ver", Key="o/1", IfMatch=etag)), b"0123456789")
    refused("if-match not", "PreconditionFailed", c.get_object, Bucket="ver", Key="o/1",
            IfMatch='"x"')
    refused("if-none-match", 304, c.get_object, Bucket="ver", Key="o/1", IfNoneMatch=etag)
    day = datetime.timedelta(days=1)
    now = datetime.datetime.utcnow()
    refused("if-modified", 304, c.head_object, Bucket="ver", Key="o/1", IfModifiedSince=now)
    refused("if-unmodified", 412, c.head_object, Bucket="ver", Key="o/1",
            IfUnmodifiedSince=now - day)
    g = c.get_object(Bucket="ver", Key="o/1", ResponseContentType="a/b", ResponseExpires=now)
    same("response-content-type", g["ContentType"], "a/b")
    refused("storage class", "InvalidStorageClass", c.put_object, Bucket="ver", Key="x",
            StorageClass="NO")
    refused("metadata limit", "MetadataTooLarge", c.put_object, Bucket="ver", Key="x",
            Metadata={"k": "v" * 2048})
    c.put_object(Bucket="ver", Key="x", Metadata={"k": "v" * 2047})
    refused("key limit", "KeyTooLongError", c.put_object, Bucket="ver", Key="k" * 1025)
    c.put_object(Bucket="ver", Key="k" * 1024)
    refused("no key", "NoSuchKey", c.get_object, Bucket="ver", Key="nope")
    refused("head no key", 404, c.head_object, Bucket="ver", Key="nope")
    refused("bad version", "InvalidArgument", c.get_object, Bucket="ver", Key="o/1", VersionId="x")
    refused("no version", "NoSuchVersion", c.get_object, Bucket="ver", Key="o/1",
            VersionId="0" * 32)
    for key in ("sp ace", "a+b", "%41", "\u00fcml/\u4e2d", "a//b", "./x", "q?x=1&y", "'\"<&>",
                "~*()!", "trail/", "#h", "\U0001f600", "a\nb"):
        c.put_object(Bucket="odd", Key=key, Body=key.encode())
        same("odd key %r" % key, body(c.get_object(Bucket="odd", Key=key)), key.encode())
    same("odd keys listed", len(c.list_objects_v2(Bucket="odd")["Contents"]), 13)
    check("odd key names", "\u00fcml/\u4e2d" in [o["Key"] for o in
                                                c.list_objects_v2(Bucket="odd")["Contents"]])
    big = os.urandom(3000000)
    c.put_object(Bucket="ver", Key="big", Body=big)
    same("big body", body(c.get_object(Bucket="ver", Key="big")), big)
    same("big range", body(c.get_object(Bucket="ver", Key="big", Range="bytes=1000-2000000")),
         big[1000:2000001])
    c.put_object(Bucket="ver", Key="cold", StorageClass="GLACIER", Body=b"x")
    refused("archived", "InvalidObjectState", c.get_object, Bucket="ver", Key="cold")
    h, *_ = sign(s, "PUT", "/ver/cond", headers={"if-none-match": "*"})
    same("create once", s.raw("PUT", "/ver/cond", b"1", h)[0], 200)
    same("create twice", s.raw("PUT", "/ver/cond", b"1", h)[0], 412)
    h, *_ = sign(s, "PUT", "/ver/cond", headers={"if-match": hashlib.md5(b"1").hexdigest()})
    same("PUT if-match", s.raw("PUT", "/ver/cond", b"2", h)[0], 200)
    same("PUT if-match again", s.raw("PUT", "/ver/cond", b"3", h)[0], 412)
    a = c.get_object_attributes(Bucket="ver", Key="o/1", ObjectAttributes=["ETag", "ObjectSize"])
    same("attributes", a["ObjectSize"], 10)
    v = s.client(host="localhost:%d" % s.port, s3={"addressing_style": "virtual"})
    try:
        same("virtual host", body(v.get_object(Bucket="ver", Key="o/1")), b"0123456789")
    except BotoCoreError:
        h, *_ = sign(s, "GET", "/o/1", headers={"host": "ver.s3.localhost"})
        st, _, text = s.raw("GET", "/o/1", headers=dict(h, Host="ver.s3.localhost"))
        same("virtual host", text, b"0123456789")


def test_versions(s):
    c = s.client()
    ids = [c.put_object(Bucket="ver", Key="v", Body=b"%d" % i)["VersionId"] for i in range(3)]
    same("by version", [body(c.get_object(Bucket="ver", Key="v", VersionId=i)) for i in ids],
         [b"0", b"1", b"2"])
    d = c.delete_object(Bucket="ver", Key="v")
    check("marker made", d["DeleteMarker"] and d["VersionId"])
    r = refused("deleted", "NoSuchKey", c.get_object, Bucket="ver", Key="v")
    same("marker header", r["ResponseMetadata"]["HTTPHeaders"].get("x-amz-delete-marker"), "true")
    r = refused("marker by id", "MethodNotAllowed", c.get_object, Bucket="ver", Key="v",
                VersionId=d["VersionId"])
    same("allow", r["ResponseMetadata"]["HTTPHeaders"].get("allow"), "DELETE")
    refused("head marker by id", 405, c.head_object, Bucket="ver", Key="v",
            VersionId=d["VersionId"])
    l = c.list_object_versions(Bucket="ver", Prefix="v")
    same("newest first", [x["VersionId"] for x in l["Versions"]], ids[::-1])
    same("marker is latest", (l["DeleteMarkers"][0]["IsLatest"], l["Versions"][0]["IsLatest"]),
         (True, False))
    r = c.delete_object(Bucket="ver", Key="v", VersionId=d["VersionId"])
    same("marker removed", (r["DeleteMarker"], r["VersionId"]), (True, d["VersionId"]))
    same("back again", body(c.get_object(Bucket="ver", Key="v")), b"2")
    c.delete_object(Bucket="ver", Key="v", VersionId=ids[2])
    same("one older", body(c.get_object(Bucket="ver", Key="v")), b"1")
    same("gone already", c.delete_object(Bucket="ver", Key="v", VersionId=ids[2])
         ["ResponseMetadata"]["HTTPStatusCode"], 204)
    seen, key, vid, pages = [], "", "", 0
    for i in range(5):
        for n in range(3):
            c.put_object(Bucket="page", Key="k%d" % i, Body=b"x")
    while True:
        kw = dict(KeyMarker=key, VersionIdMarker=vid) if key else {}
        l = c.list_object_versions(Bucket="page", MaxKeys=4, **kw)
        seen += [(x["Key"], x["VersionId"]) for x in l["Versions"]]
        pages += 1
        if not l["IsTruncated"]:
            break
        key, vid = l["NextKeyMarker"], l["NextVersionIdMarker"]
    same("paged versions", (len(seen), len(set(seen)), pages), (15, 15, 4))
    l = c.list_object_versions(Bucket="page", KeyMarker="k3")
    same("key marker", {x["Key"] for x in l["Versions"]}, {"k4"})
    refused("version marker alone", "InvalidArgument", c.list_object_versions, Bucket="page",
            VersionIdMarker="0" * 32)
    # suspended
    c.put_bucket_versioning(Bucket="susp", VersioningConfiguration={"Status": "Enabled"})
    one = c.put_object(Bucket="susp", Key="s", Body=b"1")["VersionId"]
    c.put_bucket_versioning(Bucket="susp", VersioningConfiguration={"Status": "Suspended"})
    same("null version", c.put_object(Bucket="susp", Key="s", Body=b"2").get("VersionId"), "null")
    c.put_object(Bucket="susp", Key="s", Body=b"3")
    l = c.list_object_versions(Bucket="susp")
    same("null replaced", [x["VersionId"] for x in l["Versions"]], ["null", one])
    same("read null", body(c.get_object(Bucket="susp", Key="s", VersionId="null")), b"3")
    r = c.delete_object(Bucket="susp", Key="s")
    same("null marker", (r["DeleteMarker"], r["VersionId"]), (True, "null"))
    l = c.list_object_versions(Bucket="susp")
    same("null marker replaces", (len(l["Versions"]), len(l["DeleteMarkers"])), (1, 1))
    c.put_object(Bucket="plain", Key="nn", Body=b"x")
    same("plain is null", c.list_object_versions(Bucket="plain", Prefix="nn")["Versions"][0]
         ["VersionId"], "null")
    r = c.delete_object(Bucket="plain", Key="nn")
    check("plain delete", "DeleteMarker" not in r and "VersionId" not in r)
    refused("plain gone", "NoSuchKey", c.get_object, Bucket="plain", Key="nn")


def test_lists(s):
    c = s.client()
    keys = ["a/%d" % i for i in range(5)] + ["b", "b/x", "c/d/e", "c/f", "d e", "z"]
    for k in keys:
        c.put_object(Bucket="list", Key=k, Body=k.encode())
    got = [o["Key"] for o in c.list_objects_v2(Bucket="list")["Contents"]]
    same("sorted", got, sorted(keys))
    l = c.list_objects_v2(Bucket="list", Delimiter="/")
    same("top", ([o["Key"] for o in l["Contents"]], [p["Prefix"] for p in l["CommonPrefixes"]]),
         (["b", "d e", "z"], ["a/", "b/", "c/"]))
    same("key count", l["KeyCount"], 6)
    l = c.list_objects_v2(Bucket="list", Delimiter="/", Prefix="c/")
    same("below", ([o["Key"] for o in l["Contents"]], [p["Prefix"] for p in l["CommonPrefixes"]]),
         (["c/f"], ["c/d/"]))
    for n in (1, 2, 3, 7):
        seen, token = [], None
        for _ in range(30):
            kw = {"ContinuationToken": token} if token else {}
            l = c.list_objects_v2(Bucket="list", Delimiter="/", MaxKeys=n, **kw)
            seen += [o["Key"] for o in l.get("Contents", [])]
            seen += [p["Prefix"] for p in l.get("CommonPrefixes", [])]
            token = l.get("NextContinuationToken")
            if not l["IsTruncated"]:
                break
        same("paged by %d" % n, sorted(seen), ["a/", "b", "b/", "c/", "d e", "z"])
        seen, marker = [], ""
        for _ in range(30):
            l = c.list_objects(Bucket="list", Delimiter="/", MaxKeys=n, Marker=marker)
            seen += [o["Key"] for o in l.get("Contents", [])]
            seen += [p["Prefix"] for p in l.get("CommonPrefixes", [])]
            marker = l.get("NextMarker")
            if not l["IsTruncated"]:
                break
        same("V1 paged by %d" % n, sorted(seen), ["a/", "b", "b/", "c/", "d e", "z"])
    same("start-after", [o["Key"] for o in c.list_objects_v2(Bucket="list", StartAfter="c/f")
                         ["Contents"]], ["d e", "z"])
    check("fetch-owner", c.list_objects_v2(Bucket="list", FetchOwner=True)["Contents"][0]
          ["Owner"]["ID"])
    l = c.list_objects_v2(Bucket="list", MaxKeys=0)
    same("max-keys 0", (l["KeyCount"], l["IsTruncated"]), (0, False))
    refused("bad token", "InvalidArgument", c.list_objects_v2, Bucket="list", ContinuationToken="?")
    h, *_ = sign(s, "GET", "/list", query="encoding-type=url&list-type=2&prefix=d")
    text = s.raw("GET", "/list?list-type=2&encoding-type=url&prefix=d", headers=h)[2]
    check("url encoding", b"<Key>d+e</Key>" in text, text)
    check("milliseconds", re.search(rb"<LastModified>[^<]*\.\d\d\dZ<", text))
    l = c.list_object_versions(Bucket="list", Delimiter="/")
    same("versions by delimiter", [p["Prefix"] for p in l["CommonPrefixes"]], ["a/", "b/", "c/"])
    r = c.delete_objects(Bucket="list", Delete={"Objects": [{"Key": "a/0"}, {"Key": "none"}]})
    same("multi-delete", sorted(d["Key"] for d in r["Deleted"]), ["a/0", "none"])
    r = c.delete_objects(Bucket="list", Delete={"Quiet": True, "Objects": [{"Key": "a/1"}]})
    check("quiet", "Deleted" not in r)
    h, *_ = sign(s, "POST", "/list", query="delete=")
    same("multi-delete needs a digest", code_of(s.raw("POST", "/list?delete", b"<Delete/>", h)[2]),
         "InvalidRequest")
    h, *_ = sign(s, "GET", "/list", query="website=")
    same("not implemented", s.raw("GET", "/list?website", headers=h)[0], 501)


def test_tags(s):
    c = s.client()
    v1 = c.put_object(Bucket="ver", Key="t", Tagging="a=1")["VersionId"]
    v2 = c.put_object(Bucket="ver", Key="t")["VersionId"]

    def put(tags, **kw):
        return c.put_object_tagging(Bucket="ver", Key="t", Tagging={"TagSet": [
            {"Key": k, "Value": v} for k, v in tags]}, **kw)
    r = put([("k", "v")], VersionId=v1)
    same("tags by version", r["VersionId"], v1)
    same("only that one", (c.get_object_tagging(Bucket="ver", Key="t")["TagSet"],
                           c.get_object_tagging(Bucket="ver", Key="t", VersionId=v1)["TagSet"]),
         ([], [{"Key": "k", "Value": "v"}]))
    c.delete_object_tagging(Bucket="ver", Key="t", VersionId=v1)
    same("tags deleted", c.get_object_tagging(Bucket="ver", Key="t", VersionId=v1)["TagSet"], [])
    put([("k%d" % i, "v") for i in range(10)])
    refused("11 tags", "BadRequest", put, [("k%d" % i, "v") for i in range(11)])
    refused("duplicate tag", "InvalidTag", put, [("k", "1"), ("k", "2")])
    refused("aws: tag", "InvalidTag", put, [("aws:x", "1")])
    put([("k" * 128, "v" * 256)])
    refused("tag key limit", "InvalidTag", put, [("k" * 129, "v")])
    refused("tag value limit", "InvalidTag", put, [("k", "v" * 257)])
    refused("tag characters", "InvalidTag", put, [("k", "a;b")])
    refused("header duplicate", "InvalidArgument", c.put_object, Bucket="ver", Key="t",
            Tagging="a=1&a=2")
    refused("header 11", "BadRequest", c.put_object, Bucket="ver", Key="t",
            Tagging="&".join("k%d=1" % i for i in range(11)))
    same("untouched", c.head_object(Bucket="ver", Key="t")["VersionId"], v2)
    refused("no object", "NoSuchKey", c.get_object_tagging, Bucket="ver", Key="nothing")


def test_acl_lock(s):
    c, other = s.client(), s.client("AK2", "SK2")
    c.put_object(Bucket="ver", Key="acl", Body=b"x")
    refused("private", "AccessDenied", other.get_object, Bucket="ver", Key="acl")
    c.put_object_acl(Bucket="ver", Key="acl", ACL="public-read")
    same("public-read", body(other.get_object(Bucket="ver", Key="acl")), b"x")
    g = c.get_object_acl(Bucket="ver", Key="acl")
    same("grants", len(g["Grants"]), 2)
    me = g["Owner"]["ID"]
    same("owner id", me, hashlib.sha256(b"111122223333").hexdigest())
    you = hashlib.sha256(b"444455556666").hexdigest()
    c.put_object_acl(Bucket="ver", Key="acl", AccessControlPolicy={"Owner": {"ID": me}, "Grants": [
        {"Grantee": {"Type": "CanonicalUser", "ID": you}, "Permission": "READ"}]})
    same("XML grant", body(other.get_object(Bucket="ver", Key="acl")), b"x")
    c.put_object(Bucket="ver", Key="acl2", GrantRead='id="%s"' % you, Body=b"y")
    same("header grant", body(other.get_object(Bucket="ver", Key="acl2")), b"y")
    refused("unknown grantee", "InvalidArgument", c.put_object, Bucket="ver", Key="a",
            GrantRead='id="%s"' % ("0" * 64))
    refused("canned and grants", "InvalidRequest", c.put_object, Bucket="ver", Key="a",
            ACL="private", GrantRead='id="%s"' % you)
    refused("unknown canned", "InvalidArgument", c.put_object, Bucket="ver", Key="a", ACL="what")
    c.put_bucket_ownership_controls(Bucket="odd", OwnershipControls={"Rules": [
        {"ObjectOwnership": "BucketOwnerEnforced"}]})
    refused("ACLs off", "AccessControlListNotSupported", c.put_object, Bucket="odd", Key="a",
            ACL="public-read")
    until = datetime.datetime.utcnow().replace(microsecond=0) + datetime.timedelta(days=1)
    v = c.put_object(Bucket="locked", Key="l", Body=b"x", ObjectLockMode="COMPLIANCE",
                     ObjectLockRetainUntilDate=until, ChecksumCRC32="jNwWgw==")["VersionId"]
    refused("locked", "AccessDenied", c.delete_object, Bucket="locked", Key="l", VersionId=v)
    check("marker over a lock", c.delete_object(Bucket="locked", Key="l")["DeleteMarker"])
    same("retention", c.get_object_retention(Bucket="locked", Key="l", VersionId=v)["Retention"]
         ["Mode"], "COMPLIANCE")
    v = c.put_object(Bucket="locked", Key="h", Body=b"x")["VersionId"]
    c.put_object_legal_hold(Bucket="locked", Key="h", LegalHold={"Status": "ON"})
    same("legal hold", c.get_object_legal_hold(Bucket="locked", Key="h")["LegalHold"]["Status"],
         "ON")
    refused("held", "AccessDenied", c.delete_object, Bucket="locked", Key="h", VersionId=v)
    c.put_object_legal_hold(Bucket="locked", Key="h", LegalHold={"Status": "OFF"})
    c.put_object_retention(Bucket="locked", Key="h", Retention={
        "Mode": "GOVERNANCE", "RetainUntilDate": until})
    refused("governed", "AccessDenied", c.delete_object, Bucket="locked", Key="h", VersionId=v)
    c.delete_object(Bucket="locked", Key="h", VersionId=v, BypassGovernanceRetention=True)
    check("governance bypassed", True)
    refused("no lock here", "InvalidRequest", c.put_object, Bucket="ver", Key="l",
            ObjectLockLegalHoldStatus="ON")
    same("lock configuration", c.get_object_lock_configuration(Bucket="locked")
         ["ObjectLockConfiguration"]["ObjectLockEnabled"], "Enabled")


def test_copy(s):
    c = s.client()
    v1 = c.put_object(Bucket="ver", Key="src", Body=b"one", Metadata={"m": "1"}, Tagging="t=1",
                      ContentType="x/y")["VersionId"]
    v2 = c.put_object(Bucket="ver", Key="src", Body=b"two")["VersionId"]
    r = c.copy_object(Bucket="ver", Key="dst", CopySource={"Bucket": "ver", "Key": "src",
                                                           "VersionId": v1})
    same("source version", r["CopySourceVersionId"], v1)
    g = c.get_object(Bucket="ver", Key="dst")
    same("copied", (body(g), g["Metadata"], g["ContentType"], g["TagCount"]),
         (b"one", {"m": "1"}, "x/y", 1))
    same("copy version id", r["VersionId"], g["VersionId"])
    c.copy_object(Bucket="plain", Key="d\u00fc", CopySource="/ver/src", MetadataDirective="REPLACE",
                  Metadata={"n": "2"}, TaggingDirective="REPLACE", Tagging="u=2",
                  StorageClass="ONEZONE_IA")
    g = c.get_object(Bucket="plain", Key="d\u00fc")
    same("replaced", (body(g), g["Metadata"], g["TagCount"], g["StorageClass"]),
         (b"two", {"n": "2"}, 1, "ONEZONE_IA"))
    refused("self copy", "InvalidRequest", c.copy_object, Bucket="ver", Key="src",
            CopySource="ver/src")
    c.copy_object(Bucket="ver", Key="src", CopySource="ver/src", MetadataDirective="REPLACE",
                  Metadata={"x": "y"})
    same("self copy with change", c.head_object(Bucket="ver", Key="src")["Metadata"], {"x": "y"})
    refused("copy if-match", "PreconditionFailed", c.copy_object, Bucket="ver", Key="d",
            CopySource="ver/src", CopySourceIfMatch="x")
    refused("copy if-none-match", "PreconditionFailed", c.copy_object, Bucket="ver", Key="d",
            CopySource="ver/src", CopySourceIfNoneMatch='"%s"' % hashlib.md5(b"two").hexdigest())
    refused("no source", "NoSuchKey", c.copy_object, Bucket="ver", Key="d", CopySource="ver/none")
    refused("no source bucket", "NoSuchBucket", c.copy_object, Bucket="ver", Key="d",
            CopySource="none/none")
    refused("bad directive", "InvalidArgument", c.copy_object, Bucket="ver", Key="d",
            CopySource="ver/src", MetadataDirective="X")
    c.delete_object(Bucket="ver", Key="src", VersionId=v2)
    same("copy outlives the source", body(c.get_object(Bucket="plain", Key="d\u00fc")), b"two")


def test_multipart_checksums(s):
    """FULL_OBJECT: by hand, as boto3 may not know it yet."""
    def call(method, query, data=None, **headers):
        h, *_ = sign(s, method, "/plain/sum", query,
                     {k.replace("_", "-"): v for k, v in headers.items()})
        return s.raw(method, "/plain/sum" + ("?" + query if query else ""), data, h)

    def create(kind, algorithm="CRC32C"):
        st, h, text = call("POST", "uploads=", x_amz_checksum_algorithm=algorithm,
                           x_amz_checksum_type=kind)
        return st, h, text if st != 200 else re.search(b"<UploadId>(.*)</UploadId>", text)[1].decode()

    def complete(upload, crc=None, **headers):
        return call("POST", "uploadId=" + upload,
                    "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>%s</ETag>%s</Part>"
                    "</CompleteMultipartUpload>" % (hashlib.md5(b"123456789").hexdigest(),
                                                    crc and "<ChecksumCRC32C>%s</ChecksumCRC32C>" % crc
                                                    or ""), **headers)

    def part(upload, crc="4waSgw==", name="x_amz_checksum_crc32c"):
        return call("PUT", "partNumber=1&uploadId=" + upload, b"123456789", **(crc and {name: crc} or {}))
    same("no FULL_OBJECT of a SHA", code_of(create("FULL_OBJECT", "SHA256")[2]), "InvalidRequest")
    st, h, u = create("FULL_OBJECT")
    same("the type is told", (h["x-amz-checksum-algorithm"], h["x-amz-checksum-type"]),
         ("CRC32C", "FULL_OBJECT"))
    same("a part without", code_of(part(u, None)[2]), "InvalidRequest")
    same("a part with another", code_of(part(u, "y/Q5Jg==", "x_amz_checksum_crc32")[2]), "InvalidRequest")
    same("a wrong one", code_of(part(u, "AAAAAA==")[2]), "BadDigest")
    same("a part's", part(u)[1]["x-amz-checksum-crc32c"], "4waSgw==")
    s.client().put_object(Bucket="plain", Key="nine", Body=b"123456789")
    text = call("PUT", "partNumber=1&uploadId=" + u, x_amz_copy_source="/plain/nine")[2]
    check("a copied part's", b"<ChecksumCRC32C>4waSgw==</ChecksumCRC32C>" in text)
    same("another part's", code_of(complete(u, "AAAAAA==")[2]), "InvalidPart")
    same("another type", code_of(complete(u, x_amz_checksum_type="COMPOSITE")[2]), "BadDigest")
    same("another algorithm", code_of(complete(u, x_amz_checksum_crc32="4waSgw==")[2]), "InvalidRequest")
    same("another whole", code_of(complete(u, x_amz_checksum_crc32c="AAAAAA==")[2]), "BadDigest")
    st, h, text = complete(u, "4waSgw==", x_amz_checksum_crc32c="4waSgw==",
                           x_amz_checksum_type="FULL_OBJECT")
    check("the whole's", st == 200 and b"<ChecksumCRC32C>4waSgw==</ChecksumCRC32C>"
          b"<ChecksumType>FULL_OBJECT</ChecksumType>" in text)
    h = call("GET", "", x_amz_checksum_mode="ENABLED")[1]
    same("of a GET", (h["x-amz-checksum-crc32c"], h["x-amz-checksum-type"]), ("4waSgw==", "FULL_OBJECT"))
    same("of a range", call("GET", "", x_amz_checksum_mode="ENABLED", range="bytes=0-3")[1].get(
        "x-amz-checksum-crc32c"), None)
    u = create("COMPOSITE")[2]
    part(u)
    same("COMPOSITE wants them all", code_of(complete(u)[2]), "InvalidRequest")
    check("COMPOSITE", b"-1</ChecksumCRC32C><ChecksumType>COMPOSITE" in complete(u, "4waSgw==")[2])
    s.raw("PUT", "/_s3d/settings", "without=full-object bucket=plain")
    h = create("FULL_OBJECT")[1]
    same("without full-object", (h["x-amz-checksum-algorithm"], h.get("x-amz-checksum-type")),
         ("CRC32C", None))
    s.raw("PUT", "/_s3d/settings", "without=checksum bucket=plain")
    u = create("FULL_OBJECT")[2]
    check("without checksum", part(u, "AAAAAA==")[0] == 200 and complete(u)[0] == 200)
    s.raw("PUT", "/_s3d/settings", "without= bucket=plain")
    s.faults("op=PutObject count=1 action=damage\nop=GetObject count=1 action=damage")
    same("damaged on its way", code_of(call("PUT", "", b"123456789", x_amz_checksum_crc32c="4waSgw==")[2]),
         "BadDigest")
    same("as it was", call("PUT", "", b"123456789", x_amz_checksum_crc32c="4waSgw==")[0], 200)
    same("damaged on its way back", call("GET", "")[2], b"023456789")
    same("once", call("GET", "")[2], b"123456789")


def test_multipart(s):
    c = s.client()
    p1, p2 = os.urandom(5 << 20), os.urandom(1000)
    u = c.create_multipart_upload(Bucket="ver", Key="m p", Metadata={"a": "b"}, Tagging="t=1",
                                  ContentType="x/y", StorageClass="STANDARD_IA")["UploadId"]
    kw = dict(Bucket="ver", Key="m p", UploadId=u)
    e1 = c.upload_part(PartNumber=1, Body=b"old", **kw)["ETag"]
    e1 = c.upload_part(PartNumber=1, Body=p1, **kw)["ETag"]
    e2 = c.upload_part(PartNumber=3, Body=p2, **kw)["ETag"]
    c.upload_part(PartNumber=9, Body=b"not listed", **kw)
    l = c.list_parts(**kw)
    same("list parts", [(p["PartNumber"], p["Size"]) for p in l["Parts"]],
         [(1, len(p1)), (3, 1000), (9, 10)])
    l = c.list_parts(MaxParts=1, **kw)
    same("list parts paged", (l["IsTruncated"], l["NextPartNumberMarker"]), (True, 1))
    same("list uploads", [x["UploadId"] for x in c.list_multipart_uploads(Bucket="ver")["Uploads"]],
         [u])

    def complete(*parts, **more):
        return c.complete_multipart_upload(MultipartUpload={"Parts": [
            {"PartNumber": n, "ETag": e} for n, e in parts]}, **dict(kw, **more))
    refused("part order", "InvalidPartOrder", complete, (3, e2), (1, e1))
    refused("wrong part", "InvalidPart", complete, (1, e2))
    refused("absent part", "InvalidPart", complete, (2, e1))
    refused("small part", "EntityTooSmall", complete, (3, e2), (9, '"%s"' % hashlib.md5(
        b"not listed").hexdigest()))
    refused("part number", "InvalidArgument", c.upload_part, PartNumber=10001, Body=b"", **kw)
    r = complete((1, e1), (3, e2))
    want = hashlib.md5(hashlib.md5(p1).digest() + hashlib.md5(p2).digest()).hexdigest() + "-2"
    same("multipart ETag", r["ETag"], '"%s"' % want)
    check("complete version", r["VersionId"])
    g = c.get_object(Bucket="ver", Key="m p")
    same("multipart body", body(g), p1 + p2)
    same("multipart attributes",
         (g["Metadata"], g["TagCount"], g["ContentType"], g["StorageClass"]),
         ({"a": "b"}, 1, "x/y", "STANDARD_IA"))
    g = c.get_object(Bucket="ver", Key="m p", PartNumber=2)
    same("part 2", (body(g), g["PartsCount"]), (p2, 2))
    refused("part 3", 416, c.get_object, Bucket="ver", Key="m p", PartNumber=3)
    refused("completed", "NoSuchUpload", c.list_parts, **kw)
    r = c.copy_object(Bucket="ver", Key="m2", CopySource={"Bucket": "ver", "Key": "m p"})
    same("copy has a plain ETag", r["CopyObjectResult"]["ETag"],
         '"%s"' % hashlib.md5(p1 + p2).hexdigest())
    u = c.create_multipart_upload(Bucket="plain", Key="pc")["UploadId"]
    kw = dict(Bucket="plain", Key="pc", UploadId=u)
    e = [c.upload_part_copy(PartNumber=1, CopySource="ver/m2", **kw)["CopyPartResult"]["ETag"],
         c.upload_part_copy(PartNumber=2, CopySource="ver/m2", CopySourceRange="bytes=1-7", **kw)
         ["CopyPartResult"]["ETag"]]
    c.put_object(Bucket="ver", Key="tiny", Body=b"0123456789")
    e.append(c.upload_part_copy(PartNumber=4, CopySource="ver/tiny", CopySourceRange="bytes=2-4",
                                **kw)["CopyPartResult"]["ETag"])
    same("ETag of a copied range", e[2], '"%s"' % hashlib.md5(b"234").hexdigest())
    refused("range beyond", "InvalidArgument", c.upload_part_copy, PartNumber=3,
            CopySource="ver/m2", CopySourceRange="bytes=1-99999999", **kw)
    refused("part copy if-match", "PreconditionFailed", c.upload_part_copy, PartNumber=3,
            CopySource="ver/m2", CopySourceIfMatch="x", **kw)
    complete((1, e[0]), (2, e[1]), **kw)
    same("parts copied", body(c.get_object(Bucket="plain", Key="pc")), p1 + p2 + p1[1:8])
    u = c.create_multipart_upload(Bucket="plain", Key="ab")["UploadId"]
    c.upload_part(Bucket="plain", Key="ab", UploadId=u, PartNumber=1, Body=b"x")
    c.abort_multipart_upload(Bucket="plain", Key="ab", UploadId=u)
    refused("aborted", "NoSuchUpload", c.upload_part, Bucket="plain", Key="ab", UploadId=u,
            PartNumber=1, Body=b"x")
    for k in ("u/1", "u/2", "v"):
        c.create_multipart_upload(Bucket="list", Key=k)
    l = c.list_multipart_uploads(Bucket="list", Delimiter="/")
    same("uploads by delimiter", ([x["Key"] for x in l["Uploads"]],
                                  [x["Prefix"] for x in l["CommonPrefixes"]]), (["v"], ["u/"]))
    l = c.list_multipart_uploads(Bucket="list", MaxUploads=1)
    l2 = c.list_multipart_uploads(Bucket="list", KeyMarker=l["NextKeyMarker"],
                                  UploadIdMarker=l["NextUploadIdMarker"])
    same("uploads paged", [x["Key"] for x in l2["Uploads"]], ["u/2", "v"])
    u = c.create_multipart_upload(Bucket="ver", Key="once")["UploadId"]
    e = c.upload_part(Bucket="ver", Key="once", UploadId=u, PartNumber=1, Body=b"x")["ETag"]
    c.put_object(Bucket="ver", Key="once")
    q = "uploadId=" + u
    h, *_ = sign(s, "POST", "/ver/once", query=q, headers={"if-none-match": "*"})
    xml = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>%s</ETag></Part>" \
          "</CompleteMultipartUpload>" % e
    same("complete if-none-match", s.raw("POST", "/ver/once?" + q, xml, h)[0], 412)


def test_garbage(s):
    """Whatever arrives, the server stays."""
    import random
    rnd = random.Random(7)
    h, *_ = sign(s, "GET", "/plain/a")
    good = "GET /plain/a?x=1&y HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (
        s.addr, "".join("%s: %s\r\n" % kv for kv in h.items()))
    for i in range(300):
        text = bytearray(good.encode())
        for _ in range(rnd.randrange(1, 8)):
            text[rnd.randrange(len(text))] = rnd.randrange(256)
        sock = socket.create_connection((s.host, s.port), timeout=10)
        try:
            sock.sendall(text)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass
        except OSError:
            pass
        sock.close()
    for path in ("/%", "/%zz", "/%00", "/plain/%ff", "/plain/a?%=", "/plain/a?a=%f", "//", "/?&&="):
        check("garbage path " + path, s.raw("GET", path)[0] in (400, 403))
    for xml in ("", "<", "<a/>", "<Delete/>", "<Delete>" * 1000, "<!DOCTYPE x [<!ENTITY a 'b'>]>"
                "<Delete>&a;</Delete>", "<Delete><Object><Key></Key></Object></Delete>"):
        md5 = base64.b64encode(hashlib.md5(xml.encode()).digest()).decode()
        h, *_ = sign(s, "POST", "/plain", query="delete=")
        st, _, text = s.raw("POST", "/plain?delete", xml, dict(h, **{"Content-MD5": md5}))
        same("garbage XML %.20r" % xml, (st, code_of(text)), (400, "MalformedXML"))
    same("still there", s.raw("GET", "/_s3d/health")[0], 200)


def test_faults(s):
    c = s.client()
    same("health", s.raw("GET", "/_s3d/health")[2], b"ok\n")
    s.faults("op=PutObject key=f/* count=2 action=status:503:SlowDown retry-after=7\n")
    r = refused("503", "SlowDown", c.put_object, Bucket="plain", Key="f/1")
    same("retry-after", r["ResponseMetadata"]["HTTPHeaders"].get("retry-after"), "7")
    c.put_object(Bucket="plain", Key="g")
    check("remaining", b"count=1 " in s.raw("GET", "/_s3d/faults")[2])
    refused("503 again", 503, c.put_object, Bucket="plain", Key="f/1")
    c.put_object(Bucket="plain", Key="f/1", Body=b"0123456789")
    s.faults("op=PutObject skip=1 action=status:500")
    c.put_object(Bucket="plain", Key="sk")
    refused("skip", 500, c.put_object, Bucket="plain", Key="sk")
    s.faults("op=HeadObject action=latency:300")
    t = time.time()
    c.head_object(Bucket="plain", Key="f/1")
    check("latency", 0.28 < time.time() - t < 3)

    def breaks(name, fn, **kw):
        try:
            fn(**kw)
            check(name, False, "no error")
        except ClientError as e:
            check(name, False, repr(e))
        except Exception:
            check(name, True)
    s.faults("op=PutObject action=reset")
    breaks("reset", c.put_object, Bucket="plain", Key="rs")
    refused("reset does nothing", 404, c.head_object, Bucket="plain", Key="rs")
    s.faults("op=PutObject action=reset-after")
    breaks("reset-after", c.put_object, Bucket="plain", Key="ra", Body=b"1")
    same("reset-after did it", body(c.get_object(Bucket="plain", Key="ra")), b"1")
    s.faults("op=GetObject action=truncate")
    breaks("truncate", lambda: body(c.get_object(Bucket="plain", Key="f/1")))
    s.faults("op=PutObject action=wrong-etag")
    e = c.put_object(Bucket="plain", Key="we", Body=b"1")["ETag"]
    check("wrong etag", e != '"%s"' % hashlib.md5(b"1").hexdigest() and len(e) == 34)
    s.faults("op=PutObject action=drop-etag")
    check("drop etag", "ETag" not in c.put_object(Bucket="plain", Key="we", Body=b"1"))
    s.faults("op=CopyObject action=error200")
    h, *_ = sign(s, "PUT", "/plain/cc", headers={"x-amz-copy-source": "plain/we"})
    st, _, text = s.raw("PUT", "/plain/cc", headers=h)
    same("error200", (st, code_of(text)), (200, "InternalError"))
    s.faults("op=CopyObject action=wrong-etag")
    check("wrong etag in XML", hashlib.md5(b"1").hexdigest() not in c.copy_object(
        Bucket="plain", Key="cc", CopySource="plain/we")["CopyObjectResult"]["ETag"])
    s.faults("op=GetObject count=-1 action=stall")
    done = []
    th = threading.Thread(target=lambda: done.append(body(c.get_object(Bucket="plain", Key="we"))))
    th.start()
    time.sleep(0.5)
    check("stalled", not done)
    s.raw("DELETE", "/_s3d/faults")
    th.join(5)
    same("stall cleared", done, [b"1"])
    same("bad rule", s.raw("PUT", "/_s3d/faults", "what=1")[0], 400)
    same("cleared", s.raw("GET", "/_s3d/faults")[2], b"")


def test_log(s):
    c = s.client()
    before = s.count(r" PutObject plain log/%C3%BC 200 5 0 [0-9A-F]+ ")
    c.put_object(Bucket="plain", Key="log/\u00fc", Body=b"12345")
    same("log line", s.count(r"^\d{13} PUT PutObject plain log/%C3%BC 200 5 0 [0-9A-F]{16} - \d{16}$"),
         before + 1)
    c.get_object(Bucket="plain", Key="log/\u00fc")["Body"].read()
    same("log GET", s.count(r" GET GetObject plain log/%C3%BC 200 0 5 "), 1)
    check("log of lists", s.count(r" ListObjectsV2 list - 200 .*list-type=2") > 3)
    check("log fields", all(len(l.split(" ")) == 11 and l.isascii() for l in open(s.log)))


def test_concurrency(s):
    errors, data = [], os.urandom(4096)

    def work(n):
        try:
            c = clients[n % 8]
            for i in range(12):
                c.put_object(Bucket="par", Key="k%d" % (i % 4), Body=data + b"%d" % n)
                body(c.get_object(Bucket="par", Key="k%d" % (i % 4)))
                c.put_object(Bucket="par", Key="own/%d/%d" % (n, i), Body=data)
                c.list_objects_v2(Bucket="par", MaxKeys=5)
        except Exception as e:
            errors.append(e)
    clients = [s.client() for _ in range(8)]
    threads = [threading.Thread(target=work, args=(n,)) for n in range(64)]
    t = time.time()
    for th in threads:
        th.start()
    for th in threads:
        th.join()
    same("64 connections", errors, [])
    c = s.client()
    n = sum(len(p.get("Versions", [])) for p in
            c.get_paginator("list_object_versions").paginate(Bucket="par"))
    same("no version lost", n, 64 * 24)
    latest = [v for p in c.get_paginator("list_object_versions").paginate(Bucket="par", Prefix="k")
              for v in p["Versions"] if v["IsLatest"]]
    same("one latest each", len(latest), 4)
    # only one of many may create
    wins = []

    def race():
        h, *_ = sign(s, "PUT", "/ver/race", headers={"if-none-match": "*"})
        wins.append(s.raw("PUT", "/ver/race", b"x", h)[0])
    threads = [threading.Thread(target=race) for _ in range(16)]
    for th in threads:
        th.start()
    for th in threads:
        th.join()
    same("one winner", sorted(wins), [200] + [412] * 15)


def test_restart(s):
    c = s.client()
    v = c.put_object(Bucket="ver", Key="stay", Body=b"x" * 300000)["VersionId"]
    same("stops cleanly", s.stop(), 0)
    s.start()
    c = s.client()
    g = c.get_object(Bucket="ver", Key="stay")
    same("state survives", (len(body(g)), g["VersionId"]), (300000, v))
    s.proc.kill()
    s.proc.wait()
    s.start()
    same("after kill -9", len(body(s.client().get_object(Bucket="ver", Key="stay"))), 300000)


def test_other_servers():
    s = Server("--region", "eu-west-1", keys="AK:SK:1")
    c = s.client(region="eu-west-1")
    refused("constraint needed", "IllegalLocationConstraintException", c.create_bucket,
            Bucket="eee")
    c.create_bucket(Bucket="eee", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    same("location", c.get_bucket_location(Bucket="eee")["LocationConstraint"], "eu-west-1")
    refused("owned", "BucketAlreadyOwnedByYou", c.create_bucket, Bucket="eee",
            CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s.stop()
    shutil.rmtree(s.dir)
    p = subprocess.run([S3D, "--dir", "/tmp/no", "--listen", "0.0.0.0:0", "--key", "a:b"],
                       stderr=subprocess.PIPE)
    same("loopback only", p.returncode, 2)
    p = subprocess.run([S3D, "--help"], stdout=subprocess.PIPE)
    check("help fits", p.returncode == 0 and p.stdout.count(b"\n") < 25)
    d = tempfile.mkdtemp()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", d + "/k", "-out", d + "/c"], check=True, stderr=subprocess.DEVNULL)
    s = Server("--tls-cert", d + "/c", "--tls-key", d + "/k", "--create", "tls", keys="AK:SK:1")
    c = s.client(scheme="https", verify=d + "/c")
    data = os.urandom(1000000)
    c.put_object(Bucket="tls", Key="x", Body=data)
    same("TLS", body(c.get_object(Bucket="tls", Key="x")), data)
    s.stop()
    shutil.rmtree(s.dir)
    shutil.rmtree(d)


def main():
    s = Server(*[x for b in ("plain", "ver:versioned", "odd:versioned", "susp", "page:versioned",
                             "list", "par:versioned", "locked:lock", "faraway:region=eu-west-1")
                 for x in ("--create", b)])
    try:
        for test in (test_auth, test_integrity, test_expect, test_buckets, test_objects,
                     test_versions, test_lists, test_tags, test_acl_lock, test_copy, test_multipart,
                     test_multipart_checksums,
                     test_garbage, test_faults, test_log, test_concurrency, test_restart):
            try:
                test(s)
            except Exception as e:
                check(test.__name__, False, "%s: %r" % (type(e).__name__, e))
                if s.proc.poll() is not None:
                    print("the server died:", s.proc.returncode)
                    break
        same("last stop", s.stop(), 0)
        test_other_servers()
    finally:
        if s.proc.poll() is None:
            s.proc.kill()
        shutil.rmtree(s.dir, ignore_errors=True)
    print("%d passed, %d failed" % (counts["passed"], counts["failed"]))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
