#!/usr/bin/python3
"""powercut.py SHADOW STATE: makes STATE what the disk has of it after the power went; see powercut.c.

What no sync saved is lost: names of a directory that was not synced since, bytes of a file. A file whose name was
saved and whose bytes were not is empty.
"""
import os
import shutil
import sys


def rebuild(shadow, inode, to):
    os.makedirs(to, 0o700)
    try:
        with open(f'{shadow}/d-{inode}') as names:
            lines = names.read().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        child, kind, name = line.split(' ', 2)
        path = f'{to}/{name}'
        if kind == 'd':
            rebuild(shadow, child, path)
        elif kind == 'f':
            saved = f'{shadow}/f-{child}'
            if os.path.exists(saved):
                shutil.copyfile(saved, path)
            else:
                open(path, 'w').close()
            os.chmod(path, 0o600)


def main(shadow, state):
    inode = os.stat(state).st_ino
    new = state + '.after'
    rebuild(shadow, inode, new)
    shutil.rmtree(state)
    os.rename(new, state)
    # the disk goes on from here, with other inodes
    shutil.rmtree(shadow)
    os.mkdir(shadow, 0o700)
    seed(shadow, state)


def seed(shadow, directory):
    with open(f'{shadow}/d-{os.stat(directory).st_ino}', 'w') as names:
        for entry in os.scandir(directory):
            if entry.is_dir(follow_symlinks=False):
                names.write(f'{entry.inode()} d {entry.name}\n')
                seed(shadow, entry.path)
            else:
                names.write(f'{entry.inode()} f {entry.name}\n')
                shutil.copyfile(entry.path, f'{shadow}/f-{entry.inode()}')


main(*sys.argv[1:])
