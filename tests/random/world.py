"""world.py - a folder in which operations are carried out: the mount's, or a local one as the measure.

An operation is a list of a name and literals, so that a sequence can be written down and done again. The outcome is a list
too: ['ok', value] or ['ENOENT']. Files are opened into slots; an operation on an empty slot is ['skipped'].
"""
import ctypes
import errno
import hashlib
import mmap
import os
import random
import stat
import time

SLOTS = 6
NOBODY = 65534
AT_FDCWD = -100
NOREPLACE, EXCHANGE = 1, 2
libc = ctypes.CDLL(None, use_errno=True)
OPEN_FLAGS = {name: getattr(os, 'O_' + name) for name in (
    'RDONLY', 'WRONLY', 'RDWR', 'CREAT', 'EXCL', 'TRUNC', 'APPEND', 'DIRECTORY', 'NOFOLLOW', 'SYNC')}


def data_of(seed, size):
    return random.Random(seed).randbytes(min(size, 4099)) * (size // 4099 + 1)


def checked(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def times_of(st, since):
    """The modification time, or "now" for one that this run has made."""
    return 'now' if st.st_mtime_ns >= since else st.st_mtime_ns


class World:
    def __init__(self, top, since, pauses):
        self.top, self.since, self.pauses = top, since, pauses
        self.slots = [None] * SLOTS
        self.times_of_folders = True # the mount knows when names in them changed while it lasts
        self.fd = None
        self.enter()

    def enter(self):
        os.makedirs(self.top, exist_ok=True)
        self.fd = os.open(self.top, os.O_RDONLY | os.O_DIRECTORY)

    def close_all(self):
        for slot, fd in enumerate(self.slots):
            if fd is not None:
                try:
                    os.close(fd)
                except OSError:
                    pass
            self.slots[slot] = None

    def leave(self):
        self.close_all()
        os.chdir('/')
        if self.fd is not None:
            os.close(self.fd)
        self.fd = None

    def do(self, operation):
        os.fchdir(self.fd)
        user = operation[0] == 'as_nobody'
        name, *args = operation[1:] if user else operation
        try:
            if user:
                os.setegid(NOBODY)
                os.setgroups([])
                os.seteuid(NOBODY)
            return ['ok', getattr(self, 'do_' + name)(*args)]
        except LookupError:
            return ['skipped']
        except OSError as error:
            return [errno.errorcode.get(error.errno, str(error.errno))]
        finally:
            if user:
                os.seteuid(0)
                os.setegid(0)

    def slot(self, number):
        if self.slots[number] is None:
            raise LookupError
        return self.slots[number]

    # ---- files

    def do_open(self, number, path, flags, mode):
        bits = 0
        for flag in flags.split('|'):
            bits |= OPEN_FLAGS[flag]
        old = os.umask(0o022)
        try:
            fd = os.open(path, bits, mode)
        finally:
            os.umask(old)
        if self.slots[number] is not None:
            os.close(self.slots[number])
        self.slots[number] = fd

    def do_close(self, number):
        fd = self.slot(number)
        self.slots[number] = None
        os.close(fd)

    def do_dup(self, number, other):
        fd = os.dup(self.slot(number))
        if self.slots[other] is not None:
            os.close(self.slots[other])
        self.slots[other] = fd

    def do_pwrite(self, number, offset, size, seed):
        return os.pwrite(self.slot(number), data_of(seed, size)[:size], offset)

    def do_write(self, number, size, seed):
        return os.write(self.slot(number), data_of(seed, size)[:size])

    def do_pread(self, number, offset, size):
        data = b''
        while len(data) < size:
            more = os.pread(self.slot(number), size - len(data), offset + len(data))
            if not more:
                break
            data += more
        return [len(data), hashlib.sha256(data).hexdigest()[:12]]

    def do_lseek(self, number, offset, whence):
        if not stat.S_ISREG(os.fstat(self.slot(number)).st_mode):
            raise LookupError # what the places in a folder are is nobody's business
        return os.lseek(self.slot(number), offset, getattr(os, whence))

    def do_ftruncate(self, number, size):
        os.ftruncate(self.slot(number), size)

    def do_fallocate(self, number, mode, offset, size):
        before = os.fstat(self.slot(number))
        ctypes.set_errno(0)
        checked(libc.fallocate(self.slot(number), mode, ctypes.c_long(offset), ctypes.c_long(size)))
        if os.fstat(self.slot(number)).st_size == before.st_size: # space alone is no change, which would be a version
            os.utime(self.slot(number), ns=(before.st_atime_ns, before.st_mtime_ns))

    def do_fsync(self, number):
        os.fsync(self.slot(number))

    def do_fstat(self, number):
        return self.facts(os.fstat(self.slot(number)))

    def do_fchmod(self, number, mode):
        os.fchmod(self.slot(number), mode)

    def do_fchown(self, number, uid, gid):
        os.fchown(self.slot(number), uid, gid)

    def do_futimens(self, number, ns):
        os.utime(self.slot(number), ns=(ns, ns))

    def length_to_map(self, number):
        st = os.fstat(self.slot(number))
        return st.st_size if stat.S_ISREG(st.st_mode) else 0

    def do_mmap_write(self, number, offset, size, seed):
        length = self.length_to_map(number)
        if length <= offset:
            raise LookupError
        with mmap.mmap(self.slot(number), length) as area:
            size = min(size, length - offset)
            area[offset:offset + size] = data_of(seed, size)[:size]
            area.flush()

    def do_mmap_read(self, number):
        length = self.length_to_map(number)
        if not length:
            raise LookupError
        with mmap.mmap(self.slot(number), length, prot=mmap.PROT_READ) as area:
            return hashlib.sha256(area).hexdigest()[:12]

    def do_copy_file_range(self, source, target, size, from_offset, to_offset):
        done = 0
        if self.slot(source) == self.slot(target):
            raise LookupError
        while done < size:
            n = os.copy_file_range(self.slot(source), self.slot(target), size - done, from_offset + done, to_offset + done)
            if not n:
                break
            done += n
        return done

    def do_pause(self):
        """What waits for a while (settle, hold, attr_timeout) happens. One world's pause is enough."""
        if self.pauses:
            time.sleep(1.2)

    # ---- names

    def do_unlink(self, path):
        os.unlink(path)

    def do_mkdir(self, path, mode):
        old = os.umask(0o022)
        try:
            os.mkdir(path, mode)
        finally:
            os.umask(old)

    def do_rmdir(self, path):
        os.rmdir(path)

    def do_rename(self, path, to, flags=0):
        if not flags:
            os.rename(path, to)
        else:
            ctypes.set_errno(0)
            checked(libc.renameat2(AT_FDCWD, os.fsencode(path), AT_FDCWD, os.fsencode(to), flags))

    def do_link(self, path, to):
        os.link(path, to, follow_symlinks=False)

    def do_symlink(self, target, path):
        os.symlink(target, path)

    def do_readlink(self, path):
        return os.readlink(path)

    def do_mknod(self, path, kind):
        if kind == 'file':
            os.mknod(path, 0o640 | stat.S_IFREG)
        elif kind == 'fifo':
            os.mkfifo(path, 0o640)
        else:
            os.mknod(path, 0o640 | {'socket': stat.S_IFSOCK, 'device': stat.S_IFCHR}[kind], os.makedev(1, 3))

    def do_listdir(self, path):
        return sorted(os.listdir(path))

    # ---- attributes

    def facts(self, st):
        kind = stat.S_IFMT(st.st_mode)
        facts = [oct(st.st_mode), st.st_uid, st.st_gid]
        if kind == stat.S_IFREG:
            facts += [st.st_size, st.st_nlink]
        if kind == stat.S_IFLNK:
            facts += [st.st_size]
        if kind == stat.S_IFDIR and not self.times_of_folders:
            return facts
        return facts + [times_of(st, self.since)]

    def do_stat(self, path):
        return self.facts(os.stat(path))

    def do_lstat(self, path):
        return self.facts(os.lstat(path))

    def do_access(self, path, mode):
        return os.access(path, mode, effective_ids=True)

    def do_chmod(self, path, mode):
        os.chmod(path, mode)

    def do_chown(self, path, uid, gid, follow=True):
        os.chown(path, uid, gid, follow_symlinks=follow)

    def do_truncate(self, path, size):
        os.truncate(path, size)

    def do_utimens(self, path, ns, follow=True):
        os.utime(path, **({} if ns is None else {'ns': (ns, ns)}), follow_symlinks=follow)

    def do_setxattr(self, path, name, value, flags=0):
        os.setxattr(path, name, os.fsencode(value), flags)

    def do_getxattr(self, path, name):
        return os.fsdecode(os.getxattr(path, name))

    def do_listxattr(self, path):
        return sorted(name for name in os.listxattr(path) if name.startswith('user.'))

    def do_removexattr(self, path, name):
        os.removexattr(path, name)

    def do_fsetxattr(self, number, name, value):
        os.setxattr(self.slot(number), name, os.fsencode(value))

    # ---- all there is: {path: facts}

    def do_check(self):
        found = {}
        self.look('.', found)
        return found

    def look(self, folder, found):
        for entry in os.scandir(folder):
            path = entry.path
            st = os.lstat(path)
            facts = self.facts(st)
            if stat.S_IFMT(st.st_mode) != {True: stat.S_IFDIR}.get(entry.is_dir(follow_symlinks=False), stat.S_IFMT(st.st_mode)):
                facts.append('the listing has another type')
            if stat.S_ISLNK(st.st_mode):
                facts.append(os.readlink(path))
            else:
                facts.append({name: os.fsdecode(os.getxattr(path, name)) for name in self.do_listxattr(path)})
            if stat.S_ISREG(st.st_mode):
                with open(path, 'rb') as file:
                    digest = hashlib.sha256(file.read())
                facts.append(digest.hexdigest()[:12])
            found[path] = facts
            if stat.S_ISDIR(st.st_mode):
                self.look(path, found)
