#!/bin/bash
# close() reports that a save failed, with an errno that fits; nothing half-made appears; the next save works.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
mount_crrfs
save() { # name size: prints the errno of the first call that failed, or ok
	/usr/bin/python3 - "$MNT/$1" "$2" <<-'END'
		import errno, os, sys
		try:
		    fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
		    try:
		        left = int(sys.argv[2])
		        while left:
		            left -= os.write(fd, b'x' * min(left, 1 << 20))
		    finally:
		        os.close(fd)
		    print('ok')
		except OSError as error:
		    print(errno.errorcode[error.errno])
	END
}
fault a 'op=PutObject count=-1 action=status:403:AccessDenied'
assert_eq "$(save small 4096)" EACCES
no_faults a
assert_eq "$(s3 keys a)" ""
assert_eq "$(save small 4096)" ok
for op in CreateMultipartUpload UploadPart CompleteMultipartUpload; do
	fault a "op=$op count=-1 action=status:403:AccessDenied"
	assert_eq "$(save "big-$op" 12000000)" EACCES "$op"
	no_faults a
	assert_eq "$(s3 count-versions a "big-$op")" 0
	assert_eq "$(save "big-$op" 12000000)" ok "$op, again"
done
fault a 'op=PutObject count=-1 action=status:400:QuotaExceeded'
assert_match "$(save other 10)" '^(ENOSPC|EDQUOT|EIO|EINVAL)$'
no_faults a
# fsync reports it as well
fault a 'op=PutObject count=-1 action=status:403:AccessDenied'
/usr/bin/python3 - "$MNT/fsync" <<'END'
import errno, os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
os.write(fd, b'abc')
try:
    os.fsync(fd)
except OSError as error:
    assert error.errno == errno.EACCES, error
else:
    raise AssertionError('fsync said nothing')
END
no_faults a
rm -f "$MNT/fsync"
wait_repl
s3 compare
# a file that nothing was written to, a truncation, and a process that inherited the descriptor are told as well
echo data >"$MNT/old"
fault a 'op=PutObject count=-1 action=status:403:AccessDenied'
/usr/bin/python3 - "$MNT" <<'END'
import errno, os, sys
mnt = sys.argv[1]
def refused(close):
    try:
        close()
    except OSError as error:
        assert error.errno == errno.EACCES, error
    else:
        raise AssertionError('close said nothing')
fd = os.open(mnt + '/empty', os.O_WRONLY | os.O_CREAT)
refused(lambda: os.close(fd))
fd = os.open(mnt + '/old', os.O_WRONLY | os.O_TRUNC)
refused(lambda: os.close(fd))
fd = os.open(mnt + '/inherited', os.O_WRONLY | os.O_CREAT)
child = os.fork()
if not child:
    while os.getppid() != 1 and os.path.exists('/proc/%d/fd/%d' % (os.getppid(), fd)):
        pass
    os.write(fd, b'child')
    refused(lambda: os.close(fd))
    os._exit(0)
try:
    os.close(fd)
except OSError:
    pass    # nobody has it open for writing but the child: either may be the one that saves
assert os.waitpid(child, 0)[1] == 0
END
no_faults a
wait_repl
