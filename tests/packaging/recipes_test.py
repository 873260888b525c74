# SPDX-License-Identifier: MIT
"""The files for package managers agree with meson.build. The package managers themselves are not
needed: Conan's recipe runs with stand-ins for its modules, vcpkg's port with stand-ins for its
functions."""

import configparser
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
import types
import unittest
from pathlib import Path
from unittest import mock

TOP = Path(__file__).resolve().parent.parent.parent
PACKAGING = TOP / "packaging"
MESON = "".join((TOP / name).read_text() for name in (
    "meson.build", "backends/meson.build", "core/meson.build", "tls/meson.build"))
OPTIONS = re.findall(r"^option\('(\w+)', type: 'feature'",
                     (TOP / "meson_options.txt").read_text(), re.M)
# What the packages leave to Meson: that which a system has or lacks, and what is never installed.
LEFT_OUT = {"epoll", "kqueue", "tests", "bench", "examples"}
# Functions of vcpkg: most say what they were asked for, and the last one does its work.
STAND_INS = "cmake_minimum_required(VERSION 3.20)" + "".join(
    f'\nfunction({name})\n  message(NOTICE "{name}: ${{ARGN}}")\nendfunction()' for name in (
        "vcpkg_configure_meson", "vcpkg_install_meson", "vcpkg_fixup_pkgconfig",
        "vcpkg_install_copyright")
) + """
function(vcpkg_replace_string file from to)
  file(READ "${file}" text)
  string(REPLACE "${from}" "${to}" text "${text}")
  file(WRITE "${file}" "${text}")
endfunction()
set(PORT rondo)
set(FEATURES core uv dns)
"""
NAMES = {"libuv": "libuv", "libcares": "c-ares", "openssl": "openssl"}  # pkg-config's, theirs


def of_project(word):
    return re.search(rf"^  {word}: '(.*)'", MESON, re.M)[1]


def dependencies():
    """What the libraries need, by the names of the package managers, with the least version."""
    found = re.findall(r"dependency\('(\w+)', version: '>=([\d.]+)'", MESON)
    return {NAMES[name]: version for name, version in found}


class Facade(mock.MagicMock):
    """A module of which everything can be imported."""

    __path__ = ()


def conan_recipe():
    modules = {f"conan{name}": Facade() for name in (
        "", ".errors", ".tools", ".tools.build", ".tools.files", ".tools.gnu", ".tools.layout",
        ".tools.meson")}
    modules["conan"].ConanFile = type("ConanFile", (), {})
    spec = importlib.util.spec_from_file_location("conanfile", PACKAGING / "conan/conanfile.py")
    module = importlib.util.module_from_spec(spec)
    with mock.patch.dict(sys.modules, modules), mock.patch.object(sys, "dont_write_bytecode", True):
        spec.loader.exec_module(module)
    return module


class Chosen(dict):
    """Conan's options: attributes with values."""

    __getattr__ = dict.__getitem__
    get_safe = dict.get


class Recipes(unittest.TestCase):
    def test_the_conan_recipe_is_that_of_the_project(self):
        recipe = conan_recipe().Rondo
        for word in ("version", "license"):
            self.assertEqual(getattr(recipe, word), of_project(word))
        self.assertEqual(recipe.name, re.search(r"project\(\s*'(\w+)'", MESON)[1])
        self.assertIn(f"description: '{recipe.description}'", MESON)
        chosen = {name.removeprefix("with_") for name in recipe.options if "with_" in name}
        self.assertEqual(chosen, set(OPTIONS) - LEFT_OUT)
        self.assertEqual(recipe.options.keys(), recipe.default_options.keys())

    def test_the_conan_recipe_asks_for_what_meson_looks_for(self):
        recipe = conan_recipe().Rondo()
        recipe.requires = mock.Mock()
        recipe.options = Chosen(recipe.default_options)
        recipe.requirements()
        wanted = dict(re.match(r"([\w-]+)/\[>=([\d.]+) <\d+\]$", call.args[0]).groups()
                      for call in recipe.requires.call_args_list)
        self.assertEqual(wanted, dependencies())

    def test_the_conan_recipe_sets_every_option(self):
        module = conan_recipe()
        module.MesonToolchain.return_value.project_options = given = {}
        recipe = module.Rondo()
        recipe.options = Chosen(recipe.default_options, with_tls=False)
        recipe.generate()
        self.assertEqual(given.keys(), set(OPTIONS) - {"epoll", "kqueue"})
        self.assertEqual((given["tls"], given["uv"]), ("disabled", "enabled"))

    def test_the_conan_recipe_exports_what_meson_reads(self):
        module = conan_recipe()
        recipe = module.Rondo()
        recipe.recipe_folder, recipe.export_sources_folder = str(PACKAGING / "conan"), "out"
        recipe.export_sources()
        exported = {call.args[1].partition("/")[0] for call in module.copy.call_args_list}
        read = re.findall(r"^ *subdir\('(\w+)", (TOP / "meson.build").read_text(), re.M)
        self.assertEqual(exported, {*read, "meson.build", "meson_options.txt", "LICENSE", "core"})

    def test_the_conan_recipe_describes_both_libraries(self):
        recipe = conan_recipe().Rondo()
        recipe.options = Chosen(recipe.default_options)
        recipe.settings = types.SimpleNamespace(os="Linux")
        parts = {name: mock.Mock(requires=[]) for name in ("rondo", "tls")}
        recipe.cpp_info = mock.Mock(components=parts)
        recipe.package_info()
        self.assertEqual(parts["rondo"].requires, ["libuv::libuv", "c-ares::c-ares"])
        self.assertEqual(parts["tls"].requires, ["rondo", "openssl::openssl"])
        self.assertEqual((parts["rondo"].libs, parts["tls"].libs), (["rondo"], ["rondo-tls"]))
        parts["tls"].set_property.assert_any_call("cmake_target_name", "rondo::tls")

    def test_the_vcpkg_port_is_that_of_the_project(self):
        port = json.loads((PACKAGING / "vcpkg/vcpkg.json").read_text())
        for word in ("version", "license"):
            self.assertEqual(port[word], of_project(word))
        self.assertEqual(port["name"], re.search(r"project\(\s*'(\w+)'", MESON)[1])
        self.assertIn(f"description: '{port['description']}'", MESON)
        self.assertEqual(port["features"].keys(), set(OPTIONS) - LEFT_OUT)
        wanted = {name for feature in port["features"].values()
                  for name in feature.get("dependencies", ())}
        self.assertEqual(wanted, dependencies().keys())
        usage = (PACKAGING / "vcpkg/usage").read_text()
        self.assertIn(f"find_package(rondo {of_project('version')[:3]} CONFIG REQUIRED)", usage)

    @unittest.skipUnless(shutil.which("cmake"), "CMake is not installed")
    def test_the_vcpkg_port_runs(self):
        with tempfile.TemporaryDirectory() as scratch:
            packages = Path(scratch) / "packages"
            config = (PACKAGING / "cmake/rondo-config.cmake.in").read_text()
            (packages / "lib/cmake/rondo").mkdir(parents=True)
            (packages / "lib/cmake/rondo/rondo-config.cmake").write_text(config)
            (packages / "debug/lib/cmake/rondo").mkdir(parents=True)
            script = Path(scratch) / "script.cmake"
            script.write_text(f'{STAND_INS}set(CURRENT_PACKAGES_DIR "{packages}")\n'
                              f'include("{PACKAGING}/vcpkg/portfile.cmake")\n')
            done = subprocess.run(["cmake", "-P", script], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            said = done.stderr
            self.assertIn(f"vcpkg_configure_meson: SOURCE_PATH;{TOP};OPTIONS;", said)
            for option in ("uv=enabled", "dns=enabled", "tls=disabled", "sim=disabled",
                           "tests=disabled", "bench=disabled", "examples=disabled"):
                self.assertIn(f"-D{option}", said)
            self.assertIn(f"vcpkg_install_copyright: FILE_LIST;{TOP}/LICENSE", said)
            moved = (packages / "share/rondo/rondo-config.cmake").read_text()
            self.assertIn('(_rondo_libdir "${CMAKE_CURRENT_LIST_DIR}/../../lib" REALPATH)', moved)
            self.assertEqual(sorted(path.relative_to(packages).as_posix()
                                    for path in packages.rglob("*") if path.is_file()),
                             ["share/rondo/rondo-config.cmake", "share/rondo/usage"])

    def test_the_wrap_provides_what_meson_overrides(self):
        wrap = configparser.ConfigParser(interpolation=None)
        wrap.read(PACKAGING / "rondo.wrap")
        provided = [name.strip() for name in wrap["provide"]["dependency_names"].split(",")]
        self.assertEqual(sorted(provided),
                         sorted(re.findall(r"meson\.override_dependency\('([\w-]+)'", MESON)))
        self.assertEqual(wrap["wrap-git"]["directory"], "rondo")


if __name__ == "__main__":
    unittest.main()
