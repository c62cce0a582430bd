#!/usr/bin/python3
"""s3.py - a public S3 client (boto3) for the mount tests: what it sees is not our own code's opinion.

    s3.py COMMAND ARGUMENT... [, COMMAND ARGUMENT...]...

SIDE is a (source), b (destination), c or d (more destinations); where it is comes from the environment:
S3_A_ENDPOINT, S3_A_REGION, S3_A_KEY, S3_A_SECRET, S3_A_BUCKET, and so on. a+ is the same with the credentials of
another account, S3_OTHER_KEY and S3_OTHER_SECRET. Importing boto3 is slow, so several
commands go into one call, with a lone comma between them. Names are printed with \\n, \\t and \\\\ escaped.

    mkbucket SIDE [--versioned] [--lock]
    rmbucket SIDE                       with all that is in it
    versioning SIDE Enabled|Suspended
    keys SIDE [PREFIX]                  current keys, one a line
    ls SIDE [PREFIX]                    size and key
    pages SIDE PREFIX                   how many pages a listing of this folder is
    versions SIDE [PREFIX]              key, version id, latest|old, size|marker
    count-versions SIDE KEY             versions of exactly this key, delete markers not counted
    count-markers SIDE KEY              delete markers of exactly this key
    version-rows SIDE KEY               the versions of one key, current first: id, time, size and ETag, or "marker"
    history SIDE [PREFIX]               oldest first within a key: key, the text of the version or <marker>
    fill SIDE PREFIX N                  N small objects, PREFIX0001 and so on
    version-id SIDE KEY                 of the current version
    exists SIDE KEY                     exit status 0 or 1
    head SIDE KEY                       name: value
    meta SIDE KEY NAME                  one value of the user metadata; an empty line if there is none
    get SIDE KEY FILE [VERSION]
    put SIDE KEY FILE [NAME=VALUE...] [--tags K=V&K2=V2] [--type TYPE] [--class CLASS] [--acl CANNED] [--sse ALGORITHM]
                      [--cache, --disposition, --encoding, --language, --expires, --redirect VALUE]
                      [--sse-key KEY] [--customer-key KEY] [--retain MODE:DAYS] [--hold] [--header NAME:VALUE]...
                      [--as-version ID]  the last two for what boto3 does not know, such as MinIO's headers
    remake SIDE KEY VERSION FILE|- [--parts BYTES] [NAME=VALUE...]
                                        this version as a new one: the same metadata but for NAME=VALUE, the same tags,
                                        another body (-: the same); then the old one is removed
    mput SIDE KEY FILE SIZE,SIZE... [the options of put]   an upload of parts of these sizes; the last one may be "rest"
    mcopy SIDE KEY FROM SIZE,SIZE...    the same, each part copied by the server out of the key FROM
    what SIDE KEY [VERSION]             ETag, size and all that HEAD tells and a replica has to keep, a line for each
    replication-status SIDE KEY [VERSION]  an empty line if there is none
    acl SIDE KEY [VERSION]              owner ID, then PERMISSION GRANTEE, sorted
    putacl SIDE KEY CANNED|PERMISSION:ID,... [VERSION]
    ownership SIDE ObjectWriter|BucketOwnerPreferred|BucketOwnerEnforced
    lock SIDE KEY [VERSION]             retention MODE UNTIL (or none), then hold ON|OFF
    putretention SIDE KEY MODE:DAYS [VERSION]    puthold SIDE KEY ON|OFF [VERSION]
    lockconf SIDE MODE:DAYS             default retention of the bucket
    encryption SIDE none|ALGORITHM [KEY]  default of the bucket
    lifecycle SIDE                      its rules as JSON; an empty line if there are none
    putlifecycle SIDE FILE              its rules from JSON
    tags SIDE KEY [VERSION]             K=V lines, sorted by key
    puttags SIDE KEY K=V&K2=V2          rm SIDE KEY [VERSION]
    uploads SIDE                        unfinished multipart uploads
    parts SIDE KEY                      number of parts of the current version
    putrules SIDE FILE                  PutBucketReplication of a JSON file
    getrules SIDE                       GetBucketReplication, as JSON
    compare [--prefix P]... [--tag K=V]... [--to SIDE] [--extra-ok] [--may-stay KEY]... [--acl] [--lock] [--sse]
                                        the destination holds exactly the source's current objects that have one of the
                                        prefixes or one of the tags (neither given: all), equal in bytes, metadata, tags;
                                        --may-stay: this key may be there as well; --acl, --lock, --sse: equal in these, too
    tree SIDE DIR [PREFIX]              the bucket holds exactly the regular files of DIR, under PREFIX
    side-by-side MOUNTPOINT             both buckets for people
    requests SIDE LOG OFFSET            the server's log as: operation, bytes, status, key, query
"""
import base64
import datetime
import hashlib
import json
import os
import sys
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

OURS = 'by-the-test'    # in every query of this program, so that the log tells whose requests they are
clients = {}
more_headers = {}       # of the next request, with "versionId" for its query


class Failure(Exception):
    pass


def env(side, name):
    if side.endswith('+'):
        side = 'OTHER' if name in ('KEY', 'SECRET') else side[:-1]
    value = os.environ.get('S3_%s_%s' % (side.upper(), name))
    if value is None:
        raise Failure('S3_%s_%s is not set' % (side.upper(), name))
    return value


def client(side):
    if side not in clients:
        import boto3
        from botocore.config import Config
        clients[side] = boto3.session.Session(
            aws_access_key_id=env(side, 'KEY'), aws_secret_access_key=env(side, 'SECRET'),
            region_name=env(side, 'REGION')).client(
                's3', endpoint_url=env(side, 'ENDPOINT'), verify=os.environ.get('S3_CA'),
                config=Config(s3={'addressing_style': 'path'}, max_pool_connections=16, connect_timeout=10,
                              read_timeout=120, retries={'max_attempts': 5, 'mode': 'standard'}))
        clients[side].meta.events.register('before-sign.s3', mark_as_ours)
    return clients[side]


def mark_as_ours(request, **_):
    request.url += ('&' if '?' in request.url else '?') + OURS + '=1'
    for name, value in more_headers.items():
        if name == 'versionId':
            request.url += '&versionId=' + value
        else:
            request.headers[name] = value
    more_headers.clear()


def bucket(side):
    return env(side, 'BUCKET')


def shown(name):
    return name.replace('\\', '\\\\').replace('\n', '\\n').replace('\t', '\\t').replace('\r', '\\r')


def error_code(error):
    return getattr(error, 'response', {}).get('Error', {}).get('Code', '')


def pages(side, verb, field, **kwargs):
    for page in client(side).get_paginator(verb).paginate(Bucket=bucket(side), **kwargs):
        for entry in page.get(field, []):
            yield entry


def current(side, prefix=''):
    return {e['Key']: e for e in pages(side, 'list_objects_v2', 'Contents', Prefix=prefix)}


def version_pages(side, prefix):
    """Not boto3's paginator: Ceph does not encode NextKeyMarker, although it says so, and boto3 decodes it: after a key with
    a + or a % the next page would begin with keys of this one."""
    after = {}
    while True:
        page = client(side).list_object_versions(Bucket=bucket(side), Prefix=prefix, **after)
        yield page
        if not page['IsTruncated']:
            return
        keys = [e['Key'] for e in page.get('Versions', []) + page.get('DeleteMarkers', [])]
        after = {'KeyMarker': max(keys, key=str.encode), 'VersionIdMarker': page['NextVersionIdMarker']}


def all_versions(side, prefix=''):
    found = []
    for page in version_pages(side, prefix):
        for e in page.get('Versions', []):
            found.append((e['Key'], e['VersionId'], e['IsLatest'], str(e['Size']), e['LastModified']))
        for e in page.get('DeleteMarkers', []):
            found.append((e['Key'], e['VersionId'], e['IsLatest'], 'marker', e['LastModified']))
    return found


def in_order(side, prefix=''):
    """Oldest first within a key. Listings are newest first; of the same millisecond, the current one comes last."""
    return sorted(reversed(all_versions(side, prefix)), key=lambda v: (v[0], v[4], v[2]))


def tag_list(text):
    return [{'Key': k, 'Value': v} for k, v in urllib.parse.parse_qsl(text, keep_blank_values=True)]


def get_tags(side, key, version=None):
    extra = {'VersionId': version} if version else {}
    answer = client(side).get_object_tagging(Bucket=bucket(side), Key=key, **extra)
    return {t['Key']: t['Value'] for t in answer.get('TagSet', [])}


def get_grants(side, key):
    """Sorted; the owners of the two sides may differ."""
    answer = client(side).get_object_acl(Bucket=bucket(side), Key=key)
    grants = [(g['Permission'], g['Grantee'].get('ID') or g['Grantee']['URI']) for g in answer['Grants']]
    return sorted((p, 'owner' if who == answer['Owner']['ID'] else who) for p, who in grants)


def facts(side, key, more=()):
    """Everything of the current version that replication has to keep."""
    answer = client(side).get_object(Bucket=bucket(side), Key=key)
    digest = hashlib.sha256()
    size = 0
    for chunk in iter(lambda: answer['Body'].read(1 << 20), b''):
        digest.update(chunk)
        size += len(chunk)
    result = {'body': '%d bytes, sha256 %s' % (size, digest.hexdigest()),
              'tags': get_tags(side, key),
              'metadata': {k: v for k, v in answer['Metadata'].items() if not k.startswith('crrfs-')}}
    for name in ('ContentType', 'ContentEncoding', 'ContentDisposition', 'ContentLanguage', 'CacheControl'):
        result[name] = answer.get(name)
    if '--acl' in more:
        result['acl'] = get_grants(side, key)
    if '--lock' in more:
        until = answer.get('ObjectLockRetainUntilDate')
        result['lock'] = (answer.get('ObjectLockMode'), until and until.isoformat(timespec='seconds'),
                          answer.get('ObjectLockLegalHoldStatus'))
    if '--sse' in more:
        result['encryption'] = answer.get('ServerSideEncryption')
    return result


# ---- commands ---------------------------------------------------------------------------------------------

def do_mkbucket(side, *flags):
    region = env(side, 'REGION')
    extra = {} if region == 'us-east-1' else {'CreateBucketConfiguration': {'LocationConstraint': region}}
    if '--lock' in flags:
        extra['ObjectLockEnabledForBucket'] = True
    client(side).create_bucket(Bucket=bucket(side), **extra)
    if '--versioned' in flags:
        do_versioning(side, 'Enabled')


def do_rmbucket(side):
    for key, version, _, _, _ in list(all_versions(side, '')):
        client(side).delete_object(Bucket=bucket(side), Key=key, VersionId=version, BypassGovernanceRetention=True)
    for entry in list(pages(side, 'list_multipart_uploads', 'Uploads')):
        client(side).abort_multipart_upload(Bucket=bucket(side), Key=entry['Key'], UploadId=entry['UploadId'])
    client(side).delete_bucket(Bucket=bucket(side))


def do_versioning(side, status):
    client(side).put_bucket_versioning(Bucket=bucket(side), VersioningConfiguration={'Status': status})


def do_keys(side, prefix=''):
    for key in sorted(current(side, prefix)):
        print(shown(key))


def do_ls(side, prefix=''):
    for key, entry in sorted(current(side, prefix).items()):
        print('%d\t%s' % (entry['Size'], shown(key)))


def do_pages(side, prefix):
    print(sum(1 for _ in client(side).get_paginator('list_objects_v2').paginate(
        Bucket=bucket(side), Prefix=prefix, Delimiter='/')))


def do_versions(side, prefix=''):
    for key, version, latest, size, _ in all_versions(side, prefix):
        print('\t'.join((shown(key), version, 'latest' if latest else 'old', size)))


def do_version_rows(side, key):
    for page in version_pages(side, key):
        found = [e for e in page.get('Versions', []) + page.get('DeleteMarkers', []) if e['Key'] == key]
        for e in sorted(found, key=lambda e: (e['IsLatest'], e['LastModified']), reverse=True):
            print(e['VersionId'], e['LastModified'].isoformat(), e.get('Size', 'marker'), e.get('ETag', ''))


def do_count_versions(side, key):
    print(sum(1 for v in all_versions(side, key) if v[0] == key and v[3] != 'marker'))


def do_count_markers(side, key):
    print(sum(1 for v in all_versions(side, key) if v[0] == key and v[3] == 'marker'))


def do_history(side, prefix=''):
    found = in_order(side, prefix)
    client(side)

    def text(v):
        if v[3] == 'marker':
            return '<marker>'
        answer = client(side).get_object(Bucket=bucket(side), Key=v[0], VersionId=v[1])
        return shown(answer['Body'].read().decode('utf-8', 'replace'))
    with ThreadPoolExecutor(8) as threads:
        for v, body in zip(found, threads.map(text, found)):
            print('%s\t%s' % (shown(v[0]), body))


def do_fill(side, prefix, n):
    client(side)
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda i: client(side).put_object(
            Bucket=bucket(side), Key='%s%04d' % (prefix, i), Body=b'%d' % i), range(1, int(n) + 1)))


def do_version_id(side, key):
    print(client(side).head_object(Bucket=bucket(side), Key=key)['VersionId'])


def do_exists(side, key):
    from botocore.exceptions import ClientError
    try:
        client(side).head_object(Bucket=bucket(side), Key=key)
    except ClientError as error:
        if error_code(error) in ('404', 'NoSuchKey'):
            raise Failure('%s is not in %s' % (shown(key), bucket(side)))
        raise


def do_head(side, key):
    answer = client(side).head_object(Bucket=bucket(side), Key=key)
    print('size: %d' % answer['ContentLength'])
    print('etag: %s' % answer['ETag'].strip('"'))
    print('version-id: %s' % answer.get('VersionId', ''))
    print('content-type: %s' % answer.get('ContentType', ''))
    print('storage-class: %s' % answer.get('StorageClass', 'STANDARD'))
    for name, field in (('replication-status', 'ReplicationStatus'), ('sse', 'ServerSideEncryption'),
                        ('sse-key', 'SSEKMSKeyId'), ('lock-mode', 'ObjectLockMode'),
                        ('retain-until', 'ObjectLockRetainUntilDate'), ('hold', 'ObjectLockLegalHoldStatus')):
        if field in answer:
            print('%s: %s' % (name, answer[field]))
    for name, value in sorted(answer['Metadata'].items()):
        print('meta.%s: %s' % (name, value))


def do_checksum(side, key):
    print(client(side).head_object(Bucket=bucket(side), Key=key, ChecksumMode='ENABLED').get('ChecksumCRC32C', ''))


def do_meta(side, key, name):
    print(client(side).head_object(Bucket=bucket(side), Key=key)['Metadata'].get(name, ''))


def do_get(side, key, path, version=None):
    extra = {'VersionId': version} if version else {}
    answer = client(side).get_object(Bucket=bucket(side), Key=key, **extra)
    with open(path, 'wb') as out:
        for chunk in iter(lambda: answer['Body'].read(1 << 20), b''):
            out.write(chunk)


def in_days(text):
    """MODE:DAYS as mode and a date that boto3 takes"""
    mode, days = text.split(':')
    return mode, datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=int(days))


PUT_OPTIONS = {'--tags': 'Tagging', '--type': 'ContentType', '--class': 'StorageClass', '--acl': 'ACL',
               '--sse': 'ServerSideEncryption', '--sse-key': 'SSEKMSKeyId', '--cache': 'CacheControl',
               '--disposition': 'ContentDisposition', '--encoding': 'ContentEncoding', '--language': 'ContentLanguage',
               '--expires': 'Expires', '--redirect': 'WebsiteRedirectLocation'}


def put_options(rest):
    """The arguments for boto3, and the headers that it does not know."""
    extra, headers, metadata, rest = {}, {}, {}, list(rest)
    while rest:
        word = rest.pop(0)
        if word in PUT_OPTIONS:
            extra[PUT_OPTIONS[word]] = rest.pop(0)
        elif word == '--customer-key':
            extra['SSECustomerAlgorithm'], extra['SSECustomerKey'] = 'AES256', rest.pop(0)
        elif word == '--retain':
            extra['ObjectLockMode'], extra['ObjectLockRetainUntilDate'] = in_days(rest.pop(0))
        elif word == '--hold':
            extra['ObjectLockLegalHoldStatus'] = 'ON'
        elif word == '--header':
            name, value = rest.pop(0).split(':', 1)
            headers[name] = value.strip()
        elif word == '--as-version':
            headers['versionId'] = rest.pop(0)
        else:
            name, value = word.split('=', 1)
            metadata[name] = value
    return dict(extra, Metadata=metadata), headers


def do_put(side, key, path, *rest):
    extra, headers = put_options(rest)
    with open(path, 'rb') as file:
        body = file.read()
    extra['ContentMD5'] = base64.b64encode(hashlib.md5(body).digest()).decode()
    client(side)
    more_headers.update(headers)
    client(side).put_object(Bucket=bucket(side), Key=key, Body=body, **extra)


def ranges(sizes, total):
    """First and last+1 byte of each part."""
    start = 0
    for word in sizes.split(','):
        end = total if word == 'rest' else start + int(word)
        yield start, end
        start = end


def upload_parts(side, key, extra, send, pieces):
    """send(number, start, end, the upload's arguments) gives the ETag of one part."""
    where = {'Bucket': bucket(side), 'Key': key}
    where['UploadId'] = client(side).create_multipart_upload(**where, **extra)['UploadId']
    parts = [{'PartNumber': number, 'ETag': send(number, start, end, where)}
             for number, (start, end) in enumerate(pieces, 1)]
    client(side).complete_multipart_upload(MultipartUpload={'Parts': parts}, **where)


def send_body(side, body):
    def send(number, start, end, where):
        digest = base64.b64encode(hashlib.md5(body[start:end]).digest()).decode()
        return client(side).upload_part(PartNumber=number, Body=body[start:end], ContentMD5=digest, **where)['ETag']
    return send


def do_mput(side, key, path, sizes, *rest):
    extra, headers = put_options(rest)
    with open(path, 'rb') as file:
        body = file.read()
    client(side)
    more_headers.update(headers)
    upload_parts(side, key, extra, send_body(side, body), ranges(sizes, len(body)))


def do_mcopy(side, key, origin, sizes):
    source = {'Bucket': bucket(side), 'Key': origin}
    total = client(side).head_object(**source)['ContentLength']

    def send(number, start, end, where):
        return client(side).upload_part_copy(PartNumber=number, CopySource=source, **where,
                                             CopySourceRange='bytes=%d-%d' % (start, end - 1))['CopyPartResult']['ETag']
    upload_parts(side, key, {}, send, ranges(sizes, total))


def do_what(side, key, version=None):
    answer = client(side).head_object(**of_version(side, key, version))
    kept = ('ETag', 'ContentLength', 'ContentType', 'CacheControl', 'ContentDisposition', 'ContentEncoding',
            'ContentLanguage', 'Expires', 'WebsiteRedirectLocation', 'StorageClass', 'ServerSideEncryption',
            'ObjectLockMode', 'ObjectLockRetainUntilDate', 'ObjectLockLegalHoldStatus')
    for name in kept:
        if name in answer:
            print('%s: %s' % (name, answer[name]))
    for name, value in sorted(answer['Metadata'].items()):
        if not name.startswith('crrfs-'):
            print('meta.%s: %s' % (name, value))
    for name, value in sorted(get_tags(side, key, version).items()):
        print('tag.%s: %s' % (name, value))


def do_remake(side, key, version, path, *rest):
    old = client(side).get_object(**of_version(side, key, version))
    body, metadata, size, rest = old['Body'].read(), old['Metadata'], 0, list(rest)
    if path != '-':
        with open(path, 'rb') as file:
            body = file.read()
    while rest:
        word = rest.pop(0)
        if word == '--parts':
            size = int(rest.pop(0))
        else:
            metadata.update([word.split('=', 1)])
    new = {'Metadata': metadata, 'ContentType': old['ContentType'],
           'Tagging': urllib.parse.urlencode(get_tags(side, key, version))}
    if size:
        pieces = [(start, min(start + size, len(body))) for start in range(0, len(body), size)]
        upload_parts(side, key, new, send_body(side, body), pieces)
    else:
        client(side).put_object(Bucket=bucket(side), Key=key, Body=body, **new)
    do_rm(side, key, version)


# ---- ACLs, Object Lock, the bucket's configurations ---------------------------------------------------------

def of_version(side, key, version):
    return dict({'VersionId': version} if version else {}, Bucket=bucket(side), Key=key)


def do_replication_status(side, key, version=None):
    print(client(side).head_object(**of_version(side, key, version)).get('ReplicationStatus', ''))


def do_acl(side, key, version=None):
    answer = client(side).get_object_acl(**of_version(side, key, version))
    print('owner ' + answer['Owner']['ID'])
    for line in sorted('%s %s' % (g['Permission'], g['Grantee'].get('ID') or g['Grantee']['URI'])
                       for g in answer['Grants']):
        print(line)


def do_putacl(side, key, grants, version=None):
    where = of_version(side, key, version)
    if ':' not in grants:
        client(side).put_object_acl(ACL=grants, **where)
        return
    owner = client(side).get_object_acl(**where)['Owner']
    pairs = [grant.split(':', 1) for grant in grants.split(',')]
    client(side).put_object_acl(AccessControlPolicy={'Owner': owner, 'Grants': [
        {'Permission': permission, 'Grantee': {'Type': 'CanonicalUser', 'ID': who}}
        for permission, who in pairs]}, **where)


def do_ownership(side, mode):
    client(side).put_bucket_ownership_controls(
        Bucket=bucket(side), OwnershipControls={'Rules': [{'ObjectOwnership': mode}]})


def do_lock(side, key, version=None):
    from botocore.exceptions import ClientError
    absent = ('NoSuchObjectLockConfiguration', 'ObjectLockConfigurationNotFoundError')  # AWS, Ceph
    where = of_version(side, key, version)
    try:
        found = client(side).get_object_retention(**where)['Retention']
        print('retention %s %s' % (found['Mode'], found['RetainUntilDate'].isoformat(timespec='seconds')))
    except ClientError as error:
        if error_code(error) not in absent:
            raise
        print('retention none')
    try:
        print('hold ' + client(side).get_object_legal_hold(**where)['LegalHold']['Status'])
    except ClientError as error:
        if error_code(error) not in absent:
            raise
        print('hold OFF')


def do_putretention(side, key, text, version=None):
    mode, until = in_days(text)
    client(side).put_object_retention(Retention={'Mode': mode, 'RetainUntilDate': until},
                                      **of_version(side, key, version))


def do_puthold(side, key, status, version=None):
    client(side).put_object_legal_hold(LegalHold={'Status': status}, **of_version(side, key, version))


def do_lockconf(side, text):
    mode, days = text.split(':')
    client(side).put_object_lock_configuration(Bucket=bucket(side), ObjectLockConfiguration={
        'ObjectLockEnabled': 'Enabled', 'Rule': {'DefaultRetention': {'Mode': mode, 'Days': int(days)}}})


def do_encryption(side, algorithm, key=None):
    if algorithm == 'none':
        client(side).delete_bucket_encryption(Bucket=bucket(side))
        return
    rule = dict({'KMSMasterKeyID': key} if key else {}, SSEAlgorithm=algorithm)
    client(side).put_bucket_encryption(Bucket=bucket(side), ServerSideEncryptionConfiguration={
        'Rules': [{'ApplyServerSideEncryptionByDefault': rule}]})


def do_lifecycle(side):
    from botocore.exceptions import ClientError
    try:
        print(json.dumps(client(side).get_bucket_lifecycle_configuration(Bucket=bucket(side))['Rules'], sort_keys=True))
    except ClientError as error:
        if error_code(error) != 'NoSuchLifecycleConfiguration':
            raise
        print()


def do_putlifecycle(side, path):
    with open(path, encoding='utf-8') as file:
        what = json.load(file)
    client(side).put_bucket_lifecycle_configuration(
        Bucket=bucket(side), LifecycleConfiguration=what if 'Rules' in what else {'Rules': what})


# ---- tags, deletes, uploads ---------------------------------------------------------------------------------

def do_tags(side, key, version=None):
    for name, value in sorted(get_tags(side, key, version).items()):
        print('%s=%s' % (name, value))


def do_puttags(side, key, text):
    client(side).put_object_tagging(Bucket=bucket(side), Key=key, Tagging={'TagSet': tag_list(text)})


def do_rm(side, key, version=None):
    client(side).delete_object(**of_version(side, key, version))


def do_uploads(side):
    for entry in pages(side, 'list_multipart_uploads', 'Uploads'):
        print('%s\t%s' % (shown(entry['Key']), entry['UploadId']))


def do_parts(side, key):
    etag = client(side).head_object(Bucket=bucket(side), Key=key)['ETag'].strip('"')
    print(etag.split('-')[1] if '-' in etag else '1')


def do_putrules(side, path):
    with open(path, encoding='utf-8') as file:
        client(side).put_bucket_replication(Bucket=bucket(side), ReplicationConfiguration=json.load(file))


def do_getrules(side):
    print(json.dumps(client(side).get_bucket_replication(Bucket=bucket(side))['ReplicationConfiguration'], indent=1))


def do_compare(*args):
    prefixes, tags, extra_ok, may_stay, to, more, args = [], [], False, set(), 'b', set(), list(args)
    while args:
        word = args.pop(0)
        if word == '--prefix':
            prefixes.append(args.pop(0))
        elif word == '--tag':
            tags.append(tuple(args.pop(0).split('=', 1)))
        elif word == '--to':
            to = args.pop(0)
        elif word == '--extra-ok':
            extra_ok = True
        elif word == '--may-stay':
            may_stay.add(args.pop(0))
        elif word in ('--acl', '--lock', '--sse'):
            more.add(word)
        else:
            raise Failure('compare: what is ' + word)
    client('a'), client(to)
    with ThreadPoolExecutor(8) as threads:
        source, target = current('a'), current(to)
        selected = {k for k in source if any(k.startswith(p) for p in prefixes)}
        if not prefixes and not tags:
            selected = set(source)
        if tags:
            rest = sorted(set(source) - selected)
            for key, found in zip(rest, threads.map(lambda k: get_tags('a', k), rest)):
                if any(found.get(k) == v for k, v in tags):
                    selected.add(key)
        wrong = ['missing in the destination: ' + shown(k) for k in sorted(selected - set(target))]
        if not extra_ok:
            wrong += ['the rules did not select: ' + shown(k) for k in sorted(set(target) - selected - may_stay)]
        both = sorted(selected & set(target))
        pairs = zip(both, threads.map(lambda k: facts('a', k, more), both), threads.map(lambda k: facts(to, k, more), both))
        for key, ours, theirs in pairs:
            for name in ours:
                if ours[name] != theirs[name]:
                    wrong.append('%s: %s: source %r, destination %r' % (shown(key), name, ours[name], theirs[name]))
    print('%d objects selected of %d, %d in the destination' % (len(selected), len(source), len(target)))
    if wrong:
        raise Failure('\n'.join(wrong[:40]))


def do_tree(side, top, prefix=''):
    expected = {}
    for folder, _, names in os.walk(os.fsencode(top)):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                key = os.path.relpath(path, os.fsencode(top)).decode()
                expected[prefix + key] = path
    client(side)

    def digest_of(item):
        key, path = item
        try:
            ours = hashlib.sha256(client(side).get_object(Bucket=bucket(side), Key=key)['Body'].read()).digest()
        except Exception as error:
            return '%s: %s' % (shown(key), error)
        with open(path, 'rb') as file:
            theirs = hashlib.sha256()
            for chunk in iter(lambda: file.read(1 << 20), b''):
                theirs.update(chunk)
        return None if ours == theirs.digest() else shown(key) + ': the bytes differ'
    with ThreadPoolExecutor(4) as threads:
        wrong = [w for w in threads.map(digest_of, sorted(expected.items())) if w]
    symlink = 0o120000
    for key in sorted(set(current(side, prefix)) - set(expected)):
        mode = '0'
        if not key.endswith('/'):
            mode = client(side).head_object(Bucket=bucket(side), Key=key)['Metadata'].get('mode', '0')
            if int(mode) & 0o170000 != symlink:
                wrong.append('not in the folder: ' + shown(key))
    print('%d files' % len(expected))
    if wrong:
        raise Failure('\n'.join(wrong[:40]))


# ---- the servers' request logs -----------------------------------------------------------------------------

def operation(verb, key, query):
    """The S3 operation's name. A copy looks like a put where the log does not tell."""
    names = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    if not key:
        table = {'versions': {'GET': 'ListObjectVersions'}, 'uploads': {'GET': 'ListMultipartUploads'},
                 'versioning': {'GET': 'GetBucketVersioning', 'PUT': 'PutBucketVersioning'},
                 'replication': {'GET': 'GetBucketReplication', 'PUT': 'PutBucketReplication'},
                 'lifecycle': {'GET': 'GetBucketLifecycleConfiguration', 'PUT': 'PutBucketLifecycleConfiguration'},
                 'location': {'GET': 'GetBucketLocation'}, 'acl': {'GET': 'GetBucketAcl'},
                 'delete': {'POST': 'DeleteObjects'}}
        for name, verbs in table.items():
            if name in names:
                return verbs.get(verb, verb + '?' + name)
        return {'GET': 'ListObjectsV2' if names.get('list-type') == '2' else 'ListObjects', 'HEAD': 'HeadBucket',
                'PUT': 'CreateBucket', 'DELETE': 'DeleteBucket'}.get(verb, verb)
    for name, noun in (('tagging', 'ObjectTagging'), ('acl', 'ObjectAcl'), ('retention', 'ObjectRetention'),
                       ('legal-hold', 'ObjectLegalHold'), ('attributes', 'ObjectAttributes')):
        if name in names:
            return {'GET': 'Get', 'PUT': 'Put', 'DELETE': 'Delete'}.get(verb, verb) + noun
    if 'uploads' in names:
        return 'CreateMultipartUpload'
    if 'uploadId' in names:
        return {'PUT': 'UploadPart', 'POST': 'CompleteMultipartUpload', 'DELETE': 'AbortMultipartUpload',
                'GET': 'ListParts'}.get(verb, verb)
    if verb == 'DELETE' and names.get('versionId'):
        return 'DeleteObjectVersion'
    return {'GET': 'GetObject', 'HEAD': 'HeadObject', 'PUT': 'PutObject', 'DELETE': 'DeleteObject'}.get(verb, verb)


def gateway_line(line):
    """... beast: 0x7f: 127.0.0.1 - test [time] "PUT /bucket/key?query HTTP/1.1" 200 3 - "agent" - latency=..."""
    if ' beast: ' not in line:
        return None
    pieces = line.split('"')
    if len(pieces) < 5:
        return None
    verb, rest = pieces[1].split(' ', 1)
    path, _, query = rest.rsplit(' ', 1)[0].partition('?')
    name, _, key = path.lstrip('/').partition('/')
    key = urllib.parse.unquote(key)
    status, size = pieces[2].split()[:2]
    return operation(verb, key, query), name, key, status, size, query


def s3d_line(line):
    """TIME VERB OPERATION BUCKET KEY STATUS BYTES_IN BYTES_OUT ID QUERY ANSWERED"""
    words = line.split(' ')
    if len(words) < 10:
        return None
    verb, name, bucket_name, key, status, size_in, size_out, _, query = words[1:10]
    if name == 'DeleteObject' and 'versionId=' in query:
        name = 'DeleteObjectVersion'
    size = size_in if verb in ('PUT', 'POST') else size_out
    return name, bucket_name, '' if key == '-' else urllib.parse.unquote(key), status, size, query


def do_side_by_side(mount=''):
    """What is in both buckets, a line for each current key; the status is what the mount says."""
    rows = [('KEY', 'SIZE', 'TAGS', 'VERSION AT THE SOURCE', 'VERSION AT THE DESTINATION', 'STATUS')]
    left, right = current('a'), current('b')
    for key in sorted(set(left) | set(right)):
        cells = {}
        for side, found in (('a', left), ('b', right)):
            if key in found:
                version = client(side).head_object(Bucket=bucket(side), Key=key).get('VersionId', '-')
                tags = ' '.join('%s=%s' % pair for pair in sorted(get_tags(side, key).items()))
                cells[side] = (str(found[key]['Size']), tags or '-', version)
            else:
                cells[side] = ('', '', '-')
        size, tags = cells['a'][:2]
        if key in left and key in right and cells['a'][:2] != cells['b'][:2]:
            size, tags = ' | '.join((size, cells['b'][0])), ' | '.join((tags, cells['b'][1]))
        try:
            status = os.getxattr(os.path.join(mount, key.rstrip('/')), 'user.s3.replication-status').decode()
        except OSError:
            status = '-'
        rows.append((shown(key), size or cells['b'][0], tags or cells['b'][1], cells['a'][2], cells['b'][2], status))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print('  '.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def do_requests(side, log, offset):
    with open(log, 'rb') as file:
        file.seek(int(offset))
        text = file.read().decode('utf-8', 'replace')
    parse = gateway_line if os.environ.get('S3_SERVER') == 'rgw' else s3d_line
    for line in text.splitlines():
        found = parse(line)
        if not found or OURS in line:
            continue
        name, bucket_name, key, status, size, query = found
        if bucket_name == bucket(side):
            print('\t'.join((name, size, status, shown(key), query)))


def main(args):
    if not args:
        sys.exit(__doc__)
    calls, call = [], []
    for word in args + [',']:
        if word == ',':
            calls.append(call)
            call = []
        else:
            call.append(word)
    for call in calls:
        function = globals().get('do_' + call[0].replace('-', '_'))
        if not function:
            sys.exit('s3.py: no such command: ' + call[0])
        try:
            function(*call[1:])
        except Failure as failure:
            sys.stdout.flush()
            if call[0] != 'exists':
                sys.stderr.write('s3.py: %s: %s\n' % (' '.join(call), failure))
            sys.exit(1)
        except Exception as error:
            sys.stdout.flush()
            sys.stderr.write('s3.py: %s: %s: %s\n' % (' '.join(call), type(error).__name__, error))
            sys.exit(2)


if __name__ == '__main__':
    sys.stdout.reconfigure(encoding='utf-8', errors='surrogateescape')
    main(sys.argv[1:])
