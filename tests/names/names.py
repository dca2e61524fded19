#!/usr/bin/env python3
"""names.py PROGRAM: resolve against a server of names that this script is, in a network namespace of its own.

There the server has port 53 of the loopback, and /etc/resolv.conf names it. Exit code 77 (skipped) where the system
gives no such namespace.
"""
import os
import socket
import struct
import subprocess
import sys
import threading
import time

PATIENCE = 60  # seconds until something that must happen counts as lost
RESOLV_CONF = "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n"
A, AAAA = 1, 28
NO_ERROR, SERVER_FAILURE, NO_SUCH_NAME = 0, 2, 3

asked = {}  # how often for each name and type


def answer(question, kind):
    """The code and the addresses for a question; None for silence."""
    if question == "silent.test":
        return None
    if question == "both.test":
        return NO_ERROR, ["192.0.2.1"] if kind == A else ["2001:db8::1"]
    if question == "empty.test":
        return NO_ERROR, []
    if question == "broken.test":
        return SERVER_FAILURE, []
    if question == "large.test":
        return NO_ERROR, [f"192.0.2.{i}" for i in range(1, 21)] if kind == A else []
    if question == "one.test" or question.endswith(".many.test"):
        return NO_ERROR, ["192.0.2.1"] if kind == A else []
    return NO_SUCH_NAME, []


def reply_to(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    question, (kind,) = ".".join(labels), struct.unpack_from("!H", query, at + 1)
    asked[question, kind] = asked.get((question, kind), 0) + 1
    known = answer(question, kind)
    if known is None:
        return None
    code, addresses = known
    family = socket.AF_INET if kind == A else socket.AF_INET6
    records = [socket.inet_pton(family, a) for a in addresses]
    head = query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(records), 0, 0)
    return head + query[12:at + 5] + b"".join(
        struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(r)) + r for r in records)


def serve(server):
    while True:
        query, client = server.recvfrom(4096)
        reply = reply_to(query)
        if reply:
            server.sendto(reply, client)


def check(program, tasks, expected):
    began = time.monotonic()
    done = subprocess.run([program, *tasks], capture_output=True, text=True, timeout=PATIENCE)
    took = time.monotonic() - began
    found = done.stdout.splitlines()
    if done.returncode != 0 or done.stderr or found != expected:
        sys.exit(f"{tasks}: exit code {done.returncode}\n  found    {found}\n  expected {expected}\n{done.stderr}")
    return took


def test(program):
    done = subprocess.run([program, "all:both.test"], capture_output=True, text=True, timeout=PATIENCE)
    if sorted(done.stdout.split()[1:]) != ["192.0.2.1:80", "[2001:db8::1]:80"]:
        sys.exit(f"both.test: {done.stdout}{done.stderr}")
    check(program, ["all:one.test", "all:nobody.test", "all:empty.test", "all:broken.test"],
          ["one.test: 192.0.2.1:80", "nobody.test: Name or service not known",
           "empty.test: No address associated with the name", "broken.test: Temporary failure in name resolution"])
    asked.clear()
    check(program, ["same:one.test", "same:one.test"], ["one.test: 10 right, 1 new threads at most",
                                                         "one.test: 10 right, 0 new threads at most"])
    if asked != {("one.test", A): 1, ("one.test", AAAA): 1}:
        sys.exit(f"twenty tasks have asked {asked}")
    check(program, ["many:many.test"], ["many.test: 1000 right, 4 new threads at most"])
    took = check(program, ["leave:silent.test", "all:one.test"], ["silent.test: left", "one.test: 192.0.2.1:80"])
    if took > 25:
        sys.exit(f"who leaves a look-up, and ends, has waited for it: {took:.0f} s")


def main():
    program = sys.argv[1]
    if os.environ.get("LIBASYNC_NAMES_INSIDE") is None:
        inside = [sys.executable, __file__, program]
        tried = subprocess.run(["unshare", "-rmn", "true"], capture_output=True, text=True)
        if tried.returncode != 0:
            print("skipped: no namespaces here:", tried.stderr.strip())
            return 77
        environment = dict(os.environ, LIBASYNC_NAMES_INSIDE="1")
        return subprocess.run(["unshare", "-rmn", *inside], env=environment, timeout=4 * PATIENCE).returncode
    conf = f"/tmp/libasync-resolv-{os.getpid()}"
    with open(conf, "w") as text:
        text.write(RESOLV_CONF)
    try:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        subprocess.run(["mount", "--bind", conf, "/etc/resolv.conf"], check=True)
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 53))
    except (OSError, subprocess.CalledProcessError) as e:
        print("skipped: this namespace cannot be set up:", e)
        return 77
    finally:
        os.unlink(conf)
    threading.Thread(target=serve, args=(server,), daemon=True).start()
    test(program)
    return 0


sys.exit(main())
