"""What the programs share that talk to peers: checks, and peers that are started, read line by line, and ended."""
import ctypes
import os
import re
import subprocess
import threading

PATIENCE = 60  # seconds until something that must happen counts as lost


def check(condition, *what):
    if not condition:
        raise AssertionError(" ".join(str(w) for w in what))


def check_equal(found, expected, what):
    check(found == expected, f"{what}:\n  found    {found!r:.2000}\n  expected {expected!r:.2000}")


class Program:
    """Started, read line by line, and ended by its id."""

    def __init__(self, *command, where=None):
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, cwd=where)
        self.seen = []
        self.watchdog = threading.Timer(PATIENCE, self.process.kill)
        self.watchdog.daemon = True
        self.watchdog.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.watchdog.cancel()
        self.process.kill()
        self.process.communicate()

    def line(self, pattern="."):
        for text in self.process.stdout:
            self.seen.append(text)
            found = re.search(pattern, text)
            if found:
                return found if found.groups() else text.rstrip("\n")
        check(False, self.process.args, "says nothing like", pattern, "but", "".join(self.seen))

    def say(self, text):
        self.process.stdin.write(text)
        self.process.stdin.flush()


def refused_uring():
    if os.environ.get("LIBASYNC_ENGINE") != "uring":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    ring = libc.syscall(425, 1, ctypes.create_string_buffer(120))
    if ring >= 0:
        os.close(ring)
    return ring < 0
