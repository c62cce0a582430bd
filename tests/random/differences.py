"""differences.py - where the mount may differ from ext4: the same list as "DIFFERENCES FROM POSIX" in crrfs(1)."""
import os

from world import EXCHANGE


def refused(operation, ours, local):
    """True: the mount refuses this, as stated, and so it is not done in the local folder either."""
    name, *args = operation[1:] if operation[0] == 'as_nobody' else operation
    if ours == ['ESTALE'] and isinstance(args[0], int): # an open folder that was removed
        return os.fstat(local.slots[args[0]]).st_nlink == 0
    return (name == 'link' and ours == ['EPERM']
            or name == 'mknod' and args[1] != 'file' and ours == ['EPERM']
            or name == 'rename' and args[2:] == [EXCHANGE] and ours == ['EINVAL']
            or name == 'fallocate' and args[1] > 1 and ours == ['ENOTSUP'])


def known(operation, ours, theirs, local):
    """True if these different outcomes are meant; the local folder then is as the mount is."""
    name, *args = operation[1:] if operation[0] == 'as_nobody' else operation
    if name == 'lseek' and ours[0] == 'ok': # all is data here, and the hole is behind the end
        if args[2] == 'SEEK_DATA' and ours[1] == args[1] or args[2] == 'SEEK_HOLE' and theirs[0] == 'ok':
            local.do(['lseek', args[0], ours[1], 'SEEK_SET'])
            return True
    return False
