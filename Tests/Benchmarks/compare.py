# Measures wampctl's router beside others under the same load, in turn on one machine, and writes
# ratios: they travel to other machines, microseconds do not.
import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import picture
import processes
from processes import ROOT, pause, say
from sessions import Session, call_random

CROSSBAR = f"{ROOT}/.peers/crossbar/bin/crossbar"
OURS, FLOOR, OTHER = "wampctl", "floor", "Crossbar.io"
CALLS = ["rpc", "--sessions", "8", "--callees", "4", "-c", "16", "--invoke", "roundrobin"]
ONE_CALL = ["rpc", "-c", "1", "--invoke", "single"]


class Case:
    """One line of the table: what is done, and which figure of it is compared."""

    def __init__(self, name, load, transport="raw", serializer="msgpack", figure="cpu",
                 fresh=False):
        # load: a scenario of wampctl bench with its options; or "idle" with a number of sessions,
        # or "registrations" with their number and that of the calls in flight.
        self.name, self.load = name, load
        self.transport, self.serializer = transport, serializer
        # cpu, registering: microseconds of the router's process tree for each; session,
        # registration: resident bytes of each.
        self.figure = figure
        # Memory is what a new process takes: in an old one it comes from what was freed.
        self.fresh = fresh

    @property
    def link(self):
        transport = "RawSocket" if self.transport == "raw" else "WebSocket"
        names = {"json": "JSON", "msgpack": "MessagePack", "cbor": "CBOR"}
        return f"{transport} {names[self.serializer]}"


def registrations(number):
    """Calls to random ones of so many procedures, and what those take."""
    one, deep = ["registrations", number, 1], ["registrations", number, 64]
    calls = [
        Case(f"calls to {number:,} registrations, 1 in flight", one, fresh=True),
        Case(f"calls to {number:,} registrations, 64 in flight", deep, fresh=True),
    ]
    if number < 1000:
        return calls
    return [
        *calls,
        Case(f"registering, of {number:,}", deep, figure="registering", fresh=True),
        Case(f"memory, each of {number:,} registrations", deep, figure="registration",
             fresh=True),
    ]


def cases(sessions):
    idle = ["idle", sessions]
    events = ["pubsub", "--subscribers", "100"]
    joins = ["join", "-c", "64"]
    memory = f"memory, each of {sessions:,} idle sessions"
    return [
        Case("ping-pong, 16 B", ONE_CALL),
        Case("calls 8×4×16, 16 B", CALLS),
        Case("calls 8×4×16, 4 KiB", [*CALLS, "--size", "4096"]),
        Case("calls 8×4×16, 64 KiB", [*CALLS, "--size", "65536"]),
        Case("calls 8×4×16, 16 B", CALLS, serializer="json"),
        Case("calls 8×4×16, 16 B", CALLS, "ws", "json"),
        Case("calls 8×4×16, 16 B", CALLS, "ws", "cbor"),
        Case("events 1→100, 1 in flight", [*events, "-c", "1"]),
        Case("events 1→100, 16 in flight", [*events, "-c", "16"]),
        Case("joins", joins),
        Case("joins", joins, "ws", "json"),
        Case(memory, idle, figure="session", fresh=True),
        Case(memory, idle, "ws", figure="session", fresh=True),
        *registrations(10),
        *registrations(50_000),
        *registrations(1_000_000),
    ]


class Router:
    """A router under measurement: how it is started, and on which ports it listens."""

    def __init__(self, name, transports):
        self.name, self.transports = name, transports
        self.process, self.ports, self.directory = None, {}, None

    def start(self):
        self.ports = {transport: processes.free_port() for transport in self.transports}
        self.process = processes.start(
            self.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for port in self.ports.values():
            processes.wait_for_port(port, self.process)

    def stop(self):
        if self.process:
            processes.end(self.process)
        if self.directory:
            shutil.rmtree(self.directory, ignore_errors=True)
        self.process = self.directory = None


class Wampctl(Router):
    def __init__(self):
        super().__init__(OURS, ("raw", "ws"))

    def start(self):
        self.process, port = processes.start_wampctl_router()
        self.ports = {"raw": port, "ws": port}


class Floor(Router):
    def __init__(self, binary):
        super().__init__(FLOOR, ("raw",))
        self.binary = binary

    def command(self):
        return [self.binary, str(self.ports["raw"])]


class Crossbar(Router):
    def __init__(self):
        super().__init__(OTHER, ("raw", "ws"))

    def command(self):
        self.directory = tempfile.mkdtemp()
        with open(f"{self.directory}/config.json", "w") as file:
            file.write(processes.crossbar_configuration(self.ports["ws"], self.ports["raw"]))
        return [CROSSBAR, "start", "--cbdir", self.directory, "--loglevel", "none"]


class Given(Router):
    """NAME=COMMAND of the command line, with {raw} and {ws} for the ports."""

    def __init__(self, text):
        name, equals, self.words = text.partition("=")
        transports = [one for one in ("raw", "ws") if f"{{{one}}}" in self.words]
        if not (name and equals and transports):
            raise processes.Trouble(f"--peer wants NAME=COMMAND with {{raw}} or {{ws}}: {text}")
        super().__init__(name, transports)

    def command(self):
        return ["sh", "-c", "exec " + self.words.format(**self.ports)]


def compiled_floor():
    """The floor, built beside our own program; None where there is no C compiler."""
    if not shutil.which("cc"):
        return None
    program = f"{ROOT}/.build-release/bench/floor"
    os.makedirs(os.path.dirname(program), exist_ok=True)
    source = f"{ROOT}/Tests/Benchmarks/floor.c"
    subprocess.run(["cc", "-O3", "-std=gnu11", "-o", program, source], check=True)
    return program


def by_sessions(case, router, seconds):
    """Memory beside idle sessions or registrations, and calls to random ones of those."""
    tree = processes.tree(router.process.pid)
    memory = lambda: sum(map(processes.resident, tree))
    cpu = lambda: sum(map(processes.precise_cpu_seconds, tree))
    port, count, sessions = router.ports[case.transport], case.load[1], []
    try:
        before = memory()
        if case.load[0] == "idle":
            sessions = [
                Session(port, web=case.transport == "ws") for _ in range(count)]
            pause(1)
            return {"session": (memory() - before) / count}, None
        sessions = callee, caller = Session(port), Session(port)
        before, began = memory(), cpu()
        callee.register(count)
        registering = (cpu() - began) / count
        pause(1)
        registration = (memory() - before) / count
        chance = random.Random(1)
        call_random(caller, callee, count, case.load[2], 0.5, chance)
        began = cpu()
        answered = call_random(caller, callee, count, case.load[2], seconds, chance)
        return {"registration": registration, "registering": registering * 1e6,
                "cpu": (cpu() - began) / answered * 1e6}, None
    except (OSError, processes.Trouble) as trouble:
        return None, str(trouble)
    finally:
        for session in sessions:
            session.close()


def by_bench(case, router, seconds):
    """One measurement by `wampctl bench`; its figures or None and why."""
    port = router.ports[case.transport]
    url = f"tcp://127.0.0.1:{port}" if case.transport == "raw" else f"ws://127.0.0.1:{port}/ws"
    run = subprocess.run(
        [processes.wampctl(), "bench", *case.load, "-u", url, "-q",
         "--serializer", case.serializer, "--duration", f"{seconds}s",
         "--warmup", "500ms", "--router-pid", str(router.process.pid), "-o", "json"],
        capture_output=True, text=True)
    if run.returncode != 0:
        return None, (run.stderr.strip().splitlines() or ["failed"])[-1][:120]
    cell = json.loads(run.stdout)["cells"][0]
    return {
        "cpu": cell["router"]["cpu_us_per_operation"],
        "rate": cell["delivered_rate"] or cell["rate"],
        "p50": cell["latency_ms"]["p50"] * 1000,
    }, None


def measure(every, routers, rounds, seconds):
    """Each case on each router in turn, so that what disturbs the machine meets all of them."""
    results = []
    if any(not case.fresh for case in every):
        for router in routers:
            router.start()
    for index, case in enumerate(every):
        if index and case.fresh and case.load == every[index - 1].load and (
                case.link == every[index - 1].link):
            # Another figure of the same measurements.
            results.append({**results[-1], "case": case.name, "figure": case.figure})
            report(results[-1], index + 1, len(every))
            continue
        taken = {router.name: [] for router in routers}
        notes = {}
        if case.fresh:
            for router in routers:
                router.stop()
        for turn in range(rounds):
            order = routers if turn % 2 == 0 else routers[::-1]
            for router in order:
                if case.transport not in router.transports:
                    notes[router.name] = "no " + case.link.split()[0]
                elif router.name not in notes:
                    if case.fresh:
                        router.start()
                        pause(0.5)
                    elif router.process.poll() is not None:
                        router.start()
                    by = by_sessions if case.load[0] in ("idle", "registrations") else by_bench
                    figures, why = by(case, router, seconds)
                    if case.fresh:
                        router.stop()
                    if figures:
                        taken[router.name].append(figures)
                    else:
                        notes[router.name] = why
        medians = {}
        for name, runs in taken.items():
            if runs and name not in notes:
                medians[name] = {
                    key: statistics.median(run[key] for run in runs)
                    for key in runs[0] if all(run.get(key) is not None for run in runs)}
        results.append({"case": case.name, "link": case.link, "figure": case.figure,
                        "routers": medians, "runs": taken, "notes": notes})
        report(results[-1], index + 1, len(every))
    for router in routers:
        router.stop()
    return results


def report(result, number, count):
    shown = "  ".join(f"{name} {median[result['figure']]:.2f}"
                      for name, median in result["routers"].items() if result["figure"] in median)
    notes = "; ".join(f"{name}: {why}" for name, why in result["notes"].items())
    say(f"{number}/{count} {result['case']}, {result['link']}: {shown}  {notes}")


def ratio(result, name, figure=None, inverse=False):
    """What another router takes of a figure, as a multiple of what ours takes."""
    figure = figure or result["figure"]
    ours = result["routers"].get(OURS, {}).get(figure)
    other = result["routers"].get(name, {}).get(figure)
    if not ours or not other or ours < 0 or other < 0:
        return None
    return ours / other if inverse else other / ours


def spelled(value):
    if value is None:
        return "–"
    return f"{value:.0f}×" if value >= 20 else f"{value:.1f}×" if value >= 10 else f"{value:.2f}×"


def table(results, others):
    """Markdown: a line per case, ratios only."""
    head = ["case", "over"]
    head += [f"ours ÷ {FLOOR}"] if FLOOR in others else []
    peers = [name for name in others if name != FLOOR]
    for name in peers:
        head += [f"{name} ÷ ours", "calls per second", "p50"]
    lines = ["| " + " | ".join(head) + " |", "| --- | --- |" + " ---: |" * (len(head) - 2)]
    for result in results:
        cells = [result["case"], result["link"]]
        if FLOOR in others:
            cells.append(spelled(ratio(result, FLOOR, inverse=True)))
        for name in peers:
            cells.append(spelled(ratio(result, name)))
            timed = result["figure"] == "cpu"
            cells.append(spelled(ratio(result, name, "rate", inverse=True)) if timed else "–")
            cells.append(spelled(ratio(result, name, "p50")) if timed else "–")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures wampctl's router, the floor (a router in C that does only what none "
        "can leave out), Crossbar.io and other routers in turn under the same load, which is made "
        "by wampctl bench. Prints a table of ratios of the routers' CPU time per operation and of "
        "memory.",
        epilog="Also: scripts/bench counts, scripts/bench soak; each has --help. "
        "WAMPCTL names the program under test.")
    parser.add_argument("--quick", action="store_true", help="one short round, fewer sessions")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement")
    parser.add_argument("--only", metavar="WORD", help="only cases whose name contains this")
    parser.add_argument("--peer", metavar="NAME=COMMAND", action="append", default=[],
                        help="another router; {raw} and {ws} in COMMAND become its ports")
    parser.add_argument("--no-crossbar", action="store_true")
    parser.add_argument("--output", metavar="FOLDER", default=f"{ROOT}/.build-release/bench",
                        help="for table.md, results.json and ratios.svg")
    options = parser.parse_args()

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    processes.wampctl()
    routers = [Wampctl()]
    if floor := compiled_floor():
        routers.append(Floor(floor))
    if not options.no_crossbar:
        if not os.path.exists(CROSSBAR):
            subprocess.run([f"{ROOT}/scripts/setup", "--benchmarks"], check=True)
        routers.append(Crossbar())
    routers += [Given(text) for text in options.peer]
    others = [router.name for router in routers[1:]]
    if not others:
        raise processes.Trouble("no other router to compare with")

    every = cases(500 if options.quick else 5000)
    if options.quick:
        every = [case for case in every if "000" not in case.name]
    if options.only:
        every = [case for case in every if options.only in f"{case.name}, {case.link}"]
    rounds, seconds = (1, 0.5) if options.quick else (options.rounds, options.seconds)
    say(f"{len(every)} cases on {', '.join([OURS, *others])}; {rounds} rounds")
    began = time.time()
    busy = os.getloadavg()[0]
    results = measure(every, routers, rounds, seconds)

    os.makedirs(options.output, exist_ok=True)
    text = table(results, others)
    with open(f"{options.output}/table.md", "w") as file:
        file.write(text)
    with open(f"{options.output}/results.json", "w") as file:
        json.dump({"date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
                   "rounds": rounds, "seconds": seconds,
                   "cores": os.cpu_count(), "load_before": busy, "cases": results}, file, indent=1)
    with open(f"{options.output}/ratios.svg", "w") as file:
        file.write(picture.bars(
            "CPU per operation, and memory, as multiples of wampctl's",
            [(f"{one['case']}, {one['link']}",
              [(name, ratio(one, name)) for name in others]) for one in results]))
    print(text, end="")
    say(f"{time.time() - began:.0f} s; table.md, results.json and ratios.svg in {options.output}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (processes.Trouble, subprocess.CalledProcessError) as trouble:
        say(trouble)
        sys.exit(1)
