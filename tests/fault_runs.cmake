# The tests once more on the real engines, disturbed by LIBASYNC_FAULTS (docs/testing-the-library.md).

# The quickest build has all of them, and the address sanitizer those that are not more of the same. An engine does not
# depend on the compiler, so the others have none.
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    set(seeds 1 2)
elseif(LIBASYNC_SANITIZE MATCHES "address" AND NOT CMAKE_CXX_FLAGS_DEBUG MATCHES "-O0")
    set(seeds 1)
else()
    message(STATUS "no runs with LIBASYNC_FAULTS: release and asan have them")
    return()
endif()

# Which files: what users see of an engine (each of these directories as a whole), and its own tests.
set(portable */tests/net/* */tests/fs/* */tests/io/* */tests/loop/* */tests/regress/*)
set(not_disturbed
    *_slow_test.cpp
    */net/*_costs_test.cpp          # count system calls and allocations
    */loop/timer_test.cpp */loop/timer_queue_test.cpp */loop/loop_core_test.cpp  # use no engine, or the scripted one
    */regress/gcc12_test.cpp        # is about the compiler
    */io/sim/*                      # simulates its own
    */io/fault_knobs_test.cpp       # brings its own faults
    */io/relay_test.cpp             # counts what it moves by each call
    */io/memory_guard_test.cpp)     # its children die on purpose
# These look into the engine: what comes in one read, and on which of the two ways.
set(looks_inside */io/uring/*)

# Test cases that are void where a request in the kernel may end early.
set(void_without_standing_requests
    "accepting runs ahead*"                 # counts what was accepted ahead of the takers
    "closing a listener drops*"             # the same
    "data that came before the read*"       # wants it to be received ahead of the reader
    "large messages are read whole*"        # wants the change between the ways of reading after so many messages
    "streams go on when the buffers*")      # wants the buffers to run out
# ... and where a wait may.
set(void_without_waits
    "a visit waits for its deadline*"       # drives the engine by hand, one wait each
    "a visit enters the kernel at most once*"  # the same
    "more operations end in a turn*"        # thousands, which at two a call outlast its patience
    ${void_without_standing_requests})

# A read that is short although more is there is found out after 100 ms, which these know thousands of.
set(void_with_short_reads "two pipes keep*" "unix streams keep*")

# What lies upon a stream sees no more of the engine than the stream does, and these take most of a run's time: they are
# run with pieces alone.
set(upon_a_stream "tls_stream keeps*" "and so it does inside an any_stream" "any_stream keeps*" "a buffered_reader of a stream keeps*")

# add_fault_run(<name> <engine> FAULTS <LIBASYNC_FAULTS> LABEL fast|slow
#     [FILES <file>...] [EXCEPT <file>...] [VOID <test case>...] [DISABLE <LIBASYNC_URING_DISABLE>])
function(add_fault_run name engine)
    cmake_parse_arguments(PARSE_ARGV 2 arg "" "FAULTS;LABEL;DISABLE" "FILES;EXCEPT;VOID")
    if(NOT arg_FILES)
        set(arg_FILES ${portable})
    endif()
    list(JOIN arg_FILES "," files)
    list(JOIN not_disturbed "," excluded)
    foreach(pattern IN LISTS arg_EXCEPT)
        string(APPEND excluded ",${pattern}")
    endforeach()
    set(filter --source-file=${files} --source-file-exclude=${excluded})
    if(NOT name STREQUAL "pieces")
        list(APPEND arg_VOID ${upon_a_stream})
    endif()
    if(arg_VOID)
        list(JOIN arg_VOID "," void)
        list(APPEND filter --test-case-exclude=${void})
    endif()
    add_engine_test(faults/${name}:${engine} ${engine}
        FILTER ${filter}
        LABELS ${arg_LABEL} ${engine} faults
        TIMEOUT 120
        ENVIRONMENT LIBASYNC_ENGINE=${engine} LIBASYNC_FAULTS=${arg_FAULTS} LIBASYNC_URING_DISABLE=${arg_DISABLE})
endfunction()

foreach(engine IN LISTS system_engines)
    add_fault_run(pieces ${engine} LABEL fast EXCEPT ${looks_inside}
        FAULTS read_max=100,write_max=50,file_read_max=100,file_write_max=50)
    add_fault_run(not-now ${engine} LABEL fast EXCEPT ${looks_inside}
        FAULTS read_blocks=40,write_blocks=40)
    foreach(seed IN LISTS seeds)
        add_fault_run(bytes-${seed} ${engine} LABEL slow EXCEPT ${looks_inside}
            FAULTS read_max=3,write_max=3,file_read_max=1,file_write_max=1,seed=${seed})
        add_fault_run(hardly-ever-${seed} ${engine} LABEL slow EXCEPT ${looks_inside}
            FAULTS read_blocks=85,write_blocks=85,seed=${seed})
        add_fault_run(short-reads-${seed} ${engine} LABEL slow EXCEPT ${looks_inside} VOID ${void_with_short_reads}
            FAULTS short_reads=15,write_max=100,seed=${seed})
    endforeach()
endforeach()

if(LIBASYNC_WITH_URING)
    set(small_ring ring_entries=4,submit_max=2)
    add_fault_run(interrupted uring LABEL fast VOID ${void_without_waits}
        FAULTS stops=30,interrupts=30,${small_ring})
    foreach(seed IN LISTS seeds)
        add_fault_run(stops-${seed} uring LABEL slow VOID ${void_without_standing_requests}
            FAULTS stops=70,seed=${seed})
        add_fault_run(interrupts-${seed} uring LABEL slow VOID ${void_without_waits}
            FAULTS interrupts=80,${small_ring},seed=${seed})
        add_fault_run(everything-${seed} uring LABEL slow EXCEPT ${looks_inside}
            VOID ${void_without_waits}
            FAULTS read_max=9,write_max=9,read_blocks=20,write_blocks=20,stops=20,interrupts=20,${small_ring},receive_buffers=2,seed=${seed})
    endforeach()

    # Without each feature of the ring, and without each two that serve the same: sockets, or files.
    set(features_of_sockets defer_taskrun multishot_receive multishot_accept multishot_poll buffer_ring registered_ring
        direct_send)
    set(features_of_files open_file read_file write_file sync_file close_file)
    set(tests_of_sockets */net/* */fs/* */io/engine_*)  # two of these features serve all requests
    set(tests_of_files */fs/* */io/engine_*)
    set(subjects)
    if(2 IN_LIST seeds)
        set(subjects sockets files)
    endif()
    foreach(subject IN LISTS subjects)
        set(rest ${features_of_${subject}})
        foreach(first IN LISTS features_of_${subject})
            list(POP_FRONT rest)
            foreach(second IN ITEMS "" ${rest})
                set(without ${first})
                if(second)
                    string(APPEND without ",${second}")
                endif()
                string(REPLACE "," "+" name "without-${without}")
                add_fault_run(${name} uring LABEL slow FILES ${tests_of_${subject}} EXCEPT ${looks_inside}
                    FAULTS read_max=200,write_max=200,read_blocks=10,write_blocks=10,stops=20
                    DISABLE ${without})
            endforeach()
        endforeach()
    endforeach()
endif()
