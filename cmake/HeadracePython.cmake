# The Python package: build/python/headrace, which is the tree's own files beside the extension module, for tests and for
# PYTHONPATH; installed it is a wheel's content (pyproject.toml), with the library beside the module.
find_package(Python3 COMPONENTS Interpreter Development.Module)
if(NOT Python3_Development.Module_FOUND)
  message(STATUS "No headers of Python: the package is not built")
  return()
endif()

set(headrace_python_dir ${PROJECT_BINARY_DIR}/python/headrace)
set(headrace_python_ops ${PROJECT_BINARY_DIR}/gen/python_ops.c)
file(GLOB headrace_python_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/python/src/*.c)
file(GLOB headrace_python_docs CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/python/docs/*.txt)
add_custom_command(OUTPUT ${headrace_python_ops} ${PROJECT_BINARY_DIR}/gen/python_ops.h
    ${headrace_python_dir}/core/__init__.pyi
  COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/gen-python ${headrace_python_ops}
    ${headrace_python_dir}/core
  DEPENDS ${headrace_ops_headers} ${headrace_sources} ${PROJECT_SOURCE_DIR}/src/capi/mlx-c.tsv
    ${PROJECT_SOURCE_DIR}/python/mlx-python.tsv ${PROJECT_SOURCE_DIR}/tools/gen-python
    ${PROJECT_SOURCE_DIR}/tools/python_table.py ${PROJECT_SOURCE_DIR}/tools/gen-capi
    ${PROJECT_SOURCE_DIR}/tools/capi_table.py ${PROJECT_SOURCE_DIR}/tools/python_docs.py ${headrace_python_docs}
    ${PROJECT_SOURCE_DIR}/tools/python_stubs.py ${PROJECT_SOURCE_DIR}/tools/python_types.py
  COMMENT "Writing gen/python_ops.c and the stubs of headrace.core" VERBATIM)

Python3_add_library(headrace-python MODULE WITH_SOABI ${headrace_python_sources} ${headrace_python_ops}
  ${PROJECT_BINARY_DIR}/gen/python_ops.h)
set_target_properties(headrace-python PROPERTIES OUTPUT_NAME _core LIBRARY_OUTPUT_DIRECTORY ${headrace_python_dir}
  INSTALL_RPATH "$ORIGIN")
target_include_directories(headrace-python PRIVATE ${PROJECT_SOURCE_DIR}/python/src ${PROJECT_SOURCE_DIR}/include
  ${PROJECT_BINARY_DIR}/gen)
target_compile_definitions(headrace-python PRIVATE _GNU_SOURCE)
# The headers of Python are not written for -Wundef or C11 without extensions, so they count as the system's.
target_compile_options(headrace-python PRIVATE -Wall -Wextra -Wmissing-prototypes -Wvla
  $<$<BOOL:${HEADRACE_WERROR}>:-Werror> -fvisibility=hidden -ffp-contract=off)
target_link_libraries(headrace-python PRIVATE headrace)

# The tree's Python files are linked into the build's package, so that an edit needs no build.
file(GLOB headrace_python_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/python/headrace/*.py
  ${PROJECT_SOURCE_DIR}/python/headrace/*.pyi ${PROJECT_SOURCE_DIR}/python/headrace/py.typed)
file(MAKE_DIRECTORY ${headrace_python_dir})
foreach(file IN LISTS headrace_python_files)
  get_filename_component(name ${file} NAME)
  file(CREATE_LINK ${file} ${headrace_python_dir}/${name} SYMBOLIC)
endforeach()

if(SKBUILD)
  # A wheel has no links: the library is one file under the name that the module looks for.
  set_target_properties(headrace PROPERTIES VERSION ${PROJECT_VERSION_MAJOR})
  install(TARGETS headrace-python LIBRARY DESTINATION headrace COMPONENT python)
  install(DIRECTORY ${headrace_python_dir}/core DESTINATION headrace COMPONENT python)
  install(TARGETS headrace LIBRARY DESTINATION headrace COMPONENT python NAMELINK_SKIP)
endif()
