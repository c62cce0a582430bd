#!/usr/bin/python3
"""posix.py - what POSIX and Linux say of each system call, asked of a folder: posix.py FOLDER prints a line for each question.

posix.sh asks a local folder and the mount; the answers must be the same, but for those that crrfs(1) lists. Run as root.
"""
import contextlib
import ctypes
import errno
import mmap
import os
import stat
import subprocess
import sys
import time

NOBODY, OTHER = 65534, 65533
libc = ctypes.CDLL(None, use_errno=True)
QUESTIONS = []
UTIME_NOW, UTIME_OMIT = (1 << 30) - 1, (1 << 30) - 2


class Timespec(ctypes.Structure):
    _fields_ = [('sec', ctypes.c_long), ('nsec', ctypes.c_long)]


def question(function):
    QUESTIONS.append(function)
    return function


def tell(what, *facts):
    print('%s: %s' % (what, ' '.join(str(fact) for fact in facts)))


def code(function, *args, **kwargs):
    """'ok', or the name of the error."""
    try:
        result = function(*args, **kwargs)
        if function is os.open:
            os.close(result)
        return 'ok'
    except OSError as error:
        return errno.errorcode[error.errno]


def call(name, *args):
    """A system call that Python does not have as it is."""
    ctypes.set_errno(0)
    if getattr(libc, name)(*[arg.encode() if isinstance(arg, str) else arg for arg in args]) < 0:
        raise OSError(ctypes.get_errno(), name)


@contextlib.contextmanager
def user(uid=NOBODY, gid=None, groups=()):
    os.setgroups(groups)
    os.setegid(uid if gid is None else gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups([])


def make(path, mode=0o644, text=b'text\n', owner=None):
    with open(path, 'wb') as file:
        file.write(text)
    if owner is not None:
        os.chown(path, owner, owner)
    os.chmod(path, mode)
    return path


def folder(path, mode=0o755, owner=None):
    os.mkdir(path)
    if owner is not None:
        os.chown(path, owner, owner)
    os.chmod(path, mode)
    return path


def perm(path):
    st = os.lstat(path)
    return '%s %o %d:%d' % (stat.filemode(st.st_mode)[0], stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid)


def moved(path, function, *args):
    """Which times of path this changes: m, c, or -."""
    before = os.lstat(path)
    time.sleep(0.015)
    result = code(function, *args)
    after = os.lstat(path)
    return result + ' ' + (('m' if after.st_mtime_ns > before.st_mtime_ns else '') +
                           ('c' if after.st_ctime_ns > before.st_ctime_ns else '') or '-')


# every call that takes a path, with a path that it must refuse
CALLS = [
    ('open', lambda p: os.close(os.open(p, os.O_RDONLY))),
    ('create', lambda p: os.close(os.open(p, os.O_WRONLY | os.O_CREAT, 0o644))),
    ('mkdir', lambda p: os.mkdir(p)), ('rmdir', lambda p: os.rmdir(p)), ('unlink', lambda p: os.unlink(p)),
    ('symlink', lambda p: os.symlink('x', p)), ('readlink', lambda p: os.readlink(p)),
    ('rename from', lambda p: os.rename(p, 'elsewhere')), ('rename to', lambda p: os.rename(make('source'), p)),
    ('stat', lambda p: os.stat(p)), ('lstat', lambda p: os.lstat(p)), ('chmod', lambda p: os.chmod(p, 0o600)),
    ('chown', lambda p: os.chown(p, 1, 1)), ('lchown', lambda p: os.lchown(p, 1, 1)),
    ('truncate', lambda p: os.truncate(p, 1)), ('utimens', lambda p: os.utime(p)), ('listdir', lambda p: os.listdir(p)),
    ('getxattr', lambda p: os.getxattr(p, 'user.x')), ('setxattr', lambda p: os.setxattr(p, 'user.x', b'x')),
    ('link to', lambda p: os.link('source', p)), ('mkfifo', lambda p: os.mkfifo(p)), ('chdir', lambda p: os.chdir(p)),
]


def all_calls(what, path):
    here = os.getcwd()
    for name, function in CALLS:
        tell('%s %s' % (what, name), code(function, path))
        os.chdir(here)


@question
def names_and_paths():
    make('file')
    folder('dir')
    os.symlink('loop2', 'loop1')
    os.symlink('loop1', 'loop2')
    os.symlink('nowhere', 'dangling')
    all_calls('ENOTDIR', 'file/name')
    all_calls('absent', 'absent/name')
    all_calls('loop', 'loop1/name')
    all_calls('through a loop', 'dangling/name')
    all_calls('256 bytes', 'n' * 256)
    all_calls('4096 bytes', './' * 2047 + 'xx')
    all_calls('empty', '')
    for path in ('file/', 'dir/', 'dangling/', 'loop1', 'new/'):
        for name, function in CALLS[:1] + CALLS[9:12]:
            tell('%s %s' % (name, path), code(function, path))
    tell('255 bytes', code(os.mkdir, 'n' * 255), code(os.rename, 'n' * 255, 'm' * 255), code(os.rmdir, 'm' * 255))
    tell('mkdir slash', code(os.mkdir, 'new/'), perm('new'), code(os.rmdir, 'new/'))
    tell('a link of 4095', code(os.symlink, 't' * 4095, 'longest'), os.readlink('longest') == 't' * 4095)
    tell('a link of 4096', code(os.symlink, 't' * 4096, 'longer'), code(os.symlink, '', 'emptylink'))


@question
def kinds():
    make('file')
    folder('dir')
    folder('full')
    make('full/file')
    tell('mkdir', code(os.mkdir, 'file'), code(os.mkdir, 'dir'), code(os.mkdir, '.'), code(os.mkdir, '..'))
    tell('symlink', code(os.symlink, 'x', 'file'), code(os.symlink, 'x', 'dir'))
    tell('rmdir', code(os.rmdir, 'full'), code(os.rmdir, 'file'), code(os.rmdir, '.'), code(os.rmdir, 'dir/.'), code(os.rmdir, 'dir/..'))
    tell('unlink', code(os.unlink, 'dir'), code(os.unlink, 'file/'), code(os.unlink, '.'))
    for flags in ('O_WRONLY', 'O_RDWR', 'O_RDONLY|O_TRUNC', 'O_RDONLY|O_CREAT', 'O_RDONLY|O_DIRECTORY'):
        bits = 0
        for flag in flags.split('|'):
            bits |= getattr(os, flag)
        tell('open ' + flags, code(os.open, 'dir', bits), code(os.open, 'file', bits))
    tell('excl', code(os.open, 'file', os.O_CREAT | os.O_EXCL), code(os.open, 'dir', os.O_CREAT | os.O_EXCL))
    os.symlink('file', 'link')
    os.symlink('absent', 'dangling')
    tell('excl link', code(os.open, 'link', os.O_CREAT | os.O_EXCL), code(os.open, 'dangling', os.O_CREAT | os.O_EXCL))
    tell('nofollow', code(os.open, 'link', os.O_RDONLY | os.O_NOFOLLOW), code(os.open, 'dangling', os.O_WRONLY | os.O_CREAT),
         os.path.exists('absent'))
    tell('truncate', code(os.truncate, 'dir', 0), code(os.truncate, 'file', -1), code(os.truncate, 'link', 2), os.stat('file').st_size)
    tell('rename', code(os.rename, 'dir', 'file'), code(os.rename, 'file', 'dir'), code(os.rename, 'dir', 'full'),
         code(os.rename, 'full', 'full/in'), code(os.rename, 'full', 'full'), code(os.rename, 'file', 'file'),
         code(os.rename, '.', 'x'), code(os.rename, 'dir', '.'), code(os.rename, 'absent2', 'x'), code(os.rename, 'link', 'dir/link'))
    tell('rename over', code(os.rename, 'full', 'dir'), code(os.rename, 'file', 'absent'), sorted(os.listdir('.')))
    tell('noreplace', code(call, 'renameat2', -100, 'absent', -100, 'dir', 1), code(call, 'renameat2', -100, 'absent', -100, 'free', 1),
         code(call, 'renameat2', -100, 'free', -100, 'free', 64))
    tell('link of a folder', code(os.link, 'dir', 'hard'))
    tell('read a link', code(os.readlink, 'dir'), code(os.readlink, 'free'))
    fd = os.open('free', os.O_RDONLY)
    tell('read only', code(os.write, fd, b'x'), code(os.ftruncate, fd, 0), code(os.fsync, fd))
    os.close(fd)
    fd = os.open('free', os.O_WRONLY)
    tell('write only', code(os.read, fd, 1), code(os.pread, fd, 1, 0), code(os.pwrite, fd, b'', 9), os.fstat(fd).st_size)
    os.close(fd)
    tell('types', [stat.filemode(os.lstat(name).st_mode)[0] for name in ('free', 'dir', 'dangling')], os.lstat('dangling').st_size)
    tell('links', os.stat('free').st_nlink, os.lstat('dangling').st_nlink)
    tell('statvfs', os.statvfs('.').f_namemax)
    tell('tmpfile', code(os.open, '.', os.O_TMPFILE | os.O_RDWR, 0o600) in ('ok', 'EOPNOTSUPP', 'ENOTSUP'))


@question
def modes_of_new():
    for mask in (0o022, 0o077, 0o777, 0):
        old = os.umask(mask)
        os.close(os.open('file', os.O_CREAT | os.O_WRONLY, 0o7777))
        os.mkdir('dir', 0o7777)
        os.mknod('node', 0o666 | stat.S_IFREG)
        os.symlink('x', 'link')
        os.umask(old)
        tell('umask %o' % mask, perm('file'), perm('dir'), perm('node'), perm('link'))
        os.unlink('file'), os.rmdir('dir'), os.unlink('node'), os.unlink('link')
    folder('open', 0o777)
    with user():
        os.close(os.open('open/file', os.O_CREAT | os.O_WRONLY, 0))
        tell('mode 0', perm('open/file'), code(os.open, 'open/file', os.O_RDONLY))
        fd = os.open('open/other', os.O_CREAT | os.O_RDWR, 0o400)
        tell('writes through the descriptor', code(os.write, fd, b'x'), code(os.open, 'open/other', os.O_WRONLY))
        os.close(fd)
        os.mkdir('open/dir')
        os.symlink('x', 'open/link')
        tell('owner', perm('open/other'), perm('open/dir'), perm('open/link'))
    folder('group', 0o2777)
    os.chown('group', 0, OTHER)
    os.chmod('group', 0o2777)
    with user():
        os.close(os.open('group/file', os.O_CREAT | os.O_WRONLY, 0o644))
        os.mkdir('group/dir')
        os.symlink('x', 'group/link')
        tell('set-group-id', perm('group/file'), perm('group/dir'), perm('group/link'))


@question
def who_may():
    make('file', 0o640)
    folder('closed', 0o700)
    make('closed/file')
    folder('readonly', 0o755)
    make('readonly/file', 0o666)
    folder('list', 0o744)
    make('list/file')
    folder('open', 0o777)
    make('open/file', 0o666)
    make('open/mine', 0o600, owner=NOBODY)
    with user():
        all_calls('in a closed folder', 'closed/file')
        tell('read', code(os.open, 'file', os.O_RDONLY), code(os.open, 'readonly/file', os.O_RDWR))
        tell('in a folder for reading', code(os.unlink, 'readonly/file'), code(os.mkdir, 'readonly/d'), code(os.symlink, 'x', 'readonly/l'),
             code(os.rename, 'readonly/file', 'open/x'), code(os.rename, 'open/file', 'readonly/y'), code(os.rename, 'readonly/file', 'readonly/z'),
             code(os.open, 'readonly/new', os.O_CREAT | os.O_WRONLY), code(os.mkfifo, 'readonly/fifo'))
        tell('list without search', code(os.listdir, 'list'), code(os.stat, 'list/file'))
        tell('the owner alone', code(os.chmod, 'open/file', 0o600), code(os.chown, 'open/file', NOBODY, -1),
             code(os.utime, 'readonly/file'), code(os.utime, 'readonly/file', (1, 1)), code(os.utime, 'file'), code(os.utime, 'file', (1, 1)),
             code(os.setxattr, 'readonly/file', 'user.x', b'x'), code(os.setxattr, 'file', 'user.x', b'x'), code(os.truncate, 'file', 0),
             code(os.truncate, 'readonly/file', 1))
        tell('gives away', code(os.chown, 'open/mine', 0, -1), code(os.chown, 'open/mine', -1, OTHER), code(os.chown, 'open/mine', NOBODY, NOBODY),
             code(os.chown, 'open/mine', -1, -1))
        tell('access', [os.access('file', mode, effective_ids=True) for mode in (os.F_OK, os.R_OK, os.W_OK, os.X_OK)])
    tell('root', [os.access('file', mode) for mode in (os.R_OK, os.W_OK, os.X_OK)], perm('open/mine'))
    with user(groups=[OTHER]):
        tell('to a group of his', code(os.chown, 'open/mine', -1, OTHER), perm('open/mine'))


@question
def sticky():
    for owner in (0, NOBODY, OTHER):
        top = folder('sticky-%d' % owner, 0o1777, owner)
        for whose in (0, NOBODY):
            name = '%s/of-%d' % (top, whose)
            make(name, 0o666, owner=whose)
            folder(name + '.d', 0o777, owner=whose)
            make(name + '.target', 0o666, owner=0)
            make(name + '.moved', 0o666, owner=whose)
            with user():
                tell(name, code(os.unlink, name), code(os.rmdir, name + '.d'), code(os.rename, name + '.moved', name + '.away'),
                     code(os.rename, make(top + '/own'), name + '.target'))
            tell('left', sorted(os.listdir(top)))


@question
def set_id_bits():
    for what in ('chown', 'chgrp', 'write', 'truncate', 'ftruncate', 'trunc', 'chmod', 'chown-none'):
        path = make('set-' + what, 0o6777, owner=NOBODY)
        with user(groups=[OTHER]):
            if what == 'chown':
                os.chown(path, NOBODY, -1)
            elif what == 'chgrp':
                os.chown(path, -1, OTHER)
            elif what == 'write':
                with user_of(OTHER):
                    fd = os.open(path, os.O_WRONLY)
                    os.write(fd, b'x')
                    os.close(fd)
            elif what == 'truncate':
                with user_of(OTHER):
                    os.truncate(path, 1)
            elif what == 'ftruncate':
                with user_of(OTHER):
                    fd = os.open(path, os.O_RDWR)
                    os.ftruncate(fd, 1)
                    os.close(fd)
            elif what == 'trunc':
                with user_of(OTHER):
                    os.close(os.open(path, os.O_WRONLY | os.O_TRUNC))
            elif what == 'chmod':
                os.chmod(path, 0o6755)
            else:
                os.chown(path, -1, -1)
        tell('set-id after ' + what, perm(path))
    path = make('root-chown', 0o6755)
    os.chown(path, 1, 1)
    tell('set-id after chown by root', perm(path))
    path = make('root-plain', 0o6644)
    os.chown(path, 1, 1)
    tell('without x', perm(path))
    path = make('root-write', 0o6755)
    with open(path, 'ab') as file:
        file.write(b'x')
    tell('set-id after write by root', perm(path))
    path = make('foreign-group', 0o644)
    os.chown(path, NOBODY, OTHER)
    with user():
        os.chmod(path, 0o2755)
    tell('set-group-id for a foreign group', perm(path))
    path = folder('dir', 0o2755)
    os.chown(path, 1, 1)
    tell('a folder', perm(path))
    tell('sticky file', code(os.chmod, make('file'), 0o1644), perm('file'))


@contextlib.contextmanager
def user_of(uid):
    """Within another user(): this one instead."""
    was = os.geteuid()
    os.seteuid(0)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.seteuid(was)


@question
def times():
    folder('p')
    make('p/f')
    folder('p/d')
    os.symlink('f', 'p/l')
    for name in ('p/f', 'p/d'):
        tell('times ' + name, 'chmod', moved(name, os.chmod, name, 0o711), 'chown', moved(name, os.chown, name, 1, 1),
             'utimens', moved(name, os.utime, name), 'setxattr', moved(name, os.setxattr, name, 'user.x', b'1'),
             'removexattr', moved(name, os.removexattr, name, 'user.x'), 'rename', moved('p', os.rename, name, name + '2'),
             'back', moved('p', os.rename, name + '2', name))
    tell('lchown', moved('p/l', os.lchown, 'p/l', 1, 1), 'utimens', moved('p/l', lambda: os.utime('p/l', follow_symlinks=False)))
    tell('truncate', moved('p/f', os.truncate, 'p/f', 3), moved('p/f', os.truncate, 'p/f', 3), moved('p/f', os.truncate, 'p/f', 9))
    tell('trunc', moved('p/f', os.open, 'p/f', os.O_WRONLY | os.O_TRUNC), moved('p/f', os.open, 'p/f', os.O_WRONLY | os.O_TRUNC))
    tell('open', moved('p/f', os.open, 'p/f', os.O_WRONLY | os.O_CREAT), moved('p/f', os.open, 'p/f', os.O_RDONLY))
    fd = os.open('p/f', os.O_RDWR)
    tell('write', moved('p/f', os.write, fd, b'xyz'), 'nothing', moved('p/f', os.write, fd, b''), 'ftruncate', moved('p/f', os.ftruncate, fd, 1),
         'fchmod', moved('p/f', os.fchmod, fd, 0o600), 'read', moved('p/f', os.read, fd, 1))
    with mmap.mmap(fd, 1) as area:
        area[0:1] = b'm'
    os.close(fd)
    tell('of the folder', 'create', moved('p', os.open, 'p/n', os.O_CREAT | os.O_WRONLY), 'open', moved('p', os.open, 'p/n', os.O_CREAT | os.O_WRONLY),
         'unlink', moved('p', os.unlink, 'p/n'), 'mkdir', moved('p', os.mkdir, 'p/m'), 'rmdir', moved('p', os.rmdir, 'p/m'),
         'symlink', moved('p', os.symlink, 'x', 'p/s'), 'rename', moved('p', os.rename, 'p/s', 'p/t'), 'out', moved('p', os.rename, 'p/t', 't'),
         'in', moved('p', os.rename, 't', 'p/t'), 'over', moved('p', os.rename, 'p/t', 'p/l'))
    tell('not by what fails', moved('p', os.mkdir, 'p/d'), moved('p', os.rmdir, 'p/absent'), moved('p', os.unlink, 'p/d'),
         moved('p', os.open, 'p/f', os.O_CREAT | os.O_EXCL), moved('p/f', os.truncate, 'p/f', -1), moved('p', os.rename, 'p/absent', 'p/x'))
    tell('not by reading', moved('p', os.listdir, 'p'), moved('p', os.stat, 'p/f'), moved('p', os.chmod, 'p/f', 0o644))
    tell('not the folder above', moved('.', os.open, 'p/deep', os.O_CREAT | os.O_WRONLY))
    now = time.time_ns()
    os.utime('p/f', ns=(10**18, 10**18))
    tell('ctime is now', abs(os.stat('p/f').st_ctime_ns - now) < 60 * 10**9, os.stat('p/f').st_mtime_ns)
    for what, first, second in (('now', (0, UTIME_NOW), (0, UTIME_NOW)), ('omit', (5, 5), (0, UTIME_OMIT)), ('set', (5, 5), (2 * 10**9, 7)),
                                ('negative', (0, 0), (-77, 5)), ('bad', (0, 0), (0, 10**9))):
        os.utime('p/f', ns=(10**18, 10**18))
        result = code(call, 'utimensat', -100, 'p/f', (Timespec * 2)(Timespec(*first), Timespec(*second)), 0)
        ns = os.stat('p/f').st_mtime_ns
        tell('utimensat ' + what, result, 'now' if abs(ns - time.time_ns()) < 60 * 10**9 else ns)
    for year in (0, -1, 2**31 - 1, 2**31, 2**32 + 5):
        os.utime('p/f', (year, year))
        tell('second %d' % year, os.stat('p/f').st_mtime)


@question
def removed_while_open():
    make('f', text=b'0123456789')
    fd, writer = os.open('f', os.O_RDWR), os.open('f', os.O_WRONLY | os.O_APPEND)
    tell('unlink', moved_fd(fd, os.unlink, 'f'), os.fstat(fd).st_nlink, code(os.stat, 'f'))
    tell('on', os.pread(fd, 10, 0), code(os.write, writer, b'abc'), os.fstat(fd).st_size, os.pread(fd, 20, 8), code(os.ftruncate, fd, 4), os.fstat(fd).st_size,
         code(os.fchmod, fd, 0o600), oct(os.fstat(fd).st_mode), code(os.fsync, fd), code(os.utime, fd, (5, 5)), os.fstat(fd).st_mtime)
    make('f', text=b'another')
    tell('another', os.pread(fd, 10, 0), open('f', 'rb').read())
    os.close(fd), os.close(writer)
    make('a', text=b'a')
    make('b', text=b'b')
    fd = os.open('b', os.O_RDWR)
    os.rename('a', 'b')
    tell('replaced', os.read(fd, 5), os.fstat(fd).st_nlink, open('b', 'rb').read(), code(os.pwrite, fd, b'X', 0), open('b', 'rb').read())
    os.close(fd)
    folder('d')
    fd = os.open('d', os.O_RDONLY)
    os.rmdir('d')
    tell('a removed folder', code(os.open, 'new', os.O_CREAT | os.O_WRONLY, dir_fd=fd), code(os.mkdir, 'new', dir_fd=fd))
    os.close(fd)


def moved_fd(fd, function, *args):
    before = os.fstat(fd)
    time.sleep(0.015)
    result = code(function, *args)
    return result + (' c' if os.fstat(fd).st_ctime_ns > before.st_ctime_ns else ' -')


@question
def sizes():
    fd = os.open('f', os.O_RDWR | os.O_CREAT)
    tell('holes', os.pwrite(fd, b'x', 100000), os.fstat(fd).st_size, os.pread(fd, 5, 50), code(os.ftruncate, fd, 10), code(os.ftruncate, fd, 20), os.pread(fd, 30, 5))
    tell('lseek', os.lseek(fd, 0, os.SEEK_END), os.lseek(fd, 100, os.SEEK_CUR), code(os.lseek, fd, -1, os.SEEK_SET), code(os.lseek, fd, 5, 77), os.read(fd, 1))
    os.pwrite(fd, b'no holes'.ljust(20, b'.'), 0)
    tell('seek data', os.lseek(fd, 0, os.SEEK_HOLE), code(os.lseek, fd, 20, os.SEEK_DATA), code(os.lseek, fd, 21, os.SEEK_HOLE), code(os.lseek, fd, -1, os.SEEK_DATA))
    tell('fallocate', code(os.posix_fallocate, fd, 0, 500), os.fstat(fd).st_size, code(os.posix_fallocate, fd, 0, 0), code(os.posix_fallocate, fd, -1, 5),
         code(call, 'fallocate', fd, 1, ctypes.c_long(0), ctypes.c_long(9999)), os.fstat(fd).st_size)
    tell('negative', code(os.pwrite, fd, b'x', -1), code(os.pread, fd, 1, -1), code(os.ftruncate, fd, -1))
    os.close(fd)
    fd = os.open('f', os.O_RDWR | os.O_APPEND)
    tell('append', os.pwrite(fd, b'end', 0), os.fstat(fd).st_size, os.lseek(fd, 0, os.SEEK_CUR), os.write(fd, b'!'), os.lseek(fd, 0, os.SEEK_CUR))
    os.close(fd)
    tell('a folder', code(os.read, (d := os.open('.', os.O_RDONLY)), 1), code(os.ftruncate, d, 0), code(os.fsync, d))
    os.close(d)


@question
def attributes():
    make('f')
    folder('d')
    os.symlink('f', 'l')
    for name in ('f', 'd'):
        tell('xattr ' + name, code(os.getxattr, name, 'user.x'), code(os.setxattr, name, 'user.x', b'1', os.XATTR_REPLACE),
             code(os.setxattr, name, 'user.x', b'1', os.XATTR_CREATE), code(os.setxattr, name, 'user.x', b'2', os.XATTR_CREATE),
             code(os.setxattr, name, 'user.x', b'3'), os.getxattr(name, 'user.x'), code(os.removexattr, name, 'user.y'), os.listxattr(name),
             code(os.removexattr, name, 'user.x'), os.listxattr(name))
    tell('names', code(os.setxattr, 'f', 'user.', b'1'), code(os.setxattr, 'f', 'nonsense', b'1'), code(os.setxattr, 'f', 'strange.x', b'1'),
         code(os.setxattr, 'f', 'user.' + 'n' * 251, b'1'))
    tell('link', code(lambda: os.setxattr('l', 'user.x', b'1', follow_symlinks=False)), code(os.setxattr, 'l', 'user.x', b'1'), os.listxattr('f'),
         code(lambda: os.getxattr('l', 'user.x', follow_symlinks=False)))
    os.setxattr('f', 'user.size', b'12345')
    buffer = ctypes.create_string_buffer(3)
    tell('small buffer', code(call, 'getxattr', 'f', 'user.size', buffer, ctypes.c_size_t(3)), code(call, 'listxattr', 'f', buffer, ctypes.c_size_t(3)),
         libc.getxattr(b'f', b'user.size', None, ctypes.c_size_t(0)))


@question
def running():
    with open('/bin/sleep', 'rb') as program:
        make('sleep', 0o755, program.read())
    fd = os.open('sleep', os.O_RDWR)
    tell('being written', code(subprocess.run, ['./sleep', '0'], check=True))
    os.close(fd)
    child = subprocess.Popen(['./sleep', '100'])
    tell('running', code(os.open, 'sleep', os.O_WRONLY), code(os.truncate, 'sleep', 0), code(os.open, 'sleep', os.O_RDONLY), code(os.unlink, 'sleep'))
    child.kill()
    child.wait()


@question
def reading_folders():
    folder('d')
    for i in range(300):
        make('d/%03d' % i, text=b'')
    names = []
    with os.scandir('d') as entries: # removed while it is read: each is seen once
        for entry in entries:
            names.append(entry.name)
            os.unlink(entry.path)
    tell('removed while read', len(names), len(set(names)), os.listdir('d'))
    for i in range(300):
        make('d/%03d' % i, text=b'')
    libc.opendir.restype = ctypes.c_void_p
    libc.readdir.restype = libc.telldir.restype = ctypes.c_void_p
    stream = ctypes.c_void_p(libc.opendir(b'd'))

    def next_name():
        at = libc.readdir(stream)
        return ctypes.string_at(at + 19) if at else None
    for _ in range(100):
        next_name()
    place = ctypes.c_long(libc.telldir(stream))
    rest = [next_name() for _ in range(50)]
    libc.seekdir(stream, place)
    tell('seekdir', rest == [next_name() for _ in range(50)])
    libc.rewinddir(stream)
    tell('rewinddir', len(set(iter(next_name, None))))
    os.unlink('d/007')
    make('d/new')
    libc.rewinddir(stream)
    tell('what is new', sorted(set(iter(next_name, None)) ^ {b'%03d' % i for i in range(300)} ^ {b'.', b'..'}))
    libc.closedir(stream)


def main():
    top = os.path.abspath(sys.argv[1])
    os.umask(0o022)
    for function in QUESTIONS:
        where = os.path.join(top, function.__name__)
        os.mkdir(where)
        os.chdir(where)
        print('== ' + function.__name__)
        function()
        os.chdir('/')


main()
