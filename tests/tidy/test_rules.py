# SPDX-License-Identifier: MIT
"""What tests/tidy/tidy.py asks of tests: how their files are called, that they are built, that they
neither sleep nor take a fixed port."""

import re


def test_files(tree, source):
    if source.room != "tests" or source.kind != "cpp":
        return
    macro = r"^(?:TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P)\("
    first = re.search(macro, source.statements, re.M)
    named = re.fullmatch(r"[a-z0-9_]+_test\.cpp", source.path.name) and not source.is_support
    if first and not named:
        line = source.statements.count("\n", 0, first.start()) + 1
        yield line, "tests in a file that is not called noun_test.cpp"
    if named and source.path.name not in tree.meson_text("tests"):
        yield 1, "no meson.build below tests/ lists it: it is never run"


def test_habits(tree, source):
    if source.kind not in ("cpp", "py") or source.path.name == "tidy_test.py":
        return
    if source.room != "tests" and not re.search(r"_test\.(py|cpp)$", source.path.name):
        return
    lines = source.code if source.kind == "cpp" else source.lines
    sleep = r"\b(?:u|nano)sleep\s*\(|\bsleep\(\d+\)|\bsleep_for\b|\bpoll\s*\(\s*(?:nullptr|NULL)\b"
    if source.kind == "py":
        sleep = r"^\s*(?:await )?(?:time|asyncio)\.sleep\("
    for number, line in enumerate(lines, 1):
        if re.search(sleep, line):
            yield number, "a test that sleeps is slow or flaky: wait for the event itself", "sleep"
    for number, line in enumerate(source.lines, 1):
        call = re.search(r"^[^#/]*\b(?:listen|bind|serve|(?:create|start)_server)\b(.*)", line)
        if source.name.startswith("tests/sim/"):
            call = None  # a simulated network has all of its ports to itself
        if (call and fixed_port(call[1])) or re.search(r"\bhtons\(\s*0*[1-9]", line):
            yield number, "a fixed port may be taken: take port 0, ask which it became", "port"


def fixed_port(text):
    address = r"""["'](?:[\d.]+|localhost|\[[\da-f:]*\]|)(?::|["'],\s*)(\d+)\b"""
    return any(int(port) != 0 for port in re.findall(address, text))
