"""A real WAMP client, swampyer, uses what it has of the Advanced Profile and prints what it saw.

usage: swampyer_peer.py ADDRESS SERIALIZER

Every observation is one JSON line, {"name": ..., "value": ...}. This file judges nothing; the test
that starts it does.
"""

import json
import os
import queue
import sys

from swampyer import WAMPClient, WAMPClientTicket
from swampyer.exceptions import ExAbort, ExInvocationError

PATIENCE_SECONDS = 30


def observe(name, value):
    print(json.dumps({"name": name, "value": value}), flush=True)


def outcome(request, *args, **kwargs):
    """What a request came to: swampyer gives some errors as answers, and some as exceptions."""
    try:
        answer = request(*args, **kwargs)
        return getattr(answer, "error", "ok")
    except ExInvocationError as error:
        return error.args[0]


def calls(connect):
    callee, caller = connect(), connect()
    registered = callee.register(
        "com.example.echo", lambda invocation, *args, **kwargs: [list(args), kwargs])
    observe("echo", caller.call("com.example.echo", 1, "a", [None, {"b": 1.5}], key=True))
    callee.register(
        "com.example.who", lambda invocation: invocation.details["caller"] == caller.session_id)
    observe("caller when asked", caller.call("com.example.who"))
    callee.unregister(registered.registration_id)
    observe("after UNREGISTER", outcome(caller.call, "com.example.echo"))
    for uri, match in [("com.example.area", "prefix"), ("com..area.item", "wildcard")]:
        callee.register(
            uri, lambda invocation, match=match: [match, invocation.details["procedure"]],
            details={"match": match})
    for uri in ["com.example.area.x", "com.b.area.item"]:
        observe(f"pattern {uri}", caller.call(uri))
    shared = [connect() for _ in range(3)]
    for index, session in enumerate(shared):
        session.register(
            "com.example.shared", lambda invocation, index=index: index,
            details={"invoke": "roundrobin"})
    observe("answers roundrobin", [caller.call("com.example.shared") for _ in range(6)])
    observe("another rule", outcome(
        callee.register, "com.example.shared", lambda invocation: 0, details={"invoke": "last"}))
    for session in [callee, caller, *shared]:
        session.disconnect()


def events(connect):
    publisher, subscriber = connect(), connect()
    received = queue.Queue()

    def publish(topic, *args, **options):
        publisher.publish(topic, options={"acknowledge": True, **options}, args=list(args))

    # swampyer runs handlers on threads of their own: whatever is to come is waited for.
    def take(count):
        return sorted(received.get(timeout=PATIENCE_SECONDS) for _ in range(count))

    for uri, match in [("com.example.news", "prefix"), ("com..news.sport", "wildcard")]:
        subscriber.subscribe(
            uri, lambda event, number, match=match: received.put(
                [match, number, event.details["topic"]]), options={"match": match})
    publish("com.example.news.sport", 0)
    publish("com.example.newsletter", 1)
    publish("com.other.news.sport", 2)
    observe("events by patterns", take(4))

    subscriber.subscribe("com.example.chosen", lambda event, name: received.put([
        name, event.details.get("publisher") == publisher.session_id]))
    number = subscriber.session_id
    publish("com.example.chosen", "exclude", exclude=[number])
    publish("com.example.chosen", "exclude_authrole", exclude_authrole=["anonymous"])
    publish("com.example.chosen", "eligible", eligible=[number])
    publish("com.example.chosen", "plain", disclose_me=True)
    observe("chosen", take(2))

    publish("com.example.state", 1, retain=True)
    publish("com.example.state", 2, retain=True)
    # swampyer drops an event that comes right after SUBSCRIBED, so it knows the subscription
    # before it asks for what was retained.
    for options in [{}, {"get_retained": True}]:
        subscriber.subscribe("com.example.state", lambda event, number: received.put(
            [number, event.details.get("retained", False)]), options=options)
    observe("retained", take(1))
    observe("nothing else", received.empty())
    for session in [publisher, subscriber]:
        session.disconnect()


def meta(connect):
    watcher, member = connect(), connect()
    number = member.session_id
    observe("session listed", number in watcher.call("wamp.session.list"))
    observe("session details", watcher.call("wamp.session.get", number)["session"] == number)
    registered = member.register("com.example.proc", lambda invocation: 0)
    observe("registration lookup", watcher.call(
        "wamp.registration.lookup", "com.example.proc") == registered.registration_id)
    observe("no such session", outcome(watcher.call, "wamp.session.get", 1))
    for session in [watcher, member]:
        session.disconnect()


def authentication(connect):
    session = connect(WAMPClientTicket, username="tina", password="tina's ticket")
    details = session.peer.details
    observe("joined tina", [details["authid"], details["authrole"], details["authmethod"]])
    observe("allowed", outcome(
        session.register, "com.example.closed.proc", lambda invocation: "closed"))
    session.disconnect()
    for authid, options in [
        ("tina", {"username": "tina", "password": "wrong"}),
        ("nobody", {"username": "nobody", "password": "wrong"}),
    ]:
        try:
            connect(WAMPClientTicket, **options)
            observe(f"refused {authid}", "ok")
        except ExAbort as error:
            observe(f"refused {authid}", str(error))


def main(address, serializer):
    # Its own name for RawSocket.
    address = address.replace("tcp://", "tcpip://")

    def connector(realm):
        return lambda kind=WAMPClient, **options: kind(
            url=address, realm=realm, serializers=[serializer], auto_reconnect=False, **options
        ).start()

    calls(connector("asked"))
    events(connector("asked"))
    meta(connector("asked"))
    authentication(connector("secured"))
    observe("end", True)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
    # Its threads notice the end of their connections only after seconds.
    os._exit(0)
