#!/usr/bin/env bash
# compile_time.sh COMPILER: <libasync/async.hpp> costs less than half of <boost/asio.hpp> (user CPU time, median of five).
set -euo pipefail
cd "$(dirname "$0")/../.."
compiler=$1
TIMEFORMAT=%U

compile() { "$compiler" -std=c++20 -O2 -I. -c -x c++ -o /dev/null - <<<"#include <$1>"; }
seconds() { { time compile "$1" 2>/dev/null; } 2>&1; }
median() { printf '%s\n' "$@" | sort -n | sed -n 3p; }

compile libasync/async.hpp
compile boost/asio.hpp
ours=() theirs=()
for _ in 1 2 3 4 5; do
    ours+=("$(seconds libasync/async.hpp)")
    theirs+=("$(seconds boost/asio.hpp)")
done

awk -v ours="$(median "${ours[@]}")" -v theirs="$(median "${theirs[@]}")" 'BEGIN {
    ratio = ours / theirs
    printf "libasync/async.hpp %.2f s, boost/asio.hpp %.2f s, ratio %.2f (limit 0.50)\n", ours, theirs, ratio
    exit ratio < 0.5 ? 0 : 1
}'
