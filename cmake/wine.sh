#!/usr/bin/env bash
# wine.sh PREFIX PROGRAM [ARGUMENT...]: runs a Windows program in a Wine prefix that is made on first use.
set -euo pipefail
export WINEPREFIX=$1 WINEDEBUG=-all WINEDLLOVERRIDES="mscoree,mshtml="
shift
mkdir -p "$WINEPREFIX"
(
    flock 9
    [[ -e $WINEPREFIX/ready ]] || { wine wineboot -i && touch "$WINEPREFIX/ready"; }
) 9>"$WINEPREFIX.lock" >/dev/null 2>&1
# The server that all Wine processes share keeps the output of whoever starts it open, and lives until the last of
# them has ended: a caller who reads to the end would wait for strangers.
wineserver -p10 </dev/null >/dev/null 2>&1 || true  # fails if it runs already
exec wine "$@"
