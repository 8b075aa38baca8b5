# make install: headers, shared library, pkg-config file, CMake package.
include(CMakePackageConfigHelpers)

install(TARGETS headrace EXPORT headrace-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

set(headrace_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/headrace)
install(EXPORT headrace-targets NAMESPACE headrace:: DESTINATION ${headrace_cmake_dir})
configure_package_config_file(cmake/headrace-config.cmake.in headrace-config.cmake
  INSTALL_DESTINATION ${headrace_cmake_dir})
write_basic_package_version_file(headrace-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/headrace-config.cmake ${PROJECT_BINARY_DIR}/headrace-config-version.cmake
  DESTINATION ${headrace_cmake_dir})

# The file finds its prefix from where it lies, so that an installed tree may be moved.
file(RELATIVE_PATH headrace_pc_to_prefix "/p/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/p")
configure_file(cmake/headrace.pc.in headrace.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/headrace.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
