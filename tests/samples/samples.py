#!/usr/bin/env python3
"""samples.py NAME PROGRAM... [-- LAUNCHER...]: runs samples as a user would and checks what they answer.

LIBASYNC_ENGINE tells which engine they must run on. Exit code 77 (skipped) where the kernel refuses io_uring.
"""
import ctypes
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE = 60  # seconds until something that must happen counts as lost
ENGINE = os.environ["LIBASYNC_ENGINE"]

launcher = []
programs = {}


def check(condition, *what):
    if not condition:
        raise AssertionError(" ".join(str(w) for w in what))


def check_equal(found, expected, what):
    check(found == expected, f"{what}:\n  found    {found!r:.2000}\n  expected {expected!r:.2000}")


def run(program, *arguments):
    """The program's standard output; it must succeed and complain about nothing."""
    done = subprocess.run([*launcher, programs[program], *arguments], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=PATIENCE)
    check(done.returncode == 0 and not done.stderr, program, "exits with", done.returncode, done.stderr)
    return done.stdout


class Server:
    """A sample that serves on a port of the system's choice; on leaving, Ctrl-C must end it with a good-bye."""

    def __init__(self, program, *options):
        self.program = program
        self.options = options

    def __enter__(self):
        self.process = subprocess.Popen([*launcher, programs[self.program], "--port", "0", *self.options], text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.greeting = self.process.stdout.readline()
        found = re.search(r" on (127\.0\.0\.1):(\d+), engine (\w+)", self.greeting)
        if not found:
            self.process.kill()
            check(False, self.program, "does not start:", self.greeting, self.process.communicate()[1])
        self.address = (found[1], int(found[2]))
        try:
            check_equal(found[3], ENGINE, "engine")
            check("try:" in self.process.stdout.readline(), "no hint at how to try it")
        except BaseException:
            self.process.kill()
            raise
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.process.kill()
            print(self.process.communicate()[1])
            return
        with socket.create_connection(self.address, PATIENCE) as idle:
            idle.sendall(b"half a request")
            self.process.send_signal(signal.SIGINT)
            try:
                output, errors = self.process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                check(False, self.program, "does not end on Ctrl-C")
            check_equal((self.process.returncode, output, errors), (0, "bye\n", ""), "end on Ctrl-C")
            try:
                while idle.recv(4096):
                    pass
            except ConnectionError:
                pass  # closed with our bytes unread

    def ask(self, *pieces):
        """Sends the pieces over one connection and gives all that comes back until the server closes it."""
        with socket.create_connection(self.address, PATIENCE) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in pieces:
                connection.sendall(piece)
            return receive_all(connection)


def receive_all(connection):
    received = bytearray()
    while data := connection.recv(65536):
        received += data
    return bytes(received)


def echo():
    with Server("echo_server") as server:
        port = str(server.address[1])
        check_equal(run("echo_client", "--port", port), "hello\n", "default text")
        texts = ["one", "two words", "x" * 20000, "four"]
        check_equal(run("echo_client", "--port", port, *texts), "".join(t + "\n" for t in texts), "texts")

        message = os.urandom(100_000)
        with socket.create_connection(server.address, PATIENCE) as connection:
            for _ in range(20):
                connection.sendall(message)
                received = bytearray()
                while len(received) < len(message):
                    data = connection.recv(65536)
                    check(data, "the server has closed the connection")
                    received += data
                check(received == message, "a message comes back changed")
            connection.shutdown(socket.SHUT_WR)
            check_equal(connection.recv(1), b"", "after the end")

    refused = subprocess.run([*launcher, programs["echo_client"], "--port", port], capture_output=True, text=True,
                             stdin=subprocess.DEVNULL, timeout=PATIENCE)
    check(refused.returncode == 1 and refused.stderr.startswith("echo_client: "),
          "without a server:", refused.returncode, refused.stdout, refused.stderr)


def gather_files():
    def line(path):
        content = pathlib.Path(path).read_bytes()
        checksum = 0
        for byte in content:
            checksum = (checksum * 31 + byte) & 0xFFFFFFFF
        return f"{checksum:08x} {len(content):10} {path}\n"

    sources = sorted(str(p) for p in pathlib.Path("samples").iterdir() if p.is_file())
    with tempfile.TemporaryDirectory() as scratch:
        scratch = os.path.relpath(scratch)  # on Windows an argument with a slash in front is an option
        empty, big = f"{scratch}/empty", f"{scratch}/big"
        pathlib.Path(empty).touch()
        pathlib.Path(big).write_bytes(os.urandom(300_001))
        paths = ["LICENSE", empty, *sources, big, "README.md"]
        check_equal(run("gather_files", *paths), "".join(line(p) for p in paths), "summaries")

        missing = subprocess.run([*launcher, programs["gather_files"], "LICENSE", f"{scratch}/none"],
                                 capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE)
        check(missing.returncode == 1 and not missing.stdout and missing.stderr.startswith("gather_files: "),
              "a missing file:", missing.returncode, missing.stdout, missing.stderr)


def sleep_sort():
    check_equal(run("sleep_sort"), "10 20 30 \n", "default numbers")
    numbers = [47, 3, 120, 0, 81, 5, 46, 3, 99, 1, *range(60, 20, -2)]
    start = time.monotonic()
    check_equal(run("sleep_sort", *map(str, numbers)).split(), [str(n) for n in sorted(numbers)], "numbers")
    if ENGINE != "sim":  # where time is simulated, and takes none
        check(time.monotonic() - start >= max(numbers) / 1000, "sleepers wake early")


def outage():
    check_equal(run("outage"), "a thousand outages of six hours, and an answer after each\n", "output")


def http_hello():
    body = b"Hello, libasync"
    head = b"HTTP/1.1 200 OK\r\nServer: libasync\r\nContent-Type: text/plain\r\nContent-Length: 15\r\n\r\n"
    refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    get = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

    with Server("http_hello") as server:
        url = f"http://127.0.0.1:{server.address[1]}/"
        curl = subprocess.run(["curl", "-sS", "--noproxy", "*", "--max-time", str(PATIENCE),
                               "-w", " %{http_code} %{num_connects}\n", url, url + "again"],
                              capture_output=True, text=True, timeout=2 * PATIENCE)
        check_equal((curl.stdout, curl.stderr), ("Hello, libasync 200 1\nHello, libasync 200 0\n", ""), "curl")

        check_equal(server.ask(get + get + last), (head + body) * 3, "pipelined requests")
        check_equal(server.ask(get * 200 + last), (head + body) * 201, "many pipelined requests")
        check_equal(server.ask(*(last[i:i + 1] for i in range(len(last)))), head + body, "a request in single bytes")
        check_equal(server.ask(b"NONSENSE\r\n\r\n"), refusal, "a garbage request")
        check_equal(server.ask(bytes(range(256)) + b"\r\n\r\n"), refusal, "a binary request")
        check_equal(server.ask(get + b"NONSENSE\r\n\r\n"), head + body + refusal, "garbage after a request")

        def with_head(size, end):
            return b"GET / HTTP/1.1\r\nConnection: close\r\nX: ".ljust(size, b"x") + end

        check_equal(server.ask(with_head(8 * 1024, b"")), refusal, "a head that does not end")
        check_equal(server.ask(with_head(8 * 1024 - 4, b"\r\n\r\n")), head + body, "the biggest head")


def crawler():
    check_equal(run("crawler"), "200 pages, at most 5 at a time\n", "default site")
    check_equal(run("crawler", "--pages", "1"), "1 pages, at most 1 at a time\n", "one page")
    check_equal(run("crawler", "--pages", "500", "--at-a-time", "1"), "500 pages, at most 1 at a time\n", "one at a time")


def producer_consumer():
    check_equal(run("producer_consumer"), "168 primes below 1000, their sum is 76127\n", "default")
    for options in [], ["--producers", "1", "--workers", "1"], ["--producers", "20", "--workers", "3"]:
        check_equal(run("producer_consumer", "10000", *options), "1229 primes below 10000, their sum is 5736396\n", options)
    check_equal(run("producer_consumer", "0"), "0 primes below 0, their sum is 0\n", "nothing to do")


def staggered_retry():
    check_equal(run("staggered_retry"), "asking the closed one\nasking the silent one\nasking the friendly one\n"
                                        "the answer is hello\n", "output")


def graceful_stop():
    def stop(patience):
        """Ctrl-C with one client in the middle of something; gives its connection, and what the server says."""
        server = subprocess.Popen([*launcher, programs["graceful_stop"], "--port", "0", "--patience", str(patience)],
                                  text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            address = re.search(r" on (127\.0\.0\.1):(\d+), ", server.stdout.readline()).groups()
            check("try:" in server.stdout.readline(), "no hint at how to try it")
            client = socket.create_connection(address, PATIENCE)
            client.sendall(b"first")
            check_equal(client.recv(100), b"first", "echo")
            server.send_signal(signal.SIGINT)
            check_equal(server.stdout.readline(), "no new clients\n", "on Ctrl-C")
            return server, address, client
        except BaseException:
            server.kill()
            raise

    server, address, client = stop(patience=PATIENCE * 1000)
    with client:
        try:
            late = socket.create_connection(address, PATIENCE)
        except ConnectionRefusedError:
            pass
        else:
            late.close()
            check(False, "a new client is accepted after Ctrl-C")
        client.sendall(b"second")
        check_equal(client.recv(100), b"second", "echo after Ctrl-C")
    output, errors = server.communicate(timeout=PATIENCE)
    check_equal((server.returncode, output, errors), (0, "all have finished\nbye\n", ""), "with a client that finishes")

    server, address, client = stop(patience=50)
    with client:
        check_equal(client.recv(100), b"", "when the time is up")
    output, errors = server.communicate(timeout=PATIENCE)
    check_equal((server.returncode, output, errors), (0, "the others were cancelled\nbye\n", ""), "with one that does not")


def workers():
    with Server("workers", "--workers", "3") as server:
        check("3 workers" in server.greeting, "greeting:", server.greeting)
        for i in range(60):
            with socket.create_connection(server.address, PATIENCE) as connection:
                message = f"message {i}".encode()
                connection.sendall(message)
                check_equal(connection.recv(100), message, "echo")


def tls_echo():
    with tempfile.TemporaryDirectory() as scratch:
        certificate, key = f"{scratch}/cert.pem", f"{scratch}/key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                       check=True, capture_output=True, timeout=PATIENCE)
        server = subprocess.Popen([*launcher, programs["tls_echo"], "serve", "--port", "0", "--certificate", certificate,
                                   "--key", key], text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        try:
            greeting = server.stdout.readline()
            port = re.search(rf"^TLS echo on 127\.0\.0\.1:(\d+), engine {ENGINE}$", greeting)[1]
            check("try:" in server.stdout.readline(), "no hint at how to try it")
            asked = run("tls_echo", "ask", "--port", port, "--ca", certificate, "well met")
            check_equal(asked, "TLSv1.3, CN=localhost\nwell met\n", "answer")
            refused = subprocess.run([*launcher, programs["tls_echo"], "ask", "--port", port], capture_output=True,
                                     text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE)
            check(refused.returncode == 1 and "certificate verify failed: self-signed certificate" in refused.stderr,
                  "without its issuer:", refused)
            check("alert" in server.stderr.readline(), "the server does not tell of a client that refused")
            server.send_signal(signal.SIGINT)
            output, errors = server.communicate(timeout=PATIENCE)
            check_equal((server.returncode, output, errors), (0, "bye\n", ""), "end on Ctrl-C")
        finally:
            server.kill()
            server.communicate()


def udp_echo():
    server = subprocess.Popen([*launcher, programs["udp_echo"], "serve", "--port", "0"], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        greeting = server.stdout.readline()
        port = re.search(rf"^UDP echo on 127\.0\.0\.1:(\d+), engine {ENGINE}$", greeting)[1]
        check("try:" in server.stdout.readline(), "no hint at how to try it")
        check_equal(run("udp_echo", "ask", "--port", port, "well met"), "well met\n", "answer")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE)
            client.connect(("127.0.0.1", int(port)))
            for message in b"one", b"", os.urandom(60_000):
                client.send(message)
                check_equal(client.recv(65536), message, "echo")
        server.send_signal(signal.SIGINT)
        output, errors = server.communicate(timeout=PATIENCE)
        check_equal((server.returncode, output, errors), (0, "bye\n", ""), "end on Ctrl-C")
        refused = subprocess.run([*launcher, programs["udp_echo"], "ask", "--port", port], capture_output=True,
                                 text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE)
        check(refused.returncode == 1 and refused.stderr.startswith("udp_echo: "), "without a server:", refused)
    finally:
        server.kill()
        server.communicate()


def main():
    arguments = sys.argv[2:]
    if "--" in arguments:
        launcher[:] = arguments[arguments.index("--") + 1:]
        arguments = arguments[:arguments.index("--")]
    programs.update((pathlib.Path(p).stem, p) for p in arguments)

    if ENGINE == "uring":
        libc = ctypes.CDLL(None, use_errno=True)
        ring = libc.syscall(425, 1, ctypes.create_string_buffer(120))  # io_uring_setup
        if ring < 0:
            print("skipped: io_uring_setup:", os.strerror(ctypes.get_errno()))
            sys.exit(77)
        os.close(ring)

    # A shell's background job ignores SIGINT and hands that down; a user's terminal does not.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    samples = {sample.__name__: sample for sample in (
        echo, gather_files, sleep_sort, http_hello, outage, crawler, producer_consumer, staggered_retry, graceful_stop,
        workers, tls_echo, udp_echo)}
    samples[sys.argv[1]]()


main()
