#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""prepare.py FOLDER: copies what the reference is made of to FOLDER, in the form that Doxygen
needs: the headers, README.md, CHANGELOG.md, docs/*.md and what is in docs/reference. No line is
added or removed, so that warnings name the right one."""

import html
import re
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
PAGES = [TOP / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY")]
PAGES += sorted((TOP / "docs").glob("*.md"))
PATH = TOP / "docs/README.md"  # a second page of that name
LANGUAGES = {"cpp": ".cpp", "c++": ".cpp", "sh": ".sh", "python": ".py"}  # that Doxygen colours

MOVE = re.compile(r"^ *([A-Z]\w*)(?:& operator=)?\(\1&& ?\w*\)(?!.* = delete)")
COPY = re.compile(r"^ *([A-Z]\w*)(?:& operator=)?\(const \1& ?\w*\)(?!.* = delete)")
COMMENT = re.compile(r"//.*")
RUN = re.compile(r"(?<![\w:.])run\(\)")
FRIEND = re.compile(r"^ *friend (?!bool operator)[^;{}]*;", re.M)

INDENTED = re.compile(r"^( *///)    (?= )")

BLOCK = re.compile(r"^( *```.*?\n *```\n)", re.M | re.S)
HEADING = re.compile(r"^#+ (.*)$", re.M)
REMARK = re.compile(r"<!--.*?-->", re.S)
CODE = re.compile(r"(`+)((?:(?!\n\n).)+?)\1", re.S)
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)([.,;:)]*)")
CELL = re.compile(r"(?<= \| )[^|]*(?= \|$)", re.M)  # the last of a row
HOLE = "\0"  # stands for code while a text is prepared


def prepare_header(name, text):
    if name not in {"run.h", "sim.h", "task.h"}:
        # Doxygen would take it for rondo::run().
        text = COMMENT.sub(lambda hit: RUN.sub("Reactor::run()", hit[0]), text)
    text = FRIEND.sub(lambda hit: "\n" * hit[0].count("\n"), text)
    lines = text.split("\n")
    # The comment that begins a header describes the file.
    lines[0] = r"/// \file"
    for i, line in enumerate(lines[1:], 1):
        if not line.startswith("//"):
            break
        lines[i] = re.sub(r"^//(?: rondo:)?", "///", line)
    mark_code(lines)
    for i, line in enumerate(lines):
        # Specializations of std's templates end a header.
        if line.startswith("struct std::"):
            lines[i:] = [""] * (len(lines) - i)
            break
        # Moving and copying need no docstring, but a reader looks for them.
        if MOVE.match(line):
            lines[i] = "/** Moves: the other one is empty then. */ " + line
        elif COPY.match(line):
            lines[i] = "/** Copies. */ " + line
    return "\n".join(lines)


def mark_code(lines):
    """Indented lines of a docstring that are C++ are shown as such, with links."""
    last = 0
    while last + 1 < len(lines):
        first = last = last + 1
        if not INDENTED.match(lines[first]):
            continue
        while INDENTED.match(lines[last + 1]):
            last += 1
        if re.search(r"[;{]", "".join(lines[first:last + 1])):
            lines[first - 1] += r" \code{.cpp}"
            lines[first:last + 1] = [INDENTED.sub(r"\1", line) for line in lines[first:last + 1]]
            lines[last] += r" \endcode"


def version_header(text):
    """As Meson configures it."""
    version = re.search(r"version: '([\d.]+)'", (TOP / "meson.build").read_text())[1]
    values = dict(zip(("major", "minor", "patch"), version.split(".")), version=version)
    return re.sub(r"@(\w+)@", lambda hit: values[hit[1]], text)


def anchor_of(heading):
    """The one that GitHub gives it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def id_of(page, anchor=None):
    """How Doxygen knows a page, or a heading of it."""
    return f"page_{name_of(page).lower()}" + (f"_{anchor}" if anchor else "")


def name_of(page):
    return "path" if page == PATH else page.stem


def link_names(hit):
    return re.sub(r"([\w:]+)(\(\))?", r'\\ref rondo::\1 "\g<0>"', hit[0])


class Page:
    """Markdown for Doxygen, which knows no anchors of headings, and finds commands everywhere."""

    def __init__(self, path):
        self.path = path
        self.has_title = False

    def prepare(self):
        parts = BLOCK.split(self.path.read_text(encoding="utf-8"))  # text, block, text, ...
        parts[::2] = [self.prepare_text(text) for text in parts[::2]]
        parts[1::2] = [self.prepare_block(block) for block in parts[1::2]]
        return "".join(parts)

    @staticmethod
    def prepare_block(block):
        first, _, rest = block.partition("\n")
        indent, _, words = first.partition("```")
        return f"{indent}```{{{LANGUAGES.get(words.split(' ')[0], '.txt')}}}\n{rest}"

    def prepare_text(self, text):
        text = REMARK.sub(lambda hit: "\n" * hit[0].count("\n"), text)
        text = HEADING.sub(self.prepare_heading, text)
        parts = CODE.split(text)  # text, backquotes, code, text, ...
        codes = [self.prepare_code(*pair) for pair in zip(parts[1::3], parts[2::3])]
        text = LINK.sub(self.prepare_link, HOLE.join(map(self.escape, parts[::3])))
        return re.sub(HOLE, lambda hole: codes.pop(0), text)

    def prepare_heading(self, hit):
        anchor = anchor_of(hit[1]) if self.has_title else None
        self.has_title = True
        text = hit[0].replace("`", "")  # Doxygen shows the tags of code in a heading
        return f"{text} {{#{id_of(self.path, anchor)}}}"

    @staticmethod
    def escape(text):
        return re.sub(r"[@\\<>]|(?<=[\s(])#(?=\w)", r"\\\g<0>", text)

    @staticmethod
    def prepare_code(quotes, code):
        if "'" not in code:
            return quotes + code + quotes
        # A quote would end the code.
        return "<code>" + re.sub(r"[@\\#]", r"\\\g<0>", html.escape(code, quote=False)) + "</code>"

    def prepare_link(self, hit):
        is_image, text, target, anchor, end = hit.groups()
        path = (self.path.parent / target).resolve() if target else self.path
        if not is_image and path not in PAGES and path.suffix != ".h":
            return text + end  # a file that the reference does not have
        # Doxygen wants the text on one line.
        goal = path.name if is_image else f"@ref {id_of(path, anchor)}"
        if path.suffix == ".h":
            goal = f"@ref {path.name}"
        return f"{is_image}[{' '.join(text.split())}]({goal}){end}" + "\n" * text.count("\n")


def main():
    folder = Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    headers = folder / "include/rondo"
    headers.mkdir(parents=True)
    texts = {path.name: path.read_text(encoding="utf-8")
             for path in (TOP / "include/rondo").glob("*.h")}
    texts["version.h"] = version_header((TOP / "include/rondo/version.h.in").read_text())
    for name, text in texts.items():
        (headers / name).write_text(prepare_header(name, text), encoding="utf-8")
    for page in PAGES:
        (folder / f"{name_of(page)}.md").write_text(Page(page).prepare(), encoding="utf-8")
    main = (HERE / "main.dox").read_text(encoding="utf-8")
    (folder / "main.dox").write_text(CELL.sub(link_names, main), encoding="utf-8")
    (folder / "images").mkdir()
    for image in [*(TOP / "docs").rglob("*.svg"), *(TOP / "docs").rglob("*.png")]:
        shutil.copy(image, folder / "images")
    for path in HERE.iterdir():
        if path.suffix in {".css", ".html", ".xml"}:
            shutil.copy(path, folder)


if __name__ == "__main__":
    main()
