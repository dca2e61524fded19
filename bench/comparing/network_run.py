"""Runs the servers and generators of network_tables.py."""
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from .machine import foreign_seconds, isolate, output, say
from .network_tables import FILE, FILE_BYTES
from .run import LOAD_CORE, SERVER_CORE, Bench, free_port

NGINX = """
daemon off; master_process off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/nginx.log;
events {{ worker_connections 256; }}
http {{
    access_log off; sendfile on; root {root};
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    server {{ listen 127.0.0.1:{port}; }}
}}
"""


def write_file(path):
    """As bench/load/files.cpp expects it."""
    factor, mask = 0x9e3779b97f4a7c15, (1 << 64) - 1
    tail = struct.pack("<8191Q", *(place * factor & mask for place in range(1, 8192)))
    with path.open("wb") as file:
        for number in range(FILE_BYTES // 65536):
            file.write(struct.pack("<Q", number * factor & mask) + tail)


@contextlib.contextmanager
def scratch(table_names):
    """A directory in memory with what the servers need: a certificate, a file."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="bench_network_", dir=memory) as name:
        directory = Path(name)
        directory.chmod(0o755)
        if "tls" in table_names:
            output(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", f"{name}/key.pem", "-out", f"{name}/cert.pem", "-days", "2", "-subj", "/CN=localhost"])
            if not (directory / "cert.pem").exists():
                raise SystemExit("openssl made no certificate")
        if "file" in table_names:
            write_file(directory / FILE)
        yield directory


def reached(kind, port, path):
    if kind == "udp":  # proc(5)
        return f":{port:04X} " in Path("/proc/net/udp").read_text()
    family = socket.AF_UNIX if kind == "unix" else socket.AF_INET
    with socket.socket(family) as probe:
        return probe.connect_ex(path if kind == "unix" else ("127.0.0.1", port)) == 0


class NetworkBench(Bench):
    def __init__(self, programs, sources, distance, directory):
        super().__init__(programs, sources, distance)
        self.directory = directory
        self.table = None

    def words(self, template, case, port):
        places = {"mode": "sink", "sink": "", "work": "0", **case.places}
        configuration = self.directory / "nginx.conf"
        if "{nginx}" in template:
            configuration.write_text(NGINX.format(directory=self.directory, root=self.directory, port=port))
        tls = f"--certificate {self.directory}/cert.pem --key {self.directory}/key.pem"
        return self.command(template, port=port, path=self.directory / "socket", tls=tls, root=self.directory,
                            nginx=configuration, **places)

    def rivals(self, table, wanted):
        names = [name for name in table.rivals if not wanted or any(part in name for part in wanted)]
        case = next(iter(table.cases.values()))
        able = []
        for name in names:
            words = [word for word in self.words(table.rivals[name][1], case, 0) if word != "env" and "=" not in word]
            if subprocess.run(["which", words[0]], capture_output=True).returncode == 0:
                able.append(name)
            else:
                say(f"  left out, not there: {name}")
        return able

    @contextlib.contextmanager
    def running(self, name, case):
        """A running server, its port, and where it will have written when it has ended."""
        port, path = free_port(), self.directory / "socket"
        path.unlink(missing_ok=True)
        log = self.directory / "server.log"
        priority, core = (0, None) if self.table.shared else (1, SERVER_CORE)
        with log.open("w+") as stream:
            process = subprocess.Popen(self.words(self.table.rivals[name][1], case, port), stdout=stream, stderr=stream,
                                       preexec_fn=isolate(core, priority))
        try:
            for _ in range(250):
                if process.poll() is not None:
                    raise RuntimeError(log.read_text().strip()[-300:] or "the server ended")
                if reached(self.table.reached_by, port, str(path)):
                    break
                time.sleep(0.02)
            else:
                raise RuntimeError("the server does not listen")
            yield process, port
        finally:
            self.end(process)

    def end(self, process):
        """Servers with workers tell their parts when they are interrupted."""
        try:
            if self.table.shared:
                process.send_signal(signal.SIGINT)
                process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            pass
        process.kill()
        process.wait(timeout=10)

    def generate(self, case, port, process, seconds, more=()):
        core = [] if self.table.shared else ["--core", str(LOAD_CORE)]
        words = self.words(self.table.generator + " " + case.load, case, port)
        pipe = subprocess.PIPE
        load = subprocess.Popen([*words, *core, "--seconds", str(seconds), "--server-pid", str(process.pid), *more],
                                stdout=pipe, stderr=pipe, text=True,
                                preexec_fn=isolate(None if self.table.shared else LOAD_CORE,
                                                   0 if self.table.shared else 1))
        try:
            text, errors = load.communicate(timeout=seconds + 60)
        except subprocess.TimeoutExpired:
            load.kill()
            load.communicate()
            raise
        if load.returncode != 0:
            raise RuntimeError(errors.strip())
        return json.loads(text)

    def two(self, name, case, seconds):
        """One run, as that of bench/compare. Returns None if it failed."""
        try:
            with self.running(name, case) as (process, port):
                before = self.distance.measure()
                ours = {process.pid, os.getpid()}
                foreign, start = foreign_seconds(ours), time.monotonic()
                result = self.generate(case, port, process, seconds)
                share = (foreign_seconds(ours) - foreign) / (time.monotonic() - start) / os.cpu_count()
                after = self.distance.measure()
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            say(f"  {name}: {error}")
            return None
        return {"server": name, "role": self.table.rivals[name][0], "before_ns": before, "after_ns": after,
                "foreign": max(0.0, share), "rate": result["rate"], "server_cpu_us": result["server_cpu_us"],
                "server_busy": result["server_busy"], "limited": result.get("limited_by_generator", False),
                "lost": result.get("lost", 0), "parts": self.parts(name)}

    def parts(self, name):
        """How many messages each worker has answered."""
        if not self.table.shared or "libasync" not in name:
            return []
        lines = (self.directory / "server.log").read_text().splitlines()
        return [json.loads(line)["messages"] for line in lines if line.startswith('{"worker"')]

    def check_files(self, names, case):
        """Every byte of a download from each; gives those that sent the right ones."""
        good = []
        for name in names:
            try:
                with self.running(name, case) as (process, port):
                    self.generate(case, port, process, 1, ["--kind", "check-file"])
                good.append(name)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                say(f"  left out, {name}: {error}")
        return good

    def measure(self, table, wanted, seconds, rounds):
        """The runs of each case."""
        self.table = table
        names = self.rivals(table, wanted)
        runs = {}
        for title, case in table.cases.items():
            able = [name for name in names if name not in case.without]
            say(f"{table.title}: {title}, {len(able)} rivals")
            if "--kind file" in table.generator:
                able = self.check_files(able, case)
            runs[title] = self.two_case(able, case, seconds, rounds) if able else []
        return runs
