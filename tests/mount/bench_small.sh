#!/bin/bash
# bench/run does every row at its smallest, without peers: all cells are filled, and the counts that do not depend on
# the machine are what the mount promises. No time is looked at.
# servers: s3d
# timeout: 600
. "$(dirname "$0")/lib.sh"
begin
[ -x "$BUILD/bench/raw" ] || skip "bench/raw is not built"
CRRFS_BUILD=$BUILD TMPDIR=$T "$TOP/bench/run" --scale SMALL --out "$T/bench" >"$T/bench.log" 2>&1 ||
	fail "bench/run: $(tail -n5 "$T/bench.log")"
/usr/bin/python3 - "$T/bench" "$TOP" <<'END' || fail "$(cat "$T/bench.log")"
import json, subprocess, sys
out, top = sys.argv[1:]
rows = json.load(open(out + '/results.json'))['rows']
text = open(out + '/RESULTS.md').read()
wrong = []


def must(ok, *words):
    if not ok:
        wrong.append(' '.join(str(w) for w in words))


def cell(row, who='crrfs'):
    return rows[row]['who'][who]['median']


for name in subprocess.run([top + '/bench/run', '--list'], stdout=subprocess.PIPE, text=True, check=True).stdout.split():
    must(name in rows, name, 'is missing')
for name, row in rows.items():
    must('\n### %s\n' % name in text, name, 'is not in RESULTS.md')
    for who, found in row['who'].items():
        # it is not there, or does not run a build for ASan
        no_valgrind = any(word in found.get('failed', '') for word in ('valgrind', 'ASan runtime'))
        must('failed' not in found or no_valgrind, name, who, 'failed:', found.get('failed'))
        must(no_valgrind or found['median'], name, who, 'is empty')
# what was sent: bytes of files, once to each side, and nothing read back
files = 32 * 4096
for row in ('small_1', 'small_16', 'small_16_50ms'):
    must(cell(row)['bytes_a'] == files and cell(row)['bytes_b'] == 0, row, cell(row))
for row in ('small_1_repl', 'small_16_repl', 'small_16_repl_50ms'):
    must(cell(row)['bytes_a'] == cell(row)['bytes_b'] == files, row, cell(row))
    must(rows[row]['who']['crrfs']['requests']['a.PutObject'] == 32, row, rows[row]['who']['crrfs']['requests'])
    must(rows[row]['who']['crrfs']['requests'].get('b.PutObject') == cell(row)['requests_b'] == 32, row, 'at the destination')
for row in ('write_1g_repl', 'write_1g_repl_50ms'):
    must(cell(row)['bytes_a'] == cell(row)['bytes_b'] == 24 << 20 and cell(row)['read_a'] == 0, row, cell(row))
for row in ('mv_file', 'mv_dir'):
    must(cell(row)['bytes_a'] == cell(row)['bytes_b'] == 0, row, cell(row))
for row in ('append', 'change'):
    must(cell(row)['bytes_a'] == cell(row)['bytes_b'] == 5 << 20, row, 'one part', cell(row))
must(cell('read_random')['read_a'] <= 1.1 * 20 * 131072, 'random reads', cell('read_random'))
for row in ('small_1', 'small_1_repl', 'small_16_repl'):    # a listing now and then, but no question for each file
    must(cell(row)['requests_a'] < 32 + 16, row, rows[row]['who']['crrfs']['requests'])
must(rows['ls_10k_never']['who']['crrfs']['requests']['a.HeadObject'] == 20, 'one HEAD each')
for row in ('ls_10k_seen', 'ls_10k_nometa', 'ls_100k_seen', 'ls_100k_nometa'):
    must('a.HeadObject' not in rows[row]['who']['crrfs']['requests'], row, 'asks for what it knows')
# the ceiling does the same work
for row in ('small_1', 'small_16'):
    must(cell(row, 'raw')['requests_a'] == 32 and cell(row, 'raw')['bytes_a'] == files, row, 'raw', cell(row, 'raw'))
must(cell('read_1g', 'raw')['read_a'] == 24 << 20, 'raw reads all')
must(cell('lag')['lag_max_ms'] >= cell('lag')['lag_p50_ms'], 'lag')
must(cell('idle')['requests_a'] == cell('idle')['requests_b'] == 0, 'requests while idle')
print('\n'.join(wrong))
sys.exit(bool(wrong))
END
