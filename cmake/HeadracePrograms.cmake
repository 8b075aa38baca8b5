# Programs: tests, fuzzers, benchmarks, examples and the command `headrace`. All are found by name.

# headrace_program(<target> <folder of the result> <library> <sources>...)
function(headrace_program target folder library)
  add_executable(${target} ${ARGN})
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/${folder})
  target_link_libraries(${target} PRIVATE headrace-flags ${library})
endfunction()

# headrace_test(<room> <source>): a test program build/test/ROOM/NAME, known to ctest as ROOM/NAME, label ROOM.
function(headrace_test room source)
  get_filename_component(name ${source} NAME_WE)
  string(REGEX REPLACE "_test$" "" name ${name})
  headrace_program(test-${room}-${name} test/${room} headrace-static ${source})
  set_target_properties(test-${room}-${name} PROPERTIES OUTPUT_NAME ${name})
  target_link_libraries(test-${room}-${name} PRIVATE ${CMOCKA_LIBRARY})
  add_test(NAME ${room}/${name} COMMAND test-${room}-${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${room}/${name} PROPERTIES LABELS ${room} SKIP_RETURN_CODE 77
    ENVIRONMENT "${headrace_test_environment}")
endfunction()

# GCC 12 aligns what it moves off the stack to find uses after a return to less than AVX-512 needs.
set(headrace_asan_options "detect_stack_use_after_return=1:halt_on_error=1:allocator_may_return_null=1")
if(NOT HEADRACE_PLAIN_KERNELS)
  string(REPLACE "after_return=1" "after_return=0" headrace_asan_options "${headrace_asan_options}")
endif()
set(headrace_test_environment
  "HEADRACE_LIBRARY=$<TARGET_FILE:headrace>"
  "ASAN_OPTIONS=detect_leaks=1:${headrace_asan_options}"
  "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1"
  "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:allocator_may_return_null=1")

enable_testing()
if(HEADRACE_BUILD_TESTS)
  find_library(CMOCKA_LIBRARY cmocka REQUIRED)
  file(GLOB headrace_unit_tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*/*_test.c)
  foreach(source IN LISTS headrace_unit_tests)
    get_filename_component(room ${source} DIRECTORY)
    get_filename_component(room ${room} NAME)
    headrace_test(${room} ${source})
  endforeach()
  file(GLOB headrace_promise_tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/*.c)
  foreach(source IN LISTS headrace_promise_tests)
    headrace_test(tests ${source})
  endforeach()
  # The executable model of the runtime's protocols: one program, which needs nothing of the library.
  file(GLOB headrace_model CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/model/*.c)
  add_executable(test-tests-model ${headrace_model})
  set_target_properties(test-tests-model PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/test/tests
    OUTPUT_NAME model)
  target_link_libraries(test-tests-model PRIVATE headrace-flags ${CMOCKA_LIBRARY})
  add_test(NAME tests/model COMMAND test-tests-model)
  set_tests_properties(tests/model PROPERTIES LABELS tests)

  # Python suites load libheadrace.so into a Python that knows no sanitizer. GCC's AddressSanitizer is a library that can
  # be loaded before; other sanitized builds leave them out. (libstdc++ with it: MLX throws exceptions.)
  file(GLOB headrace_python_tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/test_*.py)
  set(headrace_python_environment "${headrace_test_environment}" PYTHONDONTWRITEBYTECODE=1)
  if(HEADRACE_SANITIZE STREQUAL "address" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    foreach(name IN ITEMS asan stdc++)
      execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=lib${name}.so
        OUTPUT_VARIABLE headrace_lib${name} OUTPUT_STRIP_TRAILING_WHITESPACE)
    endforeach()
    list(APPEND headrace_python_environment "LD_PRELOAD=${headrace_libasan} ${headrace_libstdc++}"
      "ASAN_OPTIONS=detect_leaks=0:${headrace_asan_options}" PYTHONMALLOC=malloc)
  elseif(HEADRACE_SANITIZE)
    set(headrace_python_tests)
  endif()
  set(HEADRACE_PYTHON ${PROJECT_SOURCE_DIR}/build/venv/bin/python CACHE FILEPATH
    "Python with the packages of tools/requirements.txt, for the tests")
  foreach(source IN LISTS headrace_python_tests)
    get_filename_component(name ${source} NAME_WE)
    add_test(NAME python/${name} COMMAND ${HEADRACE_PYTHON} -m pytest -q -p no:cacheprovider ${source}
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(python/${name} PROPERTIES LABELS python
      ENVIRONMENT "${headrace_python_environment}")
  endforeach()
  # The package's own suites, against the build's package.
  if(TARGET headrace-python)
    file(GLOB headrace_package_tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/python/test_*.py)
    foreach(source IN LISTS headrace_package_tests)
      get_filename_component(name ${source} NAME_WE)
      add_test(NAME package/${name} COMMAND ${HEADRACE_PYTHON} -m pytest -q -p no:cacheprovider ${source}
        WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
      set_tests_properties(package/${name} PROPERTIES LABELS package
        ENVIRONMENT "PYTHONPATH=${PROJECT_BINARY_DIR}/python;PYTHONDONTWRITEBYTECODE=1")
    endforeach()
  endif()
endif()

if(HEADRACE_BUILD_FUZZERS)
  file(GLOB headrace_fuzzers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*/*_fuzz.c)
  foreach(source IN LISTS headrace_fuzzers)
    get_filename_component(name ${source} NAME_WE)
    headrace_program(${name} fuzz headrace-static ${source})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  endforeach()
endif()

if(HEADRACE_BUILD_EXAMPLES AND NOT HEADRACE_SANITIZE)
  # A program a folder of examples/, which sees the public interface only.
  file(GLOB headrace_examples CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/examples/*/*.c)
  set(headrace_example_names)
  foreach(source IN LISTS headrace_examples)
    get_filename_component(name ${source} DIRECTORY)
    get_filename_component(name ${name} NAME)
    list(APPEND headrace_example_names ${name})
    list(APPEND headrace_example_${name} ${source})
  endforeach()
  list(REMOVE_DUPLICATES headrace_example_names)
  foreach(name IN LISTS headrace_example_names)
    headrace_program(example-${name} examples headrace ${headrace_example_${name}})
    set_target_properties(example-${name} PROPERTIES OUTPUT_NAME ${name})
    add_test(NAME examples/${name} COMMAND example-${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(examples/${name} PROPERTIES LABELS examples)
  endforeach()

  # The benchmark sees the public interface only, through the shared library, as programs do. Its plain C loops get all
  # that this machine has.
  file(GLOB headrace_benchmarks CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/*.c)
  headrace_program(headrace-bench bench headrace ${headrace_benchmarks})
  set(headrace_limits_flags -O3 -march=native)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    list(APPEND headrace_limits_flags -mprefer-vector-width=512)
  endif()
  file(GLOB headrace_limits ${PROJECT_SOURCE_DIR}/bench/limits*.c)
  set_source_files_properties(${headrace_limits} PROPERTIES COMPILE_OPTIONS "${headrace_limits_flags}")
endif()

file(GLOB headrace_command CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/cli/*.c)
list(FILTER headrace_command EXCLUDE REGEX "_test\\.c$")
if(headrace_command)
  headrace_program(headrace-command "." headrace ${headrace_command})
  set_target_properties(headrace-command PROPERTIES OUTPUT_NAME headrace)
  install(TARGETS headrace-command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
