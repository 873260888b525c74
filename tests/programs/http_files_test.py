# SPDX-License-Identifier: MIT
"""The files of examples/http: paths, links, conditions, ranges, files that change."""

import email.utils
import os
import socket
import time
import unittest
from pathlib import Path

from example_programs import MUCH, ExamplesTest
from http_peers import ask, get, serving, site

CONTENT = b"0123456789"


def fields_of(fields):
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode()


def fetch(address, path, method="GET", **fields):
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return ask(address, get(path, fields_of(named), method.encode()), method)[0]


class Paths(ExamplesTest):
    def test_lead_to_files_below_the_root_alone(self):
        with site() as root:
            Path(root.parent, "secret").write_text("secret")
            Path(root.parent, "root-of-others").mkdir()
            Path(root.parent, "root-of-others", "file").write_text("secret")
            Path(root.parent, "toor").mkdir()  # its name is as long as that of the root
            Path(root.parent, "toor", "index.html").write_text("secret")
            for name in ("a b", "ä", "%", ".hidden", "index.html", "unreadable"):
                Path(root, name).write_bytes(CONTENT)
            Path(root, "unreadable").chmod(0)
            Path(root, "folder", "deep").mkdir(parents=True)
            Path(root, "folder", "deep", "file").write_bytes(CONTENT)
            Path(root, "folder", "deep", "index.html").write_bytes(CONTENT)
            for link, target in (("out", "../secret"), ("others", "../root-of-others"),
                                 ("aside", "../toor/index.html"),
                                 ("abroad", "/etc"), ("loop", "loop"), ("dead", "none"),
                                 ("in", "folder/deep"), ("again", "in/file")):
                Path(root, link).symlink_to(target)
            os.mkfifo(Path(root, "fifo"))
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(Path(root, "socket")))
            for backend in self.on_every_backend():
                with serving(backend, root=root) as (_, address):
                    for path in ("/", "/index.html", "/a%20b", "/%C3%A4", "/%c3%a4", "/%25",
                                 "/folder/deep/file", "/folder/deep/", "/%66older/deep/file",
                                 "/in/file", "/in/", "/again", "/index.html?x=y"):
                        self.assertEqual((fetch(address, path).status, path), (200, path))
                    for path in ("/none", "/.hidden", "/folder/", "/../secret", "/%2e%2e/secret",
                                 "/folder/../../secret", "/folder/..%2f..%2fsecret", "//index.html",
                                 "/./index.html", "/folder//deep/file", "/out", "/others/file",
                                 "/aside",
                                 "/abroad/passwd", "/loop", "/dead", "/index.html/", "/fifo",
                                 "/index.html/x", "/socket", "/" + "a" * 300, "//../secret",
                                 "/folder%2fdeep/../../secret", "/in/../../secret"):
                        self.assertEqual((fetch(address, path).status, path), (404, path))
                    for path in ("/%", "/%2", "/%zz", "/a%00b", "/%-1"):
                        self.assertEqual((fetch(address, path).status, path), (400, path))
                    if os.getuid() != 0:
                        self.assertEqual(fetch(address, "/unreadable").status, 404)

    def test_of_a_folder_get_a_slash(self):
        with site() as root:
            Path(root, "a b", "c").mkdir(parents=True)
            for backend in self.on_every_backend():
                with serving(backend, root=root) as (_, address):
                    for path, location in (("/a%20b", "/a%20b/"),
                                           ("/a%20b/c?x=y", "/a%20b/c/?x=y")):
                        answer = fetch(address, path)
                        self.assertEqual((answer.status, answer.fields["location"]),
                                         (301, location))
                    # A browser would take that for the address of another server.
                    self.assertEqual(fetch(address, "//a%20b").status, 404)

    def test_end_with_what_says_the_type(self):
        with site() as root:
            for name, kind in (("a.html", "text/html; charset=utf-8"), ("a.b.css", "text/css; c"),
                               ("a.js", "text/javascript"), ("a.png", "image/png"),
                               ("a.svg", "image/svg+xml"), ("a", "application/octet-stream")):
                Path(root, name).write_bytes(CONTENT)
                with serving("", root=root) as (_, address):
                    answer = fetch(address, f"/{name}", "HEAD")
                    self.assertTrue(answer.fields["content-type"].startswith(kind), name)


class Conditions(ExamplesTest):
    def test_decide_what_is_sent(self):
        with site() as root:
            file = Path(root, "file")
            file.write_bytes(CONTENT)
            os.utime(file, (784111777, 784111777))
            for backend in self.on_every_backend():
                with serving(backend, root=root) as (_, address):
                    self.check_conditions(address)

    def check_conditions(self, address):
        date = "Sun, 06 Nov 1994 08:49:37 GMT"
        before = "Sun, 06 Nov 1994 08:49:36 GMT"
        first = fetch(address, "/file")
        self.assertEqual(first.fields["last-modified"], date)
        tag = first.fields["etag"]
        self.assertRegex(tag, r'\A"[-0-9a-f]+"\Z')
        for status, fields in (
                (304, {"If_None_Match": tag}), (304, {"If_None_Match": "*"}),
                (304, {"If_None_Match": f'"x", W/{tag} , "y"'}), (200, {"If_None_Match": '"x"'}),
                (200, {"If_None_Match": tag[:-1]}),
                (200, {"If_None_Match": '"x"', "If_Modified_Since": date}),
                (304, {"If_Modified_Since": date}), (200, {"If_Modified_Since": before}),
                (304, {"If_Modified_Since": "Sunday, 06-Nov-94 08:49:37 GMT"}),
                (304, {"If_Modified_Since": "Sun Nov  6 08:49:37 1994"}),
                (200, {"If_Modified_Since": "yesterday"}),
                (200, {"If_Match": tag}), (200, {"If_Match": "*"}), (412, {"If_Match": '"x"'}),
                (412, {"If_Match": f"W/{tag}"}), (200, {"If_Unmodified_Since": date}),
                (412, {"If_Unmodified_Since": before})):
            for method in ("GET", "HEAD"):
                answer = fetch(address, "/file", method, **fields)
                self.assertEqual((answer.status, method, fields), (status, method, fields))
                self.assertEqual(answer.fields["etag"], tag)
                if status == 304:
                    self.assertEqual(answer.body, b"")
        for condition, status in ((tag, 206), (date, 206), ('"x"', 200), (f"W/{tag}", 200),
                                  (before, 200)):
            answer = fetch(address, "/file", Range="bytes=0-0", If_Range=condition)
            self.assertEqual((answer.status, condition), (status, condition))

    def test_of_a_range_give_a_part(self):
        large = MUCH[:1_000_000]
        with site() as root:
            Path(root, "small").write_bytes(CONTENT)
            Path(root, "large").write_bytes(large)
            Path(root, "empty").write_bytes(b"")
            for backend in self.on_every_backend():
                with serving(backend, root=root) as (_, address):
                    for wanted, status, part, text in (
                            ("bytes=0-0", 206, b"0", "0-0/10"), ("bytes=8-", 206, b"89", "8-9/10"),
                            ("bytes=-3", 206, b"789", "7-9/10"),
                            ("bytes=-99", 206, CONTENT, "0-9/10"),
                            ("bytes=5-99999999999999999999", 206, b"56789", "5-9/10"),
                            ("bytes=10-", 416, None, "*/10"), ("bytes=-0", 416, None, "*/10"),
                            ("bytes=0-1,3-4", 200, CONTENT, None),
                            ("bytes=3-2", 200, CONTENT, None),
                            ("bytes=a-b", 200, CONTENT, None), ("bytes=-", 200, CONTENT, None),
                            ("lines=0-1", 200, CONTENT, None), ("bytes=1", 200, CONTENT, None)):
                        answer = fetch(address, "/small", Range=wanted)
                        self.assertEqual((answer.status, wanted), (status, wanted))
                        if part is not None:
                            self.assertEqual(answer.body, part)
                        self.assertEqual(answer.fields.get("content-range"),
                                         text and f"bytes {text}")
                    answer = fetch(address, "/small", "HEAD", Range="bytes=0-0")
                    self.assertEqual(answer.status, 200)
                    self.assertEqual(fetch(address, "/empty", Range="bytes=0-").status, 416)
                    self.assertEqual(fetch(address, "/empty").body, b"")
                    answer = fetch(address, "/large", Range="bytes=700000-899999")
                    self.assertTrue(answer.body == large[700_000:900_000])


class FilesThatChange(ExamplesTest):
    def test_are_sent_as_they_are(self):
        for backend in self.on_every_backend():
            with site() as root, serving(backend, root=root) as (_, address):
                file = Path(root, "file")
                tags = set()
                for i in range(20):  # the same size, nearly the same time
                    file.write_text(f"{i:05}")
                    answer = fetch(address, "/file")
                    self.assertEqual(answer.body.decode(), f"{i:05}")
                    tags.add(answer.fields["etag"])
                self.assertGreater(len(tags), 1)
                file.unlink()
                self.assertEqual(fetch(address, "/file").status, 404)

    def test_are_noticed_also_where_they_are_kept(self):
        """The server keeps what was not changed in the last two seconds."""
        with site() as root:
            for backend in ("first", "second", "third", "fourth", "fifth"):
                Path(root, backend).write_bytes(CONTENT)
            Path(root.parent, "other").write_bytes(b"elsewhere!")
            date = Path(root, "first").stat()
            # tidy: allow sleep: the time of the last change of a file cannot be set
            time.sleep(3.1)
            with serving("", root=root) as (_, address):
                for _ in range(2):
                    for name in ("first", "second", "third", "fourth", "fifth"):
                        self.assertEqual(fetch(address, f"/{name}").body, CONTENT)
                self.assertEqual(fetch(address, "/first", Range="bytes=2-4").body, b"234")
                self.assertEqual(fetch(address, "/first", "HEAD").fields["content-length"], "10")

                Path(root, "first").write_bytes(b"abcdefghij")  # the same size, and the same date
                os.utime(Path(root, "first"), ns=(date.st_atime_ns, date.st_mtime_ns))
                self.assertEqual(fetch(address, "/first").body, b"abcdefghij")
                Path(root, "second").unlink()
                self.assertEqual(fetch(address, "/second").status, 404)
                Path(root, "third").unlink()
                Path(root, "third").symlink_to("../other")
                self.assertEqual(fetch(address, "/third").status, 404)
                Path(root, "fourth").unlink()
                Path(root, "fourth").mkdir()
                self.assertEqual(fetch(address, "/fourth").status, 301)
                Path(root, "new").write_bytes(b"new")
                Path(root, "new").rename(Path(root, "fifth"))
                answer = fetch(address, "/fifth")
                self.assertEqual(answer.body, b"new")
                modified = email.utils.parsedate_to_datetime(answer.fields["last-modified"])
                self.assertEqual(int(modified.timestamp()),
                                 int(Path(root, "fifth").stat().st_mtime))


if __name__ == "__main__":
    unittest.main()
