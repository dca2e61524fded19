#!/usr/bin/env python3
"""net_peers.py NET_PEER: streams, datagrams and servers of this library with other programs at the other end: curl,
nginx in front, socat, Python's asyncio.

LIBASYNC_ENGINE tells on which engine the program runs. Exit code 77 (skipped) where the kernel refuses io_uring. What
a machine does not have is left out, and said so.
"""
import asyncio
import glob
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from common import PATIENCE, Program, check, check_equal, refused_uring

peer_program = ""
where = pathlib.Path()


class OurServer(Program):
    def __init__(self, kind, *arguments):
        super().__init__(peer_program, kind, *arguments, where=where)
        first = self.line()
        self.port = int(first) if first.isdecimal() else None


def letters(count):
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    return (alphabet * (count // 26 + 1))[:count]


def wait_until(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        check(time.monotonic() < end, "in vain waited for", what)
        time.sleep(0.01)


# curl


def curl(*arguments, **options):
    done = subprocess.run(["curl", "-sS", "--noproxy", "*", "--max-time", str(PATIENCE), *map(str, arguments)],
                          capture_output=True, text=True, timeout=2 * PATIENCE, cwd=where, **options)
    check(done.returncode == 0 and not done.stderr, "curl", arguments, done.returncode, done.stderr)
    return done.stdout


def ask_with_curl(base):
    tell = ("-w", " %{http_code} %{num_connects}\n")
    answers = curl(*tell, *(f"{base}/{n}" for n in range(60)))
    expected = "".join(f"{letters(n)} 200 {int(n == 0)}\n" for n in range(60))
    check_equal(answers, expected, "sixty requests over one connection")
    check_equal(curl(f"{base}/5000000"), letters(5_000_000), "a large answer")
    head = curl("-I", f"{base}/1234", "--next", "-sS", "--noproxy", "*", *tell, f"{base}/3")
    check("Content-Length: 1234\n" in head, head)  # read as text, which has other ends of lines
    check(head.endswith("abc 200 0\n"), "after the answer to HEAD the connection goes on:", head)
    body = where / "body"
    body.write_bytes(os.urandom(3_000_000))
    curl("--data-binary", "@body", "-o", "back", f"{base}/")
    check((where / "back").read_bytes() == body.read_bytes(), "a large body comes back")
    curl("-H", "Connection: close", *tell, f"{base}/1", f"{base}/1")


def our_http_server_and_curl():
    with OurServer("http") as server:
        base = f"http://127.0.0.1:{server.port}"
        ask_with_curl(base)
        many = curl("--parallel", "--parallel-max", "40", "--stderr", "progress", f"{base}/[20000-20199]")
        check_equal(len(many), sum(range(20_000, 20_200)), "two hundred answers, forty at a time")


# nginx


class Nginx(Program):
    """In the foreground, with everything that is its own in a directory. Ports are free ones."""

    def __init__(self, stream_to, http_to):
        self.stream_port, self.http_port = free_ports(2)
        (where / "nginx").mkdir()
        modules = "".join(f"load_module {path};\n" for path in glob.glob("/usr/lib/nginx/modules/ngx_stream_module.so"))
        temporary = "".join(f"{kind}_temp_path {where}/nginx/{kind};\n"
                            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (where / "nginx.conf").write_text(f"""{modules}
daemon off; master_process off; pid {where}/nginx/pid; error_log stderr warn;
events {{ }}
stream {{
    server {{ listen 127.0.0.1:{self.stream_port}; proxy_pass 127.0.0.1:{stream_to}; proxy_protocol on;
              proxy_half_close on; }}
}}
http {{
    {temporary} access_log off; client_max_body_size 0;
    upstream ours {{ server 127.0.0.1:{http_to}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{self.http_port};
        location / {{ proxy_pass http://ours; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
}}
""")
        super().__init__(nginx_program(), "-p", where / "nginx", "-c", where / "nginx.conf", "-e", "stderr")
        wait_until(self.listens, "nginx")

    def listens(self):
        if self.process.poll() is not None:
            check(False, "nginx does not start:", self.process.stdout.read())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.http_port)) == 0


def nginx_program():
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")


def free_ports(count):
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def ask_through(port, source):
    """What the server says of us, and whether it sends back what it gets."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE, source_address=(source, 0)) as client:
        ours = "%s:%d" % client.getsockname()
        file = client.makefile("rwb")
        who = file.readline().decode()
        message = os.urandom(100_000)
        file.write(message)
        file.flush()
        client.shutdown(socket.SHUT_WR)
        check(file.read() == message, "what goes through the proxy comes back")
    return ours, who


def nginx_in_front():
    with OurServer("proxied") as server, OurServer("http") as http, Nginx(server.port, http.port) as nginx:
        for source in ("127.0.0.1", "127.0.0.2", "127.0.0.77"):
            ours, who = ask_through(nginx.stream_port, source)
            check_equal(who, f"client {ours} to 127.0.0.1:{nginx.stream_port} by 127.0.0.1\n", "who the client is")
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            try:
                check_equal(client.recv(100), b"", "without a header")
            except ConnectionResetError:
                pass
        ask_with_curl(f"http://127.0.0.1:{nginx.http_port}")


# socat


def socat(*arguments, text=""):
    done = subprocess.run(["socat", "-t", str(PATIENCE), *arguments], input=text, capture_output=True, text=True,
                          timeout=PATIENCE, cwd=where)
    check(done.returncode == 0 and not done.stderr, "socat", arguments, done.stderr)
    return done.stdout


def our_unix_server_and_socat():
    for name, address in ((where / "ours", f"UNIX-CONNECT:{where}/ours"),
                          (f"@libasync-{os.getpid()}", f"ABSTRACT-CONNECT:libasync-{os.getpid()}")):
        with OurServer("unix", name):
            for text in ("hello\n", "", letters(2_000_000)):
                check_equal(socat("-", address, text=text), text, f"over {address}")


def socat_and_our_unix_client():
    theirs = where / "theirs"
    with Program("socat", "-t", PATIENCE, f"UNIX-LISTEN:{theirs},fork", "EXEC:cat"):
        wait_until(theirs.exists, "socat")
        for text in ("hello\n", letters(2_000_000)):
            done = subprocess.run([peer_program, "ask-unix", theirs], input=text, capture_output=True, text=True,
                                  timeout=PATIENCE)
            check_equal((done.returncode, done.stdout, done.stderr), (0, text, ""), "from socat")


def our_udp_server_and_socat():
    with OurServer("udp") as server:
        for kind in (f"UDP4:127.0.0.1:{server.port}", f"UDP4-DATAGRAM:127.0.0.1:{server.port},bind=127.0.0.1"):
            with Program("socat", "-u", "-", kind):  # one way only: nobody wants the answer
                pass
            with Program("socat", "-", kind) as client:
                for text in ("one", "two words", letters(1300)):
                    client.say(text + "\n")
                    check_equal(client.line(), text, f"over {kind}")


def socat_and_our_udp_client():
    port, = free_ports(1)
    texts = ["one", "two words", letters(1300)]
    ours = subprocess.Popen([peer_program, "ask-udp", str(port), *texts], stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(0.05)  # so that it may be refused at first
        with Program("socat", f"UDP4-RECVFROM:{port},bind=127.0.0.1,fork", "EXEC:cat"):
            output, _ = ours.communicate(timeout=PATIENCE)
    finally:
        ours.kill()
        ours.wait()
    check_equal((ours.returncode, output), (0, "".join(text + "\n" for text in texts)), "from socat")


# Python's asyncio


async def python_client(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    for number, text in enumerate((b"one", b"", b"x" * 300_000, "vier \u2603".encode()), 1):
        writer.write(text + b"\n")
        await writer.drain()
        check_equal(await reader.readline(), b"%d %s\n" % (number, text), "a numbered line")
    writer.writelines([b"a\nb\n", b"c\nwithout an end"])
    writer.write_eof()
    check_equal(await reader.readexactly(10), b"5 a\n6 b\n7 ", "lines in one piece")
    check_equal(await reader.readuntil(b"end"), b"c\n8 without an end", "the last one has no end")
    check_equal(await reader.read(), b"8 lines\n", "after the half close")
    check(reader.at_eof(), "the end")
    writer.close()
    await writer.wait_closed()


async def many_python_clients(port):
    _, rude = await asyncio.open_connection("127.0.0.1", port)
    rude.write(b"half a line")
    await rude.drain()
    rude.transport.abort()
    await asyncio.gather(*(python_client(port) for _ in range(20)))


def our_server_and_python():
    with OurServer("lines") as server:
        asyncio.run(asyncio.wait_for(many_python_clients(server.port), PATIENCE))


async def python_server():
    seen = []

    async def answer(reader, writer):
        async for line in reader:
            seen.append(line)
            writer.write(line.upper())
            await writer.drain()
        writer.write(b"that was all\n")  # after the client's end
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        done = await asyncio.to_thread(subprocess.run, [peer_program, "ask-lines", str(port)], capture_output=True,
                                       text=True, timeout=PATIENCE)
    check_equal((done.returncode, done.stdout, done.stderr), (0, "ONE\nTWO WORDS\nTHREE\nthat was all\n", ""), "lines")
    check_equal(seen, [b"one\n", b"two words\n", b"three\n"], "what the server has seen")


def python_and_our_client():
    asyncio.run(asyncio.wait_for(python_server(), PATIENCE))


def main():
    global peer_program, where
    if refused_uring():
        return 77
    peer_program = os.path.abspath(sys.argv[1])
    parts = [(our_http_server_and_curl, shutil.which("curl")), (nginx_in_front, nginx_program()),
             (our_unix_server_and_socat, shutil.which("socat")), (socat_and_our_unix_client, shutil.which("socat")),
             (our_udp_server_and_socat, shutil.which("socat")), (socat_and_our_udp_client, shutil.which("socat")),
             (our_server_and_python, True), (python_and_our_client, True)]
    for part, there in parts:
        with tempfile.TemporaryDirectory() as scratch:
            where = pathlib.Path(scratch)
            if there:
                part()
        print("passed:" if there else "left out, the program is not there:", part.__name__.replace("_", " "), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
