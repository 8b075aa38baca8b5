# The library. Its files are compiled once and linked twice: libheadrace.so, which lets only public names out, and
# libheadrace.a, not installed, through which tests reach the internals.

# SLEEF: vector math functions, called by the kernels.
find_path(SLEEF_INCLUDE_DIR sleef.h REQUIRED)
find_library(SLEEF_LIBRARY sleef REQUIRED)
target_include_directories(headrace-flags SYSTEM INTERFACE ${SLEEF_INCLUDE_DIR})
target_link_libraries(headrace-flags INTERFACE $<LINK_ONLY:${SLEEF_LIBRARY}>)

# KISS FFT in float32: Fourier transforms of lengths without large primes.
find_path(KISSFFT_INCLUDE_DIR kissfft/kiss_fft.h REQUIRED)
find_library(KISSFFT_LIBRARY kissfft-float REQUIRED)
target_include_directories(headrace-flags SYSTEM INTERFACE ${KISSFFT_INCLUDE_DIR})
target_link_libraries(headrace-flags INTERFACE $<LINK_ONLY:${KISSFFT_LIBRARY}>)

# zlib: deflate and CRC-32 of .npz files.
find_path(ZLIB_INCLUDE_DIR zlib.h REQUIRED)
find_library(ZLIB_LIBRARY z REQUIRED)
target_include_directories(headrace-flags SYSTEM INTERFACE ${ZLIB_INCLUDE_DIR})
target_link_libraries(headrace-flags INTERFACE $<LINK_ONLY:${ZLIB_LIBRARY}>)
target_link_options(headrace-flags INTERFACE LINKER:--as-needed)

file(GLOB headrace_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*/*.c)
list(FILTER headrace_sources EXCLUDE REGEX "_(test|bench|fuzz)\\.c$")
list(FILTER headrace_sources EXCLUDE REGEX "/src/(cli|cuda)/")

# The glue of the mlx_ calls that are operations: written for the builders that the headers of src/ops declare.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
file(GLOB headrace_ops_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/ops/*.h)
set(headrace_ops_glue ${PROJECT_BINARY_DIR}/gen/capi_ops.c)
add_custom_command(OUTPUT ${headrace_ops_glue}
  COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/gen-capi ${headrace_ops_glue}
  DEPENDS ${headrace_ops_headers} ${PROJECT_SOURCE_DIR}/src/capi/mlx-c.tsv
    ${PROJECT_SOURCE_DIR}/tools/gen-capi ${PROJECT_SOURCE_DIR}/tools/capi_table.py
  COMMENT "Writing gen/capi_ops.c" VERBATIM)
list(APPEND headrace_sources ${headrace_ops_glue})

set_source_files_properties(${PROJECT_SOURCE_DIR}/src/base/version.c PROPERTIES
  COMPILE_DEFINITIONS "HR_VERSION_STRING=\"${PROJECT_VERSION}\"")

add_library(headrace-objects OBJECT ${headrace_sources})
target_link_libraries(headrace-objects PRIVATE headrace-flags)

set(headrace_all_objects $<TARGET_OBJECTS:headrace-objects> ${headrace_kernel_objects})

add_library(headrace-static STATIC ${headrace_all_objects})
set_target_properties(headrace-static PROPERTIES OUTPUT_NAME headrace LINKER_LANGUAGE C)
target_link_libraries(headrace-static PUBLIC headrace-flags)

set(headrace_export_map ${PROJECT_SOURCE_DIR}/cmake/exports.map)
add_library(headrace SHARED ${headrace_all_objects})
add_library(headrace::headrace ALIAS headrace)
set_target_properties(headrace PROPERTIES
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} LINKER_LANGUAGE C LINK_DEPENDS ${headrace_export_map})
target_link_libraries(headrace PRIVATE headrace-flags)
# nodelete: threads of the library outlive a dlclose().
target_link_options(headrace PRIVATE "LINKER:--version-script=${headrace_export_map}" LINKER:-z,nodelete,-z,relro,-z,now
  LINKER:--gc-sections,-Bsymbolic-functions $<$<NOT:$<BOOL:${HEADRACE_SANITIZE}>>:LINKER:-z,defs>)
target_include_directories(headrace INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
