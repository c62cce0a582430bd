#!/usr/bin/python3
"""oracle.py - what a mount acknowledged, kept outside of it.

    oracle.py work MNT NOTES SEED [refusals]   changes files at random until the mount is gone, or to the end of a change
                                               at SIGTERM; a refused change is a failure, or with "refusals" the end, too
    oracle.py check MNT NOTES                  every file is as it was acknowledged; what is found counts from here on
    oracle.py total NOTES...                   how much was acknowledged

NOTES is a line of JSON before each change (what the file will be) and one after it (it was acknowledged, or refused).
A change that was neither may have happened or not; everything else must have. Several workers may run, each with its
own NOTES and SEED: they have files of their own.
"""
import errno
import hashlib
import json
import os
import random
import signal
import sys
import time

NAMES = 24
BIG = 6 << 20  # more than one part
GONE = {errno.ENOTCONN, errno.ECONNABORTED, errno.ENODEV, errno.EBADF}
ABSENT = None
TAG = b'user.s3.tag.'


def body_of(state):
    if 'parts' in state:  # appended
        return b''.join(body_of(part) for part in state['parts'])
    line = f"{state['id']} ".encode()
    return (line * (state['size'] // len(line) + 1))[:state['size']]


class Notes:
    def __init__(self, path):
        self.path = path
        self.file = open(path, 'a')

    def write(self, **line):
        self.file.write(json.dumps(line) + '\n')
        self.file.flush()

    def states(self):
        """path -> list of what it may be"""
        may = {}
        tried = None
        for line in open(self.path):
            line = json.loads(line)
            if 'try' in line:
                tried = line['try']
            elif 'found' in line:
                may.update({path: [state] for path, state in line['found'].items()})
                tried = None
            elif 'ok' in line:
                may.update({path: [state] for path, state in tried.items()})
                tried = None
            elif 'refused' in line:
                for path, state in tried.items():
                    may.setdefault(path, [ABSENT]).append(state)
                tried = None
        if tried:
            for path, state in tried.items():
                may.setdefault(path, [ABSENT]).append(state)
        return may


class Worker:
    def __init__(self, mnt, notes, seed):
        self.mnt = mnt
        self.notes = notes
        self.random = random.Random(seed)
        self.prefix = f'w{seed % 1000}'
        self.now = {path: states[-1] for path, states in notes.states().items()}
        self.serial = int(time.time() * 1000)
        self.told_to_stop = False
        signal.signal(signal.SIGTERM, self.stop)

    def stop(self, *_):
        self.told_to_stop = True  # between two changes: half of one is nothing that anybody acknowledged

    def path(self):
        number = self.random.randrange(NAMES)
        return f'{self.prefix}/d{number % 3}/f{number}'

    def fresh(self):
        self.serial += 1
        size = BIG + self.random.randrange(BIG) if self.random.random() < 0.04 else self.random.choice([0, 5, 4096, 70000])
        return {'id': f'{self.prefix}-{self.serial}', 'size': size, 'mode': 0o644, 'tags': {}}

    def save(self, path, state):
        with open(f'{self.mnt}/{path}', 'wb') as file:
            file.write(body_of(state))

    # each change: returns {path: state it will have} and the function that does it, or None
    def do_write(self):
        path = self.path()
        state = self.fresh()
        old = self.now.get(path)
        if old:  # the file goes on: its mode and tags stay
            state = dict(state, mode=old['mode'], tags=old['tags'])
        return {path: state}, lambda: self.save(path, state)

    def do_save_by_rename(self):
        path, state = self.path(), self.fresh()

        def run():
            temporary = f'{self.mnt}/{os.path.dirname(path)}/.{os.path.basename(path)}.aB3dE9'
            with open(temporary, 'wb') as file:
                file.write(body_of(state))
                os.fsync(file.fileno())
            os.rename(temporary, f'{self.mnt}/{path}')
        return {path: state}, run

    def do_append(self):
        path = self.path()
        old = self.now.get(path)
        if not old:
            return None
        more = dict(self.fresh(), size=100)
        state = {'parts': old.get('parts', [old])[-20:] + [more], 'mode': old['mode'], 'tags': old['tags']}
        if len(old.get('parts', [])) >= 20:
            return None

        def run():
            with open(f'{self.mnt}/{path}', 'ab') as file:
                file.write(body_of(more))
        return {path: state}, run

    def do_chmod(self):
        path = self.path()
        old = self.now.get(path)
        if not old:
            return None
        state = dict(old, mode=self.random.choice([0o600, 0o640, 0o644, 0o755]))
        return {path: state}, lambda: os.chmod(f'{self.mnt}/{path}', state['mode'])

    def do_tag(self):
        path = self.path()
        old = self.now.get(path)
        if not old:
            return None
        name, value = self.random.choice('ab'), str(self.random.randrange(9))
        state = dict(old, tags=dict(old['tags'], **{name: value}))
        return {path: state}, lambda: os.setxattr(f'{self.mnt}/{path}', TAG + name.encode(), value.encode())

    def do_rename(self):
        path, to = self.path(), self.path()
        if path == to or not self.now.get(path):
            return None
        return ({path: ABSENT, to: self.now[path]},
                lambda: os.rename(f'{self.mnt}/{path}', f'{self.mnt}/{to}'))

    def do_unlink(self):
        path = self.path()
        if not self.now.get(path):
            return None
        return {path: ABSENT}, lambda: os.unlink(f'{self.mnt}/{path}')

    def step(self):
        choice = self.random.choices(
            [self.do_write, self.do_save_by_rename, self.do_append, self.do_chmod, self.do_tag, self.do_rename,
             self.do_unlink], [30, 10, 10, 10, 15, 12, 8])[0]
        change = choice()
        if not change:
            return
        states, run = change
        self.notes.write(**{'try': states})
        try:
            run()
        except OSError as error:
            self.notes.write(refused=error.errno, op=choice.__name__)
            raise
        self.notes.write(ok=choice.__name__)
        self.now.update(states)


def work(mnt, path, seed, refusals=None):
    worker = Worker(mnt, Notes(path), int(seed))
    try:
        for number in range(3):
            os.makedirs(f'{mnt}/{worker.prefix}/d{number}', exist_ok=True)
        while not worker.told_to_stop:
            worker.step()
    except OSError as error:
        if error.errno not in GONE and os.path.ismount(mnt) and not refusals:
            sys.exit(f'oracle: refused: {error}')


def look(mnt, path, states):
    """Which of the states the file has; it ends the program when none."""
    full = f'{mnt}/{path}'
    try:
        with open(full, 'rb') as file:
            data = file.read()
        mode = os.stat(full).st_mode & 0o7777
        tags = {name[len(TAG):]: os.getxattr(full, name).decode() for name in os.listxattr(full)
                if name.startswith(TAG.decode())}
    except FileNotFoundError:
        if ABSENT in states:
            return ABSENT
        sys.exit(f'oracle: {path} is lost; acknowledged: {states}')
    for state in states:
        if state is not ABSENT and body_of(state) == data and state['mode'] == mode and state['tags'] == tags:
            return state
    sys.exit(f'oracle: {path} is something else: {len(data)} bytes {data[:40]!r} {hashlib.md5(data).hexdigest()} '
             f'mode {mode:o} tags {tags}; acknowledged: {states}')


def check(mnt, path):
    notes = Notes(path)
    found = {file: look(mnt, file, states) for file, states in sorted(notes.states().items())}
    notes.write(found=found)


def total(*paths):
    done = {}
    for path in paths:
        for line in open(path):
            line = json.loads(line)
            if 'ok' in line:
                done[line['ok']] = done.get(line['ok'], 0) + 1
    print(sum(done.values()), ' '.join(f'{name[3:]}={n}' for name, n in sorted(done.items())))


if __name__ == '__main__':
    {'work': work, 'check': check, 'total': total}[sys.argv[1]](*sys.argv[2:])
