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
exec wine "$@"
