# A RawSocket session in MessagePack that joins and registers and does nothing else: for counts
# and memory beside many registrations or many idle sessions.
import socket
import struct

import processes


class RawSession:
    def __init__(self, port, realm="realm1"):
        self.socket = socket.create_connection(("127.0.0.1", port), 300)
        self.input = self.socket.makefile("rb")
        # Magic, the longest length and MessagePack, two bytes reserved.
        self.socket.sendall(b"\x7f\xf2\0\0")
        if self.input.read(4)[:2] != b"\x7f\xf2":
            raise processes.Trouble("no RawSocket handshake")
        roles = b"".join(b"\xa6" + role + b"\x80" for role in (b"callee", b"caller"))
        self.send(b"\x93\x01" + text(realm) + b"\x81\xa5roles\x82" + roles)
        if (kind := self.receive()) != 2:
            raise processes.Trouble(f"HELLO was answered with message type {kind}")

    def send(self, message):
        self.socket.sendall(struct.pack(">I", len(message)) + message)

    def receive(self):
        """The type of the next message. All types here are one byte in MessagePack."""
        header = self.input.read(4)
        if len(header) < 4:
            raise processes.Trouble("the router closed a session")
        return self.input.read(struct.unpack(">I", header)[0])[1]

    def register(self, count, uri="com.example.bench.p{:07}", batch=500):
        """Registers so many procedures, with a batch of them under way."""
        for first in range(1, count + 1, batch):
            numbers = range(first, min(first + batch, count + 1))
            frames = []
            for number in numbers:
                message = b"\x94\x40\xce" + struct.pack(">I", number) + b"\x80"
                message += text(uri.format(number))
                frames.append(struct.pack(">I", len(message)) + message)
            self.socket.sendall(b"".join(frames))
            for _ in numbers:
                if (kind := self.receive()) != 65:
                    raise processes.Trouble(f"REGISTER was answered with message type {kind}")

    def close(self):
        self.input.close()
        self.socket.close()


def text(words):
    words = words.encode()
    return b"\xd9" + bytes([len(words)]) + words
