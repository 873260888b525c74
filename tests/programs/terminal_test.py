# SPDX-License-Identifier: MIT
"""The examples at a terminal: a line at a time, Ctrl-D, Ctrl-C, and a terminal that is left as it
was found."""

import fcntl
import os
import pty
import select
import subprocess
import termios
import time
import unittest

from example_programs import EXAMPLES, SECONDS_MAX, ExamplesTest, connect, on, running

CTRL_C = b"\x03"
CTRL_D = b"\x04"


class Terminal:
    """A program at a terminal of its own, which it controls: what is typed, and what is shown."""

    def __init__(self, backend, name, *arguments):
        self.keyboard, self.line = pty.openpty()
        attributes = termios.tcgetattr(self.line)
        attributes[1] &= ~termios.ONLCR
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(self.line, termios.TCSANOW, attributes)
        self.flags = self.read_flags()
        self.shown = b""
        self.program = subprocess.Popen(
            [EXAMPLES / name, *arguments], env=on(backend), stdin=self.line, stdout=self.line,
            stderr=self.line, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.program.kill()
        self.program.wait()
        os.close(self.keyboard)
        os.close(self.line)

    def read_flags(self):
        """Shared by all programs that have the terminal open."""
        return fcntl.fcntl(self.line, fcntl.F_GETFL)

    def type(self, text):
        os.write(self.keyboard, text)

    def wait_for(self, text):
        end = time.monotonic() + SECONDS_MAX
        while text not in self.shown:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.keyboard], [], [], left)[0]:
                raise AssertionError(f"{text!r} was not shown; this was: {self.shown!r}")
            self.shown += os.read(self.keyboard, 1 << 16)


class Terminals(ExamplesTest):
    def setUp(self):
        try:
            for each in pty.openpty():
                os.close(each)
        except OSError as error:
            self.skipTest(f"no pseudo-terminals: {error}")

    def test_the_text_client_talks_line_by_line_until_ctrl_d(self):
        for backend in self.on_every_backend():
            with running(backend, "article_server", "127.0.0.1:0") as (_, (host, port)), \
                    Terminal(backend, "text_client", f"{host}:{port}") as terminal:
                terminal.wait_for(b"who is there?\n")
                terminal.type(b"An")
                terminal.type(b"n\n")
                terminal.wait_for(b"hello, Ann\n")
                terminal.type("Zoë\n".encode())
                terminal.wait_for("hello, Zoë\n".encode())
                self.assertIsNone(terminal.program.poll())
                self.assertEqual(terminal.read_flags(), terminal.flags, "while it runs")
                terminal.type(CTRL_D)
                self.assertEqual(terminal.program.wait(SECONDS_MAX), 0)
                self.assertEqual(terminal.read_flags(), terminal.flags, "after it")

    def test_the_text_client_ends_when_the_server_does(self):
        for backend in self.on_every_backend():
            with running(backend, "chat", "--listen", "127.0.0.1:0") as (_, (host, port)), \
                    Terminal(backend, "text_client", f"{host}:{port}") as terminal:
                terminal.wait_for(b"Your nickname?\n")
                terminal.type(b"dora\n/quit\n")
                self.assertEqual(terminal.program.wait(SECONDS_MAX), 0)
                terminal.wait_for(b"* here are: dora\n")

    def test_the_chat_ends_in_order_on_ctrl_c(self):
        for backend in self.on_every_backend():
            with Terminal(backend, "chat", "--listen", "127.0.0.1:0") as terminal:
                terminal.wait_for(b"\n")
                host, port = terminal.shown.decode().split()[-1].rsplit(":", 1)
                with connect((host, int(port))) as guest, guest.makefile("rb") as text:
                    self.assertEqual(text.readline(), b"Your nickname?\n")
                    terminal.type(CTRL_C)
                    self.assertEqual(text.read(), b"")
                self.assertEqual(terminal.program.wait(SECONDS_MAX), 0)
                self.assertEqual(terminal.read_flags(), terminal.flags)


if __name__ == "__main__":
    unittest.main()
