#!/usr/bin/python3
"""What the tests of replication need of s3d: S3D=/path/to/s3d /usr/bin/python3 selftest_replication.py"""
import base64, datetime, hashlib, shutil, sys, urllib.parse, uuid, zlib

from selftest import Server, body, check, code_of, counts, refused, same, sign

KEY1 = "arn:aws:kms:us-east-1:111122223333:key/11111111-aaaa"
KEY2 = "arn:aws:kms:us-east-1:111122223333:key/22222222-bbbb"


def settings(s, text, status=200):
    got, _, answer = s.raw("PUT", "/_s3d/settings", text)
    same("settings " + text, got, status)
    return answer.decode()


def md5(data):
    return '"%s"' % hashlib.md5(data).hexdigest()


def multipart(c, parts, key="mp", bucket="ver", part_args={}, **kw):
    u = c.create_multipart_upload(Bucket=bucket, Key=key, **kw)["UploadId"]
    done = [{"PartNumber": n, "ETag": c.upload_part(
        Bucket=bucket, Key=key, UploadId=u, PartNumber=n, Body=p, **part_args)["ETag"]}
        for n, p in enumerate(parts, 1)]
    return c.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=u,
                                       MultipartUpload={"Parts": done})


def test_lacking(s):
    c = s.client()
    kw = dict(Bucket="ver", Key="l")
    c.put_object(Body=b"1", **kw)
    u = c.create_multipart_upload(**kw)["UploadId"]
    until = datetime.datetime(2099, 1, 1)
    crc = base64.b64encode(zlib.crc32(b"x").to_bytes(4, "big")).decode()
    for feature, code, fn, args in (
            ("versioning", "NotImplemented", c.get_bucket_versioning, dict(Bucket="ver")),
            ("versioning", "NotImplemented", c.list_object_versions, dict(Bucket="ver")),
            ("tagging", "NotImplemented", c.put_object, dict(kw, Tagging="a=b")),
            ("tagging", "NotImplemented", c.create_multipart_upload, dict(kw, Tagging="a=b")),
            ("tagging", "NotImplemented", c.get_object_tagging, kw),
            ("acl", "AccessControlListNotSupported", c.put_object, dict(kw, ACL="public-read")),
            ("acl", "AccessControlListNotSupported", c.put_object_acl, dict(kw, ACL="private")),
            ("lock", "NotImplemented", c.get_object_lock_configuration, dict(Bucket="ver")),
            ("lock", "NotImplemented", c.get_object_retention, kw),
            ("lock", "NotImplemented", c.put_object, dict(kw, ObjectLockLegalHoldStatus="ON")),
            ("classes", "InvalidStorageClass", c.put_object, dict(kw, StorageClass="GLACIER")),
            ("classes", "InvalidStorageClass", c.create_multipart_upload,
             dict(kw, StorageClass="STANDARD_IA")),
            ("multipart", "NotImplemented", c.create_multipart_upload, kw),
            ("multipart", "NotImplemented", c.upload_part, dict(kw, UploadId=u, PartNumber=1)),
            ("multipart", "NotImplemented", c.list_multipart_uploads, dict(Bucket="ver")),
            ("partcopy", "NotImplemented", c.upload_part_copy,
             dict(kw, UploadId=u, PartNumber=1, CopySource="ver/l")),
            ("encryption", "NotImplemented", c.put_object, dict(kw, ServerSideEncryption="AES256")),
            ("encryption", "NotImplemented", c.get_bucket_encryption, dict(Bucket="ver"))):
        settings(s, "without=%s bucket=ver" % feature)
        refused("without %s: %s" % (feature, fn.__name__), code, fn, **args)
    settings(s, "without=acl bucket=ver")
    c.put_object(ACL="bucket-owner-full-control", **kw)
    c.put_object_acl(ACL="bucket-owner-full-control", **kw)
    same("ACLs off: owner only", [g["Permission"] for g in c.get_object_acl(**kw)["Grants"]],
         ["FULL_CONTROL"])
    owner = c.get_object_acl(**kw)["Owner"]["ID"]
    c.put_object_acl(AccessControlPolicy={"Owner": {"ID": owner}, "Grants": [
        {"Grantee": {"Type": "CanonicalUser", "ID": owner}, "Permission": "FULL_CONTROL"}]}, **kw)
    check("ACLs off: the same in XML", True)
    settings(s, "without=checksum bucket=ver")
    c.put_object(Body=b"y", ChecksumCRC32=crc, **kw)
    check("checksum ignored", "ChecksumCRC32" not in c.head_object(ChecksumMode="ENABLED", **kw))
    settings(s, "without=conditional bucket=ver")
    h, *_ = sign(s, "PUT", "/ver/l", headers={"if-none-match": "*"})
    same("condition ignored", s.raw("PUT", "/ver/l", b"z", h)[0], 200)
    settings(s, "without=tagging,classes bucket=ver")
    refused("two: tagging", "NotImplemented", c.get_object_tagging, **kw)
    refused("two: classes", "InvalidStorageClass", c.put_object, StorageClass="GLACIER", **kw)
    c.put_object_tagging(Bucket="other", Key=c.put_object(Bucket="other", Key="o") and "o",
                         Tagging={"TagSet": []})
    check("the other bucket can", True)
    settings(s, "without= bucket=ver")
    c.put_object(Tagging="a=b", ACL="public-read", StorageClass="STANDARD_IA", **kw)
    refused("checksum heeded again", "BadDigest", c.put_object, Body=b"y", ChecksumCRC32=crc, **kw)
    h, *_ = sign(s, "PUT", "/ver/l", headers={"if-none-match": "*"})
    same("condition heeded again", s.raw("PUT", "/ver/l", b"z", h)[0], 412)
    refused("lock: bucket without", "InvalidRequest", c.put_object, ObjectLockMode="GOVERNANCE",
            ObjectLockRetainUntilDate=until, **kw)
    c.abort_multipart_upload(UploadId=u, **kw)
    settings(s, "without=versioning bucket=gone")
    r = c.put_object(Bucket="gone", Key="k")
    check("no version id", "VersionId" not in r)
    check("no marker", "DeleteMarker" not in c.delete_object(Bucket="gone", Key="k"))
    settings(s, "without=lock,multipart")
    refused("everywhere", "NotImplemented", c.create_multipart_upload, Bucket="plain", Key="m")
    c.create_multipart_upload(**kw)
    check("own line of the bucket wins", True)
    settings(s, "without=")
    settings(s, "without=teleport bucket=ver", 400)
    settings(s, "bucket=ver", 400)
    check("shown", b"without=versioning bucket=gone\n" in s.raw("GET", "/_s3d/settings")[2])
    t = Server("--create", "b", "--without", "tagging,acl")
    refused("by option", "NotImplemented", t.client().put_object, Bucket="b", Key="k",
            Tagging="a=b")
    t.stop()
    shutil.rmtree(t.dir)


def test_accounts(s):
    c, other = s.client(), s.client("AK2", "SK2")
    c.put_object(Bucket="ver", Key="a", Body=b"1")
    for fn, kw in ((c.get_object, {}), (c.put_object, {}), (c.head_object, {}),
                   (c.delete_object, {}), (c.create_multipart_upload, {}),
                   (c.put_object_acl, {"ACL": "private"}),
                   (c.put_object_tagging, {"Tagging": {"TagSet": []}}),
                   (c.copy_object, {"CopySource": "ver/a"})):
        refused("expected owner: " + fn.__name__, 403, fn, Bucket="ver", Key="a",
                ExpectedBucketOwner="444455556666", **kw)
    refused("expected owner: list", "AccessDenied", c.list_objects_v2, Bucket="ver",
            ExpectedBucketOwner="444455556666")
    c.get_object(Bucket="ver", Key="a", ExpectedBucketOwner="111122223333")
    third = hashlib.sha256(b"777788889999").hexdigest()
    c.put_object(Bucket="ver", Key="a", GrantRead='id="%s"' % third)
    same("account without a key", [g["Grantee"]["ID"] for g in c.get_object_acl(
        Bucket="ver", Key="a")["Grants"]], [third])
    c.put_bucket_acl(Bucket="other", GrantWrite='id="%s"' % hashlib.sha256(b"444455556666")
                     .hexdigest(), GrantFullControl='id="%s"' % hashlib.sha256(b"111122223333")
                     .hexdigest())
    other.put_object(Bucket="other", Key="theirs", Body=b"t")
    refused("theirs is theirs", "AccessDenied", c.get_object, Bucket="other", Key="theirs")
    other.put_object(Bucket="other", Key="theirs", Body=b"t", ACL="bucket-owner-full-control")
    same("full control for the bucket's owner", body(c.get_object(Bucket="other", Key="theirs")),
         b"t")
    same("owner of the object", c.get_object_acl(Bucket="other", Key="theirs")["Owner"]["ID"],
         hashlib.sha256(b"444455556666").hexdigest())
    settings(s, "without=acl bucket=other")
    other.put_object(Bucket="other", Key="ours", Body=b"t")
    same("owner enforced", c.get_object_acl(Bucket="other", Key="ours")["Owner"]["ID"],
         hashlib.sha256(b"111122223333").hexdigest())
    settings(s, "without= bucket=other")


def test_kms(s):
    c = s.client()
    kw = dict(Bucket="ver", Key="k", Body=b"x")
    kms = dict(ServerSideEncryption="aws:kms", SSEKMSKeyId=KEY1)
    r = c.put_object(**kw, **kms)
    same("key told", r["SSEKMSKeyId"], KEY1)
    check("no MD5", r["ETag"] != md5(b"x") and len(r["ETag"]) == 34)
    h = c.head_object(Bucket="ver", Key="k")
    same("HEAD tells", (h["ServerSideEncryption"], h["SSEKMSKeyId"], h["ETag"]),
         ("aws:kms", KEY1, r["ETag"]))
    same("key by its id", c.put_object(ServerSideEncryption="aws:kms", SSEKMSKeyId="22222222-bbbb",
                                       **kw)["SSEKMSKeyId"], KEY2)
    check("the server's own key", "alias/aws/s3" in c.put_object(
        ServerSideEncryption="aws:kms", **kw)["SSEKMSKeyId"])
    refused("unknown key", "KMS.NotFoundException", c.put_object, ServerSideEncryption="aws:kms",
            SSEKMSKeyId=KEY1 + "x", **kw)
    refused("key without kms", "InvalidArgument", c.put_object, SSEKMSKeyId=KEY1, **kw)
    c.put_object(**kw, **kms)
    settings(s, "kms-key=%s state=disabled" % KEY1)
    refused("disabled key", "KMS.DisabledException", c.put_object, **kw, **kms)
    refused("disabled: read", "KMS.DisabledException", c.get_object, Bucket="ver", Key="k")
    refused("disabled: upload", "KMS.DisabledException", c.create_multipart_upload, Bucket="ver",
            Key="k", **kms)
    settings(s, "kms-key=%s state=enabled" % KEY1)
    same("enabled again", body(c.get_object(Bucket="ver", Key="k")), b"x")
    settings(s, "kms-key=%s state=broken" % KEY1, 400)
    parts = [b"p" * (5 << 20), b"q"]
    r = multipart(c, parts, **kms)
    same("multipart tells", r["SSEKMSKeyId"], KEY1)
    digest = hashlib.md5(b"".join(hashlib.md5(p).digest() for p in parts)).hexdigest()
    check("multipart: no MD5", r["ETag"].endswith('-2"') and digest not in r["ETag"])
    same("bytes", body(c.get_object(Bucket="ver", Key="mp")), b"".join(parts))
    r = c.copy_object(Bucket="ver", Key="c", CopySource="ver/k")
    same("copy is as its own request says", r["CopyObjectResult"]["ETag"], md5(b"x"))
    check("copy is plain", "ServerSideEncryption" not in c.head_object(Bucket="ver", Key="c"))
    c.put_bucket_encryption(Bucket="enc", ServerSideEncryptionConfiguration={"Rules": [{
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY2},
        "BucketKeyEnabled": True}]})
    for name, r in (("put", c.put_object(Bucket="enc", Key="d", Body=b"x")),
                    ("copy", c.copy_object(Bucket="enc", Key="d", CopySource="ver/k")),
                    ("upload", multipart(c, [b"x"], key="d", bucket="enc"))):
        same("default key: " + name, (r["ServerSideEncryption"], r["SSEKMSKeyId"],
                                      r["BucketKeyEnabled"]), ("aws:kms", KEY2, True))
    r = c.put_object(Bucket="enc", Key="d", Body=b"x", ServerSideEncryption="AES256")
    same("headers win over the default", (r["ServerSideEncryption"], r["ETag"]),
         ("AES256", md5(b"x")))
    refused("bad default", "MalformedXML", c.put_bucket_encryption, Bucket="enc",
            ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": {
                "SSEAlgorithm": "rot13"}}]})
    c.delete_bucket_encryption(Bucket="enc")
    check("no default", "ServerSideEncryption" not in c.put_object(Bucket="enc", Key="d"))


def test_customer_key(s):
    c = s.client()
    kw = dict(Bucket="ver", Key="s")
    sse = dict(SSECustomerAlgorithm="AES256", SSECustomerKey="k" * 32)
    wrong = dict(SSECustomerAlgorithm="AES256", SSECustomerKey="w" * 32)
    r = c.put_object(Body=b"x", **kw, **sse)
    same("told", r["SSECustomerAlgorithm"], "AES256")
    check("no MD5", r["ETag"] != md5(b"x"))
    refused("HEAD without the key", 400, c.head_object, **kw)
    r = refused("GET without the key", "InvalidRequest", c.get_object, **kw)
    check("its words", "was stored using a form of Server Side Encryption" in
          r["Error"]["Message"])
    refused("attributes without the key", "InvalidRequest", c.get_object_attributes,
            ObjectAttributes=["ETag"], **kw)
    refused("wrong key", "AccessDenied", c.get_object, **kw, **wrong)
    same("right key", body(c.get_object(**kw, **sse)), b"x")
    same("HEAD with it", c.head_object(**kw, **sse)["ContentLength"], 1)
    c.put_object(Bucket="ver", Key="plain", Body=b"p")
    refused("needless key", "InvalidRequest", c.get_object, Bucket="ver", Key="plain", **sse)
    refused("copy without the key", "InvalidRequest", c.copy_object, Bucket="ver", Key="s2",
            CopySource="ver/s")
    c.copy_object(Bucket="ver", Key="s2", CopySource="ver/s", CopySourceSSECustomerKey="k" * 32,
                  CopySourceSSECustomerAlgorithm="AES256")
    same("copied to plain", c.get_object(Bucket="ver", Key="s2")["ETag"], md5(b"x"))
    refused("two ways", "InvalidArgument", c.put_object, ServerSideEncryption="AES256", **kw, **sse)
    refused("short key", "InvalidArgument", c.put_object, **kw,
            SSECustomerAlgorithm="AES256", SSECustomerKey="short")
    multipart(c, [b"m"], key="s", part_args=sse, **sse)
    same("multipart", body(c.get_object(**kw, **sse)), b"m")
    u = c.create_multipart_upload(**kw, **sse)["UploadId"]
    up = dict(kw, UploadId=u, PartNumber=1, Body=b"x")
    refused("part without the key", "InvalidRequest", c.upload_part, **up)
    refused("part with another", "InvalidRequest", c.upload_part, **up, **wrong)
    c.put_object_tagging(Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}, **kw)
    check("tags need no key", True)


def test_status(s):
    c = s.client()
    v = c.put_object(Bucket="ver", Key="r")["VersionId"]
    c.put_object(Bucket="ver", Key="r")
    settings(s, "replication-status=FAILED bucket=ver key=r version=" + v)
    same("status of a version", c.head_object(Bucket="ver", Key="r", VersionId=v)
         ["ReplicationStatus"], "FAILED")
    check("the other has none", "ReplicationStatus" not in c.head_object(Bucket="ver", Key="r"))
    settings(s, "replication-status=REPLICA bucket=ver key=r")
    same("current version", c.get_object(Bucket="ver", Key="r")["ReplicationStatus"], "REPLICA")
    c.copy_object(Bucket="ver", Key="r2", CopySource="ver/r")
    check("a copy has none", "ReplicationStatus" not in c.head_object(Bucket="ver", Key="r2"))
    settings(s, "replication-status= bucket=ver key=r")
    check("taken away", "ReplicationStatus" not in c.head_object(Bucket="ver", Key="r"))
    settings(s, "replication-status=X bucket=ver key=none", 400)


def test_deny(s):
    c = s.client()
    kw = dict(Bucket="ver", Key="d")
    c.put_object(**kw)
    for op, fn, args in (("PutObject", c.put_object, kw),
                         ("PutObjectTagging", c.put_object_tagging,
                          dict(kw, Tagging={"TagSet": []})),
                         ("PutObjectAcl", c.put_object_acl, dict(kw, ACL="private")),
                         ("DeleteObject", c.delete_object, kw),
                         ("CreateMultipartUpload", c.create_multipart_upload, kw),
                         ("GetObject", c.get_object, kw), ("HeadObject", c.head_object, kw),
                         ("GetObjectTagging", c.get_object_tagging, kw),
                         ("GetObjectAcl", c.get_object_acl, kw),
                         ("ListObjectVersions", c.list_object_versions, dict(Bucket="ver")),
                         ("GetBucketVersioning", c.get_bucket_versioning, dict(Bucket="ver"))):
        s.faults("op=%s bucket=ver action=deny" % op)
        refused("denied " + op, 403, fn, **args)
        refused("still denied " + op, 403, fn, **args)
    s.faults("op=PutObjectTagging action=deny name=t\nop=PutObjectAcl action=deny name=a")
    refused("tags in the header", "AccessDenied", c.put_object, Tagging="a=b", **kw)
    refused("ACL in the header", "AccessDenied", c.create_multipart_upload, ACL="private", **kw)
    c.put_object(**kw)
    s.raw("DELETE", "/_s3d/faults?name=t")
    c.put_object(Tagging="a=b", **kw)
    refused("the other stays", "AccessDenied", c.put_object, ACL="private", **kw)
    s.raw("DELETE", "/_s3d/faults")
    c.put_object(ACL="private", **kw)
    check("allowed again", True)


def test_parts(s):
    c = s.client()
    multipart(c, [b"p" * (5 << 20), b"q"], key="np")
    h = c.head_object(Bucket="ver", Key="np", PartNumber=2)
    same("HEAD of a part", (h["ContentLength"], h["PartsCount"]), (1, 2))
    check("not without asking", "PartsCount" not in c.head_object(Bucket="ver", Key="np"))
    refused("no such part", 416, c.head_object, Bucket="ver", Key="np", PartNumber=3)
    c.put_object(Bucket="ver", Key="one", Body=b"1")
    h = c.head_object(Bucket="ver", Key="one", PartNumber=1)
    check("not multipart", "PartsCount" not in h and h["ContentLength"] == 1)


def test_minio(_):
    s = Server("--minio", "--create", "m:versioned", "--create", "plain")
    c = s.client()

    def send(method, path, query=None, data=b"", **headers):
        q = urllib.parse.urlencode(sorted((query or {}).items()))
        h, *_ = sign(s, method, path, query=q, headers={k.replace("_", "-"): v for k, v in
                                                        headers.items()})
        return s.raw(method, path + ("?" + q if q else ""), data, h)

    def history(key="k"):
        l = c.list_object_versions(Bucket="m", Prefix=key)
        both = l.get("Versions", []) + l.get("DeleteMarkers", [])
        return [v["VersionId"] for v in sorted(both, key=lambda v: v["LastModified"],
                                               reverse=True)], \
            [v["VersionId"] for v in both if v["IsLatest"]]
    same("server", s.raw("GET", "/m")[1]["Server"], "MinIO")
    v = c.put_object(Bucket="m", Key="own")["VersionId"]
    same("ids are UUIDs", str(uuid.UUID(v)), v)
    new, old, mid, mark = [str(uuid.uuid4()) for _ in range(4)]
    replica = dict(x_amz_replication_status="REPLICA", x_minio_source_replication_request="true")
    st, hd, _ = send("PUT", "/m/k", {"versionId": new}, b"new",
                     x_minio_source_mtime="2020-01-02T03:04:05.678901234Z",
                     x_minio_source_etag="0123456789abcdef0123456789abcdef", **replica)
    same("id is taken", (st, hd["x-amz-version-id"]), (200, new))
    same("ETag is taken", hd["ETag"], '"0123456789abcdef0123456789abcdef"')
    h = c.head_object(Bucket="m", Key="k")
    same("mark", h["ReplicationStatus"], "REPLICA")
    same("time", h["LastModified"].isoformat(), "2020-01-02T03:04:05+00:00")
    st, hd, _ = send("PUT", "/m/k", {"versionId": old}, b"old", x_minio_source_mtime=
                     "2020-01-02T03:04:05.678901233Z", **replica)
    same("an older one later", (st, c.get_object(Bucket="m", Key="k")["VersionId"]), (200, new))
    same("history by time", history(), ([new, old], [new]))
    st, _, text = send("PUT", "/m/k", {"versionId": new}, b"new", x_minio_source_etag=
                       "0123456789abcdef0123456789abcdef", **replica)
    same("duplicate", (st, code_of(text)), (412, "PreconditionFailed"))
    st, _, text = send("POST", "/m/k", {"versionId": new, "uploads": ""}, x_minio_source_etag=
                       "0123456789abcdef0123456789abcdef", **replica)
    same("duplicate upload", (st, code_of(text)), (412, "PreconditionFailed"))
    st, _, _ = send("PUT", "/m/k", {"versionId": old}, b"OLD", x_minio_source_mtime=
                    "2020-01-02T03:04:05.678901233Z", **replica)
    same("without an ETag it is written again", (st, history()[0]), (200, [new, old]))
    st, _, text = send("POST", "/m/k", {"versionId": mid, "uploads": ""}, **replica)
    u = text.split(b"<UploadId>")[1].split(b"<")[0].decode()
    e = c.upload_part(Bucket="m", Key="k", UploadId=u, PartNumber=1, Body=b"mid")["ETag"]
    xml = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>%s</ETag></Part>" \
          "</CompleteMultipartUpload>" % e
    st, hd, _ = send("POST", "/m/k", {"uploadId": u}, xml, x_minio_source_mtime=
                     "2020-01-01T00:00:00Z", x_minio_source_replication_request="true")
    same("upload: id", (st, hd["x-amz-version-id"]), (200, mid))
    same("upload: time is given at the end", history(), ([new, old, mid], [new]))
    st, hd, _ = send("DELETE", "/m/k", {"versionId": mark}, x_minio_source_deletemarker="true",
                     x_minio_source_mtime="2020-01-01T12:00:00Z", **replica)
    same("marker of this id", (st, hd["x-amz-version-id"], hd["x-amz-delete-marker"]),
         (204, mark, "true"))
    same("in its place", history(), ([new, old, mark, mid], [new]))
    send("DELETE", "/m/k", {"versionId": mark}, x_minio_source_deletemarker="true",
         x_minio_source_mtime="2021-01-01T12:00:00Z", **replica)
    same("again, later: one marker, the latest", history(), ([mark, new, old, mid], [mark]))
    c.delete_object(Bucket="m", Key="k", VersionId=mark)
    same("removed for good", history(), ([new, old, mid], [new]))
    v = c.put_object(Bucket="m", Key="k")["VersionId"]
    same("an ordinary one is the newest", history()[0][0], v)
    st, _, text = send("PUT", "/m/k", {"versionId": "null"}, b"n", x_minio_source_mtime=
                       "2019-01-01T00:00:00Z", **replica)
    same("null", (st, history()[0][-1]), (200, "null"))
    same("no UUID", code_of(send("PUT", "/m/k", {"versionId": "x" * 32})[2]), "InvalidArgument")
    same("no versioning", code_of(send("PUT", "/plain/k", {"versionId": new})[2]),
         "InvalidArgument")
    same("bad time", code_of(send("PUT", "/m/k", None, b"", x_minio_source_mtime="now")[2]),
         "InvalidArgument")
    pages, seen = c.get_paginator("list_object_versions").paginate(
        Bucket="m", Prefix="k", PaginationConfig={"PageSize": 1}), []
    for p in pages:
        seen += [x["VersionId"] for x in p.get("Versions", [])]
    same("paged in the order of time", seen, [v, new, old, mid, "null"])
    s.stop()
    shutil.rmtree(s.dir)


def test_no_version_id(s):
    q = "versionId=" + str(uuid.uuid4())
    h, *_ = sign(s, "PUT", "/ver/k", query=q)
    st, _, text = s.raw("PUT", "/ver/k?" + q, b"x", h)
    same("PUT of a version id", (st, code_of(text)), (400, "InvalidArgument"))
    h, *_ = sign(s, "PUT", "/ver/k", headers={"x-amz-replication-status": "REPLICA",
                                              "x-minio-source-mtime": "2020-01-01T00:00:00Z"})
    s.raw("PUT", "/ver/k", b"x", h)
    g = s.client().head_object(Bucket="ver", Key="k")
    check("others do not heed MinIO's headers", "ReplicationStatus" not in g and
          g["LastModified"].year > 2020)


def md5_header(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def test_lock(s):
    c = s.client()
    kw = dict(Bucket="locked", Key="l", Body=b"x")
    until = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + \
        datetime.timedelta(days=9)
    lock = dict(ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until,
                ObjectLockLegalHoldStatus="ON")

    def put_without_digest(path, query="", **headers):
        h, *_ = sign(s, "PUT", path, query=query, headers=headers)
        status, _, text = s.raw("PUT", path + "?" + query, b"x", h)
        return status, b"Content-MD5 OR x-amz-checksum-" in text
    same("digest needed", put_without_digest("/locked/l", **{"x-amz-object-lock-legal-hold": "ON"}),
         (400, True))
    c.put_object(ContentMD5=md5_header(b"x"), **kw, **lock)

    def locks(key="l"):
        h = c.head_object(Bucket="locked", Key=key)
        return [h.get("ObjectLock" + n) for n in ("Mode", "RetainUntilDate", "LegalHoldStatus")]
    same("PUT", locks(), ["GOVERNANCE", until, "ON"])
    c.copy_object(Bucket="locked", Key="copy", CopySource="locked/l", **lock)
    same("copy", locks("copy"), ["GOVERNANCE", until, "ON"])
    c.copy_object(Bucket="locked", Key="copy", CopySource="locked/l")
    same("a copy has its own lock", locks("copy"), [None] * 3)
    u = c.create_multipart_upload(Bucket="locked", Key="up", **lock)["UploadId"]
    same("part: digest needed", put_without_digest("/locked/up", "partNumber=1&uploadId=" + u),
         (400, True))
    e = c.upload_part(Bucket="locked", Key="up", UploadId=u, PartNumber=1, Body=b"x",
                      ContentMD5=md5_header(b"x"))["ETag"]
    c.complete_multipart_upload(Bucket="locked", Key="up", UploadId=u, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": e}]})
    same("upload", locks("up"), ["GOVERNANCE", until, "ON"])
    r = refused("no lock in this bucket", "InvalidRequest", c.create_multipart_upload,
                Bucket="ver", Key="k", **lock)
    same("its words", r["Error"]["Message"], "Bucket is missing Object Lock Configuration")
    refused("no lock: retention", "InvalidRequest", c.put_object_retention, Bucket="ver", Key="k",
            Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until})
    refused("past", "InvalidArgument", c.put_object, ContentMD5=md5_header(b"x"), **kw,
            ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=datetime.datetime(2000, 1, 1))
    refused("half", "InvalidArgument", c.put_object, ContentMD5=md5_header(b"x"), **kw,
            ObjectLockMode="GOVERNANCE")
    xml = b"<LegalHold><Status>ON</Status></LegalHold>"
    h, *_ = sign(s, "PUT", "/locked/l", query="legal-hold=")
    same("legal hold: digest needed", s.raw("PUT", "/locked/l?legal-hold", xml, h)[0], 400)
    c.put_object_lock_configuration(Bucket="locked", ObjectLockConfiguration={
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}}})
    same("default: digest needed", put_without_digest("/locked/l"), (400, True))
    v = c.put_object(ContentMD5=md5_header(b"x"), **kw)["VersionId"]
    same("default", [locks()[0], locks()[1] < until, locks()[2]], ["GOVERNANCE", True, None])
    c.put_object(ContentMD5=md5_header(b"x"), ObjectLockLegalHoldStatus="ON", **kw)
    same("default beside a hold", locks()[::2], ["GOVERNANCE", "ON"])
    c.put_object(ContentMD5=md5_header(b"x"), **kw, **lock)
    same("headers win", locks()[1], until)
    refused("retained", "AccessDenied", c.delete_object, Bucket="locked", Key="l", VersionId=v)
    refused("suspend", "InvalidBucketState", c.put_bucket_versioning, Bucket="locked",
            VersioningConfiguration={"Status": "Suspended"})


def rule(**kw):
    r = {"ID": "a", "Priority": 1, "Status": "Enabled", "Filter": {"Prefix": ""},
         "DeleteMarkerReplication": {"Status": "Disabled"},
         "Destination": {"Bucket": "arn:aws:s3:::dst"}}
    r.update(kw)
    return {k: v for k, v in r.items() if v is not None}


def v1(prefix, n=0, **kw):
    return rule(ID="v1-%d" % n, Filter=None, Priority=None, DeleteMarkerReplication=None,
                Prefix=prefix, **kw)


def dest(**kw):
    return rule(Destination=dict({"Bucket": "arn:aws:s3:::dst"}, **kw))


def test_replication(s):
    c = s.client()
    rtc = {"Status": "Enabled", "Time": {"Minutes": 15}}
    metrics = {"Status": "Enabled", "EventThreshold": {"Minutes": 15}}
    kms = {"SseKmsEncryptedObjects": {"Status": "Enabled"}}
    tag = {"Key": "a", "Value": "b"}

    def put(*rules, role="arn:aws:iam::111122223333:role/r", bucket="ver"):
        c.put_bucket_replication(Bucket=bucket, ReplicationConfiguration={
            "Role": role, "Rules": list(rules)})
    full = rule(
        Filter={"And": {"Prefix": "Tax/", "Tags": [tag, {"Key": "c", "Value": ""}]}},
        SourceSelectionCriteria=dict(kms, ReplicaModifications={"Status": "Disabled"}),
        Destination={"Bucket": "arn:aws:s3:::dst", "Account": "444455556666",
                     "StorageClass": "STANDARD_IA", "AccessControlTranslation": {
                         "Owner": "Destination"}, "EncryptionConfiguration": {
                             "ReplicaKmsKeyID": KEY1}, "ReplicationTime": rtc, "Metrics": metrics})
    for name, rules in (
            ("full", [full]), ("empty filter", [rule(Filter={})]), ("one tag", [rule(
                Filter={"Tag": tag})]), ("V1", [v1("a/"), v1("b/", 1)]),
            ("two destinations", [rule(), rule(ID="b", Priority=2, Destination={
                "Bucket": "arn:aws:s3:::dst2"})]), ("elsewhere", [rule(Destination={
                    "Bucket": "arn:aws:s3:::on-another-server"})]),
            ("markers", [rule(DeleteMarkerReplication={"Status": "Enabled"})]),
            ("metrics alone", [dest(Metrics={"Status": "Enabled"})])):
        put(*rules)
        same("good: " + name, c.get_bucket_replication(Bucket="ver")["ReplicationConfiguration"]
             ["Rules"], rules)
    for name, code, words, rules in (
            ("no prefix, no filter", "MalformedXML", "", [rule(Filter=None)]),
            ("both", "MalformedXML", "", [rule(Prefix="")]),
            ("two in a filter", "MalformedXML", "", [rule(Filter={"Prefix": "a", "Tag": tag})]),
            ("And of one", "MalformedXML", "", [rule(Filter={"And": {"Tags": [tag]}})]),
            ("existing objects", "MalformedXML", "", [rule(
                ExistingObjectReplication={"Status": "Enabled"})]),
            ("status", "MalformedXML", "", [rule(Status="On")]),
            ("status of the second", "MalformedXML", "", [rule(), rule(Status="On")]),
            ("class", "MalformedXML", "", [dest(StorageClass="WARM")]),
            ("tag twice", "InvalidRequest", "Duplicate Tag Keys are not allowed.", [rule(
                Filter={"And": {"Tags": [tag, tag]}})]),
            ("no priority", "InvalidRequest", "Priority must be specified", [rule(Priority=None)]),
            ("priority", "InvalidRequest", "Priority must be between", [rule(Priority=-1)]),
            ("same priority", "InvalidRequest", "Found duplicate priority 1.", [
                rule(), rule(ID="b", Destination={"Bucket": "arn:aws:s3:::dst2"})]),
            ("no markers", "InvalidRequest", "DeleteMarkerReplication must be specified", [rule(
                DeleteMarkerReplication=None)]),
            ("markers and tags", "InvalidRequest", "Delete marker replication is not supported", [
                rule(Filter={"Tag": tag}, DeleteMarkerReplication={"Status": "Enabled"})]),
            ("V1 priority", "InvalidRequest", "Priority cannot be used", [
                rule(Filter=None, Prefix="")]),
            ("V1 markers", "InvalidRequest", "DeleteMarkerReplication cannot be used", [
                rule(Filter=None, Prefix="", Priority=None)]),
            ("mixed", "InvalidRequest", "Priority cannot be used", [rule(), v1("a")]),
            ("V1 overlap", "InvalidRequest", "Found overlapping prefixes 'a' and 'a/b'", [
                v1("a"), v1("a/b", 1)]),
            ("V1 destinations", "InvalidRequest", "Number of distinct destination", [
                v1("a"), v1("b", 1, Destination={"Bucket": "arn:aws:s3:::dst2"})]),
            ("criteria", "InvalidRequest", "SourceSelectionCriteria cannot be empty.", [rule(
                SourceSelectionCriteria={})]),
            ("key without objects", "InvalidRequest", "SseKmsEncryptedObjects must be", [dest(
                EncryptionConfiguration={"ReplicaKmsKeyID": KEY1})]),
            ("objects without key", "InvalidRequest", "ReplicaKmsKeyID must be specified", [rule(
                SourceSelectionCriteria=kms)]),
            ("owner without account", "InvalidRequest", "Account must be specified", [dest(
                AccessControlTranslation={"Owner": "Destination"})]),
            ("time without metrics", "InvalidRequest", "Replication destination must contain", [
                dest(ReplicationTime=rtc)]),
            ("time and metrics", "InvalidRequest", "must have the same status", [dest(
                ReplicationTime=rtc, Metrics={"Status": "Disabled"})]),
            ("itself", "InvalidRequest", "Destination bucket cannot be the same", [rule(
                Destination={"Bucket": "arn:aws:s3:::ver"})]),
            ("unversioned", "InvalidRequest", "Destination bucket must have versioning", [rule(
                Destination={"Bucket": "arn:aws:s3:::plain"})]),
            ("same id", "InvalidArgument", "Rule Id must be unique", [rule(), rule(Priority=2)]),
            ("long id", "InvalidArgument", "Rule Id cannot be greater", [rule(ID="x" * 256)]),
            ("long prefix", "InvalidArgument", "Rule prefix cannot be longer", [rule(
                Filter={"Prefix": "x" * 1025})]),
            ("ARN", "InvalidArgument", "Invalid bucket ARN", [rule(
                Destination={"Bucket": "dst"})]),
            ("key ARN", "InvalidArgument", "Invalid ReplicaKmsKeyID ARN.", [rule(
                SourceSelectionCriteria=kms, Destination={
                    "Bucket": "arn:aws:s3:::dst",
                    "EncryptionConfiguration": {"ReplicaKmsKeyID": "k"}})]),
            ("minutes", "InvalidArgument", "Invalid time minute value", [dest(
                ReplicationTime={"Status": "Enabled", "Time": {"Minutes": 5}}, Metrics=metrics)]),
            ("no threshold", "InvalidArgument", "ReplicationMetrics must contain", [dest(
                ReplicationTime=rtc, Metrics={"Status": "Enabled"})]),
            ("threshold alone", "InvalidArgument", "Metrics cannot contain an event", [dest(
                Metrics=metrics)]),
            ("first rule first", "InvalidRequest", "Priority must be specified", [
                rule(Priority=None), rule(ID="b", Status="On")])):
        r = refused("replication: " + name, code, put, *rules)
        if r:
            check("words: " + name, words in r["Error"]["Message"], r["Error"]["Message"])
    refused("role", "InvalidArgument", put, rule(), role="me")
    refused("user as role", "InvalidArgument", put, rule(), role="arn:aws:iam::1:user/x")
    refused("unversioned source", "InvalidRequest", put, rule(Status="On"), bucket="plain")
    xml = b"<ReplicationConfiguration/>"
    h, *_ = sign(s, "PUT", "/ver", query="replication=")
    st, _, text = s.raw("PUT", "/ver?replication", xml, h)
    same("digest needed", (st, code_of(text)), (400, "InvalidRequest"))
    st, _, text = s.raw("PUT", "/ver?replication", xml, dict(h, **{"Content-MD5": md5_header(xml)}))
    same("no rule", (st, code_of(text)), (400, "MalformedXML"))
    xml = b"""<ReplicationConfiguration><Role>arn:aws:iam::1:role/r</Role><Rule><ID>a</ID><Priority>1
        </Priority><Status>Enabled</Status><Filter/><Destination><Bucket>arn:aws:s3:::dst</Bucket>
        <ReplicationTime><Status>Enabled</Status></ReplicationTime></Destination>
        <DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>
        </Rule></ReplicationConfiguration>""".replace(b"\n", b"").replace(b" ", b"")
    st, _, text = s.raw("PUT", "/ver?replication", xml, dict(h, **{"Content-MD5": md5_header(xml)}))
    same("no time", (st, code_of(text)), (400, "MalformedXML"))
    suspend = dict(Bucket="ver", VersioningConfiguration={"Status": "Suspended"})
    refused("suspend", "InvalidBucketState", c.put_bucket_versioning, **suspend)
    c.delete_bucket_replication(Bucket="ver")
    refused("deleted", "ReplicationConfigurationNotFoundError", c.get_bucket_replication,
            Bucket="ver")
    c.put_bucket_versioning(**suspend)
    same("suspended", c.put_object(Bucket="ver", Key="susp")["ResponseMetadata"]["HTTPHeaders"]
         .get("x-amz-version-id"), "null")
    c.put_bucket_versioning(Bucket="ver", VersioningConfiguration={"Status": "Enabled"})
    c.create_bucket(Bucket="again")
    c.delete_bucket(Bucket="again")
    refused("bucket gone", "NoSuchBucket", c.put_object, Bucket="again", Key="k")
    c.create_bucket(Bucket="again")
    check("made again", "VersionId" not in c.put_object(Bucket="again", Key="k"))
    t = Server("--create", "b:versioned", "--check-destinations")
    c = t.client()
    refused("destination must exist", "InvalidRequest", put, rule(Destination={
        "Bucket": "arn:aws:s3:::nowhere"}), bucket="b")
    t.stop()
    shutil.rmtree(t.dir)


def main():
    tests = [v for k, v in sorted(globals().items()) if k.startswith("test_")]
    s = Server("--account", "777788889999", "--kms-key", KEY1, "--kms-key", KEY2,
               *[x for b in ("ver:versioned", "gone:versioned", "other", "enc", "plain",
                             "locked:lock", "dst:versioned", "dst2:versioned")
                 for x in ("--create", b)])
    try:
        for test in tests:
            if len(sys.argv) > 1 and test.__name__ not in sys.argv:
                continue
            try:
                test(s)
            except Exception as e:
                check(test.__name__, False, "%s: %r" % (type(e).__name__, e))
                if s.proc.poll() is not None:
                    print("the server died:", s.proc.returncode)
                    break
        same("last stop", s.stop(), 0)
    finally:
        if s.proc.poll() is None:
            s.proc.kill()
        shutil.rmtree(s.dir, ignore_errors=True)
    print("%d passed, %d failed" % (counts["passed"], counts["failed"]))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
