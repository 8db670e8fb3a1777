"""A real WAMP client, Autobahn|Python on asyncio, that plays one scenario and prints what it saw.

usage: autobahn_python.py SCENARIO ADDRESS REALM SERIALIZER [CALLER_ADDRESS CALLER_SERIALIZER]

ADDRESS is ws://HOST:PORT/PATH or tcp://HOST:PORT (RawSocket), with TLS wss:// or tls://. Every
observation is one JSON line, {"name": ..., "value": ...}. This file judges nothing; the test that
starts it does.
"""

import asyncio
import hashlib
import json
import ssl
import sys
from urllib.parse import urlsplit

import txaio

txaio.use_asyncio()

from autobahn.asyncio.rawsocket import WampRawSocketClientFactory
from autobahn.asyncio.wamp import ApplicationSession
from autobahn.asyncio.websocket import WampWebSocketClientFactory
from autobahn.wamp import message
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.serializer import CBORSerializer, JsonSerializer, MsgPackSerializer
from autobahn.wamp.types import (
    CallOptions,
    ComponentConfig,
    PublishOptions,
    RegisterOptions,
    SubscribeOptions,
)

SERIALIZERS = {"json": JsonSerializer, "msgpack": MsgPackSerializer, "cbor": CBORSerializer}
RULES = ["single", "roundrobin", "random", "first", "last"]
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
# How long one answer may take before it counts as missing.
PATIENCE_SECONDS = 30


def observe(name, value):
    print(json.dumps({"name": name, "value": value}), flush=True)


class Peer(ApplicationSession):
    """One session; `joined` and `left` resolve as its life goes on."""

    def __init__(self, realm):
        super().__init__(ComponentConfig(realm=realm))
        loop = asyncio.get_running_loop()
        self.joined = loop.create_future()
        self.left = loop.create_future()

    def onUserError(self, fail, msg):
        pass  # Errors of procedures are answers here; they need no trace on stderr.

    def onJoin(self, details):
        self.joined.set_result(details)

    def onLeave(self, details):
        if not self.joined.done():
            self.joined.set_exception(RuntimeError(f"{details.reason}: {details.message}"))
        self.disconnect()

    def onDisconnect(self):
        if not self.left.done():
            self.left.set_result(None)

    async def shut(self):
        self.leave()
        await asyncio.wait_for(self.left, PATIENCE_SECONDS)

    def break_connection(self):
        self._transport.abort()


async def join(address, realm, serializer):
    url = urlsplit(address)
    session = Peer(realm)
    tls = ssl.create_default_context() if url.scheme in ("wss", "tls") else None
    if url.scheme in ("tcp", "tls"):
        factory = WampRawSocketClientFactory(lambda: session, SERIALIZERS[serializer]())
    else:
        factory = WampWebSocketClientFactory(
            lambda: session, url=address, serializers=[SERIALIZERS[serializer]()]
        )
    factory.setProtocolOptions(maxMessagePayloadSize=MAX_MESSAGE_BYTES)
    await asyncio.get_running_loop().create_connection(
        factory, url.hostname, url.port, ssl=tls)
    await asyncio.wait_for(session.joined, PATIENCE_SECONDS)
    return session


async def answer(awaitable):
    return await asyncio.wait_for(awaitable, PATIENCE_SECONDS)


async def outcome(awaitable):
    """What a request came to: "ok", or the URI of its ERROR."""
    try:
        await answer(awaitable)
        return "ok"
    except ApplicationError as error:
        return error.error


async def register(session, procedure, endpoint, invoke=None):
    return await answer(session.register(endpoint, procedure, RegisterOptions(invoke=invoke)))


async def rules(connect):
    """Callees under each rule, and who answered each of the calls."""
    caller = await connect()
    for rule in RULES:
        procedure = f"com.example.interop.{rule}"
        callees = [await connect() for _ in range(1 if rule == "single" else 4)]
        for index, callee in enumerate(callees):
            await register(callee, procedure, lambda index=index: index, rule)
        answers, disclosed = [], 0
        for _ in range(400):
            result = await answer(caller.call(procedure, options=CallOptions(details=True)))
            answers.append(result.results[0])
            disclosed += result.callee == callees[result.results[0]]._session_id
        observe(f"answers {rule}", answers)
        observe(f"callee in details {rule}", disclosed)
        # The whole list leaves one by one, the one that would answer next first.
        heirs = []
        for _ in range(len(callees) - 1):
            leaving = callees[(await answer(caller.call(procedure)))]
            await leaving.shut()
            heirs.append(await answer(caller.call(procedure)))
        observe(f"heirs {rule}", heirs)
        for callee in callees:
            if not callee.left.done():
                await callee.shut()
        observe(f"after the last {rule}", await outcome(caller.call(procedure)))
    await caller.shut()


async def register_unknown(session, procedure, rule):
    """REGISTER with a rule that Autobahn itself would refuse to send."""
    transport = session._transport
    send = transport.send

    def altered(outgoing):
        if isinstance(outgoing, message.Register):
            outgoing._invoke = rule
        send(outgoing)

    transport.send = altered
    try:
        options = RegisterOptions(invoke="first")
        return await outcome(session.register(lambda: 0, procedure, options))
    finally:
        del transport.send


async def conflicts(connect):
    """Second registrations that must fail, one by one."""
    holder, newcomer = await connect(), await connect()
    await register(holder, "com.example.interop.alone", lambda: "holder")
    await register(holder, "com.example.interop.shared", lambda: "holder", "roundrobin")
    for rule in [None, *RULES]:
        tried = register(newcomer, "com.example.interop.alone", lambda: "newcomer", rule)
        observe(f"single, then {rule or 'omitted'}", await outcome(tried))
    for rule in [None, "single", "random", "first", "last"]:
        tried = register(newcomer, "com.example.interop.shared", lambda: "newcomer", rule)
        observe(f"roundrobin, then {rule or 'omitted'}", await outcome(tried))
    tried = register(newcomer, "com.example.interop.shared", lambda: "newcomer", "roundrobin")
    observe("roundrobin, then roundrobin", await outcome(tried))
    observe("answers of the shared one", [
        await answer(newcomer.call("com.example.interop.shared")) for _ in range(4)
    ])
    await holder.shut()
    await newcomer.shut()


async def unknown_rules(connect):
    """Rules that do not exist, and what becomes of the session that asked."""
    session = await connect()
    await register(session, "com.example.interop.kept", lambda: "kept")
    for rule in ["all", "RoundRobin", "_mine"]:
        seen = await register_unknown(session, "com.example.interop.odd", rule)
        observe(f"rule {rule!r}", seen)
    observe("the session lives on", await answer(session.call("com.example.interop.kept")))
    observe("nothing was registered", await outcome(session.call("com.example.interop.odd")))
    await session.shut()


async def pubsub(connect):
    """Events: order, the publisher's own copy, and none after UNSUBSCRIBE."""
    publisher, subscriber = await connect(), await connect()
    received, own = [], []
    finished = asyncio.get_running_loop().create_future()

    def on_event(number, note=None):
        received.append([number, note])
        if number == 99:
            finished.set_result(None)

    subscription = await answer(
        subscriber.subscribe(on_event, "com.example.interop.topic", SubscribeOptions()))
    await answer(publisher.subscribe(
        lambda *args, **kwargs: own.append(args), "com.example.interop.topic"))
    acknowledged = 0
    for number in range(100):
        publication = await answer(publisher.publish(
            "com.example.interop.topic", number, note="n",
            options=PublishOptions(acknowledge=True)))
        acknowledged += publication.id > 0
    await answer(finished)
    observe("acknowledged", acknowledged)
    observe("events", received)
    observe("events of its own", len(own))
    await answer(publisher.publish(
        "com.example.interop.topic", 7,
        options=PublishOptions(acknowledge=True, exclude_me=False)))
    # The answer to a call comes after every event that was sent before it.
    await outcome(publisher.call("com.example.interop.nobody"))
    observe("events of its own, asked for", len(own))
    await answer(subscription.unsubscribe())
    before = len(received)
    await answer(publisher.publish(
        "com.example.interop.topic", 8, options=PublishOptions(acknowledge=True)))
    await outcome(subscriber.call("com.example.interop.nobody"))
    observe("events after UNSUBSCRIBE", len(received) - before)
    await publisher.shut()
    await subscriber.shut()


async def cancel(connect):
    """A call that is cancelled in each mode, and whether its callee was interrupted."""
    caller, callee = await connect(), await connect()
    for mode in ["skip", "kill", "killnowait"]:
        loop = asyncio.get_running_loop()
        started, interrupted, release = (loop.create_future() for _ in range(3))

        async def slow():
            started.set_result(None)
            try:
                await release
            except asyncio.CancelledError:
                interrupted.set_result(True)
                raise ApplicationError("wamp.error.canceled", "stopped")

        registration = await register(callee, f"com.example.interop.slow.{mode}", slow)
        call = asyncio.ensure_future(outcome(caller.call(f"com.example.interop.slow.{mode}")))
        await answer(started)
        request = next(iter(caller._call_reqs))
        caller._transport.send(message.Cancel(request, mode=mode))
        observe(f"outcome {mode}", await answer(call))
        if mode == "skip":
            # Whatever the router sent to the callee before this answer has arrived by then.
            await outcome(callee.call("com.example.interop.nobody"))
            observe("interrupted skip", interrupted.done())
            release.set_result(None)
        else:
            observe(f"interrupted {mode}", await answer(interrupted))
        await answer(registration.unregister())
    await caller.shut()
    await callee.shut()


async def loss(connect):
    """A callee whose connection breaks while it serves a call, and its heirs."""
    caller = await connect()
    for rule in ["first", "roundrobin"]:
        procedure = f"com.example.interop.loss.{rule}"
        first, second = await connect(), await connect()
        started = asyncio.get_running_loop().create_future()

        async def hang():
            started.set_result(None)
            await asyncio.get_running_loop().create_future()

        await register(first, procedure, hang, rule)
        await register(second, procedure, lambda: "second", rule)
        call = asyncio.ensure_future(outcome(caller.call(procedure)))
        await answer(started)
        first.break_connection()
        observe(f"lost call {rule}", await answer(call))
        observe(f"next calls {rule}", [await answer(caller.call(procedure)) for _ in range(3)])
        await second.shut()
    await caller.shut()


def described(value):
    """A value's exact type and content, short enough to print and independent of key order."""
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, (bytes, str)):
        raw = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(raw).hexdigest()[:16]
        return f"{type(value).__name__} {len(raw)} {digest}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {described(value[k])}" for k in sorted(value)) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(described(item) for item in value) + "]"
    return f"{type(value).__name__} {value!r}"


VALUES = {
    "null": None,
    "true": True,
    "false": False,
    "zero": 0,
    "minus one": -1,
    "8 bits": [127, 128, 255, 256, -128, -129],
    "16 bits": [32767, 32768, 65535, 65536, -32768, -32769],
    "32 bits": [2147483647, 2147483648, 4294967295, 4294967296, -2147483648, -2147483649],
    "2^53 and around": [9007199254740991, 9007199254740992, 9007199254740993],
    "64 bits": [9223372036854775807, -9223372036854775808, 18446744073709551615],
    "floats": [0.5, -0.25, 1e300, 5e-324, 3.141592653589793, 1.5e-7],
    "empty string": "",
    "text": "a\"b\\c/\b\f\n\r\t\u001f é ß 漢字 \U0001f600 \u2028",
    "binary": b"\x00\x01\x02\xfd\xfe\xff",
    "empty binary": b"",
    "all bytes": bytes(range(256)),
    "empty list": [],
    "empty dictionary": {},
    "nested": {"a": [1, {"b": [None, {"c": [[[]], b"\x00"]}]}], "": {"x": -1.5}},
    "deep list": eval("[" * 40 + "1" + "]" * 40),
    "many": list(range(2000)),
    "1 MiB string": "0123456789abcdef" * 65536,
    "1 MiB of two bytes each": "é" * 524288,
    "1 MiB binary": bytes(range(256)) * 4096,
}


async def values(connect, connect_caller):
    """Every kind of value, there and back, both as argument and as keyword argument."""
    callee, caller = await connect(), await connect_caller()
    arrived = []

    def echo(*args, **kwargs):
        arrived.append([described(args[0]), described(kwargs["key"])])
        return args[0]

    await register(callee, "com.example.interop.echo", echo)
    observe("count", len(VALUES))
    for name, value in VALUES.items():
        back = await answer(caller.call("com.example.interop.echo", value, key=value))
        sent = described(value)
        observe(name, [sent, *arrived.pop(), described(back)])
    await callee.shut()
    await caller.shut()


SCENARIOS = {
    "rules": rules, "conflicts": conflicts, "unknown_rules": unknown_rules, "pubsub": pubsub,
    "cancel": cancel, "loss": loss, "values": values,
}


async def main(scenario, address, realm, serializer, *caller):
    connect = lambda: join(address, realm, serializer)
    if scenario == "values":
        address, serializer = caller
        await values(connect, lambda: join(address, realm, serializer))
    else:
        await SCENARIOS[scenario](connect)
    observe("end", True)


if __name__ == "__main__":
    if len(sys.argv) not in (5, 7) or sys.argv[1] not in SCENARIOS:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
