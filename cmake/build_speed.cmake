# ccache and mold, where they are installed and nothing else was asked for.
find_program(LIBASYNC_CCACHE ccache)
if(LIBASYNC_CCACHE)
    foreach(language IN ITEMS C CXX)
        if(NOT DEFINED CMAKE_${language}_COMPILER_LAUNCHER)
            # What a precompiled header defines does not keep ccache from knowing a file again.
            set(CMAKE_${language}_COMPILER_LAUNCHER
                ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${LIBASYNC_CCACHE})
        endif()
    endforeach()
endif()

find_program(LIBASYNC_MOLD mold)
if(LIBASYNC_MOLD AND CMAKE_SYSTEM_NAME STREQUAL "Linux" AND CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
    add_link_options(-fuse-ld=mold)
endif()
