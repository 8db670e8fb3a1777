"""A real WAMP client that joins, is silent until an event comes, and prints what it saw.

usage: idle_peer.py CLIENT ADDRESS SERIALIZER PROCEDURE

CLIENT is asyncio or twisted (Autobahn|Python), swampyer or xconn. It registers PROCEDURE, which
answers "alive", and subscribes to com.example.idle. Every observation is one JSON line,
{"name": ..., "value": ...}. This file judges nothing; the test that starts it does.
"""

import json
import os
import sys

TOPIC = "com.example.idle"


def observe(name, value):
    # Twisted makes what is printed a part of its log.
    os.write(1, (json.dumps({"name": name, "value": value}) + "\n").encode())


def heard(*args):
    observe("event", list(args))
    observe("end", True)
    # The threads of some clients do not end by themselves.
    os._exit(0)


def autobahn(framework, address, serializer, procedure):
    if framework == "twisted":
        from autobahn.twisted.wamp import ApplicationRunner, ApplicationSession
    else:
        from autobahn.asyncio.wamp import ApplicationRunner, ApplicationSession
    from autobahn.wamp import serializer as serializers

    class Peer(ApplicationSession):
        async def onJoin(self, details):
            await self.register(lambda: "alive", procedure)
            await self.subscribe(heard, TOPIC)
            observe("idle", True)

        def onDisconnect(self):
            observe("lost", True)
            os._exit(0)

    kinds = {
        "json": serializers.JsonSerializer, "msgpack": serializers.MsgPackSerializer,
        "cbor": serializers.CBORSerializer,
    }
    # RawSocket has its own scheme here.
    address = address.replace("tcp://", "rs://")
    ApplicationRunner(address, "realm1", serializers=[kinds[serializer]()]).run(
        Peer, log_level="critical")


def swampyer(address, serializer, procedure):
    from swampyer import WAMPClient

    client = WAMPClient(
        url=address.replace("tcp://", "tcpip://"), realm="realm1", serializers=[serializer],
        auto_reconnect=False,
    ).start()
    client.register(procedure, lambda invocation: "alive")
    client.subscribe(TOPIC, lambda event, *args: heard(*args))
    observe("idle", True)
    client.join()
    observe("lost", True)


def xconn(address, serializer, procedure):
    from wampproto import auth
    from wampproto.serializers import CBORSerializer, JSONSerializer, MsgPackSerializer
    from xconn.client import Client
    from xconn.types import Result

    kinds = {"json": JSONSerializer, "msgpack": MsgPackSerializer, "cbor": CBORSerializer}
    session = Client(auth.AnonymousAuthenticator(""), kinds[serializer]()).connect(
        address, "realm1")
    session.register(procedure, lambda invocation: Result(["alive"]))
    session.subscribe(TOPIC, lambda event: heard(*event.args))
    observe("idle", True)


def main(client, *rest):
    if client == "swampyer":
        swampyer(*rest)
    elif client == "xconn":
        xconn(*rest)
    else:
        autobahn(client, *rest)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
