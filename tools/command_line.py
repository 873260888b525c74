# SPDX-License-Identifier: MIT
"""What tests/run and the commands of bench/ share. An error of an option is one line that says what
would be right. Their help is a text beside them, which tools/start prints."""

import argparse
import difflib
import signal

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def unknown(kind, name, names):
    near = difflib.get_close_matches(name, names, 1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"no {kind} {name}{hint}; there are {', '.join(names)}"


class Options(argparse.ArgumentParser):
    def __init__(self, command):
        super().__init__(prog=command, add_help=False, allow_abbrev=False)

    def parse(self, words):
        options, rest = self.parse_known_args(words)
        if rest and rest[0].startswith("-"):
            names = [each for each in self._option_string_actions if each.startswith("--")]
            self.error(unknown("option", rest[0].split("=")[0], names))
        if rest:
            self.error(f"{rest[0]}: only options are expected; see {self.prog} --help")
        return options

    def error(self, message):
        self.exit(2, f"{self.prog}: {message.removeprefix('argument ')}\n")


def number(least, most=None):
    """For `type=`: a whole number in this range."""
    def convert(text):
        if text.isascii() and text.isdigit() and least <= int(text) <= (most or int(text)):
            return int(text)
        bounds = f"from {least} to {most}" if most else f"of at least {least}"
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number {bounds}")
    return convert


def one_of(kind, names):
    """For `type=`: one of these names."""
    def convert(text):
        if text in names:
            return text
        raise argparse.ArgumentTypeError(unknown(kind, text, names))
    convert.names = names
    return convert


def some_of(kind, names):
    """For `type=`: some of these names, with commas between them."""
    def convert(text):
        return [one_of(kind, names)(name) for name in text.split(",")]
    convert.names = names
    return convert


def take_signals():
    """Each signal that asks the command to end is a KeyboardInterrupt; the first is enough."""
    def interrupt(number, frame):
        for each in ENDINGS:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for each in ENDINGS:
        signal.signal(each, interrupt)
