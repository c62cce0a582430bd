#!/usr/bin/python3
"""nameserver.py ADDRESS ZONE LOG - answer questions for names over UDP at port 53 of ADDRESS.

ZONE is read with each question; its lines are "NAME ADDRESS", or "NAME nxdomain|servfail|silent". Other names are
NXDOMAIN. LOG gets a line for each question: its name and what it was given. (RFC 1035, section 4.)
"""
import socket
import struct
import sys

address, zone, log = sys.argv[1:]
A = 1
RCODES = {'servfail': 2, 'nxdomain': 3}


def question_of(packet):
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode('ascii').lower())
        at += 1 + packet[at]
    return '.'.join(labels), struct.unpack_from('>H', packet, at + 1)[0], packet[12:at + 5]


def lookup(name):
    with open(zone) as file:
        return dict(line.split() for line in file if line.strip()).get(name, 'nxdomain')


def answer(packet, given, kind, question):
    code, records = RCODES.get(given, 0), b''
    if code == 0 and kind == A:    # nothing else is there: no error and no record
        records = struct.pack('>HHHIH', 0xc00c, A, 1, 0, 4) + socket.inet_aton(given)
    flags = 0x8180 | code
    return packet[:2] + struct.pack('>HHHHH', flags, 1, 1 if records else 0, 0, 0) + question + records


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((address, 53))
with open(log, 'w', buffering=1) as out:
    print('up', file=out)
    while True:
        packet, client = server.recvfrom(4096)
        name, kind, question = question_of(packet)
        given = lookup(name)
        print(name, given, file=out)
        if given != 'silent':
            server.sendto(answer(packet, given, kind, question), client)
