# Stands in for tests/CMakeLists.txt in the copy of the tree that tests/mutants/run builds: one program for each of
# LIBASYNC_TEST_FILES, so that a changed header makes few files be compiled again.
find_path(LIBASYNC_DOCTEST_INCLUDE_DIR doctest/doctest.h REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)

add_library(doctest_main OBJECT support/main.cpp)
target_compile_features(doctest_main PRIVATE cxx_std_20)
target_include_directories(doctest_main SYSTEM PUBLIC ${LIBASYNC_DOCTEST_INCLUDE_DIR})

foreach(file IN LISTS LIBASYNC_TEST_FILES)
    string(REPLACE "/" "_" program ${file})
    set(sources ${file}_test.cpp)
    if(file MATCHES "^parity/")
        list(APPEND sources parity/behaviour.cpp)
    endif()
    if(file MATCHES "tls")
        list(APPEND sources support/certificates.cpp)
    endif()
    add_executable(${program} EXCLUDE_FROM_ALL ${sources})
    target_link_libraries(${program} PRIVATE
        libasync::testing libasync_warnings libasync_fault_knobs doctest_main OpenSSL::SSL)
    target_include_directories(${program} PRIVATE ${PROJECT_SOURCE_DIR})
    target_compile_definitions(${program} PRIVATE
        DOCTEST_CONFIG_SUPER_FAST_ASSERTS LIBASYNC_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
endforeach()
