#!/bin/bash
# Directories ten deep are renamed, each of them, while files in each are open for writing and for reading: what is written then
# arrives under the last names, what is read goes on.
. "$(dirname "$0")/lib.sh"
begin
make_rules all,markers
mount_crrfs
/usr/bin/python3 - "$MNT" <<'END'
import os, sys
os.chdir(sys.argv[1])
path, names = '.', []
readers, writers, appenders = [], [], []
for i in range(10):
    path += '/d%d' % i
    os.mkdir(path)
    with open(path + '/read', 'w') as f:
        f.write('read %d ' % i * 1000)
    with open(path + '/grows', 'w') as f:
        f.write('begun %d\n' % i)
    readers.append(open(path + '/read'))
    assert readers[-1].read(7) == 'read %d ' % i
    appenders.append(open(path + '/grows', 'a'))
    appenders[-1].write('before %d\n' % i)
    appenders[-1].flush()
    writers.append(open(path + '/new', 'w'))
    writers[-1].write('before %d\n' % i)
    writers[-1].flush()
    names.append(path)
for i in reversed(range(10)):   # the innermost first, then each with all below it
    os.rename(names[i], names[i].replace('d%d' % i, 'e%d' % i))
    for k in range(10):
        writers[k].write('after %d %d\n' % (k, i))
        writers[k].flush()
for i in range(10):
    assert readers[i].read() == ('read %d ' % i * 1000)[7:], 'reader %d' % i
    assert os.fstat(readers[i].fileno()).st_size == 7000
    appenders[i].write('after %d\n' % i)
    appenders[i].close()
    writers[i].close()
assert os.listdir('.') in (['e0'], ['.versions', 'e0'], ['e0', '.versions']), os.listdir('.')
END
check() {
	local path=$MNT i k
	for i in $(seq 0 9); do
		path+=/e$i
		assert_eq "$(tr '\n' ' ' <"$path/grows")" "begun $i before $i after $i "
		assert_eq "$(head -n1 "$path/new"), $(grep -c "^after $i " "$path/new")" "before $i, 10"
		assert_eq "$(stat -c %s "$path/read")" 7000
	done
}
check
remount_crrfs
check
wait_repl
assert_eq "$(s3 keys a d0/ , keys b d0/)" "" "keys left under the old name"
s3 compare
