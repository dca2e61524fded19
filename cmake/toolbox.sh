# Shared by ./test and ./run: which Debian packages a preset needs, and how to get and build them.

build_packages=(cmake ninja-build g++-12 pkg-config ccache mold liburing-dev libssl-dev libboost1.81-dev doctest-dev libcli11-dev)
test_packages=(python3 curl openssl socat valgrind)
# Where a service manager runs, nginx would be started as a server of the machine: its owner may want to decide on that.
[[ -d /run/systemd/system ]] || test_packages+=(nginx-light libnginx-mod-stream)
clang_packages=(clang-19 libclang-rt-19-dev llvm-19)
windows_packages=(g++-mingw-w64-x86-64-posix wine64 wine)

jobs=$(nproc)

# Prints the packages that a preset needs, one per line.
packages_of() {
    printf "%s\n" "${build_packages[@]}"
    case $1 in
        clang | asan | asan-o0 | tsan) printf "%s\n" "${clang_packages[@]}" ;;
        mingw) printf "%s\n" "${windows_packages[@]}" ;;
    esac
}

# Installs those of the named packages that are missing.
install_packages() {
    command -v dpkg-query >/dev/null || {
        echo "not a Debian system: expecting to find the equivalents of $*"
        return 0
    }
    local installed missing=() package
    installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
    for package in "$@"; do
        grep -qxF "installed $package" <<<"$installed" || missing+=("$package")
    done
    ((${#missing[@]})) || return 0

    echo "installing ${missing[*]}"
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 \
        -o Acquire::Retries=3)
    ((EUID == 0)) || apt=(sudo "${apt[@]}")
    "${apt[@]}" update || { sleep 5 && "${apt[@]}" update; }
    "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null
}

# build_preset PRESET [TARGET]
build_preset() {
    cmake --preset "$1" --log-level=WARNING >/dev/null &&
        cmake --build --preset "$1" -j "$jobs" ${2:+--target "$2"}
}
