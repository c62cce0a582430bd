#!/usr/bin/python3
"""proxy.py URL PORTFILE - forward TCP from a free port of 127.0.0.1 to URL's host and port.

SIGUSR1: hang up on everybody, now and from now on; PORTFILE.down is there while it lasts. SIGUSR2: work again.
The signature covers the Host header, which goes through untouched, so that S3 works through it.
"""
import os
import selectors
import signal
import socket
import sys
import threading
import urllib.parse

url = urllib.parse.urlsplit(sys.argv[1])
port_file = sys.argv[2]
down = threading.Event()
pairs = set()
guard = threading.Lock()


def close_pair(pair):
    with guard:
        pairs.discard(pair)
    for end in pair:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        end.close()


def forward(client):
    try:
        server = socket.create_connection((url.hostname, url.port), 10)
        server.settimeout(None)
    except OSError:
        client.close()
        return
    pair = (client, server)
    with guard:
        pairs.add(pair)
    selector = selectors.DefaultSelector()
    try:
        selector.register(client, selectors.EVENT_READ, server)
        selector.register(server, selectors.EVENT_READ, client)
        while not down.is_set():
            for key, _ in selector.select(1):
                data = key.fileobj.recv(1 << 18)
                if not data:
                    return
                key.data.sendall(data)
    except (OSError, ValueError):
        pass
    finally:
        selector.close()
        close_pair(pair)


def go_down(*_):
    down.set()
    with guard:
        victims = list(pairs)
    for pair in victims:
        for end in pair:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
    open(port_file + '.down', 'w').close()


def go_up(*_):
    down.clear()
    os.unlink(port_file + '.down')


listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen(64)
signal.signal(signal.SIGUSR1, go_down)
signal.signal(signal.SIGUSR2, go_up)
with open(port_file + '.new', 'w') as file:
    file.write(str(listener.getsockname()[1]))
os.rename(port_file + '.new', port_file)
while True:
    accepted = listener.accept()[0]
    if down.is_set():
        accepted.close()
    else:
        threading.Thread(target=forward, args=(accepted,), daemon=True).start()
