# Sessions that join and do little else, in MessagePack: for counts and memory beside many
# registrations or many idle sessions, and for calls to random ones of many procedures.
import base64
import os
import select
import socket
import struct
import time

import processes

# 16 bytes, as in the other cases.
PAYLOAD = b"\x91\xb0" + b"0123456789abcdef"


class Session:
    """Joined over RawSocket, or over WebSocket with `web`."""

    def __init__(self, port, realm="realm1", web=False):
        self.socket = socket.create_connection(("127.0.0.1", port), 300)
        self.input, self.web = self.socket.makefile("rb"), web
        if web:
            self.upgrade()
        else:
            # Magic, the longest length and MessagePack, two bytes reserved.
            self.socket.sendall(b"\x7f\xf2\0\0")
            if self.input.read(4)[:2] != b"\x7f\xf2":
                raise processes.Trouble("no RawSocket handshake")
        roles = b"".join(b"\xa6" + role + b"\x80" for role in (b"callee", b"caller"))
        self.send(b"\x93\x01" + text(realm) + b"\x81\xa5roles\x82" + roles)
        if (kind := self.receive()[1]) != 2:
            raise processes.Trouble(f"HELLO was answered with message type {kind}")

    def upgrade(self):
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((
            "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: wamp.2.msgpack\r\n\r\n").encode())
        if b" 101 " not in self.input.readline():
            raise processes.Trouble("no WebSocket handshake")
        while self.input.readline().strip():
            pass

    def send(self, message):
        if self.web:
            # Up to 125 bytes. A mask of zeros is one, and leaves the bytes as they are.
            header = b"\x82" + bytes([0x80 | len(message)]) + bytes(4)
        else:
            header = struct.pack(">I", len(message))
        self.socket.sendall(header + message)

    def receive(self):
        """The next message. All types here are one byte in MessagePack, the second."""
        header = self.input.read(2 if self.web else 4)
        if len(header) < 2:
            raise processes.Trouble("the router closed a session")
        length = header[1] if self.web else struct.unpack(">I", header)[0]
        if self.web and length == 126:
            length, = struct.unpack(">H", self.input.read(2))
        return self.input.read(length)

    def register(self, count, batch=500):
        """Registers so many procedures over RawSocket, with a batch of them under way."""
        for first in range(1, count + 1, batch):
            numbers = range(first, min(first + batch, count + 1))
            self.socket.sendall(b"".join(
                framed(b"\x94\x40\xce" + struct.pack(">I", number) + b"\x80" + procedure(number))
                for number in numbers))
            for _ in numbers:
                if (kind := self.receive()[1]) != 65:
                    raise processes.Trouble(f"REGISTER was answered with message type {kind}")

    def close(self):
        self.input.close()
        self.socket.close()


def call_random(caller, callee, count, inflight, seconds, random):
    """Calls random ones of the first `count` procedures of the callee, with so many in flight.
    How many were answered."""
    made = answered = 0
    pending = {caller.socket: b"", callee.socket: b""}

    def call(number):
        nonlocal made
        frames = []
        for _ in range(number):
            made += 1
            frames.append(framed(
                b"\x95\x30\xce" + struct.pack(">I", made) + b"\x80"
                + procedure(random.randint(1, count)) + PAYLOAD))
        caller.socket.sendall(b"".join(frames))

    call(inflight)
    end = time.monotonic() + seconds
    while answered < made:
        ready, _, _ = select.select(list(pending), [], [], 30)
        if not ready:
            raise processes.Trouble("a call is not answered")
        for one in ready:
            messages, pending[one] = split(pending[one] + one.recv(1 << 18))
            if one is callee.socket:
                one.sendall(b"".join(
                    framed(b"\x94\x46" + identifier(message) + b"\x80" + PAYLOAD)
                    for message in messages))
                continue
            for message in messages:
                if message[1] != 50:
                    raise processes.Trouble(f"CALL was answered with message type {message[1]}")
            answered += len(messages)
            if messages and time.monotonic() < end:
                call(len(messages))
    return answered


def split(data):
    """The whole messages at the front of what was read, and the rest."""
    messages, at = [], 0
    while len(data) - at >= 4:
        length = struct.unpack_from(">I", data, at)[0]
        if len(data) - at - 4 < length:
            break
        messages.append(data[at + 4:at + 4 + length])
        at += 4 + length
    return messages, data[at:]


def identifier(message):
    """The id behind the type of a message, as it is written."""
    head = message[2]
    return message[2:3 if head < 0x80 else 3 + (1 << (head & 3))]


def framed(message):
    return struct.pack(">I", len(message)) + message


def procedure(number):
    return text(f"com.example.bench.p{number:07}")


def text(words):
    words = words.encode()
    return b"\xd9" + bytes([len(words)]) + words
