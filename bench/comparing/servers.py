"""The rivals: one line each. `{bin}` is the directory of built programs, `{bench}` the source tree."""

PYTHON_ECHO = "{python} {bench}/peers/echo.py --port {port}"

# name: (role, command). The role is "limit", "ours", "peer" or "spin" (a limit that
# never sleeps, so not what others are compared with). `{buffers}` gives the bare ring buffers that hold
# one message of the case.
SERVERS = {
    "epoll": ("limit", "{bin}/epoll_echo --port {port}"),
    "uring, ring send": ("limit", "{bin}/uring_echo --port {port} {buffers}"),
    "uring, direct send": ("limit", "{bin}/uring_echo --port {port} --send direct {buffers}"),
    "uring, poll": ("limit", "{bin}/uring_echo --port {port} --recv poll"),
    "uring, spin": ("spin", "{bin}/uring_echo --port {port} --send direct --spin 20 {buffers}"),
    "libasync read": ("ours", "{bin}/libasync_echo --port {port} --mode read"),
    "libasync read_some": ("ours", "{bin}/libasync_echo --port {port} --mode read_some"),
    "libasync tcp_server": ("ours", "{bin}/libasync_echo --port {port} --mode server"),
    "libasync read, spin": ("ours", "{bin}/libasync_echo --port {port} --mode read --spin"),
    "libasync read, asio": ("ours", "env LIBASYNC_ENGINE=asio {bin}/libasync_echo --port {port} --mode read"),
    "libuv": ("peer", "{bin}/libuv_echo --port {port}"),
    "asio callbacks": ("peer", "{bin}/asio_echo --port {port}"),
    "asio awaitable": ("peer", "{bin}/asio_echo --port {port} --style awaitable"),
    "go net": ("peer", "{bin}/go_peer echo --port {port}"),
    "tokio": ("peer", "{bin}/tokio_peer echo --port {port}"),
    "node net": ("peer", "node {bench}/peers/echo.js --port {port}"),
    "uvloop protocol": ("peer", PYTHON_ECHO + " --loop uvloop --style protocol"),
    "uvloop streams": ("peer", PYTHON_ECHO + " --loop uvloop --style streams"),
    "asyncio protocol": ("peer", PYTHON_ECHO + " --loop asyncio --style protocol"),
    "asyncio streams": ("peer", PYTHON_ECHO + " --loop asyncio --style streams"),
}

# The micro benchmarks; each prints lines of its own.
MICRO = {
    "libasync": "{bin}/micro_libasync",
    "asio": "{bin}/micro_asio",
    "libuv": "{bin}/micro_libuv",
    "go": "{bin}/go_peer micro",
    "tokio": "{bin}/tokio_peer micro",
    "uvloop": "{python} {bench}/micro/micro_asyncio.py --loop uvloop",
    "asyncio": "{python} {bench}/micro/micro_asyncio.py --loop asyncio",
}

# Debian packages that bring the peers and what builds them.
PACKAGES = [
    "g++", "cmake", "ninja-build", "pkg-config", "liburing-dev", "libboost1.81-dev", "libuv1-dev",
    "libssl-dev", "openssl", "golang-go", "cargo", "rustc", "librust-tokio-dev", "python3", "python3-uvloop",
]
# Programs that may come from elsewhere: their package is asked for only if they are missing.
PROGRAMS = {"node": "nodejs", "nginx": "nginx-light"}

# connections x bytes, and x depth of the pipeline
TWO_CASES = ["50x64", "100x1024", "1x64", "1000x64", "100x16384", "50x64x16"]
SELF_CASES = ["50x64", "1x64", "1000x64", "50x1024", "50x16384"]
QUICK_CASES = ["50x64", "1x64"]
