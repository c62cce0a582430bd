#!/usr/bin/python3
"""coverage.py TREE [--lines] - the counts that gcc's gcov reads out of a tree built with --enable-coverage, by folder."""
import concurrent.futures
import json
import os
import re
import subprocess
import sys

ROOMS = ('base', 'rules', 's3', 'queue', 'fs', 'ctl')
# What is to be reached, in percent of the lines (docs/coverage.md).
GOALS = {'rules': 95, 'queue': 95, 's3/sign': 95}
GOAL = 85


def gcov(tree, notes):
    """What one object file's counts say; an object that never ran has notes and no counts, which gcov takes as zeros."""
    done = subprocess.run(['gcov', '--json-format', '--branch-probabilities', '--stdout', notes], cwd=tree,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]


def name_of(path, tree):
    path = os.path.relpath(os.path.join(tree, path), tree)
    return path if re.match('(%s)/' % '|'.join(ROOMS), path) else None


class File:
    def __init__(self):
        self.lines, self.branches, self.functions = {}, {}, {}

    def add(self, data):
        for line in data['lines']:
            number = line['line_number']
            self.lines[number] = self.lines.get(number, 0) + line['count']
            for i, branch in enumerate(line['branches']):
                self.branches[number, i] = self.branches.get((number, i), 0) + branch['count']
        for function in data['functions']:
            name = function['name']
            self.functions[name] = self.functions.get(name, 0) + function['execution_count']


def read(tree):
    notes = [os.path.join(top, name) for top, _, names in os.walk(tree) for name in names
             if name.endswith('.gcno') and os.path.relpath(top, tree).split('/')[0] in ROOMS]
    files = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for documents in pool.map(lambda path: gcov(tree, path), sorted(notes)):
            for document in documents:
                for data in document['files']:
                    name = name_of(data['file'], tree)
                    if name:
                        files.setdefault(name, File()).add(data)
    return files


def percent(counts):
    return '%5.1f' % (100 * sum(1 for n in counts if n) / len(counts)) if counts else '    -'


def table(files):
    good = True
    print('%-10s %8s %8s %10s %10s  %s' % ('folder', 'lines', '%', 'branches', '%', 'goal'))
    for room in sorted(ROOMS + ('s3/sign',), key=(ROOMS + ('s3/sign',)).index):
        mine = [f for name, f in files.items() if name.startswith(room + '/' if room in ROOMS else room)]
        lines = [n for f in mine for n in f.lines.values()]
        branches = [n for f in mine for n in f.branches.values()]
        goal = GOALS.get(room, GOAL)
        enough = bool(lines) and float(percent(lines)) >= goal
        good = good and enough
        print('%-10s %8d %8s %10d %10s  %d %s' % (room, len(lines), percent(lines), len(branches), percent(branches), goal,
                                                  '' if enough else 'MISSED'))
    return good


def holes(files, with_lines):
    print('\nlines not reached, of which in functions that never ran:')
    for name, f in sorted(files.items()):
        left = [number for number, n in sorted(f.lines.items()) if not n]
        never = sorted(function for function, n in f.functions.items() if not n)
        if left:
            print('%-24s %4d of %4d%s' % (name, len(left), len(f.lines), '  never: ' + ' '.join(never) if never else ''))
        if left and with_lines:
            print('    ' + ' '.join(map(str, left)))


def main():
    tree = os.path.realpath(sys.argv[1])
    files = read(tree)
    holes(files, '--lines' in sys.argv)
    print()
    return 0 if table(files) else 1


if __name__ == '__main__':
    sys.exit(main())
