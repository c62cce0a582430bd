#!/usr/bin/python3
"""proxy.py URL PORTFILE - forward TCP from a free port of 127.0.0.1 to URL's host and port, until it is taken down: see
forwarding.py.

The signature covers the Host header, which goes through untouched, so that S3 works through it.
"""
import selectors

from forwarding import connect, down, serve


def forward(client):
    ends = [client]
    try:
        ends.append(connect())
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ, ends[1])
            selector.register(ends[1], selectors.EVENT_READ, client)
            while not down.is_set():
                for key, _ in selector.select(0.2):
                    data = key.fileobj.recv(1 << 18)
                    if not data:
                        return
                    key.data.sendall(data)
    except OSError:
        pass
    finally:
        for end in ends:
            end.close()


serve(forward)
