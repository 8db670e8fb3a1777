"""A WAMP client of its own making over OpenSSL, which tells how sessions over TLS are opened.

usage: tls_peer.py GROUP ADDRESS FOLDER

ADDRESS is ws://, wss:// (WebSocket), tcp:// or tls:// (RawSocket); FOLDER holds the certificates
that Tests/certificates.sh makes. Every observation is one JSON line, {"name": ..., "value": ...}.
This file judges nothing; the test that starts it does.

The channel binding is what OpenSSL exports from the connection, the signature is libsodium's.
"""

import base64
import json
import os
import socket
import sys
from urllib.parse import urlsplit

from nacl.signing import SigningKey
from OpenSSL import SSL

# The key of the vectors in the specification of cryptosign.
KEY = SigningKey(
    bytes.fromhex("4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510")
)
PUBLIC_KEY = KEY.verify_key.encode().hex()
HELLO, WELCOME, ABORT, CHALLENGE, AUTHENTICATE, GOODBYE = 1, 2, 3, 4, 5, 6
# How long one answer may take before it counts as missing.
PATIENCE_SECONDS = 60


def observe(name, value):
    print(json.dumps({"name": name, "value": value}), flush=True)


class Ended(Exception):
    """The connection is over; `reason` is TLS's word for it, or nothing."""

    def __init__(self, reason=None):
        super().__init__(reason)
        self.reason = reason


def context(folder, certificate=None, version=SSL.TLS1_3_VERSION):
    result = SSL.Context(SSL.TLS_CLIENT_METHOD)
    result.set_min_proto_version(version)
    result.set_max_proto_version(version)
    result.load_verify_locations(f"{folder}/ca.pem")
    result.set_verify(SSL.VERIFY_PEER, lambda connection, x509, fault, depth, ok: ok)
    if certificate:
        result.use_certificate_chain_file(f"{folder}/{certificate}.pem")
        result.use_privatekey_file(f"{folder}/{certificate}.key")
    return result


class Line:
    """A connection that carries JSON messages; `tls` is a context, or None for none."""

    def __init__(self, address, tls=None, session=None, piece=None, first=b""):
        url = urlsplit(address)
        self.is_web = url.scheme in ("ws", "wss")
        self.piece = piece
        self.received = b""
        self.plain = socket.create_connection((url.hostname, url.port), PATIENCE_SECONDS)
        # OpenSSL is to wait for its bytes, however long that takes.
        self.plain.settimeout(None)
        seconds = PATIENCE_SECONDS.to_bytes(8, "little") + bytes(8)
        self.plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, seconds)
        # Else what follows TLS's Finished waits for the acknowledgement of that.
        self.plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.plain
        if tls:
            self.stream = SSL.Connection(tls, self.plain)
            if session:
                self.stream.set_session(session)
            self.stream.set_connect_state()
            self.guard(self.stream.do_handshake)
        self.write(first)
        if self.is_web:
            self.write(
                f"GET {url.path or '/'} HTTP/1.1\r\nHost: {url.netloc}\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
                "Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n".encode()
            )
            while b"\r\n\r\n" not in self.received:
                self.fill()
            self.received = self.received.split(b"\r\n\r\n", 1)[1]
        else:
            self.write(b"\x7f\xf1\0\0")
            self.take(4)

    def guard(self, work, *arguments):
        try:
            return work(*arguments)
        except SSL.SysCallError as error:
            raise Ended(error.args[1]) from error
        except SSL.Error as error:
            raise Ended(error.args[0][0][2] if error.args and error.args[0] else None) from error
        except OSError as error:
            raise Ended(str(error)) from error

    def write(self, data):
        step = self.piece or 1 << 14
        for start in range(0, len(data), step):
            self.guard(self.stream.sendall, data[start : start + step])

    def fill(self):
        data = self.guard(self.stream.recv, 65536)
        if not data:
            raise Ended()
        self.received += data

    def take(self, count):
        while len(self.received) < count:
            self.fill()
        data, self.received = self.received[:count], self.received[count:]
        return data

    def send(self, message):
        data = json.dumps(message).encode()
        if self.is_web:
            size = len(data)
            length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
            mask = os.urandom(4)
            masked = bytes(octet ^ mask[index % 4] for index, octet in enumerate(data))
            self.write(b"\x81" + length + mask + masked)
        else:
            self.write(len(data).to_bytes(4, "big") + data)

    def receive(self):
        while True:
            if self.is_web:
                kind, size = self.take(2)
                size = int.from_bytes(self.take(2), "big") if size == 126 else size
                is_message = kind == 0x81
            else:
                head = self.take(4)
                size, is_message = int.from_bytes(head[1:], "big"), head[0] == 0
            data = self.take(size)
            if is_message:
                return json.loads(data)

    def exporter(self):
        return self.stream.export_keying_material(b"EXPORTER-Channel-Binding", 32)

    def is_resumed(self):
        # pyOpenSSL has no name of its own for this.
        return SSL._lib.SSL_session_reused(self.stream._ssl) == 1

    def hello(self, methods, **details):
        roles = {"caller": {}}
        self.send([HELLO, "realm1", {"roles": roles, "authmethods": methods, **details}])

    def challenge(self, binding):
        """Asks for cryptosign: the challenge in hex and the binding that the router goes for."""
        self.hello(
            ["cryptosign"],
            authid="chris",
            authextra={"pubkey": PUBLIC_KEY, "channel_binding": binding},
        )
        answer = self.receive()
        if answer[0] != CHALLENGE:
            return None, verdict(answer)
        return answer[2]["challenge"], answer[2]["channel_binding"]

    def answer(self, signature):
        self.send([AUTHENTICATE, signature, {}])
        return verdict(self.receive())


def verdict(message):
    if message[0] == WELCOME:
        details = message[2]
        return ["welcome", details["authid"], details["authrole"], details["authmethod"]]
    return ["abort", message[2]] if message[0] == ABORT else message


def sign(challenge, channel=bytes(32)):
    message = bytes(a ^ b for a, b in zip(bytes.fromhex(challenge), channel))
    return (KEY.sign(message).signature + message).hex()


def outcome(work):
    try:
        return work()
    except Ended as end:
        return ["ended", end.reason]


def binding(address, folder):
    """Cryptosign that is bound to the connection, rightly and wrongly."""

    def bound(name, tls, session=None):
        line = Line(address, tls, session)
        challenge, agreed = line.challenge("tls-exporter")
        observe(name, [agreed, line.answer(sign(challenge, line.exporter()))])
        return line

    tls = context(folder)
    lines = [bound("bound", tls), bound("bound again", tls)]
    observe("differ", lines[0].exporter() != lines[1].exporter())
    session = lines[0].stream.get_session()
    resumed = bound("bound in a resumed TLS session", tls, session)
    observe("resumed", resumed.is_resumed())
    observe("differs when resumed", resumed.exporter() != lines[0].exporter())
    for suite in ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"]:
        picky = context(folder)
        picky.set_tls13_ciphersuites(suite.encode())
        bound(suite, picky)

    def wrong(name, asked, forge):
        line = Line(address, tls)
        challenge, _ = line.challenge(asked)
        observe(name, line.answer(forge(line, challenge)))

    other = lines[1].exporter()
    wrong("bound to another connection", "tls-exporter", lambda _, text: sign(text, other))
    wrong("not bound as agreed", "tls-exporter", lambda _, text: sign(text))
    wrong("bound unasked", None, lambda line, text: sign(text, line.exporter()))
    first = Line(address, tls)
    challenge, _ = first.challenge("tls-exporter")
    stolen = sign(challenge, first.exporter())
    wrong("replayed", "tls-exporter", lambda *_: stolen)
    observe("the one it was made for", first.answer(stolen))

    old = context(folder, version=SSL.TLS1_2_VERSION)
    line = Line(address, old)
    challenge, agreed = line.challenge("tls-exporter")
    observe("TLS 1.2", [agreed, line.answer(sign(challenge))])
    line = Line(address, old)
    challenge, _ = line.challenge("tls-exporter")
    observe("TLS 1.2, bound all the same", line.answer(sign(challenge, line.exporter())))


def kinds(address, folder):
    """What the router makes of each kind of binding that a client may ask for."""
    is_secure = urlsplit(address).scheme in ("wss", "tls")
    for kind in [None, "tls-exporter", "tls-unique", "tls-server-end-point", 7]:
        line = Line(address, context(folder) if is_secure else None)
        challenge, agreed = line.challenge(kind)
        result = [agreed]
        if challenge:
            channel = line.exporter() if agreed else bytes(32)
            result.append(line.answer(sign(challenge, channel)))
        observe(f"cryptosign {kind}", result)
    for kind in ["tls-exporter", "tls-server-end-point"]:
        line = Line(address, context(folder) if is_secure else None)
        line.hello(
            ["wamp-scram"],
            authid="sam",
            authextra={"nonce": "AAECAwQFBgcICQoLDA0ODw==", "channel_binding": kind},
        )
        message = line.receive()
        observe(f"scram {kind}", "challenge" if message[0] == CHALLENGE else verdict(message))


def certificates(address, folder):
    """Who is let in by which certificate."""

    def join(certificate, version, methods, session=None, **details):
        line = Line(address, context(folder, certificate, version), session)
        line.hello(methods, **details)
        return verdict(line.receive())

    for version, name in [(SSL.TLS1_3_VERSION, "1.3"), (SSL.TLS1_2_VERSION, "1.2")]:
        for certificate in ["client", "nobody", None, "impostor", "late", "machine"]:
            value = outcome(lambda: join(certificate, version, ["tls"]))
            observe(f"{certificate} {name}", value)
    latest = SSL.TLS1_3_VERSION
    observe("no methods", join("client", latest, []))
    observe("nobody, no methods", join("nobody", latest, []))
    observe("another first", join("client", latest, ["ticket", "tls"]))
    observe("own name", join("client", latest, ["tls"], authid="alice"))
    observe("another's name", join("client", latest, ["tls"], authid="chris"))
    observe("own role", join("client", latest, ["tls"], authrole="staff"))
    observe("another role", join("client", latest, ["tls"], authrole="admin"))
    tls = context(folder, "client")
    first = Line(address, tls)
    first.hello(["tls"])
    first.receive()
    second = Line(address, tls, first.stream.get_session())
    second.hello(["tls"])
    observe("in a resumed TLS session", [second.is_resumed(), verdict(second.receive())])


def fragments(address, folder):
    """Messages in records of an octet each, and connections that end without TLS's farewell."""
    tls = context(folder)
    line = Line(address, tls, piece=1)
    challenge, _ = line.challenge("tls-exporter")
    observe("octet by octet", line.answer(sign(challenge, line.exporter())))
    for name, end in [
        ("cut off", lambda cut: cut.plain.shutdown(socket.SHUT_RDWR)),
        ("said farewell", lambda cut: cut.stream.shutdown()),
    ]:
        cut = Line(address, tls)
        challenge, _ = cut.challenge(None)
        cut.answer(sign(challenge))
        end(cut)
        observe(name, outcome(cut.receive))
    # With TLS 1.3 a client may talk before it hears that its certificate is refused.
    impostor = context(folder, "impostor")
    much = bytes(1 << 18)
    observe("refused while talking", outcome(lambda: Line(address, impostor, first=much)))
    old = Line(address, context(folder, version=SSL.TLS1_2_VERSION))
    challenge, _ = old.challenge(None)
    old.answer(sign(challenge))
    observe("renegotiation", outcome(lambda: renegotiate(old)))


def renegotiate(line):
    line.stream.renegotiate()
    line.guard(line.stream.do_handshake)
    return line.receive()


GROUPS = {function.__name__: function for function in [binding, kinds, certificates, fragments]}

if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in GROUPS:
        sys.exit(__doc__)
    GROUPS[sys.argv[1]](*sys.argv[2:])
    observe("end", None)
