# SPDX-License-Identifier: MIT
"""Decoder and Encoder against Python's codecs: the same text, bytes and errors, for random input in
random chunks. Each test prints its seed; RONDO_SEED replays it."""

import os
import random
import subprocess
import unittest
from pathlib import Path

BUILD = Path(os.environ.get("RONDO_BUILD_DIR", "build/release")).resolve()
FILTER = BUILD / "tests" / "codec_filter"
SECONDS_MAX = 300

ERRORS = ["strict", "replace", "ignore", "backslashreplace", "lossless"]
OURS = ["utf-8", "utf-8-sig", "ascii", "latin-1", "utf-16", "utf-16-le", "utf-16-be"]
# Tables in which the system's iconv and Python agree on all 256 bytes.
SINGLE = ["cp1252", "cp1251", "cp437", "cp850", "cp866", "koi8-r", "koi8-u", "iso8859-2",
          "iso8859-5", "iso8859-15"]
# Here they differ in a few rare characters, so these are compared on texts that both have.
MULTIPLE = ["cp932", "shift_jis", "euc_jp", "gb18030", "gbk", "gb2312", "big5", "euc_kr", "cp949"]

UTF8_PARTS = [
    b"\x00", b"a", b"z9", b"\x7f", b"\x80", b"\xbf", b"\xc0", b"\xc1", b"\xc2\x80", b"\xc3",
    b"\xdf\xbf", b"\xe0\x80", b"\xe0\xa0\x80", b"\xe2\x82", b"\xe2\x82\xac", b"\xed\x9f\xbf",
    b"\xed\xa0\x80", b"\xed\xb2\x81", b"\xef\xbb\xbf", b"\xef\xbb", b"\xef\xbf\xbd", b"\xf0\x80",
    b"\xf0\x90", b"\xf0\x9f\x98", b"\xf0\x9f\x98\x80", b"\xf4\x8f\xbf\xbf", b"\xf4\x90\x80\x80",
    b"\xf5", b"\xff", b"\xfe", b"abcdefghijklmnop",
]
UTF16_UNITS = [0x61, 0x0a, 0xe9, 0x20ac, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdc80, 0xdfff, 0xe000,
               0xfeff, 0xfffe, 0xffff]
CHARACTERS = "a\\~?\n\0\x7fé€ÿĀſ中文日本語한국Жя±×÷ａ＠\U0001f600\U00010000\U0010ffff\ufeff\ufffd\U000e0041"


def to_hex(data):
    return data.hex() or "-"


class Codec(unittest.TestCase):
    def setUp(self):
        self.seed = int(os.environ.get("RONDO_SEED", random.SystemRandom().randrange(1 << 32)))
        print(f"RONDO_SEED={self.seed}")
        self.random = random.Random(self.seed)

    def cut(self, data, count_max=8):
        """The data in chunks; in one of four cases byte by byte."""
        if data and self.random.randrange(4) == 0:
            return [data[i:i + 1] for i in range(len(data))]
        count = self.random.randrange(count_max)
        positions = sorted(self.random.randint(0, len(data)) for _ in range(count))
        return [data[i:j] for i, j in zip([0, *positions], [*positions, len(data)])]

    def compare(self, cases, with_reason=True):
        """`cases`: verb, encoding, errors, data, expected result."""
        lines = "".join(f"{verb} {encoding} {errors} {' '.join(map(to_hex, self.cut(data)))}\n"
                        for verb, encoding, errors, data, _ in cases)
        done = subprocess.run([FILTER], input=lines, capture_output=True, text=True,
                              timeout=SECONDS_MAX, check=True)
        got = done.stdout.splitlines()
        self.assertEqual(len(got), len(cases), done.stderr)
        for line, case, sent in zip(got, cases, lines.splitlines()):
            if not with_reason:
                line = " ".join(line.split()[:3])
            self.assertEqual(line, case[-1], f"{case[:3]} of {case[3]!r}\nsent {sent}")

    # --- Python's results -----------------------------------------------------------------------

    def decoded(self, encoding, errors, data):
        codec = "utf-16-le" if encoding == "utf-16" else encoding
        mark = 0
        for bom, name in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
            if encoding == "utf-16" and data.startswith(bom):
                codec, mark = name, 2
        if encoding == "utf-8-sig":
            codec, mark = "utf-8", 3 if data.startswith(b"\xef\xbb\xbf") else 0
        body = data[mark:]
        if errors == "lossless":
            if codec in ("utf-8", "ascii"):
                return to_hex(body)
            if codec.startswith("utf-16"):
                return to_hex(self.lossless_utf16(codec, body))
            return to_hex(body.decode(codec, "surrogateescape").encode("utf-8", "surrogatepass"))
        try:
            return to_hex(body.decode(codec, errors).encode())
        except UnicodeDecodeError as error:
            text = to_hex(body[:error.start].decode(codec).encode())
            where = f"{text} {mark + error.start} {error.end - error.start}"
            return f"{where} {error.reason}" if encoding in OURS else where

    @staticmethod
    def lossless_utf16(codec, body):
        whole, half = body[:len(body) & ~1], body[len(body) & ~1:]
        text = whole.decode(codec, "surrogatepass").encode("utf-8", "surrogatepass")
        if half and half[0] < 0x80:
            half = bytes([0xc0 | half[0] >> 6, 0x80 | half[0] & 0x3f])
        return text + half

    def encoded(self, encoding, errors, text):
        if errors == "lossless":
            errors = "strict"
        if encoding == "utf-16":
            return to_hex(b"\xff\xfe" + text.encode("utf-16-le"))
        try:
            return to_hex(text.encode(encoding, errors))
        except UnicodeEncodeError as error:
            start = len(text[:error.start].encode())
            mark = text[:error.start].encode(encoding)
            size = len(text[error.start].encode())
            where = f"{to_hex(mark)} {start} {size}"
            return f"{where} {error.reason}" if encoding in OURS else where

    # --- random input ---------------------------------------------------------------------------

    def bytes_for(self, encoding):
        kind = self.random.randrange(3)
        if kind == 0:
            return self.random.randbytes(self.random.randrange(40))
        if encoding.startswith("utf-16"):
            order = "big" if encoding.endswith("be") else "little"
            units = self.random.choices(UTF16_UNITS, k=self.random.randrange(12))
            data = b"".join(unit.to_bytes(2, order) for unit in units)
            return data[:len(data) - self.random.randrange(2)]
        if kind == 1:
            return b"".join(self.random.choices(UTF8_PARTS, k=self.random.randrange(12)))
        codec = "utf-8" if encoding == "utf-8-sig" else encoding
        data = bytearray(self.text().encode(codec, "ignore"))
        for _ in range(self.random.randrange(3)):
            if data:
                data[self.random.randrange(len(data))] = self.random.randrange(256)
        return bytes(data)

    def text(self):
        return "".join(self.random.choices(CHARACTERS, k=self.random.randrange(30)))

    def decoding(self, encoding, errors, data):
        return "decode", encoding, errors, data, self.decoded(encoding, errors, data)

    def encoding(self, encoding, errors, text):
        return "encode", encoding, errors, text.encode(), self.encoded(encoding, errors, text)

    # --- the tests ------------------------------------------------------------------------------

    def test_our_own_decoders_agree(self):
        cases = []
        for encoding in OURS:
            for errors in ERRORS:
                for _ in range(1000):
                    data = self.bytes_for(encoding)
                    cases.append(self.decoding(encoding, errors, data))
        self.compare(cases)

    def test_every_pair_of_bytes_of_utf8_agrees(self):
        cases = []
        for first in range(0x7e, 0x100):
            for second in range(0x7e, 0x100):
                for tail in (b"", b"a", b"\x80", b"\x80\x80"):
                    data = bytes([first, second]) + tail
                    cases.append(self.decoding("utf-8", "strict", data))
                    cases.append(self.decoding("utf-8", "replace", data))
        self.compare(cases)

    def test_our_own_encoders_agree(self):
        cases = []
        for encoding in OURS:
            for errors in ERRORS:
                if errors == "lossless" and encoding == "ascii":
                    continue  # Python refuses what rondo writes unchanged
                for _ in range(500):
                    text = self.text()
                    cases.append(self.encoding(encoding, errors, text))
        self.compare(cases)

    def test_single_byte_tables_agree(self):
        every = bytes(range(256))
        cases = []
        for encoding in SINGLE:
            for errors in ERRORS:
                for data in [every, *(self.random.randbytes(20) for _ in range(100))]:
                    cases.append(self.decoding(encoding, errors, data))
                for _ in range(100):
                    text = self.text()
                    cases.append(self.encoding(encoding, errors, text))
        self.compare(cases, with_reason=False)

    def test_texts_of_multibyte_encodings_agree(self):
        cases = []
        letters = {"cp932": "日本語カナｱｲabc\\~", "shift_jis": "日本語カナｱｲabc\\~",
                   "euc_jp": "日本語カナabc\\~", "gb18030": "中文汉字€abc\U0001f600é\\~",
                   "gbk": "中文汉字abc\\~", "gb2312": "中文汉字abc", "big5": "中文漢字abc\\~",
                   "euc_kr": "한국어abc", "cp949": "한국어똠abc"}
        for encoding in MULTIPLE:
            for errors in ERRORS:
                for _ in range(100):
                    count = self.random.randrange(30)
                    text = "".join(self.random.choices(letters[encoding], k=count))
                    data = text.encode(encoding)
                    cases.append(("decode", encoding, errors, data, to_hex(text.encode())))
                    cases.append(("encode", encoding, errors, text.encode(), to_hex(data)))
        self.compare(cases, with_reason=False)

    def test_bad_bytes_of_multibyte_encodings_agree(self):
        cases = []
        bad = {"shift_jis": [b"\xff", b"\x81", b"\x81\x0a", b"\xfe\x41"],
               "euc_jp": [b"\xff", b"\xa4", b"\xa4\x41"],
               "gb18030": [b"\xff", b"\x81", b"\x81\x30", b"\x81\x30\x81", b"\x81\x20",
                           b"\x81\x30\x41"],
               "big5": [b"\xff", b"\xa4", b"\xa4\x0a"],
               "cp949": [b"\xff", b"\xb0", b"\xb0\x0a"]}
        for encoding, parts in bad.items():
            for part in parts:
                for errors in ERRORS:
                    for data in (part, b"ab" + part, part + b"cd", b"ab" + part + b"cd"):
                        cases.append(self.decoding(encoding, errors, data))
        self.compare(cases, with_reason=False)

    def test_lossless_round_trips(self):
        cases = []
        for encoding in ["utf-8", "ascii", "latin-1", "utf-16-le", "utf-16-be", *SINGLE]:
            for _ in range(300):
                data = self.bytes_for(encoding)
                text = bytes.fromhex(self.decoded(encoding, "lossless", data).strip("-"))
                cases.append(("encode", encoding, "lossless", text, to_hex(data)))
        self.compare(cases)


if __name__ == "__main__":
    unittest.main()
