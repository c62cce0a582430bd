#!/usr/bin/python3
"""meddle.py URL PORTFILE - forward TCP from a free port of 127.0.0.1 to URL's host and port, and meddle with it.

PORTFILE.rules, read at each step, says how: lines "KIND ARGUMENT COUNT WORD". A rule acts COUNT times (-1: always) on
requests whose first line has WORD ("-": all; with TLS nothing can be read, so "-" alone makes sense). A request begins
with the first bytes that the client sends after an answer, so that this works for kept connections as well.

    connect -      the connection is reset as soon as it is there
    begin -        reset when the first bytes of the request came; none is passed on
    body N         reset when N bytes of the request were passed on
    sent -         the request is passed on, the answer is not: reset when it comes
    answer N       reset when N bytes of the answer were passed on
    end N          the same with an orderly end of the connection
    drip MS        the answer comes byte by byte, one each MS
    freeze -       nothing is passed on any more, and nobody hangs up: as if the cable was cut
    length D       the answer's Content-Length is D more (less, with a minus)
    gzip -         the answer's body is gzipped, and says so

PORTFILE.acted gets a line "KIND REQUEST" each time. SIGUSR1, SIGUSR2 as in forwarding.py.
"""
import gzip
import re
import selectors
import socket
import struct
import threading
import time

from forwarding import connect, down, port_file, serve

guard = threading.Lock()
used = {}       # rule -> how often it acted


class Hangup(Exception):
    """The connection is to end; hard: with a reset."""

    def __init__(self, hard):
        super().__init__()
        self.hard = hard


def rules():
    try:
        with open(port_file + '.rules', encoding='utf-8') as file:
            text = file.read()
    except FileNotFoundError:
        return []
    return [(text, number, *line.split(None, 3)) for number, line in enumerate(text.splitlines()) if line[:1] not in ('', '#')]


def find(kinds, line):
    """The first rule of these kinds that fits the request: (rule, kind, argument), or three None."""
    with guard:
        for rule in rules():
            text, number, kind, argument, count, word = rule
            if kind in kinds and (word == '-' or word in line) and \
                    (int(count) < 0 or used.get((text, number), 0) < int(count)):
                return (text, number), kind, int(argument) if argument != '-' else 0
    return None, None, None


def acted(rule, kind, line):
    with guard:
        used[rule] = used.get(rule, 0) + 1
        with open(port_file + '.acted', 'a', encoding='utf-8') as file:
            file.write('%s %s\n' % (kind, line))


class Pair:
    """One connection of a client, and ours to the server."""

    def __init__(self, client):
        self.client = client
        self.server = None
        self.line = ''         # of the request under way
        self.sent = 0          # bytes of it
        self.answered = 0      # of its answer
        self.fresh = True      # the next bytes of the client begin a request
        self.held = b''        # of an answer that is changed as a whole
        self.frozen = False

    def end(self, hard):
        if hard:
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        for end in (self.client, self.server):
            if end is not None:
                end.close()

    def meddle(self, kinds):
        """The kind and argument of the rule that acts now, or None."""
        rule, kind, argument = find(kinds, self.line)
        if rule is None:
            return None, 0
        acted(rule, kind, self.line)
        return kind, argument

    def request_bytes(self, data):
        if self.fresh:
            self.fresh = False
            self.sent = self.answered = 0
            self.held = b''
            self.line = data.split(b'\r\n', 1)[0].decode('latin-1') if data[:1].isalpha() else 'unreadable'
            if self.meddle(('begin',))[0]:
                raise Hangup(True)
            if self.meddle(('freeze',))[0]:
                self.frozen = True
        if self.frozen:
            return
        rule, kind, argument = find(('body',), self.line)
        if rule and self.sent + len(data) >= argument:
            self.server.sendall(data[:max(argument - self.sent, 0)])
            acted(rule, kind, self.line)
            raise Hangup(True)
        self.sent += len(data)
        self.server.sendall(data)

    def answer_bytes(self, data):
        first = self.answered == 0
        self.fresh = True
        if first and not self.held and self.meddle(('sent',))[0]:
            raise Hangup(True)
        rule, kind, argument = find(('answer', 'end'), self.line)
        if rule and self.answered + len(data) >= argument:
            self.client.sendall(data[:max(argument - self.answered, 0)])
            acted(rule, kind, self.line)
            raise Hangup(kind == 'answer')
        if first or self.held:
            data = self.changed(data)
        self.answered += len(data)
        if data and find(('drip',), self.line)[0]:
            self.drip(data)
        elif data:
            self.client.sendall(data)

    def drip(self, data):
        _, pause = self.meddle(('drip',))
        for byte in data:
            self.client.sendall(bytes((byte,)))
            time.sleep(pause / 1000)

    def changed(self, data):
        """The answer, or nothing yet, with the head (and the body) as a rule wants them."""
        kinds = ('length', 'gzip')
        if not find(kinds, self.line)[0]:
            return data
        self.held += data
        head, found, body = self.held.partition(b'\r\n\r\n')
        length = re.search(rb'(?i)\r\ncontent-length: *(\d+)', head)
        if not found or (length and find(('gzip',), self.line)[0] and len(body) < int(length.group(1))):
            return b''
        self.held = b''
        if not length or not body:
            return head + found + body
        kind, argument = self.meddle(kinds)
        size = int(length.group(1)) + argument
        if kind == 'gzip':
            body = gzip.compress(body)
            size = len(body)
            head += b'\r\nContent-Encoding: gzip'
        head = head[:length.start(1)] + b'%d' % max(size, 0) + head[length.end(1):]
        return head + found + body

    def step(self, source):
        data = source.recv(1 << 18)
        if source is self.client:
            if not data:
                raise Hangup(False)
            self.request_bytes(data)
        elif not self.frozen:
            if not data:
                raise Hangup(False)
            self.answer_bytes(data)

    def forward(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self.client, selectors.EVENT_READ)
            selector.register(self.server, selectors.EVENT_READ)
            while not down.is_set():
                for key, _ in selector.select(0.2):
                    self.step(key.fileobj)
                if self.frozen and len(selector.get_map()) == 2:
                    selector.unregister(self.server)     # what it says, or that it hung up, goes nowhere

    def run(self):
        hard = True
        try:
            if not self.meddle(('connect',))[0]:
                self.server = connect()
                self.forward()
                hard = False
        except Hangup as hangup:
            hard = hangup.hard
        except OSError:
            pass
        self.end(hard)


serve(lambda client: Pair(client).run())
