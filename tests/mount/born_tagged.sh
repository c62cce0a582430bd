#!/bin/bash
# Tags and metadata set while the file is open and dirty ride in its PUT: the version is born with them.
. "$(dirname "$0")/lib.sh"
begin
make_rules tag=class:tax
mount_crrfs
mark_requests
/usr/bin/python3 - "$MNT" <<'END'
import os, sys
for name, size in (('small', 4096), ('large', 11 << 20)):
    path = sys.argv[1] + '/' + name
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    os.setxattr(fd, 'user.s3.tag.class', b'tax')
    left = size
    while left:
        left -= os.write(fd, b'x' * min(left, 1 << 20))
    os.setxattr(path, 'user.colour', b'blue')
    assert os.getxattr(fd, 'user.s3.tag.class') == b'tax'
    os.close(fd)
END
wait_repl
s3 compare --tag class=tax
assert_eq "$(s3 keys b | tr '\n' ' ')" "large small "
assert_requests a PutObject small 1
assert_requests a 'PutObjectTagging|CopyObject' small 0
assert_eq "$(s3 count-versions a small , count-versions a large | tr '\n' ' ')" "1 1 "
assert_eq "$(s3 meta b large colour , meta b small colour | tr '\n' ' ')" "blue blue "
