"""forwarding.py - what proxy.py and meddle.py share: a port of 127.0.0.1 behind which each connection has a thread, and which
can be taken down.

SIGUSR1: hang up on everybody, now and from now on; PORTFILE.down is there while it lasts. SIGUSR2: work again.
"""
import os
import signal
import socket
import sys
import threading
import urllib.parse
import weakref

url = urllib.parse.urlsplit(sys.argv[1])
port_file = sys.argv[2]
down = threading.Event()    # who forwards looks at it
guard = threading.Lock()
ends = weakref.WeakSet()


def connect():
    server = socket.create_connection((url.hostname, url.port), 10)
    server.settimeout(None)
    with guard:
        ends.add(server)
    return server


def hang_up():
    with guard:
        victims = list(ends)
    for end in victims:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(forward):
    """For ever: forward(client), in a thread, for each connection; it closes it."""
    def run(client):
        with guard:
            ends.add(client)
        forward(client)

    def go_down(*_):
        down.set()
        hang_up()
        open(port_file + '.down', 'w', encoding='utf-8').close()

    def go_up(*_):
        down.clear()
        os.unlink(port_file + '.down')

    listener = socket.socket()
    listener.bind(('127.0.0.1', 0))
    listener.listen(64)
    signal.signal(signal.SIGUSR1, go_down)
    signal.signal(signal.SIGUSR2, go_up)
    with open(port_file + '.new', 'w', encoding='utf-8') as new:
        new.write(str(listener.getsockname()[1]))
    os.rename(port_file + '.new', port_file)
    while True:
        client = listener.accept()[0]
        if down.is_set():
            client.close()
        else:
            threading.Thread(target=run, args=(client,), daemon=True).start()
