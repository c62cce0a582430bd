"""generate.py - the next operation, by dice: sensible ones mostly, over few names, so that they meet."""
import os

from world import EXCHANGE, NOREPLACE, SLOTS

NAMES = ['a', 'b', 'c', 'd']
ODD_NAMES = ['n' * 255, 'n' * 256, 'ü' * 127, 'x y', '%41+', 'new\nline', '.', '..', 'a/', 'a/.', 'a/..', '.sw.swp', 'b~', 'sedAbCdEf']
MODES = [0o644, 0o600, 0o755, 0o700, 0o777, 0o1777, 0o666, 0o000, 0o4755, 0o2755, 0o2775, 0o6711, 0o444]
SIZES = [0, 1, 10, 100, 4095, 4096, 5000, 70000, 131072, 200001]
BIG = [1 << 20, 5 << 20, (5 << 20) + 1, 9 << 20]
TIMES = [0, 10**18 + 1, 981173106 * 10**9 + 123456789, 4 * 10**17, None]
FLAGS = ['RDONLY', 'RDWR', 'WRONLY', 'RDWR|CREAT', 'RDWR|CREAT', 'WRONLY|CREAT', 'RDWR|CREAT|EXCL', 'WRONLY|CREAT|TRUNC', 'RDWR|TRUNC',
         'RDWR|CREAT|APPEND', 'WRONLY|APPEND', 'RDONLY|DIRECTORY', 'RDONLY|NOFOLLOW', 'RDWR|CREAT|NOFOLLOW', 'RDWR|CREAT|SYNC',
         'RDONLY|CREAT', 'RDONLY|TRUNC', 'WRONLY|CREAT|EXCL|DIRECTORY']
ATTRIBUTES = ['user.colour', 'user.shape', 'user.s3.tag.class', 'user.long-name-of-an-attribute']
VALUES = ['', 'blue', 'a b', 'x' * 200, 'a=b/c', 'grün']
KINDS = [
    (14, 'open'), (5, 'close'), (2, 'dup'), (12, 'pwrite'), (4, 'write'), (6, 'pread'), (2, 'lseek'), (4, 'ftruncate'),
    (2, 'fallocate'), (3, 'fsync'), (3, 'fstat'), (2, 'fchmod'), (1, 'fchown'), (1, 'futimens'), (2, 'mmap_write'),
    (2, 'mmap_read'), (2, 'copy_file_range'), (6, 'unlink'), (6, 'mkdir'), (4, 'rmdir'), (9, 'rename'), (1, 'link'),
    (3, 'symlink'), (1, 'readlink'), (1, 'mknod'), (2, 'listdir'), (3, 'stat'), (2, 'lstat'), (1, 'access'), (4, 'chmod'),
    (2, 'chown'), (4, 'truncate'), (3, 'utimens'), (3, 'setxattr'), (1, 'getxattr'), (1, 'listxattr'), (2, 'removexattr'),
    (1, 'fsetxattr'),
]
SELDOM = ['remount', 'kill', 'pause', 'pause', 'pause'] # they take a second each
BYTES = {'open', 'close', 'dup', 'pwrite', 'write', 'pread', 'lseek', 'ftruncate', 'fallocate', 'fsync', 'fstat', 'mmap_write',
         'mmap_read', 'copy_file_range', 'truncate', 'stat'}
AS_NOBODY = {'open', 'unlink', 'mkdir', 'rmdir', 'rename', 'symlink', 'readlink', 'listdir', 'stat', 'lstat', 'access', 'chmod',
             'chown', 'truncate', 'utimens', 'setxattr', 'getxattr', 'removexattr', 'link', 'mknod', 'pwrite', 'ftruncate', 'fchmod'}


class Generator:
    """Looks at a local world to meet what is there."""

    def __init__(self, dice, world, remounts):
        self.dice, self.world = dice, world
        self.kinds = [kind for weight, kind in KINDS for _ in range(weight * 5)] + SELDOM[0 if remounts else 2:]
        self.names = NAMES
        self.big = 0.03
        style = dice.random()
        if style < 0.2: # the bytes of two files
            self.kinds = [kind for kind in self.kinds if kind in BYTES or kind in SELDOM]
            self.names, self.big = NAMES[:2], 0.1
        elif style < 0.4: # names and attributes
            self.kinds = [kind for kind in self.kinds if kind not in BYTES or kind in ('open', 'close', 'stat')]

    def existing(self):
        """Paths that are there: folders, others."""
        folders, others = ['.'], []
        os.fchdir(self.world.fd)
        for top, names, files in os.walk('.'):
            top = top[2:] + '/' if len(top) > 2 else ''
            for name in names:
                (others if os.path.islink(top + name) else folders).append(top + name)
            others += [top + name for name in files]
        return sorted(folders), sorted(others)

    def new_path(self, folders):
        folder = self.dice.choice([f for f in folders if f.count('/') < 3] or ['.'])
        name = self.dice.choice(ODD_NAMES if self.dice.random() < 0.05 else self.names)
        return name if folder == '.' else folder + '/' + name

    def path(self):
        folders, others = self.existing()
        roll = self.dice.random()
        if roll < 0.6 and others:
            return self.dice.choice(others)
        if roll < 0.75 and len(folders) > 1:
            return self.dice.choice(folders[1:])
        if roll < 0.8 and others: # a file as a folder
            return self.dice.choice(others) + '/' + self.dice.choice(self.names)
        return self.new_path(folders)

    def size(self):
        size = self.dice.choice(SIZES)
        return self.dice.choice(BIG) if self.dice.random() < self.big else size

    def full_slot(self):
        full = [number for number, fd in enumerate(self.world.slots) if fd is not None]
        return self.dice.choice(full) if full else 0

    def next(self):
        kind = self.dice.choice(self.kinds)
        operation = [kind] + getattr(self, 'args_' + kind, self.of_path)()
        if kind in AS_NOBODY and self.dice.random() < 0.12:
            operation = ['as_nobody'] + operation
        return operation

    def of_path(self):
        return [self.path()]

    def of_slot(self):
        return [self.full_slot()]

    args_close = args_fsync = args_fstat = args_mmap_read = of_slot

    def args_remount(self):
        return []

    args_kill = args_pause = args_remount

    def args_open(self):
        return [self.dice.randrange(SLOTS), self.path(), self.dice.choice(FLAGS), self.dice.choice(MODES)]

    def args_dup(self):
        return [self.full_slot(), self.dice.randrange(SLOTS)]

    def args_pwrite(self):
        return [self.full_slot(), self.size(), self.size(), self.dice.randrange(1000)]

    args_mmap_write = args_pwrite

    def args_write(self):
        return [self.full_slot(), self.size(), self.dice.randrange(1000)]

    def args_pread(self):
        return [self.full_slot(), self.size(), self.size() or 7]

    def args_lseek(self):
        return [self.full_slot(), self.size(), self.dice.choice(['SEEK_SET', 'SEEK_CUR', 'SEEK_END', 'SEEK_DATA', 'SEEK_HOLE'])]

    def args_ftruncate(self):
        return [self.full_slot(), self.size()]

    def args_fallocate(self):
        return [self.full_slot(), self.dice.choice([0, 0, 1, 1, 3]), self.size(), self.size()]

    def args_fchmod(self):
        return [self.full_slot(), self.dice.choice(MODES)]

    def owners(self):
        return [self.dice.choice([-1, 0, 65534, 1000]), self.dice.choice([-1, 0, 65534, 1000])]

    def args_fchown(self):
        return [self.full_slot()] + self.owners()

    def args_futimens(self):
        return [self.full_slot(), self.dice.choice(TIMES[:-1])]

    def args_copy_file_range(self):
        return [self.full_slot(), self.full_slot(), self.size(), self.size(), self.size()]

    def args_mkdir(self):
        return [self.new_path(self.existing()[0]), self.dice.choice([0o755, 0o777, 0o700, 0o1777, 0o2775])]

    def args_rmdir(self):
        folders = self.existing()[0]
        return [self.dice.choice(folders) if self.dice.random() < 0.8 else self.path()]

    def args_rename(self):
        folders, _ = self.existing()
        source = self.dice.choice(folders) if self.dice.random() < 0.3 else self.path()
        target = self.new_path(folders) if self.dice.random() < 0.6 else self.path()
        return [source, target] + self.dice.choice([[], [], [], [NOREPLACE], [EXCHANGE]] if self.dice.random() < 0.4 else [[]])

    def args_link(self):
        return [self.path(), self.path()]

    def args_symlink(self):
        target = self.dice.choice([self.path(), 'a', '../b', 'nowhere', '.', 'd', 't' * 300])
        return [target, self.new_path(self.existing()[0])]

    def args_mknod(self):
        return [self.path(), self.dice.choice(['file', 'file', 'fifo', 'socket', 'device'])]

    def args_access(self):
        return [self.path(), self.dice.choice([os.R_OK, os.W_OK, os.X_OK, os.F_OK])]

    def args_chmod(self):
        return [self.path(), self.dice.choice(MODES)]

    def args_chown(self):
        return [self.path()] + self.owners() + [self.dice.random() < 0.7]

    def args_truncate(self):
        return [self.path(), self.size()]

    def args_utimens(self):
        return [self.path(), self.dice.choice(TIMES), self.dice.random() < 0.7]

    def args_setxattr(self):
        return [self.path(), self.dice.choice(ATTRIBUTES), self.dice.choice(VALUES), self.dice.choice([0, 0, 0, os.XATTR_CREATE, os.XATTR_REPLACE])]

    def args_fsetxattr(self):
        return [self.full_slot(), self.dice.choice(ATTRIBUTES), self.dice.choice(VALUES)]

    def args_getxattr(self):
        return [self.path(), self.dice.choice(ATTRIBUTES)]

    args_removexattr = args_getxattr
