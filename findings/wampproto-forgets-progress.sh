#!/usr/bin/env bash
# wampproto (the protocol core of xconn, PyPI) takes the first progressive message of a call for its
# last one: its session forgets an invocation at the first YIELD, also one with `progress: true`, and
# a call at the first RESULT, so what comes next is an error on both sides. WAMP lets any number of
# progressive messages come before the last (Advanced Profile, Progressive Call Results).
#
# Seen with wampproto 0.4.0 on Python 3.11, November 2026. Exits 1 if it does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check wampproto==0.4.0
"$folder/venv/bin/python" - <<'PYTHON'
import json
from importlib.metadata import version

from wampproto import messages, serializers
from wampproto.session import WAMPSession

print("wampproto", version("wampproto"))
read = serializers.JSONSerializer().deserialize


def outcome(step):
    try:
        step()
        return "taken"
    except ValueError as error:
        return f"ValueError: {error}"


def heard(session, message):
    return outcome(lambda: session.receive(json.dumps(message).encode()))


def said(session, message):
    return outcome(lambda: session.send_message(read(json.dumps(message).encode())))


callee = WAMPSession()
caller = WAMPSession()
steps = [
    ("callee registers", said(callee, [64, 1, {}, "com.example.count"])),
    ("callee is registered", heard(callee, [65, 1, 7])),
    ("callee is invoked", heard(callee, [68, 1, 7, {"receive_progress": True}])),
    ("callee yields, progress", said(callee, [70, 1, {"progress": True}, [0]])),
    ("callee yields, last", said(callee, [70, 1, {}, [1]])),
    ("caller calls", said(caller, [48, 1, {"receive_progress": True}, "com.example.count"])),
    ("caller hears, progress", heard(caller, [50, 1, {"progress": True}, [0]])),
    ("caller hears, last", heard(caller, [50, 1, {}, [1]])),
]
for name, result in steps:
    print(f"{name}: {result}")
refused = [name for name, result in steps if result != "taken"]
if refused != ["callee yields, last", "caller hears, last"]:
    raise SystemExit(f"not as seen before: {refused} were refused")
PYTHON
