"""What machine this is, and how quiet it is."""
import datetime
import json
import math
import os
import platform
import re
import subprocess
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def say(text):
    print(text, flush=True)


def output(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def isolate(core, priority=1):
    """Returns what a child does before it starts: own session with a high share, real-time, on one core.

    With priority 0 it is scheduled as usual. `nice` counts only within a session while the kernel groups by session, hence the group's own value.
    """
    def prepare():
        os.setsid()
        for attempt in (lambda: Path("/proc/self/autogroup").write_text("-20"),
                        lambda: priority == 0 or os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(priority)),
                        lambda: core is None or os.sched_setaffinity(0, {core})):
            try:
                attempt()
            except OSError:
                pass  # without the right to it the run is only noisier
    return prepare


def foreign_seconds(ours):
    """Processor time used so far by all processes but these, and by other guests of the host.

    The kernel's own sum in /proc/stat is sampled by ticks and too coarse for a server that often sleeps.
    """
    stolen = int(Path("/proc/stat").read_text().split("\n", 1)[0].split()[8])
    total = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in ours:
            continue
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # has just ended; its parent carries its time
        total += sum(map(int, fields[11:15]))
    return (total + stolen) / TICK


def resident_bytes(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Distance:
    """How far the two cores are from each other. A host may move its virtual processors between threads of
    one core and different cores, every few seconds or minutes; only runs in the same state are comparable."""

    def __init__(self, program):
        self.program = program
        self.samples = []

    def measure(self):
        """Returns 0, which is no state, if other work kept the two cores from meeting."""
        done = subprocess.run([self.program, "0", "1"], capture_output=True, text=True, timeout=20,
                              preexec_fn=isolate(None))
        if done.returncode != 0:
            say("  no ping-pong: the machine is too busy")
            return 0.0
        self.samples.append(json.loads(done.stdout)["ns"])
        return self.samples[-1]

    def border(self):
        """Between the two states; 0 if only one was seen."""
        ordered = sorted(self.samples)
        low, high = (ordered[int(part * (len(ordered) - 1))] for part in (0.02, 0.98))
        return math.sqrt(low * high) if high > 2 * low else 0.0

    def state(self, *samples):
        """One of the two, or None if the cores moved meanwhile."""
        if not all(samples):
            return None
        sides = {"far apart" if sample >= self.border() else "close together" for sample in samples}
        return sides.pop() if len(sides) == 1 else None

    def summary(self):
        return {"border": self.border(), "seen_from": min(self.samples), "seen_to": max(self.samples)}


def package_version(name):
    return output(["dpkg-query", "-W", "-f=${Version}", name])


def cached(build, name):
    cache = build / "CMakeCache.txt"
    found = re.search(rf"^{name}:\w+=(.*)$", cache.read_text(), re.M) if cache.exists() else None
    return found.group(1) if found else ""


def description(root, build, quick):
    compiler = cached(build, "CMAKE_CXX_COMPILER")
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "date": datetime.date.today().isoformat(),
        "quick": quick,
        "commit": output(["git", "-C", str(root), "describe", "--always", "--dirty"]),
        "kernel": platform.release(),
        "processor": f"{os.cpu_count()} x {model.group(1) if model else platform.machine()}",
        "compiler": output([compiler, "--version"]).split("\n")[0],
        "flags": cached(build, "CMAKE_CXX_FLAGS_RELEASE"),
        "peers": {
            "libuv": package_version("libuv1-dev"),
            "Boost.Asio": package_version("libboost1.81-dev"),
            "Go": output(["go", "version"]).removeprefix("go version "),
            "tokio": package_version("librust-tokio-dev"),
            "Python": output(["/usr/bin/python3", "--version"]).removeprefix("Python "),
            "uvloop": package_version("python3-uvloop"),
            "Node": output(["node", "--version"]),
            "OpenSSL": package_version("libssl-dev"),
            "nginx": package_version("nginx-core") or package_version("nginx"),
        },
    }
