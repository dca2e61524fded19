#!/usr/bin/env bash
# The programs that the documents show are the samples, word for word: those are compiled and run.
set -euo pipefail
cd "$(dirname "$0")/../.."

failed=0
shows() {  # shows DOCUMENT SAMPLE: the first C++ block of the document stands in the sample as it is
    awk '/^```cpp$/ { inside = 1; next } /^```$/ { if (inside) exit } inside' "$1" >"$block"
    [[ -s $block ]] || { echo "$1 shows no code"; failed=1; return; }
    if ! awk 'NR == FNR { want = want $0 "\n"; next } { have = have $0 "\n" } END { exit !index(have, want) }' \
        "$block" "$2"; then
        echo "the first program in $1 is not in $2"
        failed=1
    fi
}

block=$(mktemp)
trap 'rm -f "$block"' EXIT
shows docs/testing.md samples/outage.cpp
exit $failed
