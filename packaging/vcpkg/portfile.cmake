# SPDX-License-Identifier: MIT
# The port builds the tree that it stands in: vcpkg install rondo --overlay-ports=packaging/vcpkg
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)

set(options -Dtests=disabled -Dbench=disabled -Dexamples=disabled)
foreach(feature IN ITEMS uv dns tls sim)
  if(feature IN_LIST FEATURES)
    list(APPEND options "-D${feature}=enabled")
  else()
    list(APPEND options "-D${feature}=disabled")
  endif()
endforeach()
vcpkg_configure_meson(SOURCE_PATH "${SOURCE_PATH}" OPTIONS ${options})
vcpkg_install_meson()
vcpkg_fixup_pkgconfig()

# vcpkg wants the CMake package in share/, two folders from the libraries. It knows those of the
# release alone; a debug build of a program can use them, as assertions are the only difference.
set(config "${CURRENT_PACKAGES_DIR}/share/${PORT}/rondo-config.cmake")
file(MAKE_DIRECTORY "${CURRENT_PACKAGES_DIR}/share")
file(RENAME "${CURRENT_PACKAGES_DIR}/lib/cmake/rondo" "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_replace_string("${config}"
  "{CMAKE_CURRENT_LIST_DIR}/../.." "{CMAKE_CURRENT_LIST_DIR}/../../lib")
file(REMOVE_RECURSE
  "${CURRENT_PACKAGES_DIR}/lib/cmake"
  "${CURRENT_PACKAGES_DIR}/debug/lib/cmake"
  "${CURRENT_PACKAGES_DIR}/debug/include"
  "${CURRENT_PACKAGES_DIR}/debug/share")

file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
