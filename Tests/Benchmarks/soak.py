# A long mixed load, and the verdict whether the router's memory and descriptors stay what they are.
import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time

import processes
from processes import pause, say

TOLERANCE = 0.02

# Each is started again and again, so that its sessions join and leave too. Open loop: the load
# is the same whether the machine is busy or not.
LOADS = {
    "calls, WebSocket JSON": ["rpc", "ws", "--serializer", "json", "--rate", "500",
                              "--sessions", "4", "--callees", "4"],
    "calls, RawSocket MessagePack": ["rpc", "tcp", "--serializer", "msgpack", "--rate", "500",
                                     "--sessions", "4", "--callees", "4", "--size", "4k"],
    "events": ["pubsub", "tcp", "--serializer", "cbor", "--rate", "100", "--subscribers", "20"],
    "joins and leaves": ["join", "ws", "--serializer", "json", "--rate", "20"],
    "registrations": ["register", "tcp", "--serializer", "msgpack", "--rate", "50"],
}
TURN = 20

# So often everybody leaves, and the router must be what it was before. Seconds.
REST = 300


class Load:
    """Runs the loads until told to stop, and counts what they did."""

    def __init__(self, port):
        self.port = port
        self.lock = threading.Lock()
        self.done = {}
        self.failures = []
        self.threads = []

    def start(self):
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.repeat, args=item) for item in LOADS.items()]
        self.threads.append(threading.Thread(target=self.break_callees))
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def count(self, name, number):
        with self.lock:
            self.done[name] = self.done.get(name, 0) + number

    def fail(self, name, text):
        with self.lock:
            self.failures.append(f"{name}: {text}")
        say(f"{name}: {text}")

    def repeat(self, name, options):
        scenario, transport, *rest = options
        url = f"{transport}://127.0.0.1:{self.port}" + ("/ws" if transport == "ws" else "")
        command = [processes.wampctl(), "bench", scenario, "-u", url, "--warmup", "0", "-q",
                   "-o", "json", "--duration", f"{TURN}s", *rest]
        while not self.stopping.is_set():
            process = processes.start(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            output, errors = process.communicate()
            processes.end(process)
            if process.returncode != 0:
                self.fail(name, f"exit code {process.returncode} {errors.strip()[:200]}")
                self.stopping.wait(1)
                continue
            for cell in json.loads(output)["cells"]:
                self.count(name, cell["ok"])

    def break_callees(self):
        """Callees whose process is killed while they serve: the router must clear up for them."""
        name = "callees killed"
        url = f"ws://127.0.0.1:{self.port}/ws"
        wampctl = processes.wampctl()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        while not self.stopping.is_set():
            callees = processes.start(
                [wampctl, "register", "com.example.soak.killed", "-u", url, "--instances", "8",
                 "--invoke", "roundrobin", "--delay", "5ms", "-q"], **quiet)
            caller = processes.start(
                [wampctl, "call", "com.example.soak.killed", "-u", url, "--wait", "10s", "-n", "0",
                 "--duration", "3s", "-c", "16", "--rate", "200", "-q"], **quiet)
            self.stopping.wait(2)
            processes.end(callees, by=signal.SIGKILL)
            caller.wait()
            processes.end(caller)
            # Calls that were under way fail, and those after: that is the point.
            if caller.returncode not in (0, 6, 9, 12):
                self.fail(name, f"the caller ended with {caller.returncode}")
            self.count(name, 8)
            self.stopping.wait(3)


def tenths(values):
    """Medians of the first and the last tenth."""
    tenth = max(1, len(values) // 10)
    return statistics.median(values[:tenth]), statistics.median(values[-tenth:])


def drift(times, values):
    """What a fitted line grows from its beginning to its end."""
    return statistics.linear_regression(times, values).slope * (times[-1] - times[0])


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/bench soak",
        description="Calls, events, joins, registrations and killed callees for an hour. Exits 1 "
        "unless the router's memory (within 2 %) and descriptors are flat over the second half.")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--every", type=float, default=5, help="seconds between samples")
    parser.add_argument("--samples", help="file for the samples, tab-separated")
    parser.add_argument("--threads", default="auto", help="event loops of the router")
    options = parser.parse_args()

    path = options.samples or f"{processes.ROOT}/.build-release/soak.tsv"
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    router, port = processes.start_wampctl_router("--threads", options.threads)
    pause(1)
    idle = processes.descriptors(router.pid)
    say(f"router {router.pid} on port {port}, {idle} descriptors; {options.minutes:g} minutes")
    load = Load(port)
    samples, rests = [], []
    began = rested = time.monotonic()
    between = min(REST, options.minutes * 6)
    load.start()
    try:
        with open(path, "w", buffering=1) as file:
            print("second", "state", "bytes", "own_bytes", "descriptors", "cpu_s", sep="\t",
                  file=file)

            def sample(state, kept):
                now = time.monotonic() - began
                taken = (now, *processes.memory(router.pid), processes.descriptors(router.pid))
                kept.append(taken)
                print(f"{now:.1f}", state, *taken[1:], processes.cpu_seconds(router.pid),
                      sep="\t", file=file)
                return taken

            while (now := time.monotonic()) - began < options.minutes * 60:
                if router.poll() is not None:
                    raise processes.Trouble(f"the router ended with {router.returncode}")
                sample("load", samples)
                if now - rested < between:
                    pause(options.every)
                    continue
                load.stop()
                deadline = time.monotonic() + 30
                while processes.descriptors(router.pid) > idle and time.monotonic() < deadline:
                    pause(0.5)
                at, resident, own, files = sample("rest", rests)
                say(f"{at / 60:5.1f} min  {resident / 2**20:.2f} MiB, {own / 2**20:.2f} of "
                    f"them its own, {files} descriptors at rest; "
                    f"{sum(load.done.values())} operations, {len(load.failures)} failures")
                rested = time.monotonic()
                load.start()
    finally:
        load.stop()
    used = processes.cpu_seconds(router.pid)
    code = processes.end(router)

    second_half = lambda kept: [one for one in kept if one[0] >= options.minutes * 30]
    half, resting = second_half(samples), second_half(rests)
    if len(half) < 20 or len(resting) < 2:
        raise processes.Trouble("too few samples for a verdict: more --minutes")
    times, resident, own, _ = zip(*half)
    # What grows is looked for in the router's own memory, and weighed against all that it takes.
    whole = statistics.median(resident)
    first, last = tenths(own)
    growth = (last - first) / whole
    _, _, resting_own, files = zip(*resting)
    at_rest = (resting_own[-1] - resting_own[0]) / whole
    files = sorted(set(files))
    checks = [
        (abs(growth) <= TOLERANCE,
         f"memory        {whole / 2**20:.2f} MiB; its own {first / 2**20:.2f} → "
         f"{last / 2**20:.2f} MiB, {growth:+.2%} of all over the second half (fitted line "
         f"{drift(times, own) / whole:+.2%})"),
        (abs(at_rest) <= TOLERANCE,
         f"at rest       its own {resting_own[0] / 2**20:.2f} → {resting_own[-1] / 2**20:.2f} "
         f"MiB, {at_rest:+.2%} of all over {len(resting)} rests"),
        (files == [idle],
         f"descriptors   {idle} before the load, {', '.join(map(str, files))} at the rests"),
        (not load.failures, f"load          {len(load.failures)} failures"),
        (code == 0, f"router        ended with {code}"),
    ]
    for name, number in sorted(load.done.items()):
        print(f"  {number:>10}  {name}")
    print(f"  {used:.0f} s of CPU; samples in {path}")
    for holds, text in checks:
        print("ok  " if holds else "FAIL", text)
    return 0 if all(holds for holds, _ in checks) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except processes.Trouble as trouble:
        say(trouble)
        sys.exit(1)
