#!/usr/bin/env bash
# header_dependencies.sh COMPILER: no public header reaches liburing, Boost or OpenSSL.
set -euo pipefail
cd "$(dirname "$0")/../.."

mapfile -t headers < <(find libasync -name '*.hpp' -not -path 'libasync/io/uring/*' -not -path 'libasync/io/asio/*' | sort)
((${#headers[@]})) || { echo "no public headers found"; exit 1; }

reached() {  # the foreign files that the headers include, directly or not
    printf '#include <%s>\n' "$@" | "$compiler" -std=c++20 -I. -M -x c++ - | tr -s ' \\' '\n' |
        grep -E 'liburing|linux/io_uring|/boost/|/asio|/openssl/' | grep -v '^libasync/' || true
}

compiler=$1
[[ -n $(reached "${headers[@]}") ]] || { echo "${#headers[@]} public headers reach neither liburing, Boost nor OpenSSL"; exit 0; }
for header in "${headers[@]}"; do
    found=$(reached "$header" | head -n 1)
    [[ -z $found ]] || echo "$header reaches $found"
done
exit 1
