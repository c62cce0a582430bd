"""world.py - what bench/run measures in: two S3 servers with a bucket each, mounts of the source bucket, what they
cost (requests, bytes, CPU, memory), and the raw client. Nothing here knows a row of the table."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
BUILD = os.path.abspath(os.environ.get('CRRFS_BUILD', TOP))
sys.path.insert(0, os.path.join(TOP, 'tests', 'mount'))
import s3  # noqa: E402  a public S3 client, and the reader of the servers' logs

PATIENCE = int(os.environ.get('BENCH_PATIENCE', '900'))     # seconds that only a hang reaches
TICK = os.sysconf('SC_CLK_TCK')
ARN = 'arn:aws:s3:::%s'
CONNECTIONS = 8             # of every client, where it can be said


class Failed(Exception):
    """This cell of the table cannot be had; the run goes on."""


def wait_until(question, what, seconds=PATIENCE, pause=0.01):
    end = time.monotonic() + seconds
    while not question():
        if time.monotonic() > end:
            raise Failed('gave up waiting for ' + what)
        time.sleep(pause)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def forked(function, *args):
    """The function's result, from a child that can be given up when a mount hangs."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            try:
                answer = {'result': function(*args)}
            except Exception as error:
                answer = {'error': '%s: %s' % (type(error).__name__, error)}
            with os.fdopen(writer, 'w') as out:
                json.dump(answer, out)
        finally:
            os._exit(0)
    os.close(writer)
    import select
    text = b''
    end = time.monotonic() + PATIENCE
    with os.fdopen(reader, 'rb', buffering=0) as source:
        while True:
            if not select.select([source], [], [], max(0, end - time.monotonic()))[0]:
                os.kill(pid, signal.SIGKILL)    # who hangs in the mount ends with it
                raise Failed('took more than %d seconds' % PATIENCE)
            more = source.read(65536)
            if not more:
                break
            text += more
    os.waitpid(pid, 0)
    answer = json.loads(text or b'{"error": "the child died"}')
    if 'error' in answer:
        raise Failed(answer['error'])
    return answer['result']


def drop_page_cache():
    try:
        with open('/proc/sys/vm/drop_caches', 'w') as file:
            file.write('3\n')
        return True
    except OSError:
        return False


class World:
    """Two servers ("regions"), their buckets, a folder for everything. One for each row."""

    def __init__(self, kind, shared):
        self.kind = kind
        self.shared = shared    # files that are the same for all rows
        self.dir = tempfile.mkdtemp(prefix='crrfs-bench.', dir=os.environ.get('TMPDIR', '/tmp'))
        self.data = self.dir
        shm = '/dev/shm'
        if os.path.isdir(shm) and shutil.disk_usage(shm).free > 12 << 30:
            self.data = tempfile.mkdtemp(prefix='crrfs-bench.', dir=shm)    # the servers' disks are not measured
        self.children = []
        self.mounts = []
        self.sides = {}
        self.started = 0

    def start(self):
        os.environ['S3_SERVER'] = self.kind
        s3.clients.clear()
        if self.kind == 's3d':
            for side, region in (('a', 'us-east-1'), ('b', 'eu-west-1')):
                self.start_s3d(side, region)
        else:
            self.start_rgw()
        for side, it in self.sides.items():
            for name, value in it.items():
                os.environ['S3_%s_%s' % (side.upper(), name.upper())] = value
        if self.kind == 'rgw':
            s3.do_mkbucket('a', '--versioned')
            s3.do_mkbucket('b', '--versioned')
        return self

    def start_s3d(self, side, region):
        ready = os.path.join(self.dir, 's3d-%s.ready' % side)
        log = os.path.join(self.dir, 's3d-%s.log' % side)
        key, secret = 'AKIABENCH00000000%s' % (side * 3), 'secret-of-bench-in-region-' + side
        bucket = 'bench-' + side
        with open(log + '.err', 'w') as err:
            child = subprocess.Popen(
                [os.path.join(BUILD, 'tests/s3d/s3d'), '--dir', os.path.join(self.data, 's3d-' + side), '--listen',
                 '127.0.0.1:0', '--region', region, '--create', bucket + ':versioned', '--log', log, '--ready-file', ready],
                env=dict(os.environ, S3D_KEYS='%s:%s' % (key, secret)), stdin=subprocess.DEVNULL, stdout=err, stderr=err)
        self.children.append(child)
        wait_until(lambda: os.path.exists(ready) and os.path.getsize(ready) > 0, 's3d', 30)
        with open(ready) as file:
            endpoint = 'http://' + file.read().strip()
        self.sides[side] = {'endpoint': endpoint, 'region': region, 'key': key, 'secret': secret, 'bucket': bucket, 'log': log}

    def start_rgw(self):
        up = subprocess.run([os.path.join(TOP, 'tests/rgw/up.sh')], stdout=subprocess.PIPE, text=True, check=True)
        words = dict(line.removeprefix('export ').split('=', 1) for line in up.stdout.splitlines() if '=' in line)
        for side in 'ab':
            it = {n: words['S3_%s_%s' % (side.upper(), n.upper())].strip('\'"')
                  for n in ('endpoint', 'region', 'key', 'secret', 'log')}
            it['bucket'] = 'bench-%s-%d' % (side, os.getpid())
            self.sides[side] = it

    def delay(self, ms):
        """Every answer of both servers from now on takes so much longer."""
        if self.kind != 's3d':
            raise Failed('only s3d delays its answers')
        for it in self.sides.values():
            body = b'count=-1 action=latency:%d\n' % ms if ms else b''
            urllib.request.urlopen(urllib.request.Request(
                it['endpoint'] + '/_s3d/faults', data=body, method='PUT' if ms else 'DELETE')).read()

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def stop(self):
        try:
            for mount in list(self.mounts):
                mount.kill()
            if self.kind == 'rgw':
                for side in self.sides:
                    s3.do_rmbucket(side)
        finally:
            for child in self.children:
                child.terminate()
            for child in self.children:
                child.wait()
            shutil.rmtree(self.dir, ignore_errors=True)
            shutil.rmtree(self.data, ignore_errors=True)

    # ---- counting ----

    def mark(self):
        return {side: os.path.getsize(it['log']) for side, it in self.sides.items()}

    def lines(self, side, since):
        """(operation, key, bytes in, bytes out, came in us, answered in us) of the mounts' and the raw client's requests."""
        it = self.sides[side]
        parse = s3.s3d_line if self.kind == 's3d' else s3.gateway_line
        with open(it['log'], 'rb') as file:
            file.seek(since[side])
            text = file.read().decode('utf-8', 'replace')
        for line in text.splitlines():
            found = None if s3.OURS in line else parse(line)
            if not found or found[1] != it['bucket']:
                continue
            name, _, key, _, size, _ = found
            took_in = name in ('PutObject', 'UploadPart')
            words = line.split(' ')
            came, answered = (int(words[0]) * 1000, int(words[10])) if self.kind == 's3d' else (0, 0)
            size = int(size) if size.isdigit() else 0
            yield name, key, size if took_in else 0, 0 if took_in or name != 'GetObject' else size, came, answered

    def arrived(self, since, prefix):
        """How many files with this prefix are in the first bucket since then."""
        done = ('PutObject', 'CompleteMultipartUpload', 'CopyObject')
        return len({key for name, key, _, _, _, _ in self.lines('a', since)
                    if name in done and key.startswith(prefix) and not key.endswith('/')})

    def remove_large(self, prefix):
        """For good, all that takes much of the servers' memory below this prefix."""
        for side in self.sides:
            for key, version, _, size, _ in s3.all_versions(side, prefix):
                if size != 'marker' and int(size) > 16 << 20:
                    s3.client(side).delete_object(Bucket=self.sides[side]['bucket'], Key=key, VersionId=version)

    def costs(self, since):
        if self.kind == 'rgw':
            time.sleep(0.5)     # its log is written a little after the answer
        result = {'requests': {}, 'requests_a': 0, 'requests_b': 0, 'bytes_a': 0, 'bytes_b': 0, 'read_a': 0, 'read_b': 0}
        for side in self.sides:
            for name, _, size_in, size_out, _, _ in self.lines(side, since):
                op = '%s.%s' % (side, name)
                result['requests'][op] = result['requests'].get(op, 0) + 1
                result['requests_' + side] += 1
                result['bytes_' + side] += size_in
                result['read_' + side] += size_out
        return result

    # ---- the raw client ----

    def raw(self, side, connections, *args):
        it = self.sides[side]
        return subprocess.Popen(
            [os.path.join(BUILD, 'bench/raw'), it['endpoint'], it['region'], it['bucket'], str(connections)] +
            [str(a) for a in args],
            env=dict(os.environ, AWS_ACCESS_KEY_ID=it['key'], AWS_SECRET_ACCESS_KEY=it['secret']),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    @staticmethod
    def raw_result(child):
        out, err = child.communicate(timeout=PATIENCE)
        if child.returncode:
            raise Failed('raw: ' + err.strip())
        return json.loads(out)


class Mount:
    """One daemon on the source bucket, in the foreground."""

    def __init__(self, world, name, replicate=False, options=''):
        self.world = world
        self.replicate = replicate
        self.name = name
        world.started += 1
        self.base = world.path('%s-%d' % (name, world.started))
        self.dir = self.base + '.mnt'
        os.makedirs(self.dir)
        os.makedirs(self.base)
        self.log = open(self.base + '.log', 'w')
        self.env = {k: v for k, v in os.environ.items() if not k.startswith('AWS_') and 'proxy' not in k.lower()}
        self.state = os.path.join(self.base, 'state')
        self.command = getattr(self, name)(options)

    def start(self):
        self.process = subprocess.Popen(self.command, env=self.env, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT)
        self.world.mounts.append(self)

        def up():
            if self.process.poll() is not None:
                with open(self.log.name) as file:
                    raise Failed('%s ended: %s' % (self.name, file.read()[-300:].strip()))
            with open('/proc/self/mounts') as file:
                return any(line.split(' ')[1] == self.dir for line in file)
        wait_until(up, 'the mount of ' + self.name, 120)
        os.statvfs(self.dir)
        return self

    # ---- who ----

    def crrfs(self, options):
        a, b = self.world.sides['a'], self.world.sides['b']
        base = self.base
        with open(base + '/credentials', 'w') as file:
            os.fchmod(file.fileno(), 0o600)
            for side, it in self.world.sides.items():
                file.write('[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n' % (side, it['key'], it['secret']))
        words = ['url=' + a['endpoint'], 'region=' + a['region'], 'use_path_request_style', 'profile=a', 'state=' + self.state]
        if self.replicate:
            with open(base + '/rules.json', 'w') as file:
                json.dump({'Role': 'arn:aws:iam::123456789012:role/crr', 'Rules': [
                    {'ID': 'all', 'Priority': 1, 'Status': 'Enabled', 'Filter': {'Prefix': ''},
                     'DeleteMarkerReplication': {'Status': 'Enabled'}, 'Destination': {'Bucket': ARN % b['bucket']}}]}, file)
            with open(base + '/destinations.conf', 'w') as file:
                file.write('[%s]\nurl = %s\nregion = %s\nprofile = b\nuse_path_request_style = yes\n' %
                           (ARN % b['bucket'], b['endpoint'], b['region']))
            words += ['rules=%s/rules.json' % base, 'destinations=%s/destinations.conf' % base]
        self.env.update(AWS_SHARED_CREDENTIALS_FILE=base + '/credentials', AWS_CONFIG_FILE='/dev/null',
                        AWS_EC2_METADATA_DISABLED='true', HOME=base)
        return [os.path.join(BUILD, 'crrfs'), 's3://' + a['bucket'], self.dir, '-f', '-o',
                ','.join(words) + (',' + options if options else '')]

    def s3fs(self, options):
        a = self.world.sides['a']
        with open(self.base + '/passwd', 'w') as file:
            os.fchmod(file.fileno(), 0o600)
            file.write('%s:%s\n' % (a['key'], a['secret']))
        return ['s3fs', a['bucket'], self.dir, '-f', '-o',
                'url=%s,use_path_request_style,endpoint=%s,passwd_file=%s/passwd,parallel_count=%d,tmpdir=%s,'
                'max_stat_cache_size=200000' % (a['endpoint'], a['region'], self.base, CONNECTIONS, self.base)]

    def rclone(self, options):
        a = self.world.sides['a']
        self.rc = '127.0.0.1:%d' % free_port()
        self.env.update(RCLONE_CONFIG=self.base + '/rclone.conf', RCLONE_CONFIG_BENCH_TYPE='s3',
                        RCLONE_CONFIG_BENCH_PROVIDER='Other', RCLONE_CONFIG_BENCH_ACCESS_KEY_ID=a['key'],
                        RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY=a['secret'], RCLONE_CONFIG_BENCH_ENDPOINT=a['endpoint'],
                        RCLONE_CONFIG_BENCH_REGION=a['region'])
        open(self.base + '/rclone.conf', 'w').close()
        return ['rclone', 'mount', 'bench:' + a['bucket'], self.dir, '--vfs-cache-mode', 'writes', '--vfs-write-back', '0s',
                '--transfers', str(CONNECTIONS), '--s3-upload-concurrency', str(CONNECTIONS), '--s3-no-check-bucket',
                '--cache-dir', self.base + '/cache', '--rc', '--rc-no-auth', '--rc-addr', self.rc]

    # ---- what it costs ----

    def drain(self, since=None, prefix='', objects=0):
        """Until everything written is where it shall be: in the bucket, and with rules in the second one. Who closes
        before it uploads has done so when the server's log has that many objects."""
        if self.name == 'crrfs' and self.replicate:
            done = subprocess.run([os.path.join(BUILD, 'crrctl'), 'wait', '--timeout', str(PATIENCE), self.dir],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.env)
            if done.returncode:
                raise Failed('crrctl wait: ' + done.stdout.strip()[-200:])
        elif self.name == 'rclone':
            if objects:
                wait_until(lambda: self.world.arrived(since, prefix) >= objects, 'rclone to upload')
            wait_until(lambda: self.rclone_waiting() == 0, 'rclone to upload')

    def rclone_waiting(self):
        request = urllib.request.Request('http://%s/vfs/stats' % self.rc, data=b'{}', method='POST',
                                         headers={'Content-Type': 'application/json'})
        cache = json.load(urllib.request.urlopen(request, timeout=60)).get('diskCache', {})
        return cache.get('uploadsInProgress', 0) + cache.get('uploadsQueued', 0)

    def cpu(self):
        """Seconds of CPU, in ticks of the kernel."""
        with open('/proc/%d/stat' % self.process.pid) as file:
            words = file.read().rsplit(')', 1)[1].split()
        return (int(words[11]) + int(words[12])) / TICK

    def peak_kib(self):
        with open('/proc/%d/status' % self.process.pid) as file:
            return next(int(line.split()[1]) for line in file if line.startswith('VmHWM:'))

    def switches(self):
        """How often a thread of it woke up and went back to sleep."""
        n = 0
        for task in os.listdir('/proc/%d/task' % self.process.pid):
            with open('/proc/%d/task/%s/status' % (self.process.pid, task)) as file:
                n += next(int(line.split()[1]) for line in file if line.startswith('voluntary_ctxt_switches:'))
        return n

    # ---- the end ----

    def unmount(self, lazy=False):
        command = ['umount'] if os.getuid() == 0 else ['fusermount3', '-u']
        return subprocess.run(command + (['-l' if os.getuid() == 0 else '-z'] if lazy else []) + [self.dir],
                              stderr=subprocess.DEVNULL).returncode == 0

    def stop(self):
        wait_until(self.unmount, 'the unmount of ' + self.name, 120, 0.05)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise Failed('%s does not end' % self.name) from error
        self.forget()

    def kill(self):
        self.unmount(lazy=True)
        self.process.kill()
        self.process.wait()
        self.forget()

    def forget(self):
        self.log.close()
        if self in self.world.mounts:
            self.world.mounts.remove(self)
        shutil.rmtree(self.base, ignore_errors=True)    # staging and caches are large
