#!/usr/bin/env bash
# Names of an engine's library stay inside the engine, and Asio never runs over its own io_uring service.
set -euo pipefail
cd "$(dirname "$0")/../.."

failed=0
forbid() {  # forbid PATTERN EXPLANATION PATH...
    local pattern=$1 explanation=$2
    shift 2
    if grep -rnE --include='*.[ch]pp' --include='*.[ch]' --include='*.txt' --include='*.cmake' --include='*.json' \
        "$pattern" "$@"; then
        echo "^ $explanation"
        failed=1
    fi
}

mapfile -t upper < <(find libasync -mindepth 1 -maxdepth 1 -not -name io -not -name CMakeLists.txt)
forbid 'io_uring_|asio::|boost/asio|liburing' 'an engine is named above the engines' "${upper[@]}"

trees=()
for tree in CMakeLists.txt CMakePresets.json cmake libasync tests samples bench; do
    [[ -e $tree ]] && trees+=("$tree")
done
forbid 'BOOST_ASIO_HAS_IO[_]URING|BOOST_ASIO_DISABLE[_]EPOLL' 'Asio must stay on epoll' "${trees[@]}"

exit $failed
