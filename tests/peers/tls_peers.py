#!/usr/bin/env python3
"""tls_peers.py TLS_PEER: TLS between this library and other programs: openssl s_client and s_server, Python's ssl.

LIBASYNC_ENGINE tells on which engine the program runs. Exit code 77 (skipped) where the kernel refuses io_uring.
"""
import asyncio
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile

from common import PATIENCE, Program, check, refused_uring

peer_program = ""
where = pathlib.Path()


def openssl(*arguments, text=None):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, input=text,
                          timeout=PATIENCE, cwd=where)
    check(done.returncode == 0, "openssl", arguments, done.stderr)


def make_authority(name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem",
            "-addext", "basicConstraints=critical,CA:TRUE")


def issue(name, subject, issuer="root", names="DNS:localhost,IP:127.0.0.1", days="2"):
    """name.pem and name.key."""
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={subject}",
            "-keyout", f"{name}.key", "-out", f"{name}.csr")
    (where / f"{name}.ext").write_text(f"subjectAltName={names}\n")
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key", "-days", days,
            "-extfile", f"{name}.ext", "-out", f"{name}.pem")


def make_certificates():
    make_authority("root")
    make_authority("stranger")
    issue("server", "localhost")
    issue("other", "other", names="DNS:example.org")
    issue("address", "address", names="IP:127.0.0.1")
    issue("unknown", "localhost", issuer="stranger")
    issue("client", "client")
    issue("alien", "alien", issuer="stranger")
    issue("expired", "localhost", days="-1")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "self.key",
            "-out", "self.pem")


class OurServer(Program):
    def __init__(self, certificate="server", **options):
        super().__init__(peer_program, "serve", f"{certificate}.pem", f"{certificate}.key",
                         *(f"{k}={v}" for k, v in options.items()), where=where)
        self.port = int(self.line())


def s_server(certificate="server", *options):
    program = Program("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", f"{certificate}.pem",
                      "-key", f"{certificate}.key", "-rev", *options, where=where)
    program.port = int(program.line(r"ACCEPT .*:(\d+)$")[1])
    return program


def s_client(port, *options, text="hello\n"):
    """What the program prints; the server's answer is in it."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost",
                           "-CAfile", "root.pem", "-verify_return_error", "-ign_eof", *options],
                          input=text, capture_output=True, text=True, timeout=PATIENCE, cwd=where)
    return done.returncode, done.stdout + done.stderr


def connect(name, port, **options):
    """The lines that our client tells, one for each connection."""
    options.setdefault("ca", "root.pem")
    done = subprocess.run([peer_program, "connect", name, str(port), *(f"{k}={v}" for k, v in options.items())],
                          capture_output=True, text=True, timeout=PATIENCE, cwd=where)
    check(done.returncode == 0 and not done.stderr, "our client:", done)
    return done.stdout.splitlines()


def check_line(line, *parts):
    for part in parts:
        check(part in line, f"{part!r} is missing in {line!r}")


def our_server_and_s_client():
    with OurServer() as server:
        for version, name in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
            code, output = s_client(server.port, version)
            check(code == 0 and "hello" in output and "Verify return code: 0 (ok)" in output, output)
            check_line(server.line(), f"ok version={name}", "text=hello")
        for options in (["-verify_hostname", "localhost"], ["-verify_ip", "127.0.0.1"]):
            check(s_client(server.port, *options)[0] == 0, options)
            check_line(server.line(), "ok")
        check(s_client(server.port, "-verify_hostname", "elsewhere")[0] != 0, "another name")
        check_line(server.line(), "error", "alert")
        code, output = s_client(server.port, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        check(code != 0, "TLS 1.1 is spoken")
        check_line(server.line(), "error TLS with", "unsupported protocol")
    with OurServer(min="1.3") as server:
        check(s_client(server.port, "-tls1_2")[0] != 0, "TLS 1.2 where 1.3 is wanted")
        check_line(server.line(), "error", "unsupported protocol")


def our_server_and_alpn():
    with OurServer(alpn="h2,http/1.1") as server:
        _, output = s_client(server.port, "-alpn", "http/1.1,h2")
        check("ALPN protocol: h2" in output, output)
        check_line(server.line(), "alpn=h2")
        code, output = s_client(server.port, "-alpn", "gopher")
        check(code != 0 and "no application protocol" in output, output)
        check_line(server.line(), "error")


def our_server_and_client_certificates():
    mine = ["-cert", "client.pem", "-key", "client.key"]
    alien = ["-cert", "alien.pem", "-key", "alien.key"]
    for version in ("-tls1_2", "-tls1_3"):
        with OurServer(clients="required", ca="root.pem") as server:
            check(s_client(server.port, version, *mine)[0] == 0, "with a certificate")
            check_line(server.line(), "peer=CN=client", "text=hello")
            _, output = s_client(server.port, version)
            check("alert" in output, output)
            check_line(server.line(), "error", "peer did not return a certificate")
            s_client(server.port, version, *alien)
            check_line(server.line(), "error", "certificate verify failed")
        with OurServer(clients="optional", ca="root.pem") as server:
            check(s_client(server.port, version)[0] == 0, "without a certificate")
            check_line(server.line(), "ok", "peer= ")


def our_server_and_resumption():
    with OurServer() as server:
        for version in ("-tls1_2", "-tls1_3"):
            check(s_client(server.port, version, "-sess_out", "session.pem")[0] == 0, "first")
            check_line(server.line(), "reused=no")
            _, output = s_client(server.port, version, "-sess_in", "session.pem")
            check("Reused, TLS" in output, output)
            check_line(server.line(), "reused=yes")


def our_client_and_s_server():
    for version, name in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
        with s_server("server", version) as server:
            for host in ("localhost", "127.0.0.1"):
                check_line(connect(host, server.port)[0], f"ok version={name}", "peer=CN=localhost", "text=olleh")
            lines = connect("localhost", server.port, times=3)
            check(["reused=yes" in line for line in lines] == [False, True, True], lines)
    with s_server("server", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0") as server:
        check_line(connect("localhost", server.port)[0], "error TLS with localhost: ")
    with s_server("server", "-tls1_2") as server:
        check_line(connect("localhost", server.port, min="1.3")[0], "error TLS with localhost: ")


def our_client_and_bad_certificates():
    cases = [("other", "localhost", "hostname mismatch for localhost"),
             ("other", "127.0.0.1", "IP address mismatch for 127.0.0.1"),
             ("expired", "localhost", "certificate has expired"),
             ("self", "localhost", "self-signed certificate"),
             ("unknown", "localhost", "unable to get local issuer certificate")]
    for certificate, host, reason in cases:
        with s_server(certificate) as server:
            check_line(connect(host, server.port)[0], f"error TLS with {host}: certificate verify failed: {reason}")
    with s_server("address") as server:
        check_line(connect("127.0.0.1", server.port)[0], "ok")
        check_line(connect("localhost", server.port)[0], "hostname mismatch")
    with s_server("unknown", "-cert_chain", "stranger.pem") as server:
        check_line(connect("localhost", server.port)[0], "self-signed certificate in certificate chain")
        check_line(connect("localhost", server.port, ca="stranger.pem")[0], "ok")


def our_client_and_alpn():
    with s_server("server", "-alpn", "h2,http/1.1") as server:
        check_line(connect("localhost", server.port, alpn="http/1.1")[0], "alpn=http/1.1", "text=olleh")


def our_client_and_its_certificate():
    for version in ("1.2", "1.3"):
        options = ["-Verify", "3", "-verify_return_error", "-CAfile", "root.pem"]
        with s_server("server", *options) as server:
            check_line(connect("localhost", server.port, cert="client.pem", key="client.key", max=version)[0], "ok")
            check_line(connect("localhost", server.port, max=version)[0], "error", "alert")
            check_line(connect("localhost", server.port, cert="alien.pem", key="alien.key", max=version)[0],
                       "error", "alert")


async def python_client(port):
    context = ssl.create_default_context(cafile=str(where / "root.pem"))
    context.set_alpn_protocols(["h2"])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    check(writer.get_extra_info("ssl_object").version() == "TLSv1.3", "version")
    check(writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2", "protocol")
    line = b"x" * 300_000 + b"\n"
    writer.write(line)
    await writer.drain()
    check(await reader.read(-1) == line, "the same line comes back, and then the end")
    writer.close()
    await writer.wait_closed()


def python_and_our_server():
    with OurServer(alpn="h2") as server:
        asyncio.run(asyncio.wait_for(python_client(server.port), PATIENCE))
        check_line(server.line(), "ok version=TLSv1.3 alpn=h2", "text=xxxx")


async def python_server():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(where / "server.pem", where / "server.key")

    async def echo(reader, writer):
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        lines = await asyncio.to_thread(connect, "localhost", port, times=2)
    check_line(lines[0], "ok version=TLSv1.3", "reused=no", "text=hello")
    check_line(lines[1], "reused=yes", "text=hello")


def python_and_our_client():
    asyncio.run(asyncio.wait_for(python_server(), PATIENCE))


def main():
    global peer_program, where
    if refused_uring():
        return 77
    peer_program = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        where = pathlib.Path(scratch)
        make_certificates()
        for part in (our_server_and_s_client, our_server_and_alpn, our_server_and_client_certificates,
                     our_server_and_resumption, our_client_and_s_server, our_client_and_bad_certificates,
                     our_client_and_alpn, our_client_and_its_certificate, python_and_our_server,
                     python_and_our_client):
            part()
            print("passed:", part.__name__.replace("_", " "), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
