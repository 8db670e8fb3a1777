# Counts what one routed call costs the router, in instructions and allocations, and holds the
# counts against counts.json. Counts, not seconds: they are the same on a busy machine.
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import processes
from processes import ROOT, say
from sessions import Session

THRESHOLDS = f"{ROOT}/Tests/Benchmarks/counts.json"
TOLERANCE = 1.05

# What a call under `single` costs, and under any rule that may give it to another callee: of such a
# call the router keeps a copy until it is answered.
RULES = {"single": "single", "shared": "roundrobin"}

# Two runs that differ in nothing but the number of calls; what starting costs drops out.
SHORT, LONG = 20_000, 80_000
ALLOCATORS = re.compile(r"^(malloc|calloc|realloc|posix_memalign|aligned_alloc|memalign)(@.*)?$")

# Where the heap lies and how hash tables are seeded must not differ between two runs.
STEADY = ["env", "-i", f"PATH={os.environ.get('PATH', '')}", "SWIFT_DETERMINISTIC_HASHING=1"]


def totals(path):
    """Instructions of a run, and calls of allocating functions, from callgrind's own file."""
    names, instructions, allocations, callee = {}, 0, 0, None
    with open(path) as file:
        for line in file:
            if line.startswith(("fn=", "cfn=")):
                number, _, name = line.split("=", 1)[1].strip().partition(" ")
                if name:
                    names[number] = name
                if line.startswith("cfn="):
                    callee = names.get(number, "")
            elif line.startswith("calls=") and ALLOCATORS.match(callee):
                allocations += int(line[6:].split()[0])
            elif line.startswith(("totals:", "summary:")):
                instructions = int(line.split()[1])
    return instructions, allocations


def run(program, directory, rule, calls, registrations):
    """Routes so many calls under callgrind, beside so many other registrations."""
    output = f"{directory}/callgrind.{calls}"
    fixed = ["setarch", "-R"]
    # Some containers forbid it.
    if subprocess.run([*fixed, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        fixed = []
    # Callgrind counts from here on, or else from when the registrations are there.
    at_start = "no" if registrations else "yes"
    router, port = processes.start_wampctl_router(
        "--threads", "1", "--keepalive", "0", binary=program, before=[
            *STEADY, *fixed, "valgrind", "-q", "--tool=callgrind",
            f"--instr-atstart={at_start}", f"--callgrind-out-file={output}"])
    if registrations:
        others = Session(port)
        others.register(registrations)
        subprocess.run(["callgrind_control", "-i", "on", str(router.pid)], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    link = ["-u", f"tcp://127.0.0.1:{port}", "--serializer", "msgpack", "--connect-timeout", "60s"]
    # A procedure of a fixed name, because its length counts.
    procedure = "com.example.echo"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    callee = processes.start(
        [processes.wampctl(), "register", procedure, "--invoke", rule, "--echo", *link, "-q"],
        **quiet)
    subprocess.run([processes.wampctl(), "call", procedure, "--wait", "60s", *link], check=True,
                   **quiet)
    load = subprocess.run(
        [processes.wampctl(), "bench", "rpc", "--procedure", procedure, *link, "-n", str(calls),
         "--warmup", "0", "-c", "64", "--sessions", "1", "--size", "16", "-q", "-o", "json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    processes.end(callee)
    if load.returncode != 0 or json.loads(load.stdout)["cells"][0]["ok"] != calls:
        raise processes.Trouble(f"the load failed: {load.stderr.strip()}")
    if registrations:
        # Taking them back must not be counted either.
        subprocess.run(["callgrind_control", "-i", "off", str(router.pid)], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        others.close()
    code = processes.end(router, 300)
    if code != 0:
        raise processes.Trouble(f"the router ended with {code}")
    return totals(output)


def measure(rule, registrations):
    for tool in ("valgrind", "strip", "setarch"):
        if not shutil.which(tool):
            raise processes.Trouble(f"{tool} is missing: run scripts/setup")
    with tempfile.TemporaryDirectory() as directory:
        # valgrind cannot read Swift's debug sections.
        program = f"{directory}/wampctl"
        subprocess.run(["strip", "-g", "-o", program, processes.wampctl()], check=True)
        short = run(program, directory, rule, SHORT, registrations)
        long = run(program, directory, rule, LONG, registrations)
    per_call = [(after - before) / (LONG - SHORT) for before, after in zip(short, long)]
    return {"instructions": round(per_call[0]), "allocations": round(max(0, per_call[1]), 2)}


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/bench counts",
        description="Instructions and allocations of the router per call: RawSocket, MessagePack, "
        "16 bytes, one caller with 64 calls in flight, one callee, registered under single and "
        "under roundrobin. Exits 1 when a count is more than 5 % above "
        "Tests/Benchmarks/counts.json.")
    parser.add_argument("--write", action="store_true", help="store the counts as the new ones")
    parser.add_argument("--registrations", metavar="N", type=int, default=0,
                        help="beside N other registrations; a million take some minutes")
    options = parser.parse_args()

    with open(THRESHOLDS) as file:
        stored = json.load(file)
    failed = False
    for case, rule in RULES.items():
        counts = measure(rule, options.registrations)
        for name, count in counts.items():
            # An allocation in some thousand calls is no growth.
            most = stored[case][name] * TOLERANCE + (0.02 if name == "allocations" else 0)
            good = options.write or count <= most
            failed = failed or not good
            budget = stored[case].get("budget", {}).get(name)
            print(f"{case:<7} {name:<13} {count:>8g} per call   "
                  f"stored {stored[case][name]:g}"
                  f"{f'; budget {budget}' if budget else ''}"
                  f"{' exceeded' if budget and count > budget else ''}"
                  f"{'' if good else f'   FAIL: > {most:g}'}")
        if options.write:
            stored[case].update(counts)
    if options.write:
        with open(THRESHOLDS, "w") as file:
            json.dump(stored, file, indent=2)
            file.write("\n")
        say(f"wrote {THRESHOLDS}")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (processes.Trouble, subprocess.CalledProcessError) as trouble:
        say(trouble)
        sys.exit(1)
