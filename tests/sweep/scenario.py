"""scenario.py - what a mount is asked to do while something fails in it, and what must be true of its files then.

A world is what the files may be: path -> (content, mode, tags). A change that returned 0 has happened in every world; one
that was refused has happened or not, so there are more worlds. Nothing else may be found.
"""
import os

TAG = 'user.s3.tag.'
BIG = 6 << 20  # more than one part


def body(name, size):
    line = f'{name} '.encode()
    return (line * (size // len(line) + 1))[:size]


def save(path, data):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(fd, left[:1 << 20]):]
    finally:
        os.close(fd)


def saved(name, size, mode=0o644):
    def change(world, path):
        old = world.get(path)
        return dict(world, **{path: (body(name, size), old[1] if old else mode, old[2] if old else ())})
    return change


def changed(**what):
    def change(world, path):
        if path not in world:
            return world
        data, mode, tags = world[path]
        tags = dict(tags, **what.get('tags', {}))
        return dict(world, **{path: (data, what.get('mode', mode), tuple(sorted(tags.items())))})
    return change


def moved(to):
    def change(world, path):
        if path not in world:
            return world
        world = dict(world)
        world[to] = world.pop(path)
        return world
    return change


def moved_below(to):
    def change(world, path):
        return {to + p[len(path):] if p.startswith(path + '/') else p: state for p, state in world.items()}
    return change


def gone(world, path):
    return {p: state for p, state in world.items() if p != path}


# name, path, what it does to a world, what is done
STEPS = [
    ('mkdir', 'd', lambda world, path: world, lambda at: os.mkdir(at('d'))),
    ('create', 'a', saved('one', 5000), lambda at: save(at('a'), body('one', 5000))),
    ('multipart', 'big', saved('big', BIG), lambda at: save(at('big'), body('big', BIG))),
    ('tag', 'a', changed(tags={'go': 'yes'}), lambda at: os.setxattr(at('a'), TAG + 'go', b'yes')),
    ('overwrite', 'a', saved('two', 70000), lambda at: save(at('a'), body('two', 70000))),
    ('rename', 'a', moved('b'), lambda at: os.rename(at('a'), at('b'))),
    ('chmod', 'b', changed(mode=0o600), lambda at: os.chmod(at('b'), 0o600)),
    ('below', 'd/x', saved('below', 100), lambda at: save(at('d/x'), body('below', 100))),
    ('rename dir', 'd', moved_below('e'), lambda at: os.rename(at('d'), at('e'))),
    ('short-lived', 'c', saved('short', 10), lambda at: save(at('c'), body('short', 10))),
    ('unlink', 'c', gone, lambda at: os.unlink(at('c'))),
]


def run(folder):
    """Returns the worlds, and what was refused, in words."""
    worlds, refused = [{}], []

    def at(name):
        return os.path.join(folder, name)
    for name, path, change, do in [('top', '', lambda world, path: world, lambda at: os.mkdir(folder))] + STEPS:
        after = [change(world, path) for world in worlds]
        try:
            do(at)
            worlds = after
        except OSError as error:
            refused.append(f'{name}: {os.strerror(error.errno)}')
            # S3 has no rename: one that fails between its two requests leaves both names
            both = [dict(before, **world) for before, world in zip(worlds, after) if name == 'rename']
            worlds += [world for world in after + both if world not in worlds]
    return worlds, refused


def look(folder):
    world = {}
    for where, _, files in os.walk(folder, onerror=lambda error: None):
        for name in files:
            full = os.path.join(where, name)
            with open(full, 'rb') as file:
                data = file.read()
            tags = tuple(sorted((x[len(TAG):], os.getxattr(full, x).decode()) for x in os.listxattr(full)
                                if x.startswith(TAG)))
            world[os.path.relpath(full, folder)] = (data, os.stat(full).st_mode & 0o7777, tags)
    return world


def words(world):
    return ' '.join(f'{path}[{len(data)} {data[:8]!r} {mode:o} {dict(tags)}]'
                    for path, (data, mode, tags) in sorted(world.items())) or 'no files'
