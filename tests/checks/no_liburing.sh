#!/usr/bin/env bash
# no_liburing.sh PROGRAM: the program neither contains nor loads liburing.
set -euo pipefail

failed=0
if nm "$1" | grep -E ' _?_?io_uring_'; then
    echo "^ liburing symbols in $1"
    failed=1
fi
if ldd "$1" | grep liburing; then
    echo "^ liburing is loaded by $1"
    failed=1
fi
exit $failed
