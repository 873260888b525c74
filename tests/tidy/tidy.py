#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks what neither compiler nor clang-tidy sees: the arrows between the rooms, sizes of files,
banned calls, comments, language, licences. Prints `file:line: what, and how to mend it`.

An exception stands on the line it is for, or on the one above, with its rule and its reason:
`tidy: allow sleep: the kernel alone knows when`.
"""

import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from awaits import awaits
from test_rules import test_files, test_habits
from tidy_source import read_tree

LINES_PER_FILE_MAX = 400
LINES_PER_FUNCTION_MAX = 70
COLUMNS_MAX = 100
LINES_OF_README_MAX = 150  # the front door

LIBRARY = ("include", "core", "backends", "tls")
USERS = ("examples", "bench")  # what sees only what an installed rondo shows

# What may print or end the program: assertions, print_error(), which is called to print, and the
# simulated network, which is part of a test.
MAY_PRINT = {
    "core/assert.cpp",
    "core/result.cpp",
    "core/stream/session_error.cpp",
    "backends/sim/misuse.cpp",
}
MAY_ABORT = {"core/assert.cpp", "backends/sim/misuse.cpp"}
# What throws: constructors with a make twin, by value_or_throw(), and what a task awaits.
MAY_THROW = {"core/result.cpp", "core/loop/reactor.cpp", "core/coroutine/", "tls/"}
HOMES = {"uv.h": ("uv/",), "sys/event.h": ("kqueue.cpp", "process/process_kqueue.cpp")}

# The rooms of core/, and whose private headers each may include beside its own and those at the top
# of core/. The arrows go one way.
ROOMS = {
    "loop": (),
    "socket": ("loop",),
    "names": ("loop", "socket"),
    "stream": ("loop", "socket", "names"),
    "datagram": ("loop", "socket", "names"),
    "text": ("loop", "socket", "names", "stream"),
    "process": ("loop", "socket", "names", "stream"),
    "coroutine": ("loop", "socket", "names", "stream", "datagram", "text", "process"),
}

# What is in a folder beside its rooms. Everything in core/ may use what is at its top.
LOOSE = {
    "core": ("assert.cpp", "callbacks.h", "frames.cpp", "heap.h", "meson.build", "quoted.cpp",
             "quoted.h", "result.cpp", "used.h", "version.cpp"),
    "tests": ("meson.build", "run"),
    "packaging": ("meson.build",),
    "bench": ("costs", "meson.build", "prepare", "prove", "run"),
}

# And cxxabi.h, which belongs to the C++ ABI that all these systems have.
POSIX_HEADERS = re.compile(
    r"(arpa/inet|cxxabi|dirent|errno|fcntl|grp|iconv|net/if|netdb|netinet/\w+|poll|pthread|pwd"
    r"|sched|signal|spawn|sys/(ioctl|mman|resource|select|socket|stat|time|types|uio|un|wait)"
    r"|termios|time|unistd)\.h"
)
POLLER_HEADERS = re.compile(
    r"sys/(epoll|eventfd|timerfd|signalfd|sendfile|random|syscall|ucred|vfs)\.h"
    r"|net/if_dl\.h|linux/.+"
)
PLATFORM = re.compile(
    r"\b(_WIN32|_WIN64|_MSC_VER|BSD|__unix__|__unix|unix|__ANDROID__"
    r"|__(linux|gnu_linux|APPLE|MACH|FreeBSD|NetBSD|OpenBSD|DragonFly|sun)(__)?)\b"
)


@dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    rule: str
    what: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.what} [{self.rule}]"


class Tree:
    """All sources, and the questions that need more than one of them."""

    def __init__(self, top):
        self.top = Path(top)
        self.sources = read_tree(self.top)

    def has(self, pattern):
        return any(self.top.glob(pattern))

    def meson_text(self, folder):
        files = (self.top / folder).rglob("meson.build")
        return "\n".join(path.read_text(encoding="utf-8") for path in files)


# --- the arrows ---------------------------------------------------------------------------------


def arrows(tree, source):
    if source.kind != "cpp":
        return
    for number, line in enumerate(source.lines, 1):
        hit = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if hit:
            what = forbidden(tree, source, hit[1] == '"', hit[2])
            if what:
                yield number, what


def forbidden(tree, source, quoted, header):
    """Why `source` may not include that header, or None."""
    if quoted:
        return forbidden_neighbour(tree, source, header)
    if header.startswith("rondo/"):
        inside = tree.has(f"include/{header}") or tree.has(f"include/{header}.in")
        return None if inside else f"there is no include/{header}"
    if source.room not in LIBRARY:
        return None
    standard = re.fullmatch(r"[a-z_0-9]+", header)
    if standard or (source.room != "include" and POSIX_HEADERS.fullmatch(header)):
        return None
    if source.room == "include":
        return f"<{header}> in a public header: these use the standard library and <rondo/> only"
    if source.room in ("core", "tls"):
        cares = header == "ares.h" and source.path.stem.startswith("cares_")
        if cares or (source.room == "tls" and header.startswith("openssl/")):
            return None
        return f"<{header}> in {source.room}: what is of one kernel or library goes behind the port"
    own = HOMES.get(header)
    if own and not source.name.removeprefix("backends/").startswith(own):
        return f"<{header}> outside backends/{own[0]}: one kernel, one file"
    if own or POLLER_HEADERS.fullmatch(header):
        return None
    return f"<{header}> is not of the standard library, the system or this backend's own library"


def forbidden_neighbour(tree, source, header):
    if source.room == "include":  # a name with blanks is a message to the user, not a file
        return None if " " in header else f'"{header}" in a public header: write <rondo/...>'
    if source.room == "tests":
        return None
    near = source.path.parent / header
    if ".." in near.parts:
        return f'"{header}" leaves the room: include only <rondo/...> and what stands in this room'
    if "/" not in header and tree.has(near.as_posix()):
        return None
    if not tree.has(f"{source.room}/{header}"):
        others = [room for room in ("core", "backends") if tree.has(f"{room}/{header}")]
        where = f" ({others[0]}/ is another room)" if others else ""
        return f'"{header}" is not in {source.room}/{where}: rooms meet in <rondo/...> alone'
    return forbidden_arrow(source, header.split("/"))


def forbidden_arrow(source, target):
    """`target` exists in the same top folder, in another room than `source` or in none."""
    here = source.path.parts[1] if len(source.path.parts) > 2 else ""
    if len(target) == 1 or (source.room == "core" and target[0] in ROOMS.get(here, ())):
        return None
    to = f"from {source.room}/{here}" if here else f"from the top of {source.room}/"
    return f"an arrow {to} to {source.room}/{target[0]}/, which is not in the picture of the rooms"


def platform_ifs(tree, source):
    if source.kind != "cpp" or source.room == "backends":
        return
    for number, line in enumerate(source.code, 1):
        hit = re.match(r"\s*#\s*(?:if|ifdef|ifndef|elif)\b(.*)", line)
        if hit and PLATFORM.search(hit[1]):
            yield number, "an #if for a platform: write a file in backends/ that Meson chooses"


# --- sizes --------------------------------------------------------------------------------------


def sizes(tree, source):
    count = len(source.lines)
    limit = LINES_OF_README_MAX if str(source.name) == "README.md" else LINES_PER_FILE_MAX
    if count > limit and (source.kind != "md" or limit == LINES_OF_README_MAX):
        yield count, f"{count} lines: split it, {limit} are the limit of a file"
    if source.kind == "md":
        return
    for number, line in enumerate(source.lines, 1):
        if len(line) > COLUMNS_MAX:
            yield number, f"{len(line)} columns: {COLUMNS_MAX} are the limit"
    for function in source.functions():
        length = function.last - function.first + 1
        if length > LINES_PER_FUNCTION_MAX:
            limit = f"split it, {LINES_PER_FUNCTION_MAX} are the limit of a function"
            yield function.first, f"{function.name}: {length} lines: {limit}"


# --- banned calls -------------------------------------------------------------------------------

_CALL = r"(?<![\w.>:])(?:std::|::)?"
_SYSTEM_CALL = r"(?<![\w.>:])::"
_SOCKET_CALLS = (
    "socket|socketpair|bind|listen|accept4?|connect|send|sendto|sendmsg|sendmmsg|recv|recvfrom"
    "|recvmsg|recvmmsg|shutdown|[gs]etsockopt|getsockname|getpeername|readv|writev"
)
# Names too plain to be recognised without `::` in front.
_PLAIN = "sendto|sendmsg|sendmmsg|recvfrom|recvmsg|recvmmsg|accept4|[gs]etsockopt|getsockname"

# rule, pattern, files that may, what to do instead
BANNED = [
    ("print", _CALL + r"(?:v?f?printf|puts|fputs|putchar|perror)\s*\(|\bstd::(?:cout|cerr|clog)\b",
     MAY_PRINT, "the library prints nothing: return an error that says what was tried"),
    ("abort", r"(?<!void )" + _CALL + r"(?:abort|exit|_exit|_Exit|quick_exit)\s*\(",
     MAY_ABORT, "the library ends no program: return an error, or RONDO_ASSERT"),
    ("sleep", r"\b(?:u|nano)?sleep\s*\(|\bsleep_(?:for|until)\b",
     {"include/rondo/sleep.h", "include/rondo/combine.h"}, "it blocks the loop: use a timer"),
    ("unbounded", _CALL + r"(?:v?sprintf|str(?:cpy|cat|tok)|gets)\s*\(",
     set(), "it does not know how long its buffer is: use std::string or std::span"),
    ("rand", _CALL + r"s?rand(?:om)?\s*\(",
     set(), "a hidden global state: take a seeded generator"),
    ("shared_ptr", r"\b(?:std::)?(?:shared_ptr|make_shared|weak_ptr|enable_shared_from_this)\b",
     {"include/rondo/tls.h", "tls/"}, "one owner each: unique_ptr, or a generation-checked token"),
    ("throw", r"\bthrow\b(?!\s*;|\s*std::bad_alloc\b)",
     MAY_THROW, "only constructors with a make twin, and awaits, throw: return a Result"),
    ("socket", rf"{_SYSTEM_CALL}(?:{_SOCKET_CALLS})\s*\(|(?<=[=(!&|;{{}}] ){_PLAIN}\s*\(",
     {"backends/net/"}, "socket calls go through Net, which a test can replace"),
]


def banned(tree, source):
    if source.kind != "cpp" or source.room not in LIBRARY:
        return
    for number, line in enumerate(source.statements.splitlines(), 1):
        for rule, pattern, exempt, instead in BANNED:
            hit = re.search(pattern, line)
            if hit and not source.name.startswith(tuple(exempt)):
                yield number, f"`{hit[0].strip()}`: {instead}", rule


def ignored_results(tree, source):
    if source.kind != "cpp":
        return
    pattern = r"(?<![\w)\]>])\(void\)\s*(?!co_await)[\w:(*]|\bstd::ignore\s*="
    for number, line in enumerate(source.statements.splitlines(), 1):
        if re.search(pattern, line):
            near = [source.comments.get(number - 1), source.comments.get(number)]
            if not any(near):
                yield number, "an ignored result without a comment that says why it may be"


# --- comments -----------------------------------------------------------------------------------

_UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
_CPP_CODE = re.compile(
    r"(?:(?:const |auto |static |int |bool |return |std::\w+ )*[\w:.\->*&\[\]]+"
    r"\s*(?:\(.*\)(?: ?[<.+=-].*)?|[-+|&]?= ?\S.*|<< .*)|return\b[^.,]*|delete \w+|break|continue);"
    r"|[{}]+;?|(?:\} )?(?:if|for|while|switch|else if) ?\(.*\) ?\{?"
    r"|#\s*(?:include|define|if|endif)\b.*"
)
_PYTHON_CODE = re.compile(
    r"(?:import [\w.]+|from [\w.]+ import .*|def \w+\(.*|return [\w.]+[\[(].*[\])]"
    r"|[\w.]+ = [\w.\[\]()\"']+|\w[\w.]*\(.*\)|(?:if|for|while|elif) .*:)$"
)


def comments(tree, source):
    for number, text in source.comments.items():
        if _UNFINISHED.search(text):
            yield number, "an unfinished thought in a comment: finish it, or open an issue"
        if is_code(source.kind, text):
            yield number, "commented-out code: delete it, the history keeps it"


def is_code(kind, comment):
    """Whether it reads like code. Samples are indented by three spaces or more, docs use `///`."""
    if kind == "cpp":
        hit = re.fullmatch(r"//(?!/) {0,2}(\S.*?)\s*", comment)
        return bool(hit and _CPP_CODE.fullmatch(hit[1]))
    hit = re.fullmatch(r"# {0,2}(\S.*?)\s*", comment) if kind == "py" else None
    return bool(hit and _PYTHON_CODE.fullmatch(hit[1]))


# --- language -----------------------------------------------------------------------------------

_WORDS = re.compile(r"\b(he|his|him|whoever|nobody|somebody)\b", re.IGNORECASE)
_HEADLESS = re.compile(r"^(?://[/!]?<?|/\*+|#+|\"\"\")?\s*(who|whose|of)\b", re.IGNORECASE)


def language(tree, source):
    """The words stand for themselves here and in the test."""
    if source.name.startswith("tests/tidy/tidy"):
        return
    for number, text in source.prose():
        hit = _WORDS.search(text)
        if hit:
            yield number, f"`{hit[0]}`: things are `it`, people `they` or `you`; name the subject"
    for number, text in source.comments.items():
        hit = _HEADLESS.match(text)
        trails = not source.lines[number - 1].lstrip().startswith(("//", "/*", "#"))
        if hit and (trails or number - 1 not in source.comments):
            yield number, f"a comment that begins with `{hit[1]}`: begin with its subject"
    if source.kind == "py":
        for number, line in enumerate(source.lines, 1):
            hit = re.match(r'\s*"""', line) and _HEADLESS.match(line.strip())
            if hit:
                yield number, f"a docstring that begins with `{hit[1]}`: begin with its subject"


def layout(tree, source):
    known = LOOSE.get(source.room)
    if known is not None and len(source.path.parts) == 2 and source.path.name not in known:
        yield 1, f"a loose file in {source.room}/: move it to one of its rooms"


# --- headers and licences -----------------------------------------------------------------------


def headers(tree, source):
    if source.path.parts[:2] != ("include", "rondo") or source.kind != "cpp":
        return
    if source.path.name not in "".join(map(tree.meson_text, ("include", "backends", "tls"))):
        yield 1, "no meson.build installs it: list it in include/rondo/meson.build"
    stem = source.path.name.split(".")[0]
    exported = re.search(r"\bRONDO_EXPORT\b", source.statements)
    places = (f"core/**/{stem}.cpp", f"backends/**/*{stem}*.cpp", f"{stem}/*.cpp")
    if exported and not any(map(tree.has, places)):
        line = source.statements.count("\n", 0, exported.start()) + 1
        yield line, f"what it exports must be defined where all look for it: core/*/{stem}.cpp"


def licence(tree, source):
    """Files that cannot carry a comment are covered by REUSE.toml."""
    if source.kind == "md":
        return
    first = source.lines[1 if source.text.startswith("#!") else 0] if source.lines else ""
    if "SPDX-License-Identifier: MIT" not in first:
        yield 1, "begin with `SPDX-License-Identifier: MIT`, in a comment of its own"


RULES = (arrows, platform_ifs, sizes, banned, ignored_results, comments, language, layout,
         test_files, test_habits, headers, licence, awaits)


def allowed(source, line, rule):
    mark = re.compile(rf"tidy: allow {rule}: \S")
    return any(mark.search(source.comments.get(n, "")) for n in (line, line - 1))


def check(top):
    tree = Tree(top)
    for source in tree.sources:
        for rule in RULES:
            for line, what, *name in rule(tree, source):
                name = name[0] if name else rule.__name__
                if not allowed(source, line, name):
                    yield Finding(source.name, line, name, what)


def main(arguments):
    top = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent.parent
    findings = sorted(set(check(top)))
    for finding in findings:
        print(finding)
    count = Counter(finding.rule for finding in findings)
    if findings:
        print(f"{len(findings)} findings:", ", ".join(f"{n} {rule}" for rule, n in count.items()))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
