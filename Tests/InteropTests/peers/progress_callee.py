"""A real WAMP client, xconn, whose procedure gives three results ahead of the last one to whoever
asks for them, though it announces no feature.

usage: progress_callee.py ADDRESS SERIALIZER

It serves com.example.count until it is ended.
"""

import sys

from wampproto import auth, messages
from wampproto.serializers import CBORSerializer, JSONSerializer, MsgPackSerializer
from xconn.client import Client
from xconn.types import Result

SERIALIZERS = {"json": JSONSerializer, "msgpack": MsgPackSerializer, "cbor": CBORSerializer}


def main(address, serializer):
    session = Client(auth.AnonymousAuthenticator(""), SERIALIZERS[serializer]()).connect(
        address, "realm1")
    process = session._process_incoming_message

    # The library has progressive results in its messages, and not yet for procedures.
    def process_with_progress(message):
        if isinstance(message, messages.Invocation) and message.details.get("receive_progress"):
            for number in range(3):
                fields = messages.YieldFields(
                    message.request_id, [number], options={"progress": True})
                session._base_session.send(
                    session._base_session.serializer.serialize(messages.Yield(fields)))
        process(message)

    session._process_incoming_message = process_with_progress
    session.register("com.example.count", lambda invocation: Result(["done"]))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
