"""special.py - the rows that are no comparison: the queue with very many rows, a mount that nobody uses, instructions."""
import json
import os
import re
import shutil
import subprocess
import time

from rows import Phase, Row, Verdict, raw_now, write_files
from world import ARN, BUILD, PATIENCE, Failed, Mount, World, forked, wait_until


def program(*command):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
    if done.returncode:
        raise Failed('%s: %s' % (command[0], done.stderr.strip()[-200:]))
    return done.stdout


def callgrind(*command):
    """The command line that counts the instructions of another one into a file, and how to read that."""
    if not shutil.which('valgrind'):
        raise Failed('valgrind is not installed')
    return ['valgrind', '--tool=callgrind', '-q'] + list(command)


def counted(path):
    with open(path) as file:
        return int(re.search(r'^(?:totals|summary): (\d+)', file.read(), re.M).group(1))


# ---- a queue of a million rows ------------------------------------------------------------------------------------

def instructions_of_a_row(world, scale, state, arn):
    """Of one acknowledged write: the difference between a run with N of them and one with 2 N."""
    n, out = scale['calls'] // 10, world.path('callgrind.out')
    totals = []
    for writes in (n, 2 * n):
        program(*callgrind('--callgrind-out-file=' + out, os.path.join(BUILD, 'bench/queue_rows'), state, arn, writes, 0))
        totals.append(counted(out))
    return (totals[1] - totals[0]) / n


def queue(world, scale):
    if world.kind != 's3d':
        raise Failed('needs a destination that can be stopped')
    few, many = scale['queue']
    state, arn = world.path('state'), ARN % world.sides['b']['bucket']
    mount = Mount(world, 'crrfs', True, 'state=' + state).start()
    mount.stop()
    cell = {}
    for rows in (few, many):
        report = json.loads(program(os.path.join(BUILD, 'bench/queue_rows'), state, arn, 1000, rows))
        cell['cpu_us_at_%d' % rows] = report['cpu_us_per_write']
        cell['rss_of_writer_kib'] = report['rss_kib']
        cell['instructions_at_%d' % rows] = instructions_of_a_row(world, scale, state, arn)
    world.children[1].terminate()   # the destination is down: the rows stay
    world.children[1].wait()
    mount = Mount(world, 'crrfs', True, 'state=' + state)
    began = time.monotonic()
    mount.start()
    cell['seconds'] = cell['settled'] = time.monotonic() - began
    last = -1
    while mount.cpu() != last:      # until it rests for a second
        last = mount.cpu()
        time.sleep(1)
        if time.monotonic() - began > 60:
            break
    cell['cpu'], cell['peak_kib'] = mount.cpu(), mount.peak_kib()
    mount.stop()
    v = Verdict()
    a, b = cell['instructions_at_%d' % few], cell['instructions_at_%d' % many]
    v.at_most('instructions of one more row × those at {:,}'.format(few), round(b / a, 3), 1.2)
    v.check('%.0f and %.0f µs of CPU' % (cell['cpu_us_at_%d' % few], cell['cpu_us_at_%d' % many]), None)
    v.at_most('MiB of RSS', round(cell['peak_kib'] / 1024, 1), 128)
    v.at_most('s of CPU to start', round(cell['cpu'], 2), 5)
    return {'queue_1m': dict(who={'crrfs': cell}, **v.result())}


# ---- nobody uses it -----------------------------------------------------------------------------------------------

def idle(world, scale):
    mount = Mount(world, 'crrfs', True).start()
    forked(write_files, mount.dir, range(10), 4096)
    mount.drain()
    last = -1
    while mount.cpu() != last:      # what comes after a write is over
        last = mount.cpu()
        time.sleep(3)
    since, cpu, woken = world.mark(), mount.cpu(), mount.switches()
    time.sleep(scale['idle'])
    cell = dict(world.costs(since), cpu=mount.cpu() - cpu, wakeups=mount.switches() - woken, seconds=scale['idle'],
                peak_kib=mount.peak_kib())
    mount.stop()
    v = Verdict()
    v.exactly('seconds of CPU in %d' % scale['idle'], cell['cpu'], 0)
    v.check('threads woke up %.1f times a second' % (cell['wakeups'] / scale['idle']), None)
    return {'idle': dict(who={'crrfs': cell}, **v.result())}


# ---- instructions of one write(2) ---------------------------------------------------------------------------------

def overwrite(path, size, calls):
    """calls writes within 4 MiB, so that the file that is uploaded in the end is the same for any number of them"""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    data = b'w' * size
    for i in range(calls):
        os.pwrite(fd, data, i * size % (4 << 20))
    os.close(fd)


def run_counted(world, size, calls):
    out = world.path('callgrind.out')
    mount = Mount(world, 'crrfs')
    mount.command = callgrind('--callgrind-out-file=' + out, *mount.command)
    mount.start()
    forked(overwrite, os.path.join(mount.dir, 'file-%d-%d' % (size, calls)), size, calls)
    mount.stop()
    return counted(out)


def instructions(world, scale):
    cell, n = {}, scale['calls']
    for size in (4096, 131072):
        least = max(n, (4 << 20) // size)   # all of the file is written in both runs
        cell['instructions_%d' % size] = (run_counted(world, size, 2 * least) - run_counted(world, size, least)) / least
    v = Verdict()
    v.check('%d of 4 KiB, %d of 128 KiB' % (cell['instructions_4096'], cell['instructions_131072']),
            True if min(cell.values()) > 0 else False)
    return {'instructions': dict(who={'crrfs': cell}, **v.result())}


def rows():
    yield Row('queue_1m', Phase('queue_1m', '1,000,000 rows in the queue',
                                'a row costs ≤ 1.2 × that at 1,000; RSS < 128 MiB; start-up < 5 s of CPU', None), special=queue)
    yield Row('idle', Phase('idle', 'idle', '0 CPU', None), special=idle)
    yield Row('instructions', Phase('instructions', 'instructions of the daemon for one write(2)', 'tracked', None),
              special=instructions)
