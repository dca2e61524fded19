"""The questions of `bench/network`, and who answers them. A rival is one line: its role and its command.

In commands: `{bin}` programs, `{bench}` sources, `{port}`, `{path}` of a unix socket, `{tls}` certificate and key,
`{root}` directory of the file, `{nginx}` configuration; and what the case gives: `{mode}`, `{sink}`, `{work}`, `{size}`.
"""
from dataclasses import dataclass, field

PYTHON = "{python} {bench}/peers/"
GIB = float(1 << 30)
READING = ("libasync read_some",)
FILE = "file.bin"
FILE_BYTES = 1 << 30


@dataclass
class Case:
    load: str  # options of the generator
    places: dict = field(default_factory=dict)  # for the commands of the servers
    without: tuple = ()  # rivals that have no other way here than one that takes part already


@dataclass
class Table:
    title: str
    generator: str
    cases: dict
    rivals: dict
    unit: str = "messages"
    size: float = 1  # what the generator counts, for one unit
    reached_by: str = "tcp"
    shared: bool = False  # server and generator share all cores, and are scheduled as usual
    base: str = ""  # the rival that the others are compared with; else the best limit


UNIX = Table(
    "Echo over unix sockets", "{bin}/echo_load --path {path}",
    {"50 connections, 64 B": Case("--connections 50 --size 64"),
     "50 connections, 16 KiB": Case("--connections 50 --size 16384")},
    {"epoll": ("limit", "{bin}/epoll_echo --path {path}"),
     "uring": ("limit", "{bin}/uring_echo --path {path} --buffers 64 --buffer-size 16384"),
     "libasync read": ("ours", "{bin}/libasync_echo --path {path} --mode read"),
     "libasync read_some": ("ours", "{bin}/libasync_echo --path {path} --mode read_some"),
     "libasync read, asio": ("ours", "env LIBASYNC_ENGINE=asio {bin}/libasync_echo --path {path} --mode read"),
     "libuv": ("peer", "{bin}/libuv_pipe --path {path}"),
     "asio callbacks": ("peer", "{bin}/asio_unix --path {path}"),
     "asio awaitable": ("peer", "{bin}/asio_unix --path {path} --style awaitable"),
     "go net": ("peer", "{bin}/go_peer echo --path {path}"),
     "uvloop protocol": ("peer", PYTHON + "echo.py --path {path} --loop uvloop --style protocol"),
     "asyncio streams": ("peer", PYTHON + "echo.py --path {path} --loop asyncio --style streams")},
    reached_by="unix")

TLS = Table(
    "Echo over TLS 1.3, TLS_AES_128_GCM_SHA256", "{bin}/echo_load --port {port} --tls",
    {"50 connections, 64 B": Case("--connections 50 --size 64"),
     "50 connections, 16 KiB": Case("--connections 50 --size 16384")},
    {"bare OpenSSL, epoll": ("limit", "{bin}/bare_tls --port {port} {tls}"),
     "libasync read": ("ours", "{bin}/libasync_tls --port {port} {tls} --mode read"),
     "libasync read_some": ("ours", "{bin}/libasync_tls --port {port} {tls} --mode read_some"),
     "asio awaitable": ("peer", "{bin}/asio_tls --port {port} {tls}"),
     "go crypto/tls": ("peer", "{bin}/go_peer tls --port {port} {tls}"),
     "uvloop protocol": ("peer", PYTHON + "echo.py --port {port} {tls} --loop uvloop --style protocol"),
     "asyncio streams": ("peer", PYTHON + "echo.py --port {port} {tls} --loop asyncio --style streams")})

BULK = Table(
    "Bulk throughput, blocks of 64 KiB", "{bin}/net_load --port {port}",
    {"1 connection, the server reads": Case("--kind send --connections 1", {"mode": "sink"}),
     "100 connections, the server reads": Case("--kind send --connections 100", {"mode": "sink"}),
     "1 connection, the server writes": Case("--kind receive --connections 1", {"mode": "source"}, READING),
     "100 connections, the server writes": Case("--kind receive --connections 100", {"mode": "source"}, READING)},
    {"epoll": ("limit", "{bin}/bare_bulk --port {port} --mode {mode}"),
     "libasync": ("ours", "{bin}/libasync_bulk --port {port} --mode {mode}"),
     "libasync read_some": ("ours", "{bin}/libasync_bulk --port {port} --mode {mode}_some"),
     "libuv": ("peer", "{bin}/libuv_bulk --port {port} --mode {mode}"),
     "asio awaitable": ("peer", "{bin}/asio_bulk --port {port} --mode {mode}"),
     "go net": ("peer", "{bin}/go_peer {mode} --port {port}"),
     "uvloop protocol": ("peer", PYTHON + "transfer.py --port {port} --mode {mode} --loop uvloop"),
     "asyncio protocol": ("peer", PYTHON + "transfer.py --port {port} --mode {mode} --loop asyncio")},
    unit="GiB", size=GIB)

ACCEPT = Table(
    "Short connections: connect, one byte there and back, close", "{bin}/net_load --port {port} --kind accept",
    {"50 open at a time": Case("--connections 50")},
    {"epoll": ("limit", "{bin}/epoll_echo --port {port}"),
     "uring": ("limit", "{bin}/uring_echo --port {port} --send direct"),
     "libasync tcp_listener": ("ours", "{bin}/libasync_echo --port {port} --mode read"),
     "libasync tcp_server": ("ours", "{bin}/libasync_echo --port {port} --mode server"),
     "libasync tcp_server, asio": ("ours", "env LIBASYNC_ENGINE=asio {bin}/libasync_echo --port {port} --mode server"),
     "libuv": ("peer", "{bin}/libuv_echo --port {port}"),
     "asio callbacks": ("peer", "{bin}/asio_echo --port {port}"),
     "asio awaitable": ("peer", "{bin}/asio_echo --port {port} --style awaitable"),
     "go net": ("peer", "{bin}/go_peer echo --port {port}"),
     "uvloop protocol": ("peer", PYTHON + "echo.py --port {port} --loop uvloop --style protocol"),
     "asyncio protocol": ("peer", PYTHON + "echo.py --port {port} --loop asyncio --style protocol"),
     "asyncio streams": ("peer", PYTHON + "echo.py --port {port} --loop asyncio --style streams")},
    unit="connections")

UDP = Table(
    "Datagrams of 64 B", "{bin}/net_load --port {port} --size 64",
    {"echo, 64 in flight": Case("--kind udp --connections 64", {"mode": "udp", "sink": ""}),
     "flood, the server only reads": Case("--kind flood", {"mode": "udp-sink", "sink": "--sink"})},
    {"recvmmsg, sendmmsg": ("limit", "{bin}/bare_udp --port {port} --mode many {sink}"),
     "recvfrom, sendto": ("limit", "{bin}/bare_udp --port {port} --mode one {sink}"),
     "libasync recv_many": ("ours", "{bin}/libasync_udp --port {port} --mode many {sink}"),
     "libasync recv_from": ("ours", "{bin}/libasync_udp --port {port} --mode one {sink}"),
     "asio awaitable": ("peer", "{bin}/asio_udp --port {port} {sink}"),
     "go net": ("peer", "{bin}/go_peer {mode} --port {port}"),
     "uvloop protocol": ("peer", PYTHON + "transfer.py --port {port} --mode {mode} --loop uvloop"),
     "asyncio protocol": ("peer", PYTHON + "transfer.py --port {port} --mode {mode} --loop asyncio")},
    unit="datagrams", reached_by="udp")

SEND_FILE = Table(
    "send_file of 1 GiB", "{bin}/net_load --port {port} --kind file --name " + FILE,
    {"1 download": Case("")},
    {"sendfile(2)": ("limit", "{bin}/bare_file --port {port} --root {root}"),
     "nginx": ("peer", "nginx -c {nginx}"),
     "libasync send_file": ("ours", "{bin}/libasync_file --port {port} --root {root}"),
     "libasync send_file, asio": ("ours", "env LIBASYNC_ENGINE=asio {bin}/libasync_file --port {port} --root {root}"),
     "go io.Copy": ("peer", "{bin}/go_peer file --port {port} --root {root}"),
     "asyncio sendfile": ("peer", PYTHON + "transfer.py --port {port} --mode file --root {root}")},
    unit="GiB", size=GIB)

WORKERS = Table(
    "Workers: an echo on two cores, which the generator shares", "{bin}/echo_load --port {port} --sleep --size 64",
    {"50 connections, 64 B": Case("--connections 50", {"work": "0"}),
     "50 connections, 64 B, with 10,000 multiplications": Case("--connections 50", {"work": "10000"},
                                                                without=("epoll, 1 worker", "epoll, 2 workers"))},
    {"libasync, 1 worker": ("ours", "{bin}/libasync_workers --port {port} --workers 1 --work {work}"),
     "libasync, 2 workers": ("ours", "{bin}/libasync_workers --port {port} --workers 2 --work {work}"),
     "epoll, 1 worker": ("limit", "{bin}/epoll_echo --port {port} --workers 1"),
     "epoll, 2 workers": ("limit", "{bin}/epoll_echo --port {port} --workers 2"),
     "go, 1 thread": ("peer", "{bin}/go_peer echo --port {port} --procs 1 --work {work}"),
     "go, 2 threads": ("peer", "{bin}/go_peer echo --port {port} --procs 2 --work {work}")},
    shared=True, base="libasync, 1 worker")

TABLES = {"unix": UNIX, "tls": TLS, "bulk": BULK, "accept": ACCEPT, "udp": UDP, "file": SEND_FILE, "workers": WORKERS}
