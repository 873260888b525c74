# SPDX-License-Identifier: MIT
"""The tables of threats: each test that they name exists."""

import re
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
PAGES = ("SECURITY.md", "docs/facing_the_internet.md")
NAMED = re.compile(r"`([A-Z]\w*\.(?:[A-Z]\w*|\*)|\w+_test\.cpp)`")


def names(page):
    return NAMED.findall((TOP / page).read_text(encoding="utf-8"))


class NamedTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        files = list((TOP / "tests").rglob("*_test.cpp"))
        text = "\n".join(path.read_text(encoding="utf-8") for path in files)
        macro = r"^(?:TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P)\((\w+),\s*(\w+)\)"
        cls.cases = {".".join(pair) for pair in re.findall(macro, text, re.M)}
        cls.known = cls.cases | {path.name for path in files}
        cls.known |= {case.split(".")[0] + ".*" for case in cls.cases}

    def test_exist(self):
        for page in PAGES:
            self.assertGreater(len(names(page)), 9, page)
            for name in names(page):
                self.assertIn(name, self.known, page)


if __name__ == "__main__":
    unittest.main()
