"""A real WAMP client, Autobahn|Python on asyncio, that uses the Advanced Profile of a router.

usage: autobahn_features.py GROUP ADDRESS SERIALIZER

GROUP is calls, events, meta, crossbar, auth or serve. Every observation is one JSON line,
{"name": ..., "value": ...}. This file judges nothing; the test that starts it does.
"""

import asyncio
import sys

from autobahn.wamp.auth import create_authenticator
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import (
    CallOptions,
    PublishOptions,
    RegisterOptions,
    SubscribeOptions,
)

import autobahn_python
from autobahn_python import PATIENCE_SECONDS, Peer, answer, observe, outcome

NOBODY = "com.example.nobody"
# The secret key of the vectors of the cryptosign specification.
PRIVATE_KEY = "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510"
OTHER_KEY = "11" * 32


class Member(Peer):
    """A session that says who it is, and proves it as Autobahn does."""

    def __init__(self, realm, method=None, **credentials):
        super().__init__(realm)
        self.method = method
        self.credentials = credentials
        self.reason = None

    def onConnect(self):
        if self.method is None:
            self.join(self.config.realm)
            return
        self.authenticator = create_authenticator(self.method, **dict(self.credentials))
        self.join(
            self.config.realm, authmethods=[self.method],
            authid=self.credentials.get("authid"), authextra=self.authenticator.authextra or None)

    def onChallenge(self, challenge):
        return self.authenticator.on_challenge(self, challenge)

    def onLeave(self, details):
        self.reason = details.reason
        if not self.joined.done():
            self.joined.set_exception(ApplicationError(details.reason))
        self.disconnect()


async def settle(*sessions):
    """The answer to a call comes after every event that was sent before it."""
    for session in sessions:
        await outcome(session.call(NOBODY))


# MARK: Calls


async def progress(callee, caller):
    def count(limit, details=None):
        for number in range(limit):
            details.progress(number)
        return "done"

    await answer(callee.register(count, "com.example.count", RegisterOptions(details=True)))
    results = []
    final = await answer(caller.call(
        "com.example.count", 5, options=CallOptions(on_progress=results.append)))
    observe("progressive results", results)
    observe("final result", final)

    def plain(details=None):
        return details.progress is None

    await answer(callee.register(plain, "com.example.plain", RegisterOptions(details=True)))
    observe("no progress unless asked for", await answer(caller.call("com.example.plain")))


async def serve(connect):
    """A callee that gives results ahead to clients of other kinds, until it is ended."""
    callee = await connect()

    def count(limit, details=None):
        for number in range(limit):
            if details.progress is not None:
                details.progress(number)
        return "done"

    await answer(callee.register(count, "com.example.count", RegisterOptions(details=True)))
    observe("serving", True)
    await callee.left


async def ends(callee, caller):
    """A call that its caller cancels, and one that takes too long."""
    loop = asyncio.get_running_loop()
    for name, options in [("cancelled", None), ("late", CallOptions(timeout=200))]:
        started, interrupted = loop.create_future(), loop.create_future()

        async def slow():
            started.set_result(None)
            try:
                await loop.create_future()
            except asyncio.CancelledError:
                interrupted.set_result(True)
                raise

        await answer(callee.register(slow, f"com.example.{name}"))
        call = caller.call(f"com.example.{name}", options=options)
        await answer(started)
        if options is None:
            call.cancel()
            try:
                await call
                observe("outcome cancelled", "ok")
            except asyncio.CancelledError:
                observe("outcome cancelled", "cancelled")
        else:
            observe(f"outcome {name}", await outcome(call))
        observe(f"interrupted {name}", await answer(interrupted))


async def patterns(callee, caller):
    """The registrations and calls of the specification's table of precedence."""
    registered = [
        ("a1.b2.c3.d4.e55", "exact"), ("a1.b2.c3", "prefix"), ("a1.b2.c3.d4", "prefix"),
        ("a1.b2..d4.e5", "wildcard"), ("a1.b2.c33..e5", "wildcard"),
        ("a1.b2..d4.e5..g7", "wildcard"), ("a1.b2..d4..f6.g7", "wildcard"),
    ]
    for uri, match in registered:
        def tell(details=None, uri=uri):
            return [uri, details.procedure]

        await answer(callee.register(tell, uri, RegisterOptions(match=match, details=True)))
    for uri in [
        "a1.b2.c3.d98.e74", "a1.b2.c3.d4.e325", "a1.b2.c55.d4.e5",
        "a1.b2.c33.d4.e5", "a1.b2.c88.d4.e5.f6.g7",
    ]:
        observe(f"pattern {uri}", await answer(caller.call(uri)))
    observe("pattern exact", (await answer(caller.call("a1.b2.c3.d4.e55")))[0])
    observe("pattern none", await outcome(caller.call("a2.b2.c2.d2.e2")))


async def limits(connect, caller):
    """Callees that take two calls each at a time, and one that is pushed aside."""
    release = asyncio.get_running_loop().create_future()
    callees = [await connect() for _ in range(2)]
    running = []

    for index, callee in enumerate(callees):
        async def work(index=index):
            running.append(index)
            await release
            return index

        await answer(callee.register(
            work, "com.example.limited", RegisterOptions(invoke="roundrobin", concurrency=2)))
    calls = [asyncio.ensure_future(outcome(caller.call("com.example.limited"))) for _ in range(5)]
    done, _ = await asyncio.wait(
        calls, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    await settle(caller, *callees)
    observe("beyond the limit", [call.result() for call in done])
    observe("running", sorted(running))
    release.set_result(None)
    observe("after all", sorted([await answer(call) for call in calls]))
    observe("slots come back", await outcome(caller.call("com.example.limited")))
    for callee in callees:
        await callee.shut()

    old, new = await connect(), await connect()
    await answer(old.register(lambda: "old", "com.example.taken"))
    await answer(new.register(
        lambda: "new", "com.example.taken", RegisterOptions(force_reregister=True)))
    observe("taken over", await answer(caller.call("com.example.taken")))
    for session in [old, new]:
        await session.shut()


async def disclosure(callee, caller):
    def who(details=None):
        return [details.caller, details.caller_authid, details.caller_authrole]

    await answer(callee.register(who, "com.example.who", RegisterOptions(details=True)))
    seen = await answer(caller.call("com.example.who"))
    observe("caller is disclosed", seen == [caller._session_id, caller.authid, caller.authrole])


async def calls(connect):
    callee, caller = await connect(), await connect()
    await progress(callee, caller)
    await ends(callee, caller)
    await patterns(callee, caller)
    await disclosure(callee, caller)
    await limits(connect, caller)
    for session in [callee, caller]:
        await session.shut()


# MARK: Events


async def event_patterns(publisher, subscriber):
    received = []
    for uri, match in [
        ("com.example.news", "prefix"), ("com..news.sport", "wildcard"),
        ("com.example.news.sport", "exact"),
    ]:
        def on_event(number, details=None, match=match):
            received.append([match, number, details.topic])

        await answer(subscriber.subscribe(
            on_event, uri, SubscribeOptions(match=match, details=True)))
    for number, topic in enumerate(
        ["com.example.news.sport", "com.example.newsletter", "com.other.news.sport", "com.other"]
    ):
        await answer(publisher.publish(topic, number, options=PublishOptions(acknowledge=True)))
    await settle(subscriber)
    observe("events by patterns", sorted(received))


async def lists(connect, publisher):
    """Who of three receives, under each of the six conditions."""
    sessions = [await connect() for _ in range(3)]
    received = []
    for index, session in enumerate(sessions):
        await answer(session.subscribe(
            lambda index=index: received.append(index), "com.example.chosen"))
    first = sessions[0]
    for name, options in [
        ("exclude", {"exclude": [first._session_id]}),
        ("exclude_authid", {"exclude_authid": [first.authid]}),
        ("exclude_authrole", {"exclude_authrole": ["anonymous"]}),
        ("eligible", {"eligible": [first._session_id]}),
        ("eligible_authid", {"eligible_authid": [first.authid]}),
        ("eligible_authrole", {"eligible_authrole": ["anonymous"]}),
        ("both", {"eligible_authrole": ["anonymous"], "exclude": [first._session_id]}),
    ]:
        received.clear()
        await answer(publisher.publish(
            "com.example.chosen", options=PublishOptions(acknowledge=True, **options)))
        await settle(*sessions)
        observe(f"receivers {name}", sorted(received))
    for session in sessions:
        await session.shut()


async def retained(publisher, subscriber):
    for number in [1, 2]:
        await answer(publisher.publish(
            "com.example.state", number, options=PublishOptions(acknowledge=True, retain=True)))
    received = []

    def on_event(number, details=None):
        publisher_is_known = details.publisher == publisher._session_id
        received.append([number, bool(details.retained), publisher_is_known])

    await answer(subscriber.subscribe(
        on_event, "com.example.state", SubscribeOptions(get_retained=True, details=True)))
    await settle(subscriber)
    await answer(publisher.publish(
        "com.example.state", 3, options=PublishOptions(acknowledge=True)))
    await settle(subscriber)
    observe("retained, then live", received)


async def history(publisher, subscriber):
    publications = []
    for number in range(5):
        publications.append(await answer(publisher.publish(
            "com.example.logged", number, unit="m", options=PublishOptions(acknowledge=True))))
    subscription = await answer(subscriber.subscribe(lambda *_, **__: None, "com.example.logged"))

    async def events(**filters):
        result = await answer(
            subscriber.call("wamp.subscription.get_events", subscription.id, **filters))
        return [[event["args"][0], event["kwargs"]["unit"]] for event in result.results]

    observe("history", await events())
    observe("history, limit", await events(limit=2))
    observe("history, reverse and limit", await events(limit=2, reverse=True))
    observe("history, from and before", await events(
        from_publication=publications[1].id, before_publication=publications[3].id))


async def testaments(connect, subscriber):
    received = []
    for topic in ["com.example.gone", "com.example.flushed"]:
        await answer(subscriber.subscribe(
            lambda *args, **kwargs: received.append([*args, kwargs]), topic))
    for how in ["clean", "broken"]:
        session = await connect()
        await answer(session.call("wamp.session.add_testament", "com.example.flushed", ["x"], {}))
        await answer(session.call("wamp.session.flush_testaments"))
        await answer(session.call(
            "wamp.session.add_testament", "com.example.gone", [how], {"last": "will"}))
        left = asyncio.get_running_loop().create_future()
        gone = session._session_id

        def on_leave(details_or_id, *_):
            if details_or_id == gone and not left.done():
                left.set_result(None)

        watching = await answer(subscriber.subscribe(on_leave, "wamp.session.on_leave"))
        if how == "clean":
            await session.shut()
        else:
            session.break_connection()
        # A session's testaments come before the word that it left.
        await answer(left)
        await answer(watching.unsubscribe())
    observe("testaments", received)


async def events(connect):
    publisher, subscriber = await connect(), await connect()
    await event_patterns(publisher, subscriber)
    await lists(connect, publisher)
    await retained(publisher, subscriber)
    await history(publisher, subscriber)
    await testaments(connect, subscriber)
    for session in [publisher, subscriber]:
        await session.shut()


# MARK: Meta API


async def meta(connect):
    watcher = await connect()
    seen = []
    topics = [
        "wamp.session.on_join", "wamp.session.on_leave",
        *(f"wamp.registration.on_{what}" for what in
          ["create", "register", "unregister", "delete"]),
        *(f"wamp.subscription.on_{what}" for what in
          ["create", "subscribe", "unsubscribe", "delete"]),
    ]
    for topic in topics:
        await answer(watcher.subscribe(
            lambda *args, topic=topic: seen.append([topic, list(args)]), topic))

    async def ask(procedure, *args, **kwargs):
        return await answer(watcher.call(procedure, *args, **kwargs))

    member = await connect()
    me = member._session_id
    registration = await answer(member.register(
        lambda: 0, "com.example.proc", RegisterOptions(invoke="roundrobin")))
    subscription = await answer(member.subscribe(lambda: 0, "com.example.topic"))
    await settle(watcher)

    observe("session count", await ask("wamp.session.count"))
    observe("session count of others", await ask("wamp.session.count", ["nobody"]))
    observe("session listed", me in await ask("wamp.session.list"))
    details = await ask("wamp.session.get", me)
    observe("session details", [
        details["session"] == me, details["authrole"], details["authmethod"]])
    observe("no such session", await outcome(watcher.call("wamp.session.get", 1)))
    observe("wrong argument", await outcome(watcher.call("wamp.session.get", "x")))

    for kind, item, uri, members in [
        ("registration", registration, "com.example.proc", "callees"),
        ("subscription", subscription, "com.example.topic", "subscribers"),
    ]:
        listed = await ask(f"wamp.{kind}.list")
        observe(f"{kind} listed", [item.id in listed["exact"], sorted(listed)])
        observe(f"{kind} lookup", await ask(f"wamp.{kind}.lookup", uri) == item.id)
        observe(f"{kind} lookup of another match", await ask(
            f"wamp.{kind}.lookup", uri, {"match": "prefix"}))
        matched = await ask(f"wamp.{kind}.match", uri)
        observe(f"{kind} match", matched == (item.id if kind == "registration" else [item.id]))
        got = await ask(f"wamp.{kind}.get", item.id)
        observe(f"{kind} get", [
            got["id"] == item.id, got["uri"], got["match"], got.get("invoke"),
            len(got["created"]), got["created"][-1]])
        observe(f"{kind} members", await ask(f"wamp.{kind}.list_{members}", item.id) == [me])
        observe(f"{kind} member count", await ask(f"wamp.{kind}.count_{members}", item.id))
        observe(f"no such {kind}", await outcome(watcher.call(f"wamp.{kind}.get", 1)))

    await answer(registration.unregister())
    await answer(subscription.unsubscribe())
    await member.shut()

    killed = await connect()
    await ask(
        "wamp.session.kill", killed._session_id, reason="com.example.enough", message="go")
    await answer(killed.left)
    observe("kill reason", killed.reason)
    observe("kill of the own session", await outcome(
        watcher.call("wamp.session.kill", watcher._session_id)))
    others = [await connect() for _ in range(2)]
    observe("killed by authrole", await ask("wamp.session.kill_by_authrole", "anonymous"))
    for other in others:
        await answer(other.left)
    observe("kill reason by default", [other.reason for other in others])
    other = await connect()
    # Autobahn forgets both once it hears of the end, which is before the result.
    number, name = other._session_id, other.authid
    observe("killed by authid", await ask("wamp.session.kill_by_authid", name) == [number])
    await answer(other.left)
    await settle(watcher)

    # What the first member did, as it was told of.
    story = []
    for topic, args in seen:
        numbers = [arg["session"] if topic.endswith("on_join") else arg for arg in args[:1]]
        if numbers != [me]:
            continue
        story.append(topic.removeprefix("wamp."))
        if topic.endswith("on_create"):
            story[-1] += " " + args[1]["uri"]
        if topic.endswith("on_leave"):
            observe("arguments of on_leave", args == [me, member.authid, member.authrole])
    observe("story", story)
    await watcher.shut()


# MARK: Programs that were written for Crossbar.io


async def crossbar(connect):
    """What its examples do: the event history, the monitor, the scaled microservice."""
    member, monitor = await connect(), await connect()
    left = []
    # The handler of the examples takes one argument.
    await answer(monitor.subscribe(lambda session: left.append(session), "wamp.session.on_leave"))
    for number in range(12):
        await answer(member.publish(
            "com.example.logged", number, options=PublishOptions(acknowledge=True)))
    subscription = await answer(monitor.subscribe(lambda *_: None, "com.example.logged"))
    events = await answer(monitor.call("wamp.subscription.get_events", subscription.id, 3))
    observe("history", [event["args"][0] for event in events[:3]])
    observe("history by default", len(
        await answer(monitor.call("wamp.subscription.get_events", subscription.id))))

    async def error(awaitable):
        try:
            await answer(awaitable)
        except ApplicationError as error:
            return [error.error, isinstance(error.args[0], str) and len(error.args[0]) > 10]

    pending = asyncio.get_running_loop().create_future()
    await answer(member.register(
        lambda: pending, "com.example.busy", RegisterOptions(invoke="roundrobin", concurrency=1)))
    observe("another rule", await error(monitor.register(
        lambda: 0, "com.example.busy", RegisterOptions(invoke="random"))))
    first = monitor.call("com.example.busy")
    observe("too many calls", await error(monitor.call("com.example.busy")))
    pending.set_result("done")
    observe("first call", await answer(first))

    victim = await connect()
    number = victim._session_id
    await answer(monitor.call("wamp.session.kill", number, "com.example.enough", "go"))
    await answer(victim.left)
    observe("kill reason", victim.reason)
    await settle(monitor)
    observe("told of the session alone", left == [number])
    await member.shut()
    observe("reason of leaving", member.reason)
    await monitor.shut()


# MARK: Authentication and authorization


async def auth(join):
    for name, method, credentials in [
        ("ticket", "ticket", {"authid": "tina", "ticket": "tina's ticket"}),
        ("wampcra", "wampcra", {"authid": "carl", "secret": "carl's secret"}),
        ("wampcra salted", "wampcra", {"authid": "sally", "secret": "secret"}),
        ("cryptosign", "cryptosign", {"authid": "chris", "privkey": PRIVATE_KEY}),
        ("cryptosign without a name", "cryptosign", {"privkey": PRIVATE_KEY}),
    ]:
        session = await join(method, **credentials)
        details = session.joined.result()
        observe(f"joined {name}", [details.authid, details.authrole, details.authmethod])
        await session.shut()
    for name, method, credentials in [
        ("wrong ticket", "ticket", {"authid": "tina", "ticket": "wrong"}),
        ("wrong secret", "wampcra", {"authid": "carl", "secret": "wrong"}),
        ("wrong salted secret", "wampcra", {"authid": "sally", "secret": "wrong"}),
        ("wrong key", "cryptosign", {"authid": "chris", "privkey": OTHER_KEY}),
        ("unknown user, ticket", "ticket", {"authid": "nobody", "ticket": "wrong"}),
        ("unknown user, wampcra", "wampcra", {"authid": "nobody", "secret": "wrong"}),
        ("unknown key", "cryptosign", {"privkey": OTHER_KEY}),
        ("anonymous", None, {}),
    ]:
        observe(f"refused {name}", await outcome(join(method, **credentials)))

    master = await join("ticket", authid="tina", ticket="tina's ticket")
    guest = await join("wampcra", authid="carl", secret="carl's secret")
    await answer(master.register(lambda: "open", "com.example.open.proc"))
    await answer(master.register(lambda: "closed", "com.example.closed.proc"))
    acknowledged = PublishOptions(acknowledge=True)
    observe("allowed call", await answer(guest.call("com.example.open.proc")))
    observe("allowed subscription", await outcome(
        guest.subscribe(lambda: 0, "com.example.open.topic")))
    for name, request in [
        ("call", lambda uri: guest.call(uri)),
        ("register", lambda uri: guest.register(lambda: 0, uri)),
        ("subscribe", lambda uri: guest.subscribe(lambda: 0, uri)),
        ("publish", lambda uri: guest.publish(uri, options=acknowledged)),
    ]:
        observe(f"denied {name}", [
            await outcome(request("com.example.closed.proc")),
            await outcome(request("com.example.closed.not.there"))])
    observe("denied meta", await outcome(guest.call("wamp.session.kill", master._session_id)))
    await master.shut()
    await guest.shut()


GROUPS = {
    "calls": calls, "events": events, "meta": meta, "crossbar": crossbar, "serve": serve,
}
# Other kinds of clients can ask for disclosure themselves.
REALMS = {"serve": "asked", "crossbar": "crossbar"}


async def main(group, address, serializer):
    async def join(realm, method=None, **credentials):
        # The way of joining is that of the other scenarios; the session is one that can prove
        # who it is.
        autobahn_python.Peer = lambda realm: Member(realm, method, **credentials)
        return await autobahn_python.join(address, realm, serializer)

    if group == "auth":
        await auth(lambda method, **credentials: join("secured", method, **credentials))
    else:
        await GROUPS[group](lambda: join(REALMS.get(group, "open")))
    observe("end", True)


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in [*GROUPS, "auth"]:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
