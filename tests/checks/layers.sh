#!/usr/bin/env bash
# Includes in libasync/ point downwards only. Layers of one height do not know each other, engines neither.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Every quoted or <libasync/...> include, as "FILE:LINE:... INCLUDED".
mapfile -t includes < <(grep -rnoE --include='*.[ch]pp' '^ *# *include *(<libasync/[^>]+>|"[^"]+")' libasync |
    sed -E 's/^libasync\///; s/# *include *//; s/[<>"]//g; s/libasync\///')
((${#includes[@]})) || { echo "no includes found"; exit 1; }

printf '%s\n' "${includes[@]}" | awk -F: '
    BEGIN {
        split("config.hpp error.hpp error.cpp detail", names, " ")
        for (i in names) height[names[i]] = 0
        height["io"] = 1
        height["io/uring"] = height["io/asio"] = height["io/scripted"] = height["io/sim"] = 2
        height["loop"] = 3
        height["coro"] = 4
        height["sync"] = 5
        height["net"] = height["fs"] = height["sim"] = 6
        height["testing"] = 7
        height["async.hpp"] = 8
    }
    function layer(path) {
        if (match(path, /^io\/[^\/]+\//)) path = substr(path, 1, RLENGTH - 1)
        else sub(/\/.*/, "", path)
        if (!(path in height)) { print "no layer is known for " path; failed = 1; height[path] = 0 }
        return path
    }
    {
        from = layer($1)
        to = layer($3)
        if (from != to && (height[to] > height[from] || (height[to] == height[from] && height[to] > 0))) {
            print "libasync/" $1 ":" $2 " includes " $3 ": " from " is not above " to
            failed = 1
        }
    }
    END {
        if (!failed) print NR " includes point downwards"
        exit failed
    }'
