"""report.py - the results as markdown: bench/RESULTS.md, and the short table in README.md between its two marks."""
import os
import re

from world import HERE, TOP

SHOWN = ('crrfs', 'raw', 's3fs', 'rclone', 'local')
MARKS = ('<!-- bench -->', '<!-- /bench -->')
README_ROWS = ('write_1g', 'small_1', 'small_16', 'small_16_50ms', 'read_1g', 'reread_1g', 'ls_10k_never', 'ls_10k_seen',
               'ls_100k_seen', 'tree_cp', 'tree_rm', 'append', 'mv_file', 'mv_dir')


def notes(out):
    """{row: text} of notes.md, whose sections are named by rows."""
    path = os.path.join(HERE, 'notes.md')
    with open(path) as file:
        pieces = re.split(r'^## (.+)$', file.read(), flags=re.M)
    return {pieces[i].strip(): pieces[i + 1].strip() for i in range(1, len(pieces), 2)}


def seconds(x):
    if x is None:
        return '-'
    return '%.0f s' % x if x >= 100 else '%.2f s' % x if x >= 1 else '%.1f ms' % (x * 1000)


def size(n):
    if n is None:
        return '-'
    for unit, factor in (('GiB', 1 << 30), ('MiB', 1 << 20), ('KiB', 1 << 10)):
        if n >= factor:
            return '%.4g %s' % (n / factor, unit)
    return '%d' % n


def requests(cell):
    """a: PutObject 3, HeadObject 2"""
    found = {}
    for op, n in sorted(cell.get('requests', {}).items(), key=lambda item: -item[1]):
        side, name = op.split('.')
        found.setdefault(side, []).append('%s %s' % (name, '{:,}'.format(n)))
    return '; '.join('%s: %s' % (side, ', '.join(found[side])) for side in sorted(found)) or 'none'


def cell_lines(row, repeat):
    for who in SHOWN:
        cell = row['who'].get(who)
        if cell is None:
            continue
        if 'failed' in cell and 'median' not in cell:
            yield '| %s | failed: %s | | | | | | | |' % (who, cell['failed'].replace('|', '/').replace('\n', ' '))
            continue
        m, n = cell['median'], len(cell.get('seconds', []))
        who = who if n in (0, repeat) else '%s (%d run%s)' % (who, n, 's' * (n > 1))
        total = '%.0f + %.0f' % (m['requests_a'], m['requests_b']) if 'requests_a' in m else '-'
        yield '| %s | %s | %s | %s | %s | %s | %s | %.2f s | %s |' % (
            who, seconds(m.get('seconds')), seconds(m.get('settled')), total, size(m.get('bytes_a')), size(m.get('bytes_b')),
            size(m.get('read_a')), m.get('cpu', 0), size(m['peak_kib'] * 1024) if 'peak_kib' in m else '-')


def answer(row):
    return {True: 'yes', False: '**no**', None: '-'}[row.get('reached')]


def summary(results):
    yield '| row | work | must reach | measured | reached |'
    yield '|---|---|---|---|---|'
    for name, row in results['rows'].items():
        yield '| [%s](#%s) | %s | %s | %s | %s |' % (name, name, row['title'], row['target'], row['verdict'], answer(row))


def details(results, told):
    repeat = results['about']['repeat']
    for name, row in results['rows'].items():
        yield '### %s' % name
        yield ''
        yield '%s. Must reach: %s. Reached: %s. %s' % (row['title'][:1].upper() + row['title'][1:], row['target'], answer(row),
                                                       row['verdict'])
        yield ''
        cells = row['who']
        if any('requests_a' in c.get('median', {}) for c in cells.values()):
            yield '| who | work | all in S3 | requests | to source | to destination | read | daemon CPU | peak RSS |'
            yield '|---|---|---|---|---|---|---|---|---|'
            yield from cell_lines(row, repeat)
            yield ''
            for who in SHOWN:
                if cells.get(who, {}).get('requests'):
                    yield '- %s: %s' % (who, requests(cells[who]))
            yield ''
        else:
            for who, cell in cells.items():
                yield '%s: %s' % (who, cell['failed'] if 'failed' in cell else ', '.join(
                    '%s %s' % (k, '{:,.2f}'.format(v).removesuffix('.00')) for k, v in cell['median'].items()))
            yield ''
        if row.get('reached') is False and name in told:
            yield 'What bounds it: ' + told[name]
            yield ''


def write(results, out, complete):
    about, told = results['about'], notes(out)
    lines = ['# Measured', '', told['about'], '',
             '`bench/run` at %s, %s scale, %d repeats, %s minutes; server %s.' % (
                 about['date'], about['scale'], about['repeat'], about.get('minutes', '?'), about['server']), '',
             '- commit %s; %s' % (about['commit'], about['build']),
             '- %s; Linux %s' % (about['machine'], about['kernel'])]
    lines += ['- %s: %s' % item for item in about['versions'].items()]
    runs = {row['run'] for row in results['rows'].values()}
    if len(runs) > 1:
        lines += ['', 'The rows are of %d runs: %s.' % (len(runs), ', '.join(sorted(runs)))]
    if not complete:
        lines += ['', 'Not all rows have been run.']
    lines += ['', '## Targets', ''] + list(summary(results)) + ['', '## Rows', ''] + list(details(results, told))
    lines += ['## Other programs', '', told['other'], '']
    with open(os.path.join(out, 'RESULTS.md'), 'w') as file:
        file.write('\n'.join(lines))
    if os.path.abspath(out) == HERE and complete and about['scale'] == 'FULL' and about['peers']:
        write_readme(os.path.join(TOP, 'README.md'), results)


# ---- README.md ----------------------------------------------------------------------------------------------------

def time_of(row, who):
    cell = row['who'].get(who, {})
    if 'failed' in cell and 'median' not in cell:
        return 'failed'
    return seconds(cell.get('median', {}).get('settled')) if cell else ''


def best(row):
    times = {who: row['who'][who]['median']['settled'] for who in ('crrfs', 's3fs', 'rclone')
             if row['who'].get(who, {}).get('median', {}).get('settled') is not None}
    return min(times, key=times.get) if times else None


def readme_lines(results):
    about = results['about']
    yield 'Times until everything is in S3, medians of %d, on %s with a server on the same host (%s), measured %s at commit %s.' % (
        about['repeat'], about['machine'], about['server'], about['date'], about['commit'])
    yield ''
    yield '| work | crrfs | s3fs | rclone mount | bare S3 client |'
    yield '|---|---|---|---|---|'
    lost = []
    for name in README_ROWS:
        row = results['rows'].get(name)
        if not row:
            continue
        winner = best(row)
        cells = [('**%s**' if who == winner else '%s') % time_of(row, who) for who in ('crrfs', 's3fs', 'rclone')]
        yield '| %s | %s | %s |' % (row['title'], ' | '.join(cells), time_of(row, 'raw'))
        if winner not in ('crrfs', None):
            lost.append('%s (%s)' % (row['title'], winner))
    yield ''
    yield 'A peer is faster at: %s.' % '; '.join(lost) if lost else 'No peer was faster in these rows.'
    judged = [row['reached'] for row in results['rows'].values() if row['reached'] is not None]
    yield 'Of %d targets %d are reached; [bench/RESULTS.md](bench/RESULTS.md) has all of them, and what bounds the others.' % (
        len(judged), sum(judged))


def write_readme(path, results):
    with open(path) as file:
        text = file.read()
    before, found, rest = text.partition(MARKS[0])
    if not found or MARKS[1] not in rest:
        return
    text = before + MARKS[0] + '\n' + '\n'.join(readme_lines(results)) + '\n' + MARKS[1] + rest.split(MARKS[1], 1)[1]
    with open(path + '.new', 'w') as file:
        file.write(text)
    os.replace(path + '.new', path)
