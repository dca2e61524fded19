#!/usr/bin/env bash
# wine.sh PREFIX PROGRAM [ARGUMENT...]: runs a Windows program in a Wine prefix that is made on first use.
set -euo pipefail
export WINEPREFIX=$1 WINEDEBUG=-all WINEDLLOVERRIDES="mscoree,mshtml="
shift
mkdir -p "$WINEPREFIX"

# The first program of a session starts Wine's server and services, which keep its output open until the last program
# of all has ended: whoever reads that output to the end would wait for strangers. So a program of ours comes first.
(
    flock 9
    [[ -e $WINEPREFIX/ready ]] || { wine wineboot -i 9>&- && touch "$WINEPREFIX/ready"; }
    if wineserver -p10 9>&-; then wine cmd /c exit 9>&-; fi  # fails where the server runs
) 9>"$WINEPREFIX.lock" </dev/null >/dev/null 2>&1
exec wine "$@"
