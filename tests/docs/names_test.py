# SPDX-License-Identifier: MIT
"""What pages name exists: options in docs/tuning.md, both sides of the tables for readers who come
from another library, and the examples with their sizes."""

import re
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
DOCS = TOP / "docs"
# Headers of the other side, where Debian installs them.
LIBRARIES = {
    "from_asio.md": ["asio"],
    "from_libevent.md": ["event2"],
    "from_libuv.md": ["uv.h", "uv"],
}
SYSTEM = Path("/usr/include")
# In a rondo column, but not rondo's: placeholders, the language, and names that are values.
OTHERS = {"argument", "arguments", "bcher", "char", "co_await", "co_return", "epoll", "example",
          "hook", "kva", "localhost", "org", "sock", "tmp", "xn"}
SPAN = re.compile(r"`([^`]+)`")
NAME = re.compile(r"(?<![\w.\"'/])[A-Za-z_]\w+")
TEXT = re.compile(r"\"[^\"]*\"")


def words_of(folder, pattern="*.h*"):
    files = [folder] if folder.is_file() else folder.rglob(pattern)
    return {word for path in files if path.is_file()
            for word in re.findall(r"\w+", path.read_text(encoding="utf-8", errors="replace"))}


def names_in(text):
    for span in SPAN.findall(text):
        yield from NAME.findall(TEXT.sub("", span))


def rows_of(page):
    """The cells of each row of its tables, without heads and rulers."""
    table = []
    for line in [*page.read_text(encoding="utf-8").splitlines(), ""]:
        if line.startswith("|"):
            table.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
            continue
        yield from table[2:]
        table = []


class Names(unittest.TestCase):
    rondo = words_of(TOP / "include/rondo") | OTHERS

    def test_the_other_library_has_the_names_of_its_table(self):
        for name, places in LIBRARIES.items():
            known = set().union(*(words_of(SYSTEM / place) for place in places))
            if not known:
                continue  # it is not installed
            for row in rows_of(DOCS / name):
                with self.subTest(page=name, row=row[0]):
                    self.assertEqual(set(names_in(row[0])) - known, set())

    def test_rondo_has_the_names_of_the_tables(self):
        for name in [*LIBRARIES, "python.md", "facing_the_internet.md"]:
            for row in rows_of(DOCS / name):
                cell = row[0 if name == "facing_the_internet.md" else 1]
                with self.subTest(page=name, cell=cell):
                    self.assertEqual(set(names_in(cell)) - self.rondo, set())

    def test_rondo_has_the_options_of_the_page_on_tuning(self):
        text = re.sub(r"^```.*?^```$", "", (DOCS / "tuning.md").read_text(encoding="utf-8"),
                      flags=re.M | re.S)
        options = {name for name in names_in(text) if re.fullmatch(r"[a-z]+(_[a-z]+)+", name)}
        self.assertGreater(len(options), 25)
        self.assertEqual(options - self.rondo - {"uv_poll_t"}, set())

    def test_the_index_of_examples_is_complete(self):
        page = (DOCS / "examples.md").read_text(encoding="utf-8")
        rows = {match[1]: match[2].replace(",", "")
                for match in re.finditer(r"^\| \[?`(\w+)`[^|]*\| ([\d,]*) ?\|", page, re.M)}
        folders = {path for path in (TOP / "examples").iterdir() if path.is_dir()}
        self.assertEqual({path.name for path in folders} - set(rows), set())
        for path in folders:
            if not rows[path.name]:
                continue
            lines = sum(len(file.read_text(encoding="utf-8").splitlines())
                        for file in path.rglob("*") if file.suffix in (".cpp", ".h"))
            with self.subTest(folder=path.name, lines=lines):
                self.assertLessEqual(abs(int(rows[path.name]) - lines), lines // 10)


if __name__ == "__main__":
    unittest.main()
