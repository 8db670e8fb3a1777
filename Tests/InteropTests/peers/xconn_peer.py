"""A real WAMP client, xconn, that uses what it has of the Advanced Profile and prints what it saw.

usage: xconn_peer.py ADDRESS SERIALIZER

Every observation is one JSON line, {"name": ..., "value": ...}. This file judges nothing; the test
that starts it does.
"""

import json
import os
import sys
import threading

from wampproto import auth
from wampproto.serializers import CBORSerializer, JSONSerializer, MsgPackSerializer
from xconn.client import Client
from xconn.exception import ApplicationError
from xconn.types import (
    CallOptions,
    InvokeOptions,
    MatchOptions,
    PublishOptions,
    RegisterOptions,
    Result,
    SubscribeOptions,
)

SERIALIZERS = {"json": JSONSerializer, "msgpack": MsgPackSerializer, "cbor": CBORSerializer}
PRIVATE_KEY = "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510"


def observe(name, value):
    print(json.dumps({"name": name, "value": value}), flush=True)


def outcome(request, *args, **kwargs):
    try:
        request(*args, **kwargs)
        return "ok"
    except ApplicationError as error:
        return error.message


def settle(*sessions):
    """The answer to a call comes after every event that was sent before it."""
    for session in sessions:
        outcome(session.call, "com.example.nobody")


def calls(connect):
    callee, caller = connect(), connect()

    def echo(invocation):
        return Result(invocation.args, invocation.kwargs)

    def fail(invocation):
        raise ApplicationError("com.example.error", "no")

    registration = callee.register("com.example.echo", echo)
    callee.register("com.example.fail", fail)
    back = caller.call("com.example.echo", [1, "a", [None, {"b": 1.5}]], {"key": True})
    observe("echo", [back.args, back.kwargs])
    observe("error", outcome(caller.call, "com.example.fail"))
    registration.unregister()
    observe("after UNREGISTER", outcome(caller.call, "com.example.echo"))

    for uri, match in [
        ("com.example.area", MatchOptions.PREFIX), ("com..area.item", MatchOptions.WILDCARD),
    ]:
        callee.register(
            uri, lambda invocation, match=match: Result(
                [match.value, invocation.details["procedure"]]), RegisterOptions(match=match))
    for uri in ["com.example.area.x", "com.b.area.item"]:
        observe(f"pattern {uri}", caller.call(uri).args)

    callee.register("com.example.who", lambda invocation: Result(
        [invocation.details.get("caller") == caller._base_session.id]))
    observe("caller unless asked", caller.call("com.example.who").args)
    observe("caller when asked", caller.call(
        "com.example.who", options=CallOptions(disclose_me=True)).args)

    release = threading.Event()

    def slow(invocation):
        release.wait(30)

    slow_callee = connect()
    slow_callee.register("com.example.slow", slow)
    observe("late", outcome(caller.call, "com.example.slow", options=CallOptions(timeout=200)))
    release.set()

    shared = [connect() for _ in range(3)]
    for index, session in enumerate(shared):
        session.register(
            "com.example.shared", lambda invocation, index=index: Result([index]),
            RegisterOptions(invoke=InvokeOptions.ROUNDROBIN))
    observe("answers roundrobin", [
        caller.call("com.example.shared").args[0] for _ in range(6)])
    observe("another rule", outcome(
        callee.register, "com.example.shared", echo, RegisterOptions(invoke=InvokeOptions.LAST)))
    for session in [callee, caller, slow_callee, *shared]:
        session.leave()


def events(connect):
    publisher, subscriber, other = connect(), connect(), connect()
    received = []

    def publish(topic, *args, **options):
        publisher.publish(topic, list(args), options=PublishOptions(acknowledge=True, **options))

    for uri, match in [
        ("com.example.news", MatchOptions.PREFIX), ("com..news.sport", MatchOptions.WILDCARD),
    ]:
        subscriber.subscribe(
            uri, lambda event, match=match: received.append(
                [match.value, event.args[0], event.details["topic"]]),
            SubscribeOptions(match=match))
    publish("com.example.news.sport", 0)
    publish("com.example.newsletter", 1)
    publish("com.other.news.sport", 2)
    settle(subscriber)
    observe("events by patterns", sorted(received))

    chosen = []
    for name, session in [("subscriber", subscriber), ("other", other)]:
        session.subscribe("com.example.chosen", lambda event, name=name: chosen.append([
            name, event.args[0],
            event.details.get("publisher") == publisher._base_session.id]))
    number, authid = subscriber._base_session.id, subscriber._base_session.authid
    publish("com.example.chosen", "exclude", exclude=[number])
    publish("com.example.chosen", "eligible", eligible=[number])
    publish("com.example.chosen", "exclude_authid", exclude_authid=[authid])
    publish("com.example.chosen", "eligible_authid", eligible_authid=[authid], disclose_me=True)
    publish("com.example.chosen", "nobody", exclude_authrole=["anonymous"])
    settle(subscriber, other)
    observe("chosen", sorted(chosen))

    publish("com.example.state", 1, retain=True)
    publish("com.example.state", 2, retain=True)
    state = []
    subscriber.subscribe(
        "com.example.state", lambda event: state.append(
            [event.args[0], event.details.get("retained", False)]),
        SubscribeOptions(get_retained=True))
    settle(subscriber)
    observe("retained", state)
    for session in [publisher, subscriber, other]:
        session.leave()


def meta(connect):
    watcher, member = connect(), connect()
    number = member._base_session.id
    observe("session listed", number in watcher.call("wamp.session.list").args[0])
    observe("session details", watcher.call(
        "wamp.session.get", [number]).args[0]["session"] == number)
    registration = member.register("com.example.proc", lambda invocation: None)
    observe("registration lookup", watcher.call(
        "wamp.registration.lookup", ["com.example.proc"]).args == [registration.registration_id])
    observe("no such session", outcome(watcher.call, "wamp.session.get", [1]))
    for session in [watcher, member]:
        session.leave()


def authentication(connect):
    for method, authid, secret in [
        (auth.TicketAuthenticator, "tina", "tina's ticket"),
        (auth.WAMPCRAAuthenticator, "carl", "carl's secret"),
        (auth.WAMPCRAAuthenticator, "sally", "secret"),
        (auth.CryptoSignAuthenticator, "chris", PRIVATE_KEY),
    ]:
        session = connect(method(authid, secret))
        observe(f"joined {authid}", [session._base_session.authid, session._base_session.authrole])
        if authid == "carl":
            observe("denied", [
                outcome(session.call, "com.example.closed.proc"),
                outcome(session.register, "com.example.closed.proc", lambda invocation: None),
                outcome(session.subscribe, "com.example.closed.proc", lambda event: None),
                outcome(session.publish, "com.example.closed.proc",
                        options=PublishOptions(acknowledge=True)),
            ])
        session.leave()
    for method, authid, secret in [
        (auth.TicketAuthenticator, "tina", "wrong"),
        (auth.WAMPCRAAuthenticator, "carl", "wrong"),
        (auth.WAMPCRAAuthenticator, "sally", "wrong"),
        (auth.CryptoSignAuthenticator, "chris", "11" * 32),
        (auth.WAMPCRAAuthenticator, "nobody", "wrong"),
    ]:
        # xconn tells of a refusal in the text of an exception of no particular kind.
        try:
            connect(method(authid, secret))
            observe(f"refused {authid}", "ok")
        except Exception as error:
            observe(f"refused {authid}", str(error))


def main(address, serializer):
    def connector(realm):
        return lambda method=None: Client(
            method or auth.AnonymousAuthenticator(""), SERIALIZERS[serializer]()
        ).connect(address, realm)

    calls(connector("asked"))
    events(connector("asked"))
    meta(connector("asked"))
    authentication(connector("secured"))
    observe("end", True)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
    # A refused connection leaves threads behind that do not end by themselves.
    os._exit(0)
