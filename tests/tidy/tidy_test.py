# SPDX-License-Identifier: MIT
"""tests/tidy/tidy.py: each rule is seen to fire, and to stay silent, on a small tree of its own."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import tidy


class RuleTest(unittest.TestCase):
    ignored = ("layout", "licence")  # the files of most cases are loose, and have no header

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.top = Path(scratch.name)

    def write(self, name, text):
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def found(self, name, text):
        """(line, rule) of the findings in a tree with this file."""
        self.write(name, text)
        findings = sorted(tidy.check(self.top))
        return [(finding.line, finding.rule) for finding in findings
                if finding.path == name and finding.rule not in self.ignored]

    def assert_fires(self, rule, name, text, line=1):
        self.assertEqual(self.found(name, text), [(line, rule)], text[:200])

    def assert_silent(self, name, text):
        self.assertEqual(self.found(name, text), [], text[:200])


class Arrows(RuleTest):
    def setUp(self):
        super().setUp()
        self.write("include/rondo/meson.build", "'net.h'")
        self.write("include/rondo/net.h", "")
        self.write("core/timer.h", "")
        self.write("backends/poll.h", "")

    def test_core_includes_itself_the_face_and_the_system(self):
        for header in ('"timer.h"', "<rondo/net.h>", "<vector>", "<sys/socket.h>", "<cerrno>"):
            self.assert_silent("core/a.cpp", f"#include {header}\n")

    def test_tls_includes_itself_the_face_and_openssl(self):
        self.write("tls/layer.h", "")
        for header in ('"layer.h"', "<rondo/net.h>", "<openssl/ssl.h>", "<arpa/inet.h>"):
            self.assert_silent("tls/a.cpp", f"#include {header}\n")
        for header in ('"timer.h"', '"core/timer.h"', "<ares.h>", "<uv.h>"):
            self.assert_fires("arrows", "tls/a.cpp", f"#include {header}\n")
        self.assert_fires("arrows", "core/a.cpp", "#include <openssl/ssl.h>\n")

    def test_core_includes_no_backend(self):
        for header in ('"poll.h"', '"../backends/poll.h"', '"backends/poll.h"'):
            self.assert_fires("arrows", "core/a.cpp", f"#include {header}\n")

    def test_core_includes_no_poller_and_no_library(self):
        for header in ("<uv.h>", "<sys/epoll.h>", "<sys/event.h>", "<linux/tcp.h>", "<ev/a.hpp>"):
            self.assert_fires("arrows", "core/a.cpp", f"\n#include {header}\n", line=2)

    def test_one_corner_of_core_includes_c_ares(self):
        self.assert_silent("core/cares_channel.h", "#include <ares.h>\n")
        self.assert_fires("arrows", "core/resolver.cpp", "#include <ares.h>\n")
        self.assert_fires("arrows", "core/cares_channel.cpp", "#include <uv.h>\n")

    def test_backends_include_no_core(self):
        for header in ('"timer.h"', '"../core/timer.h"'):
            self.assert_fires("arrows", "backends/epoll.cpp", f"#include {header}\n")

    def test_each_backend_includes_its_own_poller(self):
        self.assert_silent("backends/uv/uv.cpp", "#include <uv.h>\n")
        self.assert_silent("backends/kqueue.cpp", "#include <sys/event.h>\n")
        self.assert_silent("backends/epoll.cpp", '#include <sys/epoll.h>\n#include "poll.h"\n')

    def test_one_backend_does_not_include_anothers_poller(self):
        self.assert_fires("arrows", "backends/epoll.cpp", "#include <uv.h>\n")
        self.assert_fires("arrows", "backends/epoll.cpp", "#include <sys/event.h>\n")
        self.assert_fires("arrows", "backends/epoll.cpp", "#include <event2/event.h>\n")

    def test_the_public_face_shows_nobody_else(self):
        self.assert_silent("include/rondo/net.h", "#include <rondo/net.h>\n#include <span>\n")
        for header in ("<uv.h>", "<sys/types.h>", "<unistd.h>", "<ares.h>", '"net.h"'):
            self.assert_fires("arrows", "include/rondo/net.h", f"#include {header}\n")

    def test_a_public_header_may_include_a_message(self):
        self.assert_silent("include/rondo/net.h", '#include "rondo needs C++20"\n')

    def test_users_see_the_public_face_alone(self):
        for room in ("examples", "bench"):
            self.write(f"{room}/own.h", "")
            good = '#include <rondo/net.h>\n#include "own.h"\n#include <CLI/CLI.hpp>\n'
            self.assert_silent(f"{room}/a.cpp", good)
            self.assert_fires("arrows", f"{room}/b.cpp", '#include "timer.h"\n')
            self.assert_fires("arrows", f"{room}/c.cpp", '#include "../core/timer.h"\n')
            self.assert_fires("arrows", f"{room}/d.cpp", "#include <rondo/hidden.h>\n")

    def test_rooms_of_core_see_those_below_alone(self):
        for name in ("core/loop/a.h", "core/stream/b.h", "core/c.h"):
            self.write(name, "")
        self.assert_silent("core/loop/x.cpp", '#include "a.h"\n#include "c.h"\n')
        self.assert_silent("core/stream/x.cpp", '#include "b.h"\n#include "loop/a.h"\n')
        self.assert_fires("arrows", "core/loop/y.cpp", '#include "stream/b.h"\n')
        self.assert_fires("arrows", "core/datagram/y.cpp", '#include "stream/b.h"\n')
        self.assert_fires("arrows", "core/y.cpp", '#include "loop/a.h"\n')

    def test_rooms_of_backends_see_no_other(self):
        for name in ("backends/net/a.h", "backends/b.h"):
            self.write(name, "")
        self.assert_silent("backends/net/x.cpp", '#include "a.h"\n#include "b.h"\n')
        self.assert_fires("arrows", "backends/sim/x.cpp", '#include "net/a.h"\n')
        self.assert_fires("arrows", "backends/x.cpp", '#include "net/a.h"\n')

    def test_tests_see_everything(self):
        self.assert_silent("tests/support/a.h", '#include "timer.h"\n#include <gtest/gtest.h>\n')

    def test_an_include_in_a_comment_is_none(self):
        self.assert_silent("core/a.cpp", "// where a user writes #include <uv.h>, see uv.h\n")


class PlatformIfs(RuleTest):
    def test_fire_outside_backends(self):
        for line in ("#ifdef __linux__", "#if defined(__APPLE__)", "#elif defined(_WIN32)"):
            self.assert_fires("platform_ifs", "core/a.cpp", f"{line}\n")
            self.assert_fires("platform_ifs", "tests/support/a.h", f"{line}\n")

    def test_are_silent_in_backends_and_for_what_is_no_platform(self):
        self.assert_silent("backends/a.cpp", "#ifdef __linux__\n#endif\n")
        self.assert_silent("core/a.cpp", "#ifdef NDEBUG\n#endif\n// #ifdef __linux__ is banned\n")


class Sizes(RuleTest):
    def test_of_a_file_of_any_kind(self):
        for name in ("core/a.cpp", "tests/a.py", "tools/a.sh", "core/meson.build", "CMakeLists.txt",
                     "packaging/a/b.cmake", "packaging/a/b.cmake.in"):
            self.assert_silent(name, "\n" * 400)
            self.assert_fires("sizes", name, "\n" * 401, line=401)

    def test_of_the_front_door_alone_of_the_pages(self):
        self.assert_silent("docs/a.md", "\n" * 401)
        self.assert_silent("README.md", "\n" * 150)
        self.assert_fires("sizes", "README.md", "\n" * 151, line=151)

    def test_of_a_script_without_an_ending(self):
        self.assert_fires("sizes", "tools/a", "#!/usr/bin/env bash\n" + "\n" * 400, line=401)

    def test_of_a_line(self):
        self.assert_silent("core/a.cpp", "/" * 100 + "\n")
        self.assert_fires("sizes", "core/a.cpp", "/" * 101 + "\n")

    def test_of_a_python_function(self):
        self.assert_silent("tests/unit/a.py", "def f():\n" + "    g()\n" * 69)
        self.assert_fires("sizes", "tests/unit/a.py", "def f():\n" + "    g()\n" * 70)


class Layout(RuleTest):
    ignored = ("licence",)

    def test_fires_on_a_loose_file(self):
        for name in ("tests/a.h", "bench/a.py", "core/a.h", "packaging/a.py"):
            self.assert_fires("layout", name, "\n")

    def test_is_silent_on_what_all_rooms_use(self):
        for name in ("tests/meson.build", "bench/meson.build", "core/heap.h", "core/loop/a.h"):
            self.assert_silent(name, "\n")


class Language(RuleTest):
    def test_fires_on_words_that_readers_stumble_over(self):
        for word in ("he", "His", "him", "whoever", "Nobody", "somebody"):
            self.assert_fires("language", "demo/a.cpp", f"int a;  // that {word} sends\n")
            self.assert_fires("language", "demo/a.cpp", f'auto a = "{word} is there";\n')
            self.assert_fires("language", "demo/a.py", f'a = f("{word} is there")\n')
            self.assert_fires("language", "tools/a.sh", f"# that {word} sends\n")
            self.assert_fires("language", "tests/meson.build", f"# that {word} sends\n")
            self.assert_fires("language", "notes/a.md", f"\nThat {word} sends.\n", line=2)

    def test_is_silent_on_code_and_on_parts_of_words(self):
        self.assert_silent("demo/a.cpp", "bool nobody = his;  // the other, this, himself\n")

    def test_fires_on_a_comment_that_begins_without_its_subject(self):
        for word in ("Who", "Whose", "Of"):
            self.assert_fires("language", "demo/a.cpp", f"int a;\n/// {word} is there.\n", 2)
            self.assert_fires("language", "demo/b.cpp", f"int a;  // {word.lower()} it\n")
            self.assert_fires("language", "tests/meson.build", f"# {word} is there.\n")
            self.assert_fires("language", "demo/a.py", f'"""{word} is there."""\n')

    def test_is_silent_on_a_comment_that_goes_on(self):
        self.assert_silent("demo/a.cpp", "// The first of the peers\n// who of them is there\n")
        self.assert_silent("demo/a.cpp", "// Office hours.\n")


class BannedCalls(RuleTest):
    FIRING = {
        "print": ["std::printf(x);", "fprintf(stderr, x);", "std::cout << 1;", "perror(x);"],
        "abort": ["abort();", "std::exit(1);", "::_exit(1);", "return abort();"],
        "sleep": ["sleep(1);", "usleep(1);", "std::this_thread::sleep_for(1s);"],
        "unbounded": ["sprintf(a, b);", "strcpy(a, b);", "std::strcat(a, b);"],
        "rand": ["rand();", "srand(1);", "::random();"],
        "shared_ptr": ["std::shared_ptr<int> a;", "auto a = std::make_shared<int>();"],
        "throw": ["throw std::system_error{error};"],
        "socket": ["::send(fd, a, b, 0);", "n = ::recv(fd, a, b, 0);", "return ::socket(a, b, c);",
                   "n = sendmsg(fd, a, 0);"],
    }

    def test_fire_in_the_library(self):
        for rule, calls in self.FIRING.items():
            for call in calls:
                for room in ("core", "backends"):
                    self.assert_fires(rule, f"{room}/a.cpp", f"\n  {call}\n", line=2)

    def test_are_silent_elsewhere(self):
        for calls in self.FIRING.values():
            for call in calls:
                self.assert_silent("examples/a.cpp", f"  {call}\n")

    def test_are_silent_on_what_only_looks_like_them(self):
        for call in ("net.send(fd, data);", "net_->socket(family, type);", "int send(int fd);",
                     "Net::send(fd, data);", "throw;", "throw std::bad_alloc{};",
                     "stream->abort();", "void abort() noexcept;", "void Stream::abort() {}",
                     "on_exit();", "std::snprintf(a, n, b);",
                     "world.random();", '"printf(";', "// never throw here", "operand(1);"):
            self.assert_silent("core/a.cpp", f"  {call}\n")

    def test_are_silent_where_they_belong(self):
        self.assert_silent("core/assert.cpp", "  std::fprintf(stderr, a);\n  std::abort();\n")
        self.assert_silent("core/result.cpp", "  std::fputs(a, stderr);\n")
        self.assert_silent("core/loop/reactor.cpp", "  throw std::system_error{error};\n")
        self.assert_silent("backends/net/system_net.cpp", "  ::send(fd, a, b, MSG_NOSIGNAL);\n")

    def test_may_be_allowed_with_a_reason_only(self):
        self.assert_silent("core/a.cpp", "// tidy: allow abort: the child of a fork\n_exit(1);\n")
        self.assert_silent("core/b.cpp", "_exit(1);  // tidy: allow abort: the child of a fork\n")
        self.assert_fires("abort", "core/c.cpp", "_exit(1);  // tidy: allow abort:\n")
        self.assert_fires("abort", "core/d.cpp", "_exit(1);  // tidy: allow sleep: wrong rule\n")


class IgnoredResults(RuleTest):
    def test_fire_without_a_comment(self):
        for line in ("(void)f();", "std::ignore = f();", "if (a) (void)f();"):
            self.assert_fires("ignored_results", "core/a.cpp", f"\n  {line}\n", line=2)

    def test_are_silent_with_one_and_on_parameter_lists(self):
        self.assert_silent("core/a.cpp", "(void)f();  // best effort: the peer may be gone\n")
        self.assert_silent("core/a.cpp", "// Best effort: the peer may be gone.\n(void)f();\n")
        self.assert_silent("core/a.cpp", "int f(void);\n")


class Comments(RuleTest):
    def test_fire_on_unfinished_thoughts(self):
        for word in ("TODO", "FIXME", "XXX"):
            self.assert_fires("comments", "core/a.cpp", f"int a;  // {word}: later\n")
            self.assert_fires("comments", "tests/a.py", f"a = 1  # {word}: later\n")
            self.assert_fires("comments", "tools/a.sh", f"# {word}: later\n")

    def test_fire_on_commented_out_code(self):
        for code in ("f(a);", "a->b();", "a = b + 1;", "return a;", "int a = 1;", "}", "if (a) {",
                     "#include <vector>", "std::string a = b;", "delete a;", "a.b(c) << d;"):
            self.assert_fires("comments", "core/a.cpp", f"// {code}\n")
        for code in ("import os", "f(a)", "return a[0]", "if a:", "a = b"):
            self.assert_fires("comments", "tests/a.py", f"# {code}\n")

    def test_are_silent_on_prose_and_samples(self):
        for prose in ("Never early: the clock is fresh;", "for the user's sake (see the model)",
                      "a dup keeps it alive;", "if the peer is gone, so is the data",
                      "uv_close() is asynchronous: the node outlives it",
                      "    reactor.run();"):
            self.assert_silent("core/a.cpp", f"// {prose}\n")
        self.assert_silent("core/a.cpp", "/// reactor.run();\n")
        self.assert_silent("tests/a.py", "# if it is there: take it\n# ------\na = '# TODO'\n")


class Tests(RuleTest):
    def test_stand_in_files_named_after_what_they_test(self):
        self.assert_fires("test_files", "tests/timers.cpp", "\nTEST(Timer, Fires) {}\n", line=2)
        self.write("tests/meson.build", "files('timer_test.cpp')")
        self.assert_silent("tests/timer_test.cpp", "TEST(Timer, Fires) {}\n")
        self.assert_silent("tests/support/under_test.cpp", "int helper();\n")

    def test_are_listed_where_they_are_built(self):
        self.assert_fires("test_files", "tests/timer_test.cpp", "TEST_F(Timer, Fires) {}\n")

    def test_do_not_sleep(self):
        self.write("tests/meson.build", "files('a_test.cpp')")
        for line in ("sleep(1);", "std::this_thread::sleep_for(1ms);", "::poll(nullptr, 0, 10);"):
            self.assert_fires("sleep", "tests/a_test.cpp", f"{line}\n")
        self.assert_fires("sleep", "tests/b_test.py", "    time.sleep(1)\n")
        self.assert_fires("sleep", "examples/b_test.py", "await asyncio.sleep(1)\n")
        self.assert_silent("tests/a_test.cpp", "// it may sleep (see there)\npoll(fds, 1, 10);\n")

    def test_take_no_fixed_port(self):
        self.write("tests/meson.build", "files('a_test.cpp')")
        for line in ('auto a = listen(r, "127.0.0.1:8888");', "address.sin_port = htons(8888);",
                     'auto s = serve<Echo>(reactor, "localhost:80");'):
            self.assert_fires("port", "tests/a_test.cpp", f"{line}\n")
        self.assert_fires("port", "tests/b_test.py", 's.bind(("127.0.0.1", 8888))\n')
        for line in ('listen(r, "127.0.0.1:0");', "address.sin_port = htons(0);",
                     'EXPECT_EQ(parse("127.0.0.1:5000").port(), 5000);'):
            self.assert_silent("tests/a_test.cpp", f"{line}\n")
        self.assert_silent("tests/b_test.py", 's.bind(("127.0.0.1", 0))\n')


class Headers(RuleTest):
    def test_are_listed_where_they_are_installed(self):
        self.assert_fires("headers", "include/rondo/a.h", "int a;\n")
        self.write("include/rondo/meson.build", "install_headers('a.h')")
        self.assert_silent("include/rondo/a.h", "int a;\n")

    def test_that_export_have_a_source_of_that_name(self):
        self.write("include/rondo/meson.build", "install_headers('a.h', 'uv.h', 'export.h')")
        text = "\nRONDO_EXPORT int a();\n"
        self.assert_fires("headers", "include/rondo/a.h", text, line=2)
        self.write("core/a.cpp", "")
        self.assert_silent("include/rondo/a.h", text)
        self.write("backends/uv/uv.cpp", "")
        self.assert_silent("include/rondo/uv.h", text)
        self.assert_silent("include/rondo/export.h", "#define RONDO_EXPORT [[gnu::used]]\n")


class Licence(RuleTest):
    ignored = ("layout",)

    def test_stands_in_the_first_line_or_below_the_interpreter(self):
        self.assert_silent("core/a.cpp", "// SPDX-License-Identifier: MIT\nint a;\n")
        self.assert_silent("tools/a", "#!/bin/sh\n# SPDX-License-Identifier: MIT\n")
        self.assert_silent("docs/a.md", "# A page\n")
        self.assert_fires("licence", "core/a.cpp", "int a;\n// SPDX-License-Identifier: MIT\n")
        self.assert_fires("licence", "core/a.cpp", "// SPDX-License-Identifier: GPL-2.0-only\n")


class Program(RuleTest):
    def run_it(self):
        command = [sys.executable, Path(tidy.__file__), self.top]
        return subprocess.run(command, capture_output=True, text=True, timeout=30)

    def test_prints_file_line_and_how_to_mend_it_and_fails(self):
        self.write("core/a.cpp", "// SPDX-License-Identifier: MIT\nabort();\n")
        done = self.run_it()
        self.assertEqual(done.returncode, 1)
        self.assertIn("core/a.cpp:2: `abort(`: the library ends no program: return", done.stdout)

    def test_is_silent_and_succeeds_on_a_tidy_tree(self):
        self.write("core/loop/a.cpp", "// SPDX-License-Identifier: MIT\nint a;\n")
        self.write("build/core/a.cpp", "abort();\n")
        done = self.run_it()
        self.assertEqual((done.returncode, done.stdout), (0, ""))


if __name__ == "__main__":
    unittest.main()
