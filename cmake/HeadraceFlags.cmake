# Flags that every C file of the project is compiled with: target headrace-flags.
# No instruction set is named here, nor anywhere else but HeadraceKernels.cmake.

# -O2 -g replaces CMake's own sets. Sanitized builds trade speed for time to build and for readable stacks.
if(HEADRACE_SANITIZE)
  set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O1 -g1 -fno-omit-frame-pointer")
else()
  set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
endif()
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE_PROGRAM ccache)
mark_as_advanced(CCACHE_PROGRAM)
if(CCACHE_PROGRAM AND NOT CMAKE_C_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

find_package(Threads REQUIRED)

add_library(headrace-flags INTERFACE)
target_compile_definitions(headrace-flags INTERFACE _GNU_SOURCE)
target_include_directories(headrace-flags INTERFACE
  ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src ${PROJECT_BINARY_DIR}/gen)
target_compile_options(headrace-flags INTERFACE
  -Wall -Wextra -Wundef -Wmissing-prototypes -Wvla $<$<BOOL:${HEADRACE_WERROR}>:-Werror>
  -ffp-contract=off -fno-math-errno -fno-trapping-math -fvisibility=hidden -ffunction-sections -fdata-sections
  "-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=")
target_link_libraries(headrace-flags INTERFACE Threads::Threads m ${CMAKE_DL_LIBS})

if(HEADRACE_SANITIZE STREQUAL "address")
  set(headrace_sanitize -fsanitize=address,undefined -fno-sanitize-recover=all)
elseif(HEADRACE_SANITIZE STREQUAL "thread")
  set(headrace_sanitize -fsanitize=thread)
elseif(HEADRACE_SANITIZE)
  message(FATAL_ERROR "HEADRACE_SANITIZE is '${HEADRACE_SANITIZE}': expected address, thread or nothing")
endif()
if(headrace_sanitize)
  target_compile_options(headrace-flags INTERFACE ${headrace_sanitize})
  target_link_options(headrace-flags INTERFACE ${headrace_sanitize})
endif()
if(HEADRACE_BUILD_FUZZERS)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "HEADRACE_BUILD_FUZZERS needs Clang (CMAKE_C_COMPILER=clang)")
  endif()
  target_compile_options(headrace-flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
