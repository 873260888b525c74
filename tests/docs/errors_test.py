# SPDX-License-Identifier: MIT
"""The three pages of messages in docs/ contain every message of the library, and no other one.

A message is each text with a blank in the sources of the library, without what SOCKETS and NAMES
exempt, and the single words at the places that WORDS lists. On a page, messages are the code in the
first column of the tables whose first column is called `message`. There `<...>` is a value, and
`the system says` is the heading of a table of the system's own texts.
"""

import os
import platform
import re
import tempfile
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
LIBRARY = ("include", "core", "backends", "tls")
PAGES = [TOP / "docs" / name for name in ("errors.md", "errors_tls.md", "assertions.md")]
PROVOKED = TOP / "tests/unit/error_messages_test.cpp"
TEXTS_MIN = 300  # how many the library has: a search that finds fewer has gone wrong
PROVOKED_MIN = 25

TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|'(?:[^'\\\n]|\\.)+'|^[ \t]*\#[ \t]*include[^\n]*"""
                   r"""|(?P<string>(?P<raw>R?)"(?:[^"\\\n]|\\.)*")""", re.S | re.M)
# Names of sockets and packets in a trace and a report of the simulated network.
SOCKETS = re.compile(r"backends/sim/(tcp|tcp_end|tcp_segments|udp|unix)\.cpp|backends/sim/pipe\.h")
# A call that is given the name of what is used or awaited, not a message.
NAMES = re.compile(
    r"\b(note|suspend|starting_\.start|check|check_thread|used|BIO_meth_new|find_first_of)"
    r"\([^()]*(\([^()]*\)[^()]*)*$")
WORDS = re.compile(
    r"(\b(throw_if_lost|throw_incomplete|failure|InvalidText|prepare_adopted)\([^()]*"
    r"|\b(reason_names|limit_names)\[\] = \{[^{}]*)$")
ESCAPES = {"n": "\n", "r": " ", "t": " ", "v": " ", "f": " "}
FORMAT = re.compile(r"%[-.*\d]*(?:lld|[A-Za-z])|\n")  # what separates the pieces of a string


def texts_of(source):
    """The line of each string, what stands before it in its statement, and the string."""
    tokens = list(TOKEN.finditer(source))
    code = source
    for token in tokens:  # comments and the insides of strings end no statement
        if not token["string"] or ";" in token[0]:
            code = code[:token.start()] + " " * len(token[0]) + code[token.end():]
    strings = [token for token in tokens if token["string"]]
    for at, token in enumerate(strings):
        if at > 0 and source[strings[at - 1].end():token.start()].isspace():
            continue  # a part of the string before it
        text, end = token[0][1:-1], token.end()
        for more in strings[at + 1:]:
            if not source[end:more.start()].isspace():
                break
            text, end = text + more[0][1:-1], more.end()
        before = code[max(0, token.start() - 600):token.start()].rpartition(";")[2]
        plain = re.sub(r"\\(.)", lambda hit: ESCAPES.get(hit[1], hit[1]), text)
        yield source.count("\n", 0, token.start()) + 1, before, re.sub(r" +", " ", plain)


def sources(top):
    for folder in LIBRARY:
        for path in sorted((top / folder).rglob("*")):
            if path.suffix in (".h", ".cpp"):
                yield path.relative_to(top).as_posix(), path.read_text(encoding="utf-8")


def messages_of(top):
    """The place and the text of each message in the sources."""
    for name, source in sources(top):
        for line, before, text in texts_of(source):
            is_text = " " in text and re.search(r"[A-Za-z]", text) and not NAMES.search(before)
            if (is_text or WORDS.search(before)) and not SOCKETS.fullmatch(name):
                yield f"{name}:{line}", text


def column_of(page, heading):
    """The code in the first column of the tables with that heading."""
    for table in re.findall(rf"^\| {heading} \|.*\n\|[-| ]+\n((?:\|.*\n)*)", page, re.M):
        for row in table.splitlines():
            for code in re.findall(r"(`+)(.+?)\1(?!`)", row.split(" | ")[0]):
                yield code[1].strip()


def whole(text):
    """A pattern for the text that does not begin or end within a word."""
    return (r"(?<!\w)" * text[0].isalnum()) + re.escape(text) + (r"(?!\w)" * text[-1].isalnum())


def missing(top, pages):
    """The messages of the sources that are on no page."""
    said = "\n".join(said for page in pages for said in column_of(page, "message"))
    for place, text in messages_of(top):
        for piece in FORMAT.split(text):
            piece = piece.strip()
            if re.search(r"[A-Za-z]", piece) and not re.search(whole(piece), said):
                yield f"{place}: {piece}"


def unknown(top, pages):
    """The messages of the pages that no source has."""
    texts = {piece.strip() for _, source in sources(top) for _, _, text in texts_of(source)
             for piece in FORMAT.split(text)}
    for page in pages:
        texts |= set(column_of(page, "the system says"))
    known = "|".join(whole(text) for text in sorted(texts, key=len, reverse=True) if text)
    parts = re.compile(rf"(?:{known}|\W)*")
    for page in pages:
        for message in column_of(page, "message"):
            if not all(parts.fullmatch(part) for part in re.split(r"<[^<>]+>", message)):
                yield message


class ErrorPages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pages = [page.read_text(encoding="utf-8") for page in PAGES]

    def test_contain_every_message(self):
        self.assertGreater(len(list(messages_of(TOP))), TEXTS_MIN)
        self.assertEqual(list(missing(TOP, self.pages)), [])

    def test_contain_no_other_message(self):
        self.assertEqual(list(unknown(TOP, self.pages)), [])

    def test_contain_the_messages_that_a_test_provokes(self):
        said = {said for page in self.pages for said in column_of(page, "message")}
        provoked = [text for _, before, text in texts_of(PROVOKED.read_text(encoding="utf-8"))
                    if before.endswith("says(")]
        self.assertGreaterEqual(len(provoked), PROVOKED_MIN)
        self.assertEqual(set(provoked) - said, set())

    @unittest.skipUnless(platform.libc_ver()[0] == "glibc", "other systems have other words")
    def test_have_the_words_of_the_system(self):
        words = {os.strerror(number) for number in range(1, 134)}
        said = {said for page in self.pages for said in column_of(page, "the system says")}
        self.assertGreaterEqual(len(said), 10)
        self.assertEqual(said - words, set())

    def test_are_compared_with_the_sources(self):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch, "core")
            folder.mkdir()
            (folder / "a.cpp").write_text(
                'return Error{code, "paint the " + what};  // "a comment"\n'
                'check("the destructor of A"); more.throw_if_lost("sing");\n'
                'RONDO_REQUIRE(a, "A", " is; empty: "\n   "call b().");\n')
            page = "| message | cause |\n|---|---|\n| `{}` | `why not` |\n"
            self.assertEqual(list(missing(Path(scratch), [page.format("paint the <wall>")])),
                             ["core/a.cpp:2: sing", "core/a.cpp:3: is; empty: call b()."])
            self.assertEqual(list(unknown(Path(scratch), [
                page.format("sing: paint the <wall>"), page.format("A is; empty: call b()."),
                page.format("sing loudly"), page.format("paint them"),
            ])), ["sing loudly", "paint them"])


if __name__ == "__main__":
    unittest.main()
