# SPDX-License-Identifier: MIT
"""tests/tidy/awaits.py: each rule about coroutines is seen to fire, and to stay silent."""

import unittest

import tidy_test


class Awaits(tidy_test.RuleTest):
    def body(self, *lines):
        return "Task<> f() {\n  int before = 1;\n  " + "\n  ".join(lines) + "\n}\n"

    def test_fire_on_what_gcc_12_destroys_twice(self):
        for line in ("co_await f([x] { use(x); });", "co_await [&]() -> Task<> { co_return; }();",
                     "co_await f(1, [this](int a) -> std::pair<int, int> { return {a, 1}; });",
                     "co_await f({1, 2});", "co_await f(Options{.name = name});",
                     "co_await f(1, Named{{1}, 2});", "check(co_await f(), {1, 2});",
                     "check({1, 2}, co_await f());", "const T t = {co_await f(), 1};",
                     "return {co_await f()};", "if (co_await f({1})) g();",
                     "for (int a = 0; co_await f({a}); ++a) g();", "x = co_await f() + g([x] {});",
                     "(void)co_await when_all(a(), b([=] {}));"):
            for name in ("examples/a.cpp", "bench/a.cpp", "tests/support/a.h", "core/a.cpp"):
                self.assert_fires("awaits", name, self.body("// why", line), line=4)

    def test_find_the_line_in_an_expression_of_many(self):
        self.assert_fires("awaits", "examples/a.cpp", self.body("co_await f(1,", " {2});"), line=4)
        self.assert_fires("awaits", "examples/a.cpp",
                          self.body("co_await when_all(", "  [](int a) -> Task<> {",
                                    "    co_await g({a});", "  }(1));"), line=5)

    def test_are_silent_on_other_expressions(self):
        for lines in (("auto g = [x] {};", "co_await f(g);", "use([x] {}, {1});"),
                      ("const Options options{.name = name};", "co_await f(options);"),
                      ("co_await f(Counted{count}, std::vector<int>{1}, [](int a) { g({a}); });",),
                      ("if (co_await f()) { g({1}); } else { g([x] {}); }",),
                      ("for (auto& [a, b] : co_await f()) g({a[0], b});",),
                      ("const auto [a, b] = co_await f(list[1]);", "switch (a) {", "  case 1: {",
                       "    co_await f();", "    g({1});", "  }", "}"),
                      ("const auto g = [&]() -> Task<> {", "  co_await f();", "};"),
                      ("use([&] { g(); }, [x] {});", "while (x) { co_await f(); }"),
                      ("return awaitable.operator co_await(), f({1});",),
                      ("// co_await f({1});", 'print("co_await f({1})");')):
            self.assert_silent("examples/a.cpp", self.body(*lines))

    def test_fire_on_a_condition_of_a_coroutine_without_a_variable(self):
        silent, fires = self.assert_silent, self.assert_fires
        for body in ("while (co_await f()) g();", "if (co_await f()) { g(); }",
                     "do g(); while (co_await f());", "for (; co_await f();) g();",
                     "switch (co_await f()) { default: g([] { int a = 1; }); }",
                     "while (x) { if (co_await f()) return_it(a * b); }"):
            fires("awaits", "examples/a.cpp", f"Task<> f(int x) {{\n  {body}\n}}\n", 2)
            fires("awaits", "examples/a.cpp",
                  f"void f() {{\n  int a;\n  auto g = [&]() -> Task<> {{\n{body}\n  }};\n}}\n", 4)
        for body in ("while (const auto a = co_await f()) g();",
                     "while (co_await f()) { int a = 1; }",
                     "const T& a = g(); if (co_await f()) h();", "for (T a{}; co_await f();) g();",
                     "try { while (co_await f()) {} } catch (const E& error) { g(); }",
                     "co_await f(); if (x) g();", "auto [a, b] = g(); if (co_await f()) h();"):
            silent("examples/a.cpp", f"Task<> f(int x) {{\n  {body}\n}}\n")

    def test_fire_on_calls_in_operands_that_may_not_be_chosen(self):
        for line in ("co_await sleep(x ? forever : draw());", "co_await f(x || g());",
                     "const int a = x ? co_await f() : 2;", "if (co_await f() && g()) h();",
                     "while (x && (co_await f()).ok() || T{1}.ok()) h();"):
            self.assert_fires("awaits", "examples/a.cpp", self.body(line), 3)
        for line in ("co_await sleep(x ? forever : never);", "if (x && g()) co_await f();",
                     "if (co_await f() && x) h();", "if (x || co_await f()) h();",
                     "const bool a = co_await f(); return a && g();",
                     "co_await f([](int a) { return a && g(); });"):
            self.assert_silent("examples/a.cpp", self.body(line))

    def test_fire_on_a_closure_that_is_called_for_spawn(self):
        for call in ("[x]() -> Task<> { co_return; }()", "([&]() -> Task<> { co_return; })(1)",
                     "both([&]() -> Task<> { co_return; }())"):
            self.assert_fires("awaits", "examples/a.cpp", self.body(f"group.spawn({call});"), 3)
        for call in ("[](int x) -> Task<> { co_return; }(1)", "work(1)", "run([&] { f(); })"):
            self.assert_silent("examples/a.cpp", self.body(f"group.spawn({call});"))

    def test_look_at_the_samples_of_documents_alone(self):
        for start in ("```cpp", "```cpp server"):
            sample = f"one\n\n{start}\nTask<> f() {{\n  co_await g({{1}});\n}}\n```\n"
            self.assert_fires("awaits", "docs/a.md", sample, line=5)
        self.assert_silent("docs/a.md", "avoid `co_await g({1});`\n```sh\nco_await g({1});\n```\n")

    def test_may_be_allowed(self):
        self.assert_silent("tests/a.cpp", self.body(
            "// tidy: allow awaits: the test shows it", "co_await f({1});"))


if __name__ == "__main__":
    unittest.main()
