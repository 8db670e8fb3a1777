"""A real WAMP client, wampy, that calls a procedure which fails and then one which answers.

usage: wampy_peer.py ADDRESS FAILING ANSWERING

Every observation is one JSON line, {"name": ..., "value": ...}. This file judges nothing; the test
that starts it does.
"""

import json
import logging
import os
import sys
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

PATIENCE_SECONDS = 20


def observe(name, value):
    # What the library prints as it starts is not ours.
    os.write(3, (json.dumps({"name": name, "value": value}) + "\n").encode())


def outcome(call):
    try:
        return call()
    except Exception as error:
        return type(error).__name__


def main(address, failing, answering):
    from wampy.peers.clients import Client

    client = Client(url=address, call_timeout=PATIENCE_SECONDS)
    client.start()
    observe("error", str(outcome(lambda: client.call(failing))))
    observe("after the error", outcome(lambda: client.call(answering)))
    observe("end", True)
    os._exit(0)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    # The library prints to stdout as it is imported.
    os.dup2(1, 3)
    os.dup2(2, 1)
    main(*sys.argv[1:])
