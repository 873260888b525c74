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
    kind: str = field(init=False)  # cpp, py, sh, meson

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
        marks = ((n, re.match(r"\s*#(.*)", line)) for n, line in enumerate(self.lines, 1))
        return self.text, {n: mark[1] for n, mark in marks if mark}

    def functions(self):
        if self.kind == "cpp":
            return list(_cpp_functions(self.statements))
        if self.kind == "py":
            return _python_functions(self.text)
        return []


def kind_of(path, text):
    if path.name.endswith(CPP_ENDINGS):
        return "cpp"
    if path.name in ("meson.build", "meson_options.txt"):
        return "meson"
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


_ACCESS = re.compile(r"\s*(?:(?:public|private|protected)\s*:\s*)*")
_SCOPE = re.compile(r"(?:inline\s+)?(?:namespace|class|struct|union|enum|extern|export)\b")
_TEMPLATE = re.compile(r"template\s*<[^{}]*?>\s*(?=(?:class|struct|union)\b)")


def _cpp_functions(statements):
    """Outermost function bodies. A brace that touches what stands before it opens an initialiser,
    as clang-format writes it: `a_{1}`. One after a space and a head with a `)` opens a body."""
    stack = []  # for each open brace its kind, or for a function where its head began
    head = 0
    for hit in re.finditer(r"[{};]", statements):
        at, sign = hit.start(), hit[0]
        if sign == "{":
            text = statements[head:at]
            kind = _kind_of_brace(text, statements[at - 1 : at], stack)
            if kind == "function":
                kind = head + _ACCESS.match(text).end()
            stack.append(kind)
            if kind != "initialiser":
                head = at + 1
        elif sign == "}" and stack:
            kind = stack.pop()
            if isinstance(kind, int):
                yield _function(statements, kind, at)
            if kind != "initialiser":
                head = at + 1
        elif sign == ";" and "initialiser" not in stack[-1:]:
            head = at + 1


def _kind_of_brace(head, before, stack):
    if any(isinstance(kind, int) for kind in stack):
        return "block"
    if before and not before.isspace() and before not in "{};":
        return "initialiser"
    stripped = _TEMPLATE.sub("", head[_ACCESS.match(head).end() :])
    if _SCOPE.match(stripped) and not re.search(r"\)\s*(?:const|noexcept|override)?\s*$", stripped):
        return "scope"
    return "function" if ")" in head else "block"


def _function(statements, start, end):
    head = statements[start:end].split("{", 1)[0]
    name = re.search(r"[~\w:]+(?:\([\w, ]*\))?(?=\s*\()", head)
    first = statements.count("\n", 0, start) + 1
    last = statements.count("\n", 0, end) + 1
    return Function(name[0] if name else "function", first, last)
