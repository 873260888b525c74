# SPDX-License-Identifier: MIT
"""Source files as tests/tidy.py sees them: which room they are in, their code without comments and
strings, their comments without the code."""

import ast
import io
import re
import tokenize
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

CPP_ENDINGS = (".h", ".hpp", ".cpp", ".cc", ".c", ".h.in", ".cpp.in")

_TOKEN = re.compile(
    r"""(?P<comment>//(?:[^\n\\]|\\.|\\\n)*|/\*.*?\*/)
      |(?P<raw>(?:u8|[uUL])?R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)")
      |(?P<string>"(?:[^"\\\n]|\\.|\\\n)*")
      |(?P<number>(?<![\w'])\d[\w.']*)
      |(?P<char>'(?:[^'\\\n]|\\.)+')""",
    re.VERBOSE | re.DOTALL,
)


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def _blank_inside(text):
    """A literal whose quotes stay, so that what stands around it still reads as code."""
    return text[0] + _blank(text[1:-1]) + text[-1] if len(text) > 1 else text


@dataclass(frozen=True)
class Function:
    name: str
    first: int
    last: int


@dataclass
class Source:
    """One file; `path` is relative to the top of the tree, lines count from 1."""

    path: Path
    text: str
    kind: str = field(init=False)  # cpp, py, sh, meson, cmake, md

    def __post_init__(self):
        self.kind = kind_of(self.path, self.text)

    @property
    def room(self):
        return self.path.parts[0] if len(self.path.parts) > 1 else ""

    @property
    def is_support(self):
        return "support" in self.path.parts

    @property
    def name(self):
        return self.path.as_posix()

    @cached_property
    def lines(self):
        return self.text.splitlines()

    @cached_property
    def code(self):
        """The lines, comments and the insides of strings blanked (C++ only)."""
        return self._split[0].splitlines()

    @cached_property
    def statements(self):
        """The code without preprocessor lines, as one text with the same line breaks."""
        return re.sub(
            r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", lambda hit: _blank(hit[0]), self._split[0], flags=re.M
        )

    @cached_property
    def comments(self):
        """Line number to the text of the comment there."""
        return self._split[1]

    @cached_property
    def _split(self):
        if self.kind == "cpp":
            return _split_cpp(self.text)
        if self.kind == "py":
            return self.text, _python_comments(self.text)
        if self.kind == "md":
            return self.text, {}
        marks = ((n, re.match(r"\s*#(.*)", line)) for n, line in enumerate(self.lines, 1))
        return self.text, {n: mark[1] for n, mark in marks if mark}

    def functions(self):
        """Python's; clang-tidy looks at those of C++."""
        return _python_functions(self.text) if self.kind == "py" else []

    def prose(self):
        """(line, text) of all that is written for readers: comments and strings of C++, and every
        line of the other kinds, whose names of variables read well too."""
        if self.kind != "cpp":
            return list(enumerate(self.lines, 1))
        strings = ((self.text.count("\n", 0, hit.start()) + 1, hit["string"])
                   for hit in _TOKEN.finditer(self.text) if hit["string"])
        return [*self.comments.items(), *strings]


def kind_of(path, text):
    if path.name.endswith(CPP_ENDINGS):
        return "cpp"
    if path.name in ("meson.build", "meson_options.txt"):
        return "meson"
    if path.name == "CMakeLists.txt" or path.name.endswith((".cmake", ".cmake.in")):
        return "cmake"
    if path.suffix == ".md":
        return "md"
    first = text.split("\n", 1)[0]
    if path.suffix == ".py" or (first.startswith("#!") and "python" in first):
        return "py"
    if path.suffix == ".sh" or (first.startswith("#!") and first.endswith("sh")):
        return "sh"
    return ""


def read_tree(top):
    """Every source file below `top`, build directories and hidden ones (.ci apart) left out."""
    sources = []
    for path in sorted(_files_below(top)):
        try:
            text = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):
            continue
        source = Source(path.relative_to(top), text)
        if source.kind:
            sources.append(source)
    return sources


def _files_below(folder):
    for entry in folder.iterdir():
        hidden = entry.name.startswith(".") and entry.name != ".ci"
        if hidden or entry.is_symlink() or entry.name == "__pycache__":
            continue
        if entry.is_dir():
            if not re.fullmatch(r"build.*|subprojects", entry.name):
                yield from _files_below(entry)
        else:
            yield entry


def _split_cpp(text):
    comments = {}

    def replace(hit):
        whole = hit[0]
        if hit["comment"]:
            first = text.count("\n", 0, hit.start()) + 1
            for offset, line in enumerate(whole.splitlines()):
                comments[first + offset] = line
            return _blank(whole)
        return whole if hit["number"] else _blank_inside(whole)

    return _TOKEN.sub(replace, text), comments


def _python_comments(text):
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    try:
        return {t.start[0]: t.string for t in tokens if t.type == tokenize.COMMENT}
    except (tokenize.TokenError, IndentationError):
        return {}


def _python_functions(text):
    try:
        nodes = ast.walk(ast.parse(text))
    except SyntaxError:
        return []
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [Function(n.name, n.lineno, n.end_lineno) for n in nodes if isinstance(n, kinds)]
