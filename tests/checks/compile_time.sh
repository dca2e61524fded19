#!/usr/bin/env bash
# compile_time.sh COMPILER: <libasync/async.hpp> costs less than half of <boost/asio.hpp>, in instructions that the
# compiler executes: those are the same in every run, which seconds are not.
set -euo pipefail
cd "$(dirname "$0")/../.."
compiler=$1
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# Of the compiler and all it starts, in millions.
instructions() {
    valgrind --tool=cachegrind --cache-sim=no --trace-children=yes \
        --cachegrind-out-file=/dev/null --log-file="$results/%p" \
        "$compiler" -std=c++20 -O2 -I. -c -x c++ -o /dev/null - <<<"#include <$1>"
    awk '/I *refs:/ { gsub(",", "", $NF); sum += $NF } END { printf "%d", sum / 1e6 }' "$results"/*
    rm -f "$results"/*
}

ours=$(instructions libasync/async.hpp)
theirs=$(instructions boost/asio.hpp)

awk -v ours="$ours" -v theirs="$theirs" 'BEGIN {
    ratio = ours / theirs
    printf "libasync/async.hpp %d M instructions, boost/asio.hpp %d M, ratio %.2f (limit 0.50)\n", ours, theirs, ratio
    exit ours > 0 && ratio < 0.5 ? 0 : 1
}'
