# SPDX-License-Identifier: MIT
"""What must not stand in the expression of a `co_await`, because g++ 12 destroys it twice: lambdas
with captures, and braced lists that may initialise an aggregate. Also a lambda with captures that
is called in an argument of spawn(): it is gone when its task starts. And a coroutine without a
variable that awaits in a condition: g++ 12 gets its frame wrong. And calls in an operand of `?:`,
`&&` or `||` of such an expression, which g++ 12 evaluates although it is not chosen."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tidy_source import Source

_PAIRS = {"(": ")", "[": "]", "{": "}"}
_BEFORE_OPERAND = r"\b(?:return|throw|else|case|co_await|co_return|co_yield)$"

LAMBDA = ("a lambda with captures in the expression of a co_await, which g++ 12 destroys twice: "
          "name it in a statement of its own first")
BRACES = ("a braced list in the expression of a co_await, which g++ 12 destroys twice if it is an "
          "aggregate: name it in a statement of its own first")
SPAWN = ("a lambda with captures is called here and is gone when its task starts: name it in a "
         "statement of its own that outlives the group, or write a function with parameters")
CONDITION = ("a co_await in a condition, in a coroutine that declares no variable, whose frame g++ "
             "12 gets wrong: declare one, such as `while (const auto data = co_await ...)`")
OPERAND = ("a call in an operand that may not be chosen, in the expression of a co_await: g++ 12 "
           "calls it always: name its result in a statement of its own first")
_DECLARATION = re.compile(
    r"(?:^|[;{}(])\s*(?!(?:return|throw|else|do|default|delete|using|goto|case|co_\w+)\b)"
    r"(?:(?:static|const|constexpr)\s+)*[A-Za-z_][\w:]*(?:<[^;{}()]*>)?(?:\s+const)?"
    r"(?:\s*[&*]+\s*|\s+)(?:\w+\s*[={;:(\[]|\[)|\bcatch\s*\([^)]*&\s*\w+\s*\)")


@dataclass(frozen=True)
class Lambda:
    first: int  # its `[`
    last: int  # the end of its body
    has_captures: bool
    body: int


class Text:
    """C++ without comments and strings, and the brackets in it."""

    def __init__(self, text):
        self.text = text
        self.ends = {}  # each bracket that is closed, and its partner
        self.around = {}  # the brackets around each `co_await`, the innermost last
        opened = []
        for hit in re.finditer(r"[()\[\]{}]|\bco_await\b", text):
            if hit[0] == "co_await":
                self.around[hit.start()] = list(opened)
            elif hit[0] in _PAIRS:
                opened.append(hit.start())
            elif opened and _PAIRS[text[opened[-1]]] == hit[0]:
                self.ends[opened.pop()] = hit.start()

    @cached_property
    def starts(self):
        return {end: start for start, end in self.ends.items()}

    def line(self, position):
        return self.text.count("\n", 0, position) + 1

    def before(self, position):
        return self.text[max(0, position - 200):position].rstrip()

    def skip(self, position, end, stop):
        """The first of the characters `stop` that is inside no further brackets, or `end`."""
        while position < end and self.text[position] not in stop:
            position = self.ends.get(position, position) + 1
        return min(position, end)

    @cached_property
    def lambdas(self):
        found = (self._lambda_at(position) for position in self.ends if self.text[position] == "[")
        return sorted((one for one in found if one), key=lambda one: one.first)

    def _lambda_at(self, position):
        before = self.before(position)
        if re.search(r"[\w)\]>\[]$", before) and not re.search(_BEFORE_OPERAND, before):
            return None  # an index, an attribute or a structured binding
        if self.text.startswith("[[", position):
            return None
        closed = self.ends[position]
        body = self.skip(closed + 1, len(self.text), "{;)")
        if body not in self.ends or self.text[body] != "{":
            return None
        captures = self.text[position + 1:closed].strip()
        return Lambda(position, self.ends[body] + 1, captures != "", body)

    def body_around(self, position):
        """The `{` of the function or the lambda that this is in."""
        for bracket in reversed(self.around[position]):
            if self.text[bracket] != "{":
                continue
            if any(one.body == bracket for one in self.lambdas):
                return bracket
            head = self.text[max(0, bracket - 200):bracket]
            parameters = re.search(r"\)(?:const|noexcept|override|final|\s)*$", head)
            if parameters is None:
                continue
            opened = self.starts.get(bracket - len(head) + parameters.start())
            if opened is not None and not self.is_statement(opened):
                return bracket
        return None

    def own_statements(self, body):
        """What stands in these brackets, and not in a lambda there."""
        parts, at = [], body
        for one in self.lambdas:
            if at <= one.first < self.ends[body] and one.body != body:
                parts.append(self.text[at:one.first])
                at = one.last
        return "".join(parts) + self.text[at:self.ends[body]]

    def starts_block(self, position):
        """Whether this `{` begins statements, and not a list of values."""
        if any(one.body == position for one in self.lambdas):
            return True
        before = self.before(position)
        statement = r"(?:[;:{})]|\b(?:else|do|try|const|noexcept|override|final|mutable))$"
        return not before or bool(re.search(statement, before))

    def is_statement(self, position):
        """Whether this `(` belongs to an `if` or the like: its content is an expression."""
        return bool(re.search(r"\b(?:if|while|for|switch|catch|constexpr)$", self.before(position)))

    def expression(self, await_at):
        """The first and the last position of the full expression around a `co_await`."""
        position = await_at
        for bracket in reversed(self.around[await_at]):
            first = self._start_within(bracket + 1, position)
            begins_here = first > bracket + 1
            if begins_here or self.starts_block(bracket) or self.is_statement(bracket):
                return first, self.skip(position, self.ends.get(bracket, len(self.text)), ";")
            position = bracket
        return self._start_within(0, position), self.skip(position, len(self.text), ";")

    def _start_within(self, start, position):
        """Behind the last `;` or block before `position` in these brackets."""
        at = start
        while at < position:
            if self.text[at] == ";" or (self.text[at] == "{" and self.starts_block(at)):
                start = self.ends.get(at, at) + 1
            at = self.ends.get(at, at) + 1
        return start


def _found_in(text, first, last):
    """(position, what) of what g++ 12 destroys twice; bodies of lambdas are other expressions."""
    inside = [one for one in text.lambdas if first <= one.first < last]
    for one in inside:
        if one.has_captures and not any(other.body < one.first < other.last for other in inside):
            yield one.first, LAMBDA
    for bracket in text.ends:
        if text.text[bracket] != "{" or not first <= bracket < last:
            continue
        if any(one.body <= bracket < one.last for one in inside):
            continue
        before = text.before(bracket)
        is_named = re.search(r"[\w>)\]]$", before) and not re.search(_BEFORE_OPERAND, before)
        if not is_named or re.match(r"\{\s*\.\s*[a-z_]", text.text[bracket:bracket + 200]):
            yield bracket, BRACES


def _operands_in(text, first, last):
    """Operands that may not be chosen, with calls: a call may return an object of a class. What is
    behind `&&` or `||` and itself awaits is right."""
    others = [(one.body, one.last) for one in text.lambdas if first <= one.first]
    others += [(start, end) for start, end in text.ends.items() if text.is_statement(start) and
               "co_await" not in text.text[start:end]]  # the head of an `if` before the expression
    for hit in re.finditer(r"\?|&&|\|\|", text.text[first:last]):
        at = first + hit.end()
        if any(start < at < end for start, end in others):
            continue
        operand = text.text[at:text.skip(at, last, ",;)")]
        if hit[0] != "?" and "co_await" in operand:
            continue
        if re.search(r"\b(?!co_await\b|sizeof\b)\w+>?\s*[({]", operand):
            yield at, OPERAND


def _awaits_in(text):
    for first, last in {text.expression(await_at) for await_at in text.around
                        if not re.search(r"\boperator$", text.before(await_at))}:
        yield from _found_in(text, first, last)
        yield from _operands_in(text, first, last)


def _conditions_in(text):
    for await_at, around in text.around.items():
        if not any(text.text[one] == "(" and text.is_statement(one) for one in around):
            continue
        body = text.body_around(await_at)
        if body is not None and not _DECLARATION.search(text.own_statements(body)):
            yield await_at, CONDITION


def _spawns_in(text):
    for hit in re.finditer(r"\bspawn\s*\(", text.text):
        last = text.ends.get(hit.end() - 1, 0)
        for one in text.lambdas:
            if not one.has_captures or not hit.end() <= one.first < last:
                continue
            if re.match(r"[\s)]*\(", text.text[one.last:last]):
                yield one.first, SPAWN


def samples(markdown):
    """The C++ samples of a document, the other lines blank."""
    lines, is_sample = [], False
    for line in markdown.splitlines():
        fence = line.startswith("```")
        is_sample = not is_sample and line.startswith("```cpp") if fence else is_sample
        lines.append(line if is_sample and not fence else "")
    return "\n".join(lines) + "\n"


def awaits(tree, source):
    if source.kind == "md":
        source = Source(Path(source.name + ".cpp"), samples(source.text))
    if source.kind != "cpp" or not re.search(r"\bco_await\b|\bspawn\b", source.statements):
        return
    text = Text(source.statements)
    for position, what in [*_awaits_in(text), *_conditions_in(text), *_spawns_in(text)]:
        yield text.line(position), what
