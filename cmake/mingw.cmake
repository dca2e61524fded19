# Windows programs from Debian's mingw-w64, run under Wine.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc-posix)
set(CMAKE_CXX_COMPILER x86_64-w64-mingw32-g++-posix)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)

# Boost, doctest and CLI11 are header-only: link to the host's copies without exposing the rest of /usr/include.
set(host_headers ${CMAKE_BINARY_DIR}/host)
if(NOT CMAKE_IN_TRY_COMPILE)
    file(MAKE_DIRECTORY ${host_headers}/include)
    foreach(library IN ITEMS boost doctest CLI)
        file(CREATE_LINK /usr/include/${library} ${host_headers}/include/${library} SYMBOLIC)
    endforeach()
endif()

set(CMAKE_FIND_ROOT_PATH /usr/x86_64-w64-mingw32 ${host_headers})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

set(CMAKE_CROSSCOMPILING_EMULATOR ${CMAKE_CURRENT_LIST_DIR}/wine.sh ${CMAKE_BINARY_DIR}/wine)
