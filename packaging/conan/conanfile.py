# SPDX-License-Identifier: MIT
"""A recipe for Conan 2: `conan create packaging/conan` makes a package of the tree it stands in."""

import os

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, rmdir
from conan.tools.gnu import PkgConfigDeps
from conan.tools.layout import basic_layout
from conan.tools.meson import Meson, MesonToolchain

required_conan_version = ">=2.0"


class Rondo(ConanFile):
    name = "rondo"
    version = "0.1.0"
    description = "an event-loop reactor with interchangeable backends"
    license = "MIT"
    topics = ("event-loop", "reactor", "network", "coroutines")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {
        "shared": [True, False],
        "fPIC": [True, False],
        "with_uv": [True, False],
        "with_dns": [True, False],
        "with_tls": [True, False],
        "with_sim": [True, False],
    }
    default_options = {
        "shared": False,
        "fPIC": True,
        "with_uv": True,
        "with_dns": True,
        "with_tls": True,
        "with_sim": True,
    }
    implements = ["auto_shared_fpic"]

    def export_sources(self):
        top = os.path.join(self.recipe_folder, "..", "..")
        for pattern in ("meson.build", "meson_options.txt", "LICENSE", "include/*", "core/*",
                        "backends/*", "tls/*", "packaging/*", "examples/*", "bench/*", "tests/*"):
            copy(self, pattern, top, self.export_sources_folder)

    def layout(self):
        self.folders.root = os.path.join("..", "..")
        basic_layout(self, src_folder=".")

    def validate(self):
        if self.settings.os == "Windows":
            raise ConanInvalidConfiguration("rondo does not support Windows")
        if self.settings.get_safe("compiler.cppstd"):
            check_min_cppstd(self, 20)

    def requirements(self):
        if self.options.with_uv:
            self.requires("libuv/[>=1.44 <2]")
        if self.options.with_dns:
            self.requires("c-ares/[>=1.18 <2]")
        if self.options.with_tls:
            self.requires("openssl/[>=3.0 <4]")

    def build_requirements(self):
        self.tool_requires("meson/[>=1.0 <2]")
        self.tool_requires("pkgconf/[>=2.0 <3]")

    def generate(self):
        toolchain = MesonToolchain(self)
        for option in ("uv", "dns", "tls", "sim"):
            chosen = self.options.get_safe(f"with_{option}")
            toolchain.project_options[option] = "enabled" if chosen else "disabled"
        for option in ("tests", "bench", "examples"):
            toolchain.project_options[option] = "disabled"
        toolchain.generate()
        PkgConfigDeps(self).generate()

    def build(self):
        meson = Meson(self)
        meson.configure()
        meson.build()

    def package(self):
        Meson(self).install()
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        # Conan writes files for pkg-config and CMake itself.
        rmdir(self, os.path.join(self.package_folder, "lib", "pkgconfig"))
        rmdir(self, os.path.join(self.package_folder, "lib", "cmake"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "rondo")
        rondo = self.cpp_info.components["rondo"]
        rondo.libs = ["rondo"]
        rondo.set_property("pkg_config_name", "rondo")
        rondo.set_property("cmake_target_name", "rondo::rondo")
        if self.options.with_uv:
            rondo.requires.append("libuv::libuv")
        if self.options.with_dns:
            rondo.requires.append("c-ares::c-ares")
        if self.settings.os in ("Linux", "FreeBSD"):
            rondo.system_libs = ["pthread"]
        if self.options.with_tls:
            tls = self.cpp_info.components["tls"]
            tls.libs = ["rondo-tls"]
            tls.set_property("pkg_config_name", "rondo-tls")
            tls.set_property("cmake_target_name", "rondo::tls")
            tls.requires = ["rondo", "openssl::openssl"]
