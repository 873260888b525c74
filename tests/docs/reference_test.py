# SPDX-License-Identifier: MIT
"""The reference is built without a warning, has what is looked for, and no link in it is broken;
and what is not documented is reported."""

import re
import shutil
import subprocess
import tempfile
import unittest
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

TOP = Path(__file__).resolve().parent.parent.parent
# What tools/reference reads.
SOURCES = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "meson.build", "docs",
           "include", "tools"]
# Classes, functions, enumerators, members, macros and pages.
FOUND = ["Reactor", "Stream", "serve", "when_all", "idle_timeout", "World", "Identity", "seqpacket",
         "operator==", "RONDO_VERSION_MAJOR", "stream.h", "Pitfalls"]
HIDDEN = ["detail", "await_ready", "TaskPromise", "RONDO_ASSERT", "promise_type"]


def build(tree, folder):
    return subprocess.run([tree / "tools/reference", "--output", folder], capture_output=True,
                          text=True, timeout=300)


class Links(HTMLParser):
    """The links of a page, and the anchors that it has."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.anchors = {""}
        self.links = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name == "id" or (name == "name" and tag == "a"):
                self.anchors.add(value)
            elif name in ("href", "src", "data"):
                self.links.append(value)


def broken_links(html):
    pages = {path.resolve(): Links(path) for path in html.rglob("*.html")}
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = pages[target].anchors if target in pages else {""}
            if not target.is_file() or unquote(parts.fragment) not in anchors:
                yield f"{path.name}: {link}"


@unittest.skipUnless(shutil.which("doxygen"), "doxygen is not installed: tools/install docs")
class Reference(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.scratch = Path(scratch.name)
        cls.built = build(TOP, cls.scratch / "whole")
        cls.html = cls.scratch / "whole/html"

    def test_it_is_built_without_a_warning(self):
        self.assertEqual(self.built.returncode, 0, self.built.stderr)
        self.assertEqual(self.built.stdout, f"{self.html}/index.html\n")
        self.assertTrue((self.html / "index.html").is_file())

    def test_the_search_finds_what_is_public(self):
        index = "".join(path.read_text(encoding="utf-8")
                        for path in (self.html / "search").glob("all_*.js"))
        names = set(re.findall(r"\['\w+',\['(.*?)'", index))
        names = {re.sub(r"&\w+;|\(.*| .*", "", name) for name in names}
        self.assertEqual(set(FOUND) - names, set())
        self.assertEqual(set(HIDDEN) & names, set())

    def test_no_link_is_broken(self):
        self.assertEqual(list(broken_links(self.html)), [])

    def test_a_broken_link_is_found(self):
        folder = self.scratch / "links"
        folder.mkdir()
        (folder / "a.html").write_text('<a id="x"></a><a href="#x"></a><a href="b.html#y"></a>')
        (folder / "b.html").write_text('<a href="a.html#x"></a><img src="c.svg">')
        self.assertEqual(sorted(broken_links(folder)), ["a.html: b.html#y", "b.html: c.svg"])

    def test_what_is_not_documented_is_reported(self):
        tree = self.scratch / "tree"
        tree.mkdir()
        for name in SOURCES:
            copy = shutil.copytree if (TOP / name).is_dir() else shutil.copy
            copy(TOP / name, tree / name)
        with (tree / "include/rondo/time.h").open("a") as header:
            header.write("namespace rondo {\nvoid nothing_is_said_of(int it);\n}\n")
        line = len((tree / "include/rondo/time.h").read_text().split("\n")) - 2
        with (tree / "docs/sim.md").open("a") as page:
            page.write("\n[leads](names.md#nowhere)\n")
        done = build(tree, tree / "build")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, rf"include/rondo/time\.h:{line}: .*nothing_is_said_of")
        self.assertIn("page_names_nowhere", done.stderr)
        self.assertFalse((tree / "build/html").exists(), "what has errors is not left behind")


if __name__ == "__main__":
    unittest.main()
