"""A real WAMP client, swampyer, loses its connection after it has served a call and comes back by
itself. It then serves the last INVOCATION of the lost session once more.

usage: swampyer_return.py ADDRESS SERIALIZER

ADDRESS is ws://HOST:PORT/PATH: over RawSocket it does not notice the end of its connection.

Every observation is one JSON line, {"name": ..., "value": ...}. This file judges nothing; the test
that starts it does.
"""

import json
import os
import socket
import sys
import threading

from swampyer import WAMPClient
from swampyer.messages import YIELD

PATIENCE_SECONDS = 60
PROCEDURE = "com.example.returning"


def observe(name, value):
    print(json.dumps({"name": name, "value": value}), flush=True)


class Callee(WAMPClient):
    joined = threading.Semaphore(0)
    answered = threading.Semaphore(0)

    def handle_join(self, details):
        # This registers again what was registered.
        super().handle_join(details)
        self.joined.release()

    def send_message(self, message):
        result = super().send_message(message)
        if isinstance(message, YIELD):
            self.answered.release()
        return result


def connect(kind, address, serializer, auto_reconnect):
    return kind(
        url=address.replace("tcp://", "tcpip://"), realm="realm1", serializers=[serializer],
        auto_reconnect=auto_reconnect,
    ).start()


def main(address, serializer):
    callee = connect(Callee, address, serializer, True)
    caller = connect(WAMPClient, address, serializer, False)
    callee.register(PROCEDURE, lambda invocation: "here")
    observe("before", caller.call(PROCEDURE))
    callee.answered.acquire(timeout=PATIENCE_SECONDS)
    callee.transport.socket.socket.shutdown(socket.SHUT_RDWR)
    for _ in range(2):
        callee.joined.acquire(timeout=PATIENCE_SECONDS)
    observe("answered again", callee.answered.acquire(timeout=PATIENCE_SECONDS))
    observe("still joined", callee.call("wamp.session.count") == 2)
    observe("after", caller.call(PROCEDURE))
    observe("end", True)
    os._exit(0)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
