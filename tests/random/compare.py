#!/usr/bin/python3
"""compare.py - the same random operations in a mount and in a local folder, compared one by one.

    compare.py MOUNT LOCAL [--seed N] [--steps N] [--remounts] [--replay FILE]

Outcomes, errno, and after some steps all names, attributes and bytes must be equal, but for the list in differences.py.
A sequence that shows a difference is made as short as it gets and printed as a list, which --replay does again.
With --remounts lines "remount", "kill" and "buckets" go to standard output, and each waits for a line on standard input:
whoever started this mounts anew, orderly or after kill -9, or compares the buckets. Exit status: 0 equal, 1 different.
"""
import argparse
import json
import os
import random
import shutil
import sys
import time

from differences import known, refused
from generate import Generator
from world import World

LENGTH = 120    # operations in one pair of folders
BUCKETS = 20    # after every so many pairs the destination is compared with the source
TRIALS = 400    # runs that making a sequence shorter may take


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def ask(what):
    print(what, flush=True)
    if not sys.stdin.readline():
        sys.exit('nobody answers')


class Pair:
    """A folder in the mount and one beside it, in which the same is done."""
    count = 0

    def __init__(self, args):
        Pair.count += 1
        since = time.time_ns() - 3 * 10**9
        name = 'case-%d-%d/in/here' % (os.getpid(), Pair.count) # deep, for the sake of ".."
        self.mount = World(os.path.join(args.mount, name), since, True)
        self.local = World(os.path.join(args.local, name), since, False)

    def mount_anew(self, how):
        """Everything that close or fsync acknowledged is there afterwards."""
        for world in self.mount, self.local:
            if how == 'kill':
                for fd in world.slots:
                    if fd is not None:
                        os.fsync(fd)
            else:
                world.close_all()
        os.chdir('/')
        if how != 'kill':
            self.mount.leave()
        ask(how)
        self.mount.leave()
        self.local.close_all()
        self.mount.enter()
        self.mount.times_of_folders = self.local.times_of_folders = False

    def step(self, operation):
        """None, or what differs."""
        if operation[0] in ('remount', 'kill'):
            try:
                self.mount_anew(operation[0])
            except OSError as error:
                return ['fsync before it: %s' % error]
            operation = ['check']
        ours = self.mount.do(operation)
        if refused(operation, ours, self.local):
            return None
        theirs = self.local.do(operation)
        if ours == theirs or known(operation, ours, theirs, self.local):
            return None
        if operation[0] == 'check' and ours[0] == theirs[0] == 'ok':
            a, b = ours[1], theirs[1]
            return ['%r: mount %s, local %s' % (path, a.get(path, 'has none'), b.get(path, 'has none'))
                    for path in sorted(set(a) | set(b)) if a.get(path) != b.get(path)]
        return ['mount %s, local %s' % (ours, theirs)]

    def end(self, keep=False):
        for world in self.mount, self.local:
            world.leave()
            if keep:
                continue
            shutil.rmtree(os.path.dirname(os.path.dirname(world.top)), ignore_errors=True)


def run(args, operations):
    """The index of the first operation that differs, and how; or None."""
    pair = Pair(args)
    try:
        for index, operation in enumerate(operations):
            wrong = pair.step(operation)
            if wrong:
                return index, wrong
        return None
    finally:
        pair.end()


def shorter(args, operations):
    """Delta debugging: leave out pieces, large ones first, while it still differs."""
    trials, piece = 0, max(len(operations) // 2, 1)
    while trials < TRIALS:
        at, found = 0, False
        while at < len(operations) and trials < TRIALS:
            rest = operations[:at] + operations[at + piece:]
            trials += 1
            result = run(args, rest) if rest else None
            if result:
                operations, found = rest[:result[0] + 1], True
            else:
                at += piece
        if piece == 1 and not found:
            break
        piece = max(piece // 2, 1)
    return operations


def report(args, operations, wrong, seed):
    say('seed %s: after %d operations: %s' % (seed, len(operations), '; '.join(wrong)[:1000]))
    again = run(args, operations)
    if not again:
        say('not so when they are done again; they were:')
    else:
        operations = shorter(args, operations[:again[0] + 1])
        wrong = (run(args, operations) or (0, wrong))[1]
        say('the shortest that shows it:')
    say('[')
    for operation in operations:
        say('  %s,' % json.dumps(operation))
    say(']')
    for line in wrong[:20]:
        say('  ' + line[:1000])


def case(args, seed, steps, keep):
    """One pair of folders. True if all was equal."""
    dice = random.Random(seed)
    pair = Pair(args)
    generator = Generator(dice, pair.local, args.remounts)
    operations = []
    try:
        while len(operations) < steps:
            operations.append(generator.next())
            wrong = pair.step(operations[-1])
            if not wrong and (dice.random() < 0.3 or len(operations) == steps - 1):
                operations.append(['check'])
                wrong = pair.step(operations[-1])
            if wrong:
                break
        if not wrong and args.remounts and not seed % BUCKETS:
            ask('buckets')
    finally:
        pair.end(keep)
    if wrong:
        report(args, operations, wrong, seed)
    return not wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('mount')
    parser.add_argument('local')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--steps', type=int, default=0, help='0: without end')
    parser.add_argument('--remounts', action='store_true')
    parser.add_argument('--replay')
    parser.add_argument('--keep-going', action='store_true', help='after a difference, too')
    args = parser.parse_args()
    if args.replay:
        with open(args.replay, encoding='utf-8') as file:
            operations = json.loads(file.read().replace(',\n]', '\n]'))
        result = run(args, operations)
        say('%d: %s' % (result[0], result[1]) if result else 'equal')
        return 1 if result else 0
    done, seed, equal, shown = 0, args.seed, True, time.monotonic()
    while (not args.steps or done < args.steps) and (equal or args.keep_going):
        steps = min(LENGTH, args.steps - done) if args.steps else LENGTH
        done += steps
        # the last one stays, for a look at the buckets
        equal = case(args, seed, steps, args.steps and done >= args.steps) and equal
        if time.monotonic() - shown > 60:
            say('%d operations, at seed %d' % (done, seed))
            shown = time.monotonic()
        seed += 1
    say('%d operations, seeds %d to %d: %s' % (done, args.seed, seed - 1, 'equal' if equal else 'DIFFERENT'))
    return 0 if equal else 1


sys.exit(main())
