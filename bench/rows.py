"""rows.py - the table: what is done, by whom, and what must be reached. A row has one phase or several (a second look at
the same listing); each phase is a line of the result."""
import os
import random
import subprocess
import time

from world import CONNECTIONS, Failed, s3

MIB = 1 << 20
SCALES = {
    'FULL': {'big': 1024 * MIB, 'small': 2000, 'slow_1': 100, 'slow_16': 480, 'reads': 200, 'ls': (10000, 100000), 'tree': 6000, 'dir': 1000,
             'queue': (1000, 1000000), 'idle': 30, 'calls': 2000, 'lag': 200, 'repeat': 3},
    'SMALL': {'big': 24 * MIB, 'small': 32, 'slow_1': 16, 'slow_16': 32, 'reads': 20, 'ls': (20, 40), 'tree': 40, 'dir': 12,
              'queue': (100, 1100), 'idle': 2, 'calls': 100, 'lag': 20, 'repeat': 1},
}
PEERS = ('s3fs', 'rclone')
ALL = ('crrfs', 'raw') + PEERS


class Context:
    """Of one measurement: who works where, in which repeat."""

    def __init__(self, world, scale, who, rep, mount=None):
        self.world, self.scale, self.who, self.rep, self.mount = world, scale, who, rep, mount
        self.prefix = '%s-%d' % (who, rep)      # its own folder

    def at(self, *names):
        return os.path.join(self.mount.dir, *names)


class Phase:
    def __init__(self, name, title, target, work, raw=None, judge=None, local=None, before=None, cold=False,
                 makes=None):
        self.name, self.title, self.target, self.work, self.raw, self.judge = name, title, target, work, raw, judge
        self.local = local      # the same on a local file
        self.before = before    # not measured; returns how many files it made
        self.makes = makes      # of the scale: how many files that makes, for who uploads after close
        self.cold = cold        # with an empty page cache


class Row:
    def __init__(self, name, *phases, who=ALL, prepare=None, replicate=False, options='', delay=0, repeat=None, special=None,
                 peer_repeat=None, large=False):
        self.name, self.phases, self.who, self.prepare = name, phases, who, prepare
        self.replicate = replicate      # crrfs has a rule for everything; the peers cannot
        self.options, self.delay, self.repeat, self.special = options, delay, repeat, special
        self.peer_repeat = peer_repeat  # of the peers, where they take long
        self.large = large              # what was written is removed after each measurement


# ---- the works: what programs do, in a child of the harness -------------------------------------------------------

def run(*command):
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise Failed('%s: %s' % (command[0], done.stderr.strip()[-200:]))


def random_file(path, size, seed):
    if not os.path.exists(path):
        source = random.Random(seed)
        with open(path, 'wb') as file:
            for at in range(0, size, MIB):
                file.write(source.randbytes(min(MIB, size - at)))
    return path


def big_file(c):
    return random_file(os.path.join(c.world.shared, 'big'), c.scale['big'], 'big')


def in_own_folder(c):
    os.mkdir(c.at(c.prefix))


def copy_big(c):
    run('cp', big_file(c), c.at(c.prefix, 'big'))


def write_files(folder, numbers, size, closed=None):
    data = b'x' * size
    for i in numbers:
        fd = os.open('%s/f%06d' % (folder, i), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(fd, data)
        os.close(fd)
        if closed is not None:
            closed.append(time.time_ns() // 1000)


def small_files(many, writers):
    """many (a word of the scale) files of 4 KiB by so many processes that begin together"""
    def work(c):
        folder, n = c.at(c.prefix), c.scale[many]
        if writers == 1:
            write_files(folder, range(n), 4096)
            return
        gate, opener = os.pipe()
        children = []
        for w in range(writers):
            pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    os.close(opener)
                    os.read(gate, 1)
                    write_files(folder, range(w, n, writers), 4096)
                    status = 0
                finally:
                    os._exit(status)
            children.append(pid)
        os.close(gate)
        os.close(opener)
        if [pid for pid in children if os.waitpid(pid, 0)[1]]:
            raise Failed('a writer failed')
    return work


def raw_small(many, writers, sides='a'):
    return lambda c: [(side, writers, 'put', c.prefix + '/f', c.scale[many], 4096) for side in sides]


def files_and_close_times(c):
    closed = []
    write_files(c.at(c.prefix), range(c.scale['lag']), 4096, closed)
    return {'closed_us': closed}


def read_all(path):
    fd = os.open(path, os.O_RDONLY)
    while os.read(fd, MIB):
        pass
    os.close(fd)


def read_randomly(c):
    size, fd = c.scale['big'], os.open(c.at('big'), os.O_RDONLY)
    source = random.Random(c.rep)
    for _ in range(c.scale['reads']):
        if len(os.pread(fd, 131072, source.randrange(size // 131072) * 131072)) != 131072:
            raise Failed('a short read')
    os.close(fd)


def list_long(folder, n):
    done = subprocess.run(['ls', '-lU', folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    found = done.stdout.count(b'\n-')
    if done.returncode or found != n:
        raise Failed('ls: %d of %d names; %s' % (found, n, done.stderr.decode()[-200:]))


def make_tree(c):
    """A source tree as any: 15 files a folder, three deep, most of them small. The same in every run."""
    top = os.path.join(c.world.shared, 'tree')
    if os.path.isdir(top):
        return top
    source = random.Random('tree')
    for i in range(c.scale['tree']):
        folder = os.path.join(top, 'lib%02d' % (i // 600), 'mod%02d' % (i // 75 % 8), 'sub%d' % (i // 15 % 5))
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, 'file%05d.%s' % (i, source.choice('ch')))
        with open(path, 'wb') as file:
            file.write(source.randbytes(min(200000, int(source.lognormvariate(8.3, 1.2)))))
        os.chmod(path, source.choice((0o644, 0o644, 0o755)))
        os.utime(path, (1.6e9 + i, 1.6e9 + i))
    return top


def append_1m(c):
    with open(c.at(c.prefix, 'big'), 'ab', buffering=0) as file:
        file.write(b'a' * MIB)


def change_4k(c):
    fd = os.open(c.at(c.prefix, 'big'), os.O_WRONLY)
    os.pwrite(fd, b'c' * 4096, c.scale['big'] // 2 + 12345)
    os.close(fd)


def with_big(c):
    """a large object that this mount wrote, and that stands wherever it shall"""
    os.mkdir(c.at(c.prefix))
    copy_big(c)
    return 1


def with_files(c):
    os.makedirs(c.at(c.prefix, 'dir'))
    write_files(c.at(c.prefix, 'dir'), range(c.scale['dir']), 4096)
    return c.scale['dir']


# ---- what servers have before a row -------------------------------------------------------------------------------

def raw_now(world, side, *args):
    return world.raw_result(world.raw(side, CONNECTIONS, *args))


def have_big(c):
    raw_now(c.world, 'a', 'upload', big_file(c), 'big')


def have_keys(which):
    def prepare(c):
        raw_now(c.world, 'a', 'put', 'many/f', c.scale['ls'][which], 100)
    return prepare


# ---- what must be reached -----------------------------------------------------------------------------------------

def value(r, who, field='settled'):
    """The median of who's field; None where there is none."""
    return r.get(who, {}).get('median', {}).get(field)


class Verdict:
    """Some checks and their words. reached: yes when all that could be asked hold, None when none could."""

    def __init__(self):
        self.words, self.answers = [], []

    def check(self, text, ok):
        self.words.append(text + ('' if ok is None else ': yes' if ok else ': no'))
        if ok is not None:
            self.answers.append(ok)

    def faster(self, r, who, least, what=None):
        """how many times as fast as who"""
        theirs, ours = value(r, who), value(r, 'crrfs')
        if not ours or not theirs:
            self.check('%s: no value' % (what or who), None)
        else:
            self.check('%.2f × %s (≥ %g)' % (theirs / ours, what or who, least), theirs / ours >= least)

    def better_peer(self, r, least, peers=PEERS):
        times = [(value(r, p), p) for p in peers if value(r, p)]
        if times:
            self.faster(r, min(times)[1], least, min(times)[1])
        else:
            self.check('no peer', None)

    def at_most(self, what, got, most):
        self.check('%s %s (≤ %s)' % (what, number(got), number(most)) if got is not None else what + ': no value',
                   None if got is None else got <= most)

    def exactly(self, what, got, wanted):
        self.check('%s %s (%s)' % (what, number(got), number(wanted)), got == wanted)

    def result(self):
        return {'reached': all(self.answers) if self.answers else None, 'verdict': '; '.join(self.words)}


def number(x):
    if x is None:
        return '-'
    if isinstance(x, float) and x != int(x):
        return '%.3g' % x if x < 100 else '%.1f' % x
    return '{:,}'.format(int(x))


def judge(function):
    def wrapped(r, rows, scale):
        v = Verdict()
        function(v, r, rows, scale)
        return v.result()
    return wrapped


@judge
def judge_write(v, r, rows, scale):
    v.faster(r, 'raw', 0.9)
    v.better_peer(r, 1.5)


@judge
def judge_write_repl(v, r, rows, scale):
    both, raw = value(r, 'crrfs'), value(r, 'raw')
    if both and raw:
        v.at_most('both copies after × raw twice', round(both / raw, 3), 1.15)
    v.exactly('bytes read back', value(r, 'crrfs', 'read_a'), 0)


@judge
def judge_lag(v, r, rows, scale):
    p99, one = value(r, 'crrfs', 'lag_p99_ms'), value(r, 'raw', 'median_ms')
    if p99 is not None and one:
        v.at_most('p99 in ms', round(p99, 2), round(2 * one, 2))
        v.check('median %s ms, one request %s ms' % (number(value(r, 'crrfs', 'lag_p50_ms')), number(one)), None)


@judge
def judge_small(v, r, rows, scale):
    ours, raw = value(r, 'crrfs'), value(r, 'raw')
    if ours and raw:
        v.at_most('× the time of raw', round(ours / raw, 2), 1.5)
    v.better_peer(r, 3, ('s3fs',))
    if value(r, 'rclone') and ours:
        v.check('%.2f × rclone, which does not wait at close' % (value(r, 'rclone') / ours), None)


def judge_small_repl(many):
    @judge
    def judged(v, r, rows, scale):
        n, requests = scale[many], r.get('crrfs', {}).get('requests', {})
        writes, empty = value(r, 'crrfs', 'seconds'), value(r, 'crrfs')
        v.exactly('PUT at the source', requests.get('a.PutObject', 0), n)
        if writes:      # the folder is listed again once its listing is older than attr_timeout, 1 s
            lists = value(r, 'crrfs', 'requests_a') - requests.get('a.PutObject', 0)
            v.at_most('others there, in %.1f s' % writes, lists, 4 + 3 * int(writes))
        v.exactly('at the destination', value(r, 'crrfs', 'requests_b'), n)
        if writes:
            v.at_most('queue empty after × the writes', round(empty / writes, 2), 1.2)
    return judged


@judge
def judge_read(v, r, rows, scale):
    v.faster(r, 'raw', 0.9)


@judge
def judge_random(v, r, rows, scale):
    read = value(r, 'crrfs', 'read_a')
    asked = scale['reads'] * 131072
    v.at_most('× the bytes asked', None if read is None else round(read / asked, 3), 1.1)


@judge
def judge_warm(v, r, rows, scale):
    v.faster(r, 'local', 0.5, 'a local file')


def judge_ls(which, heads, tenth, against=None):
    """heads: one HEAD for each key. tenth: the row with a tenth of the keys. against: the one whose s3fs this is compared with."""
    @judge
    def judged(v, r, rows, scale):
        n = scale['ls'][which]
        requests = r.get('crrfs', {}).get('requests', {})
        pages = (n + 999) // 1000
        lists = sum(k for op, k in requests.items() if op.startswith('a.List'))
        if requests:
            v.at_most('LIST', lists, pages + 1)     # one may look for the folder itself
            v.exactly('HEAD', requests.get('a.HeadObject', 0), n if heads else 0)
            v.exactly('other requests', value(r, 'crrfs', 'requests_a') - lists - requests.get('a.HeadObject', 0), 0)
        v.faster(rows.get(against, {}).get('who', {}) | {'crrfs': r.get('crrfs', {})} if against else r, 's3fs', 5)
        if which:
            was, now = value(rows.get(tenth, {}).get('who', {}), 'crrfs', 'peak_kib'), value(r, 'crrfs', 'peak_kib')
            if was and now:
                v.at_most('MiB of RSS more than with a tenth of the keys', round((now - was) / 1024, 1), 16)
    return judged


@judge
def judge_tree(v, r, rows, scale):
    v.better_peer(r, 3, ('s3fs',))


@judge
def judge_small_change(v, r, rows, scale):
    v.at_most('bytes to the source', value(r, 'crrfs', 'bytes_a'), 32 * MIB)
    v.at_most('to the destination', value(r, 'crrfs', 'bytes_b'), 32 * MIB)


@judge
def judge_move(v, r, rows, scale):
    v.exactly('bytes to the source', value(r, 'crrfs', 'bytes_a'), 0)
    v.exactly('to the destination', value(r, 'crrfs', 'bytes_b'), 0)


@judge
def judge_writers(v, r, rows, scale):
    judged = judge_small(r, rows, scale)
    v.words.append(judged['verdict'])
    if judged['reached'] is not None:
        v.answers.append(judged['reached'])
    one, many = value(rows.get('small_1_50ms', {}).get('who', {}), 'crrfs'), value(r, 'crrfs')
    if one and many:
        rate = (scale['slow_16'] / many) / (scale['slow_1'] / one)
        v.check('%.1f × one writer (≥ 12)' % rate, rate >= 12)


def add_lag(c, cell, since):
    """Milliseconds from each close until the destination had carried out its PUT."""
    if c.world.kind != 's3d':
        raise Failed('only s3d logs when it has answered')
    arrived = {key: answered for name, key, _, _, _, answered in c.world.lines('b', since) if name == 'PutObject'}
    lags = sorted((arrived['%s/f%06d' % (c.prefix, i)] - closed) / 1000 for i, closed in enumerate(cell.pop('closed_us')))
    cell.update(lag_p50_ms=lags[len(lags) // 2], lag_p99_ms=lags[min(len(lags) - 1, len(lags) * 99 // 100)], lag_max_ms=lags[-1])


# ---- the table ----------------------------------------------------------------------------------------------------

def write_row(name, title, delay=0):
    return Row(name, Phase(name, title, '≥ 0.9 × raw; ≥ 1.5 × the better peer', copy_big,
                           raw=lambda c: [('a', CONNECTIONS, 'upload', big_file(c), c.prefix + '/big')],
                           judge=judge_write, before=in_own_folder, makes=lambda scale: 1), prepare=big_file, delay=delay, large=True)


def write_repl_row(name, title, delay=0):
    return Row(name, Phase(name, title, 'both copies by 1.15 × raw sending twice the bytes; 0 bytes read back', copy_big,
                           raw=lambda c: [(s, CONNECTIONS, 'upload', big_file(c), c.prefix + '/big') for s in 'ab'],
                           judge=judge_write_repl, before=in_own_folder),
               who=('crrfs', 'raw'), prepare=big_file, replicate=True, delay=delay, large=True)


def lag_row(name, title, delay=0):
    phase = Phase(name, title, 'p99 ≤ 2 × the time of one request', files_and_close_times, raw=raw_small('lag', 1),
                  judge=judge_lag, before=in_own_folder)
    phase.after = add_lag
    return Row(name, phase, who=('crrfs', 'raw'), replicate=True, delay=delay)


def small_row(name, title, many, writers, delay=0, judged=judge_small):
    target = '≤ 1.5 × the time of raw; ≥ 3 × the better peer that waits at close'
    return Row(name, Phase(name, title, target + ('; ≥ 12 × one writer' if judged is judge_writers else ''),
                           small_files(many, writers), raw=raw_small(many, writers), judge=judged, before=in_own_folder,
                           makes=lambda scale: scale[many]),
               delay=delay, peer_repeat=1 if delay else None)


def small_repl_row(name, title, many, writers, delay=0):
    return Row(name, Phase(name, title, 'requests exactly 1 + 1 per file; queue empty within 1.2 × the writes',
                           small_files(many, writers), raw=raw_small(many, writers, 'ab'), judge=judge_small_repl(many),
                           before=in_own_folder),
               who=('crrfs', 'raw'), replicate=True, delay=delay)


def read_row(name, title, delay=0):
    return Row(name,
               Phase(name, title, '≥ 0.9 × raw', lambda c: read_all(c.at('big')),
                     raw=lambda c: [('a', CONNECTIONS, 'get', 'big')], judge=judge_read, cold=True),
               Phase(name.replace('read_1g', 'reread_1g'), title.replace('cold', 'again, warm'), '≥ 0.5 × a local file',
                     lambda c: read_all(c.at('big')), local=lambda c: read_all(big_file(c)), judge=judge_warm),
               who=ALL + ('local',), prepare=have_big, delay=delay)


def ls_rows(which, name, count):
    def look(c):
        list_long(c.at('many'), c.scale['ls'][which])

    def wait(c):
        time.sleep(2)       # longer than attributes are believed: what counts is what the state database knows
    never, seen, without = name + '_never', name + '_seen', name + '_nometa'
    keys = have_keys(which)
    yield Row(never,
              Phase(never, 'ls -l of %s keys, never seen' % count, 'LISTs + one HEAD each, in parallel; ≥ 5 × s3fs; RSS flat', look,
                    raw=lambda c: [('a', 32, 'heads', 'many/')], judge=judge_ls(which, True, 'ls_10k_never')),
              Phase(seen, 'the same, seen before', 'LISTs only; ≥ 5 × s3fs; RSS flat', look,
                    raw=lambda c: [('a', 1, 'list', 'many/')], judge=judge_ls(which, False, 'ls_10k_seen'), before=wait),
              prepare=keys, repeat=1 if which else None)
    yield Row(without,
              Phase(without, 'the same, never seen, posix_meta=no', 'LISTs only; ≥ 5 × s3fs never seen; RSS flat', look,
                    raw=lambda c: [('a', 1, 'list', 'many/')], judge=judge_ls(which, False, 'ls_10k_nometa', never)),
              who=('crrfs', 'raw'), prepare=keys, options='posix_meta=no')


def tree_row():
    return Row('tree_cp',
               Phase('tree_cp', 'cp -a of a source tree (6,000 files)', '≥ 3 × s3fs',
                     lambda c: run('cp', '-a', make_tree(c), c.at(c.prefix, 'tree')),
                     raw=lambda c: [('a', 1, 'tree', make_tree(c), c.prefix + '/tree')], judge=judge_tree, before=in_own_folder,
                     makes=lambda scale: scale['tree']),
               Phase('tree_rm', 'rm -r of it', '≥ 3 × s3fs', lambda c: run('rm', '-r', c.at(c.prefix, 'tree')),
                     raw=lambda c: [('a', 1, 'rm', c.prefix + '/tree')], judge=judge_tree),
               prepare=make_tree)


def change_row(name, title, work, raw):
    return Row(name, Phase(name, title, '≤ 32 MiB sent to each side', work, raw=raw, judge=judge_small_change, before=with_big,
                           makes=lambda scale: 1),
               prepare=have_big, replicate=True, repeat=1, large=True)


def table():
    import special
    yield write_row('write_1g', 'write 1 GiB with cp, no replication')
    yield write_repl_row('write_1g_repl', 'write 1 GiB with cp, replicated by a prefix rule')
    yield lag_row('lag', 'from close to the replica, files of 4 KiB')
    yield small_row('small_1', '2,000 files of 4 KiB by one process', 'small', 1)
    yield small_row('small_16', '2,000 files of 4 KiB by 16 processes', 'small', 16)
    yield small_repl_row('small_1_repl', '2,000 files by one process, replicated', 'small', 1)
    yield small_repl_row('small_16_repl', '2,000 files by 16 processes, replicated', 'small', 16)
    yield read_row('read_1g', 'read 1 GiB cold')
    yield Row('read_random', Phase('read_random', 'random reads of 128 KiB, cold', '≤ 1.1 × the bytes asked', read_randomly,
                                   raw=lambda c: [('a', 1, 'random', 'big', c.scale['reads'], 131072)], judge=judge_random,
                                   cold=True), prepare=have_big)
    yield from ls_rows(0, 'ls_10k', '10,000')
    yield from ls_rows(1, 'ls_100k', '100,000')
    yield tree_row()
    yield change_row('append', 'append 1 MiB to an object of 1 GiB', append_1m,
                     lambda c: [('a', 1, 'append', 'big', MIB)])
    yield change_row('change', 'change 4 KiB in the middle of 1 GiB', change_4k,
                     lambda c: [('a', 1, 'change', 'big', c.scale['big'] // 2, 4096)])
    yield Row('mv_file', Phase('mv_file', 'mv of a file of 1 GiB', '0 body bytes on either side',
                               lambda c: os.rename(c.at(c.prefix, 'big'), c.at(c.prefix, 'new')),
                               raw=lambda c: [('a', 1, 'copy', 'big', c.prefix)], judge=judge_move, before=with_big),
              prepare=have_big, replicate=True, repeat=1, large=True)
    yield Row('mv_dir', Phase('mv_dir', 'mv of a directory of 1,000', '0 body bytes on either side',
                              lambda c: os.rename(c.at(c.prefix, 'dir'), c.at(c.prefix, 'new')),
                              raw=lambda c: [('a', CONNECTIONS, 'move', 'some/', c.prefix + '/')], judge=judge_move,
                              before=with_files),
              prepare=lambda c: raw_now(c.world, 'a', 'put', 'some/f', c.scale['dir'], 4096), replicate=True, repeat=1)
    slow = ', 50 ms added to every request'
    yield write_row('write_1g_50ms', 'write 1 GiB' + slow, 50)
    yield write_repl_row('write_1g_repl_50ms', 'write 1 GiB, replicated' + slow, 50)
    yield lag_row('lag_50ms', 'from close to the replica' + slow, 50)
    yield small_row('small_1_50ms', '100 files of 4 KiB by one process' + slow, 'slow_1', 1, 50)
    yield small_row('small_16_50ms', '480 files of 4 KiB by 16 processes' + slow, 'slow_16', 16, 50, judge_writers)
    yield small_repl_row('small_16_repl_50ms', '480 files by 16, replicated' + slow, 'slow_16', 16, 50)
    yield read_row('read_1g_50ms', 'read 1 GiB cold' + slow, 50)
    yield from special.rows()
