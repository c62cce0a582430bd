#!/usr/bin/python3
"""mounts.py - the failure sweep of a whole mount; started by mounts.sh, which has the servers and the environment.

    mounts.py CRRFS CRRCTL SOURCE MNT STATE LOG OPTIONS HOW-MANY SEED [KIND:HOW:AT:TIMES:PHASE,...]

The scenario is run once and its fallible points are counted: those of the start of a mount, and those of its life. Then, for
each point or for HOW-MANY of them by the seed (0: all), it is run again and that one fails: once, or from there on. Then the
mount ends, another one begins in which nothing fails, and it must be true that

    no sanitizer and no assertion has said anything, and the process has ended by itself
    a start that fails says why in one line
    the files are what was acknowledged; what was refused has happened or not
    where the buckets differ a row or a ticket says that something is left to do
    in the end both buckets have the same versions in the same order
"""
import mmap
import os
import random
import re
import sqlite3
import struct
import subprocess
import sys
import time

import scenario

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'mount'))
import s3  # noqa: E402

# as enum sweep_kind: name, hows; lasting: also from that point on
KINDS = [('memory', 1, False), ('library', 1, False), ('file', 2, True), ('disk', 2, True), ('sql', 4, False),
         ('s3', 4, True), ('thread', 1, False)]
FOR_EVER = 1 << 62
PATIENCE = 120  # seconds that only a hang reaches
BAD = re.compile(r'ERROR: (Address|Leak)Sanitizer|runtime error:|Assertion|double free|SUMMARY: ')


class Failed(Exception):
    pass


class Sweep:
    """The memory that tests/sweep/sweep.c looks at."""

    def __init__(self, path):
        self.file = open(path, 'w+b')
        self.file.truncate(8 * (5 + len(KINDS)))
        self.memory = mmap.mmap(self.file.fileno(), 0)
        self.set(-1, 0, 0, 0)

    def set(self, kind, how, at, times):
        struct.pack_into('q', self.memory, 0, -1)
        struct.pack_into('%dq' % (4 + len(KINDS)), self.memory, 8, how, at, times, 0, *[0] * len(KINDS))
        struct.pack_into('q', self.memory, 0, kind)

    def count(self):
        self.set(0, 0, 0, 0)

    def hits(self):
        return struct.unpack_from('q', self.memory, 32)[0]

    def seen(self):
        return struct.unpack_from('%dq' % len(KINDS), self.memory, 40)


class World:
    def __init__(self, crrfs, crrctl, source, mnt, state, log, options):
        self.crrfs, self.crrctl, self.source, self.mnt, self.state = crrfs, crrctl, source, mnt, state
        self.log, self.options = log, options
        self.sweep = Sweep(log + '.sweep')
        self.process = None
        self.log_at = 0
        self.said = ''  # by the mounts of this point
        self.number = 0

    def new_log(self):
        with open(self.log, errors='replace') as file:
            file.seek(self.log_at)
            text = file.read()
            self.log_at = file.tell()
        self.said += text
        return text

    def mounted(self):
        with open('/proc/self/mounts') as mounts:
            return any(line.split()[1] == self.mnt for line in mounts)

    def mount(self):
        """True when it serves; False when it has ended instead."""
        with open(self.log, 'a') as log:
            self.process = subprocess.Popen(
                [self.crrfs, 's3://' + self.source, self.mnt, '-f', '-o', self.options], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env=dict(os.environ, SWEEP_FILE=self.log + '.sweep', SWEEP_SHOW='yes'))
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self.process.poll() is not None:
                return False
            if self.mounted() and self.serves():
                return True
            time.sleep(0.02)
        raise Failed('crrfs neither mounts nor ends')

    def serves(self):
        try:
            os.statvfs(self.mnt)
        except OSError:
            return False
        return True

    def umount(self):
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            if time.monotonic() > end:
                self.process.kill()
                raise Failed('crrfs does not end')
            if self.mounted():
                subprocess.run(['umount' if os.getuid() == 0 else 'fusermount3'] + ([] if os.getuid() == 0 else ['-u'])
                               + [self.mnt], stderr=subprocess.DEVNULL, check=False)
            time.sleep(0.02)
        if self.mounted():
            subprocess.run(['umount', '-l', self.mnt], check=False)

    def check_end(self, started=True):
        """The process has ended by itself, and no tool has complained."""
        text = self.new_log()
        bad = BAD.search(text)
        if bad:
            raise Failed(f'"{bad.group()}"')
        if self.process.returncode < 0 or (started and self.process.returncode not in (0, 1)):
            raise Failed(f'exit status {self.process.returncode}')
        if not started:
            lines = [line for line in text.splitlines() if line.startswith('crrfs: ')]
            if self.process.returncode == 0 or not lines or not lines[-1].strip():
                raise Failed(f'it ended with {self.process.returncode} and says nothing of why')

    def ctl(self, *args, timeout=PATIENCE):
        return subprocess.run([self.crrctl, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=timeout, check=False)

    def drain(self, seconds):
        return self.ctl('wait', '--timeout', str(seconds), self.mnt, timeout=seconds + 60)

    def history(self, side, prefix):
        return [(v[0], 'marker' if v[3] == 'marker' else
                 s3.client(side).head_object(Bucket=s3.bucket(side), Key=v[0], VersionId=v[1])['ETag'])
                for v in s3.in_order(side, prefix)]

    def left_to_do(self):
        with sqlite3.connect(f'file:{self.state}/queue.db?mode=ro', uri=True) as db:
            return db.execute('SELECT (SELECT count(*) FROM job WHERE state <> 4) + (SELECT count(*) FROM ticket)'
                              ).fetchone()[0]

    def run(self, arm, phase):
        self.number += 1
        self.said = ''
        folder = f'p{self.number}'
        if phase == 'start':
            self.umount()
            self.new_log()
            arm()
            if not self.mount():
                hits = self.sweep.hits()
                self.sweep.set(-1, 0, 0, 0)
                self.check_end(started=False)
                self.restart(folder, [{}])
                return hits, ['start']
        else:
            arm()
        worlds, refused = scenario.run(f'{self.mnt}/{folder}')
        self.drain(5 if refused or self.sweep.hits() else PATIENCE)
        self.umount()
        hits = self.sweep.hits()
        seen = self.sweep.seen()
        self.sweep.set(-1, 0, 0, 0)
        self.check_end()
        if self.history('a', folder) != self.history('b', folder) and not self.left_to_do():
            raise Failed(f'the buckets differ, and nothing says so:\n{self.history("a", folder)}\n'
                         f'{self.history("b", folder)}')
        self.restart(folder, worlds)
        return hits, refused if hits or refused else seen

    def restart(self, folder, worlds):
        if not self.mount():
            raise Failed('the next mount does not start')
        self.ctl('retry', self.mnt)
        drained = self.drain(PATIENCE)
        if drained.returncode != 0:
            raise Failed('what is left is not sent: ' + drained.stdout + self.ctl('queue', self.mnt).stdout)
        found = scenario.look(f'{self.mnt}/{folder}')
        if found not in worlds:
            raise Failed('found: ' + scenario.words(found) + '\nmay be: ' +
                         '\n        '.join(scenario.words(world) for world in worlds))
        a, b = self.history('a', folder), self.history('b', folder)
        if a != b:
            raise Failed(f'the buckets differ:\n{a}\n{b}')


def all_points(counts, phase):
    for kind, (_, hows, lasting) in enumerate(KINDS):
        for how in range(hows):
            for times in [1] + [FOR_EVER] * lasting:
                for at in range(1, counts[kind] + 1):
                    yield kind, how, at, times, phase


def sample(counts, how_many, rng):
    """As many of each kind: memory has most of the points, but not most of the trouble."""
    while how_many > 0:
        phase = rng.choice(['life', 'life', 'start'])
        kind = rng.randrange(len(KINDS))
        if counts[phase][kind]:
            _, hows, lasting = KINDS[kind]
            yield (kind, rng.randrange(hows), rng.randint(1, counts[phase][kind]),
                   rng.choice([1] + [FOR_EVER] * lasting), phase)
            how_many -= 1


def main(crrfs, crrctl, source, mnt, state, log, options, how_many, seed, only=None):
    world = World(crrfs, crrctl, source, mnt, state, log, options)
    world.mount()
    counts = {}
    for phase in ('life', 'start'):
        hits, seen = world.run(world.sweep.count, phase)
        if seen == ['start'] or hits:
            raise Failed('something fails though nothing shall')
        counts[phase] = seen
        print(f'{phase}:', ', '.join(f'{n} {name}' for (name, _, _), n in zip(KINDS, seen)))
    if only:
        points = [(*map(int, one.split(':')[:4]), one.split(':')[4]) for one in only.split(',')]
    elif int(how_many):
        points = sample(counts, int(how_many), random.Random(int(seed)))
    else:
        points = [p for phase in counts for p in all_points(counts[phase], phase)]
    done = refused = missed = bad = 0
    for point in points:
        kind, how, at, times, phase = point
        name = ':'.join(map(str, point))
        try:
            hits, what = world.run(lambda: world.sweep.set(kind, how, at, times), phase)
            done += 1
            missed += not hits
            refused += bool(hits) and bool(what)
            if os.environ.get('VERBOSE'):
                print(f'{KINDS[kind][0]} {name}: {hits} failures, refused: {what}', flush=True)
        except Failed as failure:
            bad += 1
            world.new_log()
            print(f'FAIL {KINDS[kind][0]} {name} (seed {seed}): {failure}\n{world.said}', flush=True)
            world.sweep.set(-1, 0, 0, 0)
            world.umount()
            world.new_log()
            if not world.mount():
                break
    world.umount()
    print(f'seed {seed}: {done} points: {refused} refused something, {done - refused - missed} were borne, '
          f'{missed} did not come, {bad} are not well')
    return bad > 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
