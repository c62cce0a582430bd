#!/usr/bin/python3
"""points.py - what is done to a mount that dies at a named point, and what must be found of it afterwards.

    points.py prepare FLOW MNT DIR NOTES    makes what the flow begins with
    points.py run FLOW MNT DIR NOTES        the flow, until it is over or the mount is gone
    points.py prepare_all|run_all|try_all MNT DIR NOTES FLOW...   several, each with NOTES.FLOW; try_all may be refused
    points.py check_whole MNT NOTES...      every path is as it was at some time
    points.py check MNT NOTES               every path is as it was acknowledged. Of the one change that was not, all has
                                            happened or nothing: the same name for the next check
    points.py check_all MNT NOTES...        the same of several
    points.py versions NOTES...             by way of a public client: the versions of both sides are the same; each that was
                                            acknowledged is there once, in order, and no other but, at most once, those of
                                            the change that was not
    points.py flows                         their names

NOTES has a line before each change, with what each path will be and which versions of it come, and one after it.
"""
import hashlib
import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor

from oracle import ABSENT, GONE, TAG, body_of

MARKER = '<marker>'
SMALL, BIG = 3000, (11 << 20) + 5  # BIG: three parts


class Notes:
    def __init__(self, path):
        self.path = path

    def write(self, **line):
        with open(self.path, 'a') as file:
            file.write(json.dumps(line) + '\n')

    def read(self):
        """what was acknowledged, path -> state; the change that was not (or None); path -> [(version, must it be there)]"""
        states, tried, coming, undone, must, versions = {}, None, {}, {}, True, {}
        for line in map(json.loads, open(self.path)):
            if 'try' in line:
                tried, coming, undone, must = line['try'], line['versions'], line['undone'], not line['may']
            elif line.get('found') == 'old':
                for path, came in undone.items():
                    versions.setdefault(path, []).extend((version, False) for version in came)
                tried, coming = None, {}
            else:
                states.update(tried)
                for path, came in coming.items():
                    versions.setdefault(path, []).extend((version, must) for version in came)
                tried, coming = None, {}
        for path, came in coming.items():
            versions.setdefault(path, []).extend((version, False) for version in came)
        return states, tried, versions


def name_of(body):
    return hashlib.sha256(body).hexdigest()[:16]


class Flow:
    def __init__(self, mnt, directory, notes):
        self.mnt, self.dir, self.notes = mnt, directory, notes
        self.states = notes.read()[0] if os.path.exists(notes.path) else {}
        self.serial = 0

    def full(self, path):
        return f'{self.mnt}/{path}'

    def path(self, name):
        return f'{self.dir}/{name}'

    def fresh(self, size=SMALL):
        self.serial += 1
        return {'id': f'{self.dir}-{os.getpid()}-{self.serial}', 'size': size, 'mode': 0o644, 'tags': {}}

    def do(self, states, versions, run, may=False, undone=None):
        """one change; may: its versions need not come, since what comes after it may take their place; undone: which may
        have come where it has not happened"""
        self.notes.write(**{'try': states, 'versions': versions, 'undone': undone or {}, 'may': may})
        run()
        self.notes.write(ok=True)
        self.states.update(states)

    # ---- changes ----

    def save(self, name, size=SMALL):
        path, state = self.path(name), self.fresh(size)
        body = body_of(state)

        def run():
            with open(self.full(path), 'wb') as file:
                for at in range(0, len(body), 1 << 20):
                    file.write(body[at:at + (1 << 20)])
        self.do({path: state}, {path: [name_of(body)]}, run)

    def save_synced(self, name):
        path, first = self.path(name), self.fresh()
        second = dict(first, size=2 * SMALL)
        bodies = body_of(first), body_of(second)
        file = open(self.full(path), 'wb', buffering=0)

        def write(body):
            file.write(body)
            os.fsync(file.fileno())
        # of what is kept here the next one takes the place
        self.do({path: first}, {path: [name_of(bodies[0])]}, lambda: write(bodies[0]), may=True)
        self.do({path: second}, {path: [name_of(bodies[1])]}, lambda: (write(bodies[1][SMALL:]), file.close()))

    def save_by_rename(self, name):
        path, state = self.path(name), self.fresh()
        temporary, empty = self.path(f'.{name}.aB3dE9'), dict(state, size=0)

        def create():
            return open(self.full(temporary), 'wb')

        def write():
            with open(self.full(temporary), 'r+b') as file:
                file.write(body_of(state))
                os.fsync(file.fileno())
        self.do({temporary: empty}, {temporary: [name_of(b'')]}, lambda: create().close(), may=True)
        self.do({temporary: state}, {temporary: [name_of(body_of(state)), MARKER]}, write, may=True)
        self.do({path: state, temporary: ABSENT}, {path: [name_of(body_of(state))]},
                lambda: os.rename(self.full(temporary), self.full(path)))

    def tag(self, name, value):
        path = self.path(name)
        state = dict(self.states[path], tags={'class': value})
        self.do({path: state}, {}, lambda: os.setxattr(self.full(path), TAG + b'class', value.encode()))

    def chmod(self, name, mode, may=False):
        path = self.path(name)
        state = dict(self.states[path], mode=mode)
        self.do({path: state}, {path: [name_of(body_of(state))]}, lambda: os.chmod(self.full(path), mode), may)

    def rename(self, name, to):
        path, to = self.path(name), self.path(to)
        state = self.states[path]
        self.do({path: ABSENT, to: state}, {path: [MARKER], to: [name_of(body_of(state))]},
                lambda: os.rename(self.full(path), self.full(to)))

    def rename_dir(self, name, to, fails=False):
        old, new = self.path(name) + '/', self.path(to) + '/'
        states, versions, undone = {}, {}, {}
        for path, state in list(self.states.items()):
            if state is ABSENT or not (path + '/').startswith(old):
                continue
            there = new.rstrip('/') + (path + '/')[len(old) - 1:].rstrip('/')
            states.update({path: ABSENT, there: state})
            slash, body = ('/', b'') if 'dir' in state else ('', body_of(state))
            versions.update({path + slash: [MARKER], there + slash: [name_of(body)]})
            undone[there + slash] = [name_of(body), MARKER]
        self.do(states, versions, lambda: os.rename(self.full(old), self.full(new)), undone=undone if fails else None)

    def unlink(self, name):
        path = self.path(name)
        self.do({path: ABSENT}, {path: [MARKER]}, lambda: os.unlink(self.full(path)))

    def mkdir(self, name):
        path = self.path(name)
        self.do({path: {'dir': 0o750}}, {path + '/': [name_of(b'')]}, lambda: os.mkdir(self.full(path), 0o750))

    def rmdir(self, name):
        path = self.path(name)
        self.do({path: ABSENT}, {path + '/': [MARKER]}, lambda: os.rmdir(self.full(path)))

    def symlink(self, name, target):
        path = self.path(name)
        self.do({path: {'link': target}}, {path: [name_of(target.encode())]}, lambda: os.symlink(target, self.full(path)))


# name -> (what it begins with, what is done)
FLOWS = {
    'save': (lambda f: f.save('f'), lambda f: (f.save('f'), f.save('g'))),
    'save_big': (lambda f: None, lambda f: f.save('big', BIG)),
    'save_synced': (lambda f: None, lambda f: f.save_synced('f')),
    'save_by_rename': (lambda f: f.save('f'), lambda f: f.save_by_rename('f')),
    'append': (lambda f: f.save('f', BIG), lambda f: f.save('f', BIG + 7)),
    'tag': (lambda f: f.save('f'), lambda f: f.tag('f', 'tax')),
    'chmod': (lambda f: f.save('f'), lambda f: f.chmod('f', 0o600)),
    'rename': (lambda f: f.save('f'), lambda f: f.rename('f', 'g')),
    'rename_over': (lambda f: (f.save('f'), f.save('g')), lambda f: f.rename('f', 'g')),
    'rename_changed': (lambda f: f.save('f'), lambda f: (f.chmod('f', 0o640, may=True), f.rename('f', 'g'))),
    'rename_dir': (lambda f: (f.mkdir('d'), f.save('d/1'), f.save('d/2'), f.mkdir('d/sub'), f.save('d/sub/3')),
                   lambda f: f.rename_dir('d', 'e')),
    'rename_back': (lambda f: (f.mkdir('d'), f.save('d/1'), f.save('d/2')), lambda f: f.rename_dir('d', 'e', fails=True)),
    'unlink': (lambda f: f.save('f'), lambda f: f.unlink('f')),
    'mkdir': (lambda f: None, lambda f: f.mkdir('d')),
    'rmdir': (lambda f: f.mkdir('d'), lambda f: f.rmdir('d')),
    'nothing': (lambda f: None, lambda f: None),
    'symlink': (lambda f: None, lambda f: f.symlink('l', 'somewhere/else')),
}


def prepare(name, mnt, directory, notes):
    os.makedirs(f'{mnt}/{directory}', exist_ok=True)
    open(notes, 'a').close()
    FLOWS[name][0](Flow(mnt, directory, Notes(notes)))


def run(name, mnt, directory, notes):
    try:
        FLOWS[name][1](Flow(mnt, directory, Notes(notes)))
    except OSError as error:
        if error.errno not in GONE and os.path.ismount(mnt):
            raise


def prepare_all(mnt, directory, notes, *names):
    for name in names:
        prepare(name, mnt, f'{directory}/{name}', f'{notes}.{name}')


def run_all(mnt, directory, notes, *names):
    for name in names:
        FLOWS[name][1](Flow(mnt, f'{directory}/{name}', Notes(f'{notes}.{name}')))


def try_all(mnt, directory, notes, *names):
    """prints what was refused"""
    for name in names:
        try:
            FLOWS[name][1](Flow(mnt, f'{directory}/{name}', Notes(f'{notes}.{name}')))
        except OSError as error:
            print(name, os.strerror(error.errno))


def look(full):
    if os.path.islink(full):
        return {'link': os.readlink(full)}
    try:
        mode = os.stat(full).st_mode & 0o7777
        if os.path.isdir(full):
            return {'dir': mode}
        tags = {name[len(TAG):]: os.getxattr(full, name).decode() for name in os.listxattr(full)
                if name.startswith(TAG.decode())}
        with open(full, 'rb') as file:
            return {'body': name_of(file.read()), 'mode': mode, 'tags': tags}
    except FileNotFoundError:
        return ABSENT


def seen(state):
    if state is ABSENT or 'id' not in state:
        return state
    return {'body': name_of(body_of(state)), 'mode': state['mode'], 'tags': state['tags']}


def check(mnt, path):
    notes = Notes(path)
    states, tried, _ = notes.read()
    there = {name: look(f'{mnt}/{name}') for name in {**states, **(tried or {})}}
    for name, state in states.items():
        if name not in (tried or {}) and there[name] != seen(state):
            sys.exit(f'points: {name} is {there[name]}; acknowledged: {seen(state)}')
    if not tried:
        return
    found = {name: there[name] for name in tried}
    if found == {name: seen(states.get(name)) for name in tried}:
        notes.write(found='old')
    elif found == {name: seen(state) for name, state in tried.items()}:
        notes.write(found='new')
    else:
        sys.exit(f'points: half of it has happened: {found}')


def check_all(mnt, *paths):
    for path in paths:
        check(mnt, path)


def check_whole(mnt, *paths):
    """what was lost is lost altogether: each path is as it was after one of the changes"""
    for path in paths:
        ever = {}
        for line in map(json.loads, open(path)):
            for name, state in line.get('try', {}).items():
                ever.setdefault(name, [ABSENT]).append(state)
        for name, states in ever.items():
            if look(f'{mnt}/{name}') not in [seen(state) for state in states]:
                sys.exit(f'points: {name} is {look(f"{mnt}/{name}")}, which it never was')


def history(s3, side):
    """key -> its versions, oldest first, by their contents"""
    found = sorted(s3.all_versions(side), key=lambda version: (version[0], version[4]))
    client, bucket, versions = s3.client(side), s3.bucket(side), {}

    def name(version):
        if version[3] == 'marker':
            return MARKER
        return name_of(client.get_object(Bucket=bucket, Key=version[0], VersionId=version[1])['Body'].read())
    with ThreadPoolExecutor(8) as threads:
        for version, contents in zip(found, threads.map(name, found)):
            versions.setdefault(version[0], []).append(contents)
    return versions


def versions(*paths):
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/../mount')
    import s3
    source, destination = history(s3, 'a'), history(s3, 'b')
    for key in sorted(source.keys() | destination.keys()):
        if source.get(key) != destination.get(key):
            sys.exit(f'points: {key}: the source has {source.get(key)}, the destination {destination.get(key)}')
    total = 0
    for path in paths:
        for key, came in Notes(path).read()[2].items():
            pattern = ''.join(f'{version} ' if must else f'({version} )?' for version, must in came)
            got = ''.join(f'{version} ' for version in source.get(key, []))
            total += len(source.get(key, []))
            if not re.fullmatch(pattern, got):
                sys.exit(f'points: {key} has the versions {got}; expected: {came}')
    print(total, 'versions')


def flows():
    print('\n'.join(FLOWS))


if __name__ == '__main__':
    {'prepare': prepare, 'run': run, 'prepare_all': prepare_all, 'run_all': run_all, 'try_all': try_all, 'check': check,
     'check_all': check_all, 'check_whole': check_whole, 'versions': versions, 'flows': flows}[sys.argv[1]](*sys.argv[2:])
