# Starts what is measured, and reads from /proc what it uses; every process ends with the script.
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

_running = []


class Trouble(Exception):
    """What stops a measurement, in words for the person who started it."""


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def pause(seconds):
    threading.Event().wait(seconds)


def wampctl():
    """The program under test: $WAMPCTL, else the release build."""
    path = os.environ.get("WAMPCTL") or f"{ROOT}/.build-release/release/wampctl"
    if not os.access(path, os.X_OK):
        raise Trouble(f"no program at {path}: run scripts/build")
    return path


def start(command, **options):
    """A process of its own group, which ends when this script does."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **options)
    _running.append(process)
    return process


def end(process, patience=15, by=signal.SIGTERM):
    """Asks a process to end, waits, then insists. Its exit status."""
    if process.poll() is None:
        process.send_signal(by)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    if process in _running:
        _running.remove(process)
    return process.returncode


@atexit.register
def _end_all():
    for process in list(_running):
        end(process, 2)


def _leave(number, frame):
    raise SystemExit(128 + number)


for _number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    # A background job of a shell ignores SIGINT, and should go on doing so.
    if signal.getsignal(_number) != signal.SIG_IGN:
        signal.signal(_number, _leave)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for_port(port, process, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            pause(0.1)
    raise Trouble(f"{process.args[0]} does not listen on port {port}")


def start_wampctl_router(*options, before=(), binary=None, env=None, patience=60):
    """A router on a port that the system chose: the process and the port."""
    with tempfile.TemporaryDirectory() as directory:
        file = f"{directory}/port"
        command = [binary or wampctl(), "router", "-p", "0", "-q", "--port-file", file]
        command += ["--log-level", "error", *options]
        process = start([*before, *command], stdout=subprocess.DEVNULL, env=env)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and process.poll() is None:
            try:
                with open(file) as port:
                    return process, int(port.read())
            except (FileNotFoundError, ValueError):
                pause(0.05)
    raise Trouble("the router does not start")


def crossbar_configuration(web, raw):
    def transport(kind, identity, port):
        return {
            "type": kind, "id": identity, "serializers": ["json", "msgpack", "cbor"],
            "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": port},
            "auth": {"anonymous": {"type": "static", "role": "anonymous"}},
        }
    allow = {"call": True, "register": True, "publish": True, "subscribe": True}
    permission = {"uri": "", "match": "prefix", "allow": allow}
    role = {"name": "anonymous", "permissions": [permission]}
    return json.dumps({"version": 2, "workers": [{
        "type": "router", "realms": [{"name": "realm1", "roles": [role]}],
        "transports": [transport("websocket", "web", web), transport("rawsocket", "raw", raw)],
    }]})


def tree(pid):
    """A process and all that descend from it."""
    found = [pid]
    for one in found:
        try:
            for thread in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{thread}/children") as children:
                    found += [int(child) for child in children.read().split()]
        except OSError:
            pass
    return found


def resident(pid):
    """Resident bytes of one process."""
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * PAGE


def memory(pid):
    """Resident bytes: all, and those that are the process's alone. The pages of its program file
    are not: they belong to the page cache, which takes and gives them as other programs come and
    go."""
    with open(f"/proc/{pid}/statm") as statm:
        _, all_pages, of_files, *_ = map(int, statm.read().split())
        return all_pages * PAGE, (all_pages - of_files) * PAGE


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu_seconds(pid):
    """User and system time of one process so far."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def precise_cpu_seconds(pid):
    """The same of all its threads, to the nanosecond where the kernel counts so."""
    total = 0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat") as schedstat:
                total += int(schedstat.read().split()[0])
    except OSError:
        return cpu_seconds(pid)
    return total / 1e9
