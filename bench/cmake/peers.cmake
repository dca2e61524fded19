# Which peers this machine can build. A missing one is named together with the Debian package that brings it.

function(bench_missing what package)
    message(STATUS "bench: no ${what}: apt install ${package}")
endfunction()

find_package(PkgConfig QUIET)
find_package(Threads REQUIRED)

pkg_check_modules(LIBURING QUIET IMPORTED_TARGET "liburing>=2.3")
set(BENCH_LIBURING ${LIBURING_FOUND})
if(NOT BENCH_LIBURING)
    bench_missing("bare loops, so no benchmarks" liburing-dev)
endif()

pkg_check_modules(LIBUV QUIET IMPORTED_TARGET libuv)
set(BENCH_LIBUV ${LIBUV_FOUND})
if(NOT BENCH_LIBUV)
    bench_missing("libuv peers" libuv1-dev)
endif()

find_package(Boost 1.81 QUIET)
set(BENCH_ASIO ${Boost_FOUND})
if(NOT BENCH_ASIO)
    bench_missing("Boost.Asio peers" libboost1.81-dev)
endif()

find_program(BENCH_GO go)
if(NOT BENCH_GO)
    bench_missing("Go peers" golang-go)
endif()

# Debian's crates are made for Debian's compiler; a rustup toolchain in PATH is not asked.
set(BENCH_CRATES /usr/share/cargo/registry)
find_program(BENCH_CARGO cargo PATHS /usr/bin NO_DEFAULT_PATH)
file(GLOB BENCH_TOKIO ${BENCH_CRATES}/tokio-[0-9]*)
if(NOT BENCH_CARGO OR NOT BENCH_TOKIO)
    set(BENCH_CARGO BENCH_CARGO-NOTFOUND)
    bench_missing("tokio peers" "cargo librust-tokio-dev")
endif()

if(TARGET libasync::libasync)
    set(BENCH_LIBASYNC TRUE)
else()
    set(BENCH_LIBASYNC FALSE)
    message(STATUS "bench: without libasync itself")
endif()

# TLS of the generator, of the bare loop and of Boost.Asio.
find_package(OpenSSL 3 QUIET COMPONENTS SSL)
set(BENCH_OPENSSL ${OPENSSL_FOUND})
if(NOT BENCH_OPENSSL)
    bench_missing("TLS" libssl-dev)
endif()
