"""Counts the pings that a router sends to a WebSocket client which says nothing but pong.

usage: ping_counter.py PORT COUNT

Prints one JSON line, {"name": "pings", "value": COUNT}, once so many have come. This is how a test
waits for as many silences of the router's own clock.
"""

import base64
import json
import os
import socket
import sys

HELLO = [1, "realm1", {"roles": {"subscriber": {}}}]
PING, PONG, TEXT, FIN, MASKED = 9, 10, 1, 0x80, 0x80


def frame(opcode, payload):
    """A masked frame whose key is zero: the payload stays as it is."""
    length = len(payload)
    head = bytes([FIN | opcode, MASKED | length]) if length < 126 else (
        bytes([FIN | opcode, MASKED | 126]) + length.to_bytes(2, "big"))
    return head + bytes(4) + payload


def main(port, count):
    connection = socket.create_connection(("127.0.0.1", port))
    stream = connection.makefile("rb")
    connection.sendall((
        f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
        "Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n").encode())
    while stream.readline().strip():
        pass
    connection.sendall(frame(TEXT, json.dumps(HELLO).encode()))
    pings = 0
    while pings < count:
        opcode, length = stream.read(2)
        length &= 0x7F
        if length == 126:
            length = int.from_bytes(stream.read(2), "big")
        payload = stream.read(length)
        if opcode & 0x0F == PING:
            pings += 1
            connection.sendall(frame(PONG, payload))
    print(json.dumps({"name": "pings", "value": pings}), flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(int(sys.argv[1]), int(sys.argv[2]))
