#!/bin/bash
# security.*, trusted.* and system.* are answered here, without a request, and never with ENOSYS or EIO.
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs attr_timeout=60
echo text >"$MNT/file"
mkdir "$MNT/dir"
wait_repl
mark_requests
/usr/bin/python3 - "$MNT/file" "$MNT/dir" "$MNT" <<'END'
import errno, os, sys
good = (errno.ENODATA, errno.EOPNOTSUPP, errno.EPERM)
names = ['security.capability', 'security.selinux', 'security.ima', 'trusted.overlay.opaque', 'system.posix_acl_access',
         'system.posix_acl_default', 'trusted.x', 'security.x']
# ls -l goes by this: it asks for one file's only
for name in ('security.selinux', 'system.posix_acl_access', 'system.posix_acl_default'):
    try:
        os.getxattr(sys.argv[1], name)
    except OSError as error:
        assert error.errno == errno.EOPNOTSUPP, (name, error)
for path in sys.argv[1:]:
    for name in names:
        for what in (lambda: os.getxattr(path, name), lambda: os.removexattr(path, name)):
            try:
                what()
            except OSError as error:
                assert error.errno in good, (path, name, error)
    for name in ('trusted.x', 'security.x', 'system.x'):
        try:
            os.setxattr(path, name, b'1')
        except OSError as error:
            assert error.errno in good, (path, name, error)
        else:
            raise AssertionError('set ' + name)
END
requests a >"$T/requests"
[ ! -s "$T/requests" ] || fail "requests were made: $(cat "$T/requests")"
