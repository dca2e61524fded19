"""Runs servers, the load generator and the one-process benchmarks."""
import contextlib
import json
import os
import resource
import shlex
import socket
import subprocess
import time

from .machine import foreign_seconds, isolate, output, resident_bytes, say
from .servers import MICRO, SERVERS

SERVER_CORE, LOAD_CORE = 0, 1
STATES = "far apart", "close together"  # the two cores
FOREIGN_LIMIT = 0.06  # share of all cores that others may use during a run


def parse_case(text):
    numbers = [int(part) for part in text.split("x")]
    return {"connections": numbers[0], "size": numbers[1], "depth": numbers[2] if len(numbers) > 2 else 1}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Bench:
    def __init__(self, programs, sources, distance):
        self.places = {"bin": programs, "bench": sources, "python": "/usr/bin/python3"}
        self.distance = distance
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.files = hard

    def command(self, template, **places):
        return shlex.split(template.format(**self.places, **places))

    def can_run(self, template):
        command = self.command(template, port=0, buffers="")
        words = [word for word in command if word != "env" and "=" not in word]
        return subprocess.run(["which", words[0]], capture_output=True).returncode == 0

    def servers(self, wanted):
        names = [name for name in SERVERS if not wanted or any(part in name for part in wanted)]
        able = [name for name in names if self.can_run(SERVERS[name][1])]
        for name in names:
            if name not in able:
                say(f"  left out, not built: {name}")
        return able

    @contextlib.contextmanager
    def server(self, name, size, core=SERVER_CORE):
        """A running server: its process and its port."""
        port = free_port()
        buffers = "--buffers 64 --buffer-size 16384" if size > 4096 else ""
        command = self.command(SERVERS[name][1], port=port, buffers=buffers)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   preexec_fn=isolate(core))
        try:
            self.await_port(process, port)
            yield process, port
        finally:
            process.kill()
            process.communicate(timeout=10)

    @staticmethod
    def await_port(process, port):
        for _ in range(250):
            if process.poll() is not None:
                raise RuntimeError(process.stderr.read().decode().strip() or "the server ended")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError("the server does not listen")

    def load(self, port, *arguments, core=LOAD_CORE):
        command = [str(self.places["bin"] / "echo_load"), "--port", str(port), "--core", str(core),
                   *map(str, arguments)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True,
                                preexec_fn=isolate(core))

    def two(self, name, case, seconds):
        """One run of server and generator on two cores. Returns None if it failed."""
        try:
            with self.server(name, case["size"]) as (process, port):
                before = self.distance.measure()
                ours = {process.pid, os.getpid()}
                foreign = foreign_seconds(ours)
                start = time.monotonic()
                load = self.load(port, *(word for key, value in case.items() for word in (f"--{key}", value)),
                                 "--seconds", seconds, "--server-pid", process.pid)
                text, errors = load.communicate(timeout=seconds + 30)
                if load.returncode != 0:
                    raise RuntimeError(errors.strip())
                foreign = foreign_seconds(ours) - foreign
                share = max(0.0, foreign / (time.monotonic() - start) / os.cpu_count())
                after = self.distance.measure()
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            say(f"  {name}: {error}")
            return None
        return {"server": name, "role": SERVERS[name][0], "before_ns": before, "after_ns": after,
                "foreign": share, **json.loads(text)}

    def state(self, run):
        """In which state of the machine it ran; None if it does not count."""
        if run["foreign"] > FOREIGN_LIMIT:
            return None
        return self.distance.state(run["before_ns"], run["after_ns"])

    def two_case(self, names, case, seconds, rounds):
        """Interleaved runs until each server has `rounds` in one state, or after three times as many."""
        runs = {name: [] for name in names}

        def enough():
            return any(all([self.state(run) for run in of_server].count(state) >= rounds
                           for of_server in runs.values()) for state in STATES)

        for attempt in range(3 * rounds):
            shift = attempt % len(names)
            for name in names[shift:] + names[:shift]:
                if run := self.two(name, case, seconds):
                    runs[name].append(run)
            if enough():
                break
        return [run for of_server in runs.values() for run in of_server]

    @contextlib.contextmanager
    def idle_connections(self, port, count):
        """Holds that many connections open, on each of which one message was echoed."""
        load = self.load(port, "--idle", count)
        try:
            if not load.stdout.readline():
                raise RuntimeError(load.communicate(timeout=10)[1].strip())
            time.sleep(0.3)
            yield
        finally:
            load.communicate(timeout=30)  # closes its stdin

    def idle(self, name, connections):
        """Resident memory for each idle connection: what a second crowd adds to a first one."""
        first = connections // 10
        try:
            with self.server(name, 64, core=None) as (process, port):
                base = resident_bytes(process.pid)
                with self.idle_connections(port, first):
                    few = resident_bytes(process.pid)
                    with self.idle_connections(port, connections):
                        grown = resident_bytes(process.pid) - few
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            say(f"  {name}: {error}")
            return None
        return {"bench": "idle", "server": name, "role": SERVERS[name][0], "connections": connections,
                "base_bytes": base, "bytes_per_connection": grown / connections}

    def lines(self, command, timeout, core=None):
        """The JSON lines that a program prints."""
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=isolate(core))
        try:
            text, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            text, _ = process.communicate()
            say(f"  {command[0]} took too long")
        if process.returncode != 0:
            say(f"  {command[0]} ended with {process.returncode}")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def self_echo(self, case, wanted, passes):
        command = [str(self.places["bin"] / "self_echo"), "--json", "--core", str(SERVER_CORE),
                   "--cases", case, "--passes", str(passes)]
        if wanted:
            command += ["--servers", ",".join(wanted)]
        return self.lines(command, timeout=60 * passes, core=SERVER_CORE)

    def micro(self):
        results = []
        for peer, template in MICRO.items():
            if not self.can_run(template):
                say(f"  left out, not built: {peer}")
                continue
            say(f"  {peer}")
            results += self.lines(self.command(template), timeout=180)
        return results

    def engine(self):
        """Which engine ours chooses on this machine."""
        return output([self.places["bin"] / "libasync_echo", "--engine"]) or "not built"
