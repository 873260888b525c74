# SPDX-License-Identifier: MIT
"""The code of docs/backends.md and the commands of docs/certify.md.

A block ```c++ NAME or ```meson NAME is a part of that file, in order; one that is named ```sh TITLE
is a piece of shell.
"""

import os
import re
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("RONDO_BUILD_DIR", "build/release")).resolve()
PAGES = [TOP / "docs" / name for name in ("backends.md", "certify.md")]
BLOCK = re.compile(r"^```(c\+\+|meson|sh) ([^\n]+)\n(.*?)^```\n", re.M | re.S)


def blocks():
    return [block for page in PAGES for block in BLOCK.findall(page.read_text(encoding="utf-8"))]


def write_files(folder):
    """Writes the files that the pages contain."""
    parts = {}
    for language, name, text in blocks():
        if language != "sh":
            parts.setdefault(name, []).append(text)
    for name, texts in parts.items():
        (folder / name).write_text("\n".join(texts), encoding="utf-8")


def commands(title):
    return next(text for language, name, text in blocks() if (language, name) == ("sh", title))
