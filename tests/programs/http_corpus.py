# SPDX-License-Identifier: MIT
"""Requests that are good, odd or hostile, each with the statuses of its answers; and the table of
what nginx and h11 judge otherwise."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    name: str
    data: bytes
    statuses: tuple

    def is_malformed(self):
        return self.statuses[0] == 400

    def is_judged(self):
        """Whether another judge may be asked: what is too much, or not implemented, each server
        decides by itself."""
        return self.statuses[0] < 400 or self.statuses[0] in (400, 404, 405)


HOST = b"Host: a\r\n"
NEXT = b"GET /hello HTTP/1.1\r\n" + HOST + b"\r\n"
GET = b"GET /hello HTTP/1.1\r\n"
POST = b"POST /echo HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def good(name, data, *statuses):
    return Case(name, data, statuses or (200,))


def refused(status, name, data):
    """With a request behind it that must not be answered: where it begins is not known."""
    return Case(name, data + NEXT, (status,))


def line(text):
    return text + b"\r\n" + HOST + b"\r\n"


def field(text):
    return GET + HOST + text + b"\r\n\r\n"


def posted(fields, body=b"hello"):
    return POST + fields + b"\r\n\r\n" + body


GOOD = [
    good("a request", NEXT),
    good("three requests", NEXT + line(b"GET /none HTTP/1.1") + NEXT, 200, 404, 200),
    good("HTTP/1.0 without a host", b"GET /hello HTTP/1.0\r\n\r\n"),
    good("HTTP/1.0 closes", b"GET /hello HTTP/1.0\r\n\r\n" + NEXT),
    good("HTTP/1.0 that is kept alive",
         b"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + NEXT, 200, 200),
    good("a later version", line(b"GET /hello HTTP/1.2") + NEXT, 200, 200),
    good("a line before", b"\r\n" + NEXT),
    good("a line between", NEXT + b"\r\n" + NEXT, 200, 200),
    good("HTTP/1.1 that closes", field(b"Connection: close") + NEXT),
    good("options of a connection", field(b"Connection: Keep-Alive , Close") + NEXT),
    good("the whole address", line(b"GET http://b.example/hello HTTP/1.1")),
    good("the whole address without a path", line(b"OPTIONS http://b.example HTTP/1.1"), 204),
    good("OPTIONS of the server", line(b"OPTIONS * HTTP/1.1") + NEXT, 204, 200),
    good("OPTIONS of a path", line(b"OPTIONS /hello HTTP/1.1") + NEXT, 204, 200),
    good("a query", line(b"GET /hello?a[]=%20/?|{}^ HTTP/1.1")),
    good("no blank after the colon", GET + b"Host:a\r\n\r\n"),
    good("blanks around the value", GET + b"hOST: \t a \t \r\n\r\n"),
    good("no value", field(b"X:")),
    good("a value above ASCII", field(b"X: \xe2\x82\xac\xff")),
    good("all marks in a name", field(b"!#$%&'*+-.^_`|~: x")),
    good("an empty host", GET + b"Host:\r\n\r\n"),
    good("an IPv6 host", GET + b"Host: [::1]:8080\r\n\r\n"),
    good("a content", posted(b"Content-Length: 5") + NEXT, 200, 200),
    good("a content of a GET", GET + HOST + b"Content-Length: 5\r\n\r\nhello" + NEXT, 200, 200),
    good("an empty content", posted(b"Content-Length: 000", b"") + NEXT, 200, 200),
    good("no content", POST + b"\r\n" + NEXT, 200, 200),
    good("chunks", CHUNKED + b"5\r\nhello\r\nA\r\n1234567890\r\n0\r\n\r\n" + NEXT, 200, 200),
    good("chunks with zeros", CHUNKED + b"0000005\r\nhello\r\n000\r\n\r\n" + NEXT, 200, 200),
    good("extensions", CHUNKED + b'5;a=b;c="d"\r\nhello\r\n0;x\r\n\r\n' + NEXT, 200, 200),
    good("trailers", CHUNKED + b"1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n" + NEXT, 200, 200),
    good("chunks by any case", POST + b"transfer-ENCODING: Chunked\r\n\r\n0\r\n\r\n" + NEXT,
         200, 200),
    good("a content that is awaited", posted(b"Content-Length: 5\r\nExpect: 100-Continue") + NEXT,
         200, 200),
    good("what is awaited in HTTP/1.0", b"POST /echo HTTP/1.0\r\nContent-Length: 1\r\n"
         b"Expect: 100-continue\r\n\r\nx"),
]

ODD = [
    good("a path that is not there", line(b"GET /none HTTP/1.1") + NEXT, 404, 200),
    good("a method that a path lacks", line(b"DELETE /hello HTTP/1.1") + NEXT, 405, 200),
    refused(405, "the same with a content on its way",
            b"PUT /hello HTTP/1.1\r\n" + HOST + b"Content-Length: 999\r\n\r\n"),
    refused(501, "an unknown method", line(b"BREW /hello HTTP/1.1")),
    refused(501, "a method in small letters", line(b"get /hello HTTP/1.1")),
    refused(501, "a tunnel", line(b"CONNECT a:80 HTTP/1.1")),
    refused(501, "a trace", line(b"TRACE /hello HTTP/1.1")),
    refused(505, "HTTP/2.0", line(b"GET /hello HTTP/2.0")),
    refused(505, "the beginning of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    refused(505, "HTTP/0.9 with a version", line(b"GET /hello HTTP/0.9")),
    refused(417, "another expectation", posted(b"Content-Length: 5\r\nExpect: tea")),
    refused(413, "a large content", posted(b"Content-Length: 1048577", b"")),
    refused(413, "a content beyond 64 bits", posted(b"Content-Length: 18446744073709551616", b"")),
    refused(413, "a large chunk", CHUNKED + b"100001\r\n"),
    refused(413, "the largest chunk", CHUNKED + b"ffffffffffffffff\r\n"),
    refused(501, "another encoding", posted(b"Transfer-Encoding: gzip, chunked", b"")),
    refused(501, "no encoding", posted(b"Transfer-Encoding: identity", b"")),
    refused(414, "a long target", line(b"GET /" + b"a" * 9000 + b" HTTP/1.1")),
    refused(431, "a long field", field(b"X: " + b"a" * 9000)),
    refused(431, "many fields", field(b"\r\n".join([b"X: y"] * 100))),
    refused(431, "a long head", field(b"\r\n".join([b"X: " + b"y" * 1000] * 20))),
    refused(431, "a long trailer", CHUNKED + b"0\r\n" + b"X: y\r\n" * 4000),
    refused(400, "long extensions", CHUNKED + (b"1;" + b"x" * 100 + b"\r\ny\r\n") * 200),
]

BAD_LINES = [
    refused(400, "a line that ends with LF", b"GET /hello HTTP/1.1\nHost: a\r\n\r\n"),
    refused(400, "lines that end with LF", b"GET /hello HTTP/1.1\nHost: a\n\n"),
    refused(400, "an empty line that is LF", GET + HOST + b"\n"),
    refused(400, "a field that ends with LF", GET + b"X: y\n" + HOST + b"\r\n"),
    refused(400, "a line that ends with CR", b"GET /hello HTTP/1.1\rHost: a\r\r"),
    refused(400, "two lines before", b"\r\n\r\n" + NEXT),
    refused(400, "LF before", b"\n" + NEXT),
    refused(400, "a CR more", b"GET /hello HTTP/1.1\r\r\n" + HOST + b"\r\n"),
    refused(400, "a CR in a value", field(b"X: a\rb")),
    refused(400, "a blank before", line(b" GET /hello HTTP/1.1")),
    refused(400, "two blanks", line(b"GET  /hello HTTP/1.1")),
    refused(400, "two blanks before the version", line(b"GET /hello  HTTP/1.1")),
    refused(400, "a tab", line(b"GET\t/hello HTTP/1.1")),
    refused(400, "a blank behind", line(b"GET /hello HTTP/1.1 ")),
    refused(400, "a blank in the target", line(b"GET /hel lo HTTP/1.1")),
    refused(400, "no version", line(b"GET /hello")),
    refused(400, "a version in small letters", line(b"GET /hello http/1.1")),
    refused(400, "a version without a dot", line(b"GET /hello HTTP/11")),
    refused(400, "a version of two digits", line(b"GET /hello HTTP/1.10")),
    refused(400, "no target", line(b"GET HTTP/1.1")),
    refused(400, "a target without a slash", line(b"GET hello HTTP/1.1")),
    refused(400, "a star", line(b"GET * HTTP/1.1")),
    refused(400, "a fragment", line(b"GET /hello#x HTTP/1.1")),
    refused(400, "a target above ASCII", line(b"GET /hello\xff HTTP/1.1")),
    refused(400, "a zero in the target", line(b"GET /hello\0 HTTP/1.1")),
    refused(400, "another scheme", line(b"GET ftp://a/hello HTTP/1.1")),
    refused(400, "an address without a host", line(b"GET http:///hello HTTP/1.1")),
    refused(400, "an address with a user", line(b"GET http://a@b/hello HTTP/1.1")),
    refused(400, "a mark in the method", line(b"G(T /hello HTTP/1.1")),
]

BAD_FIELDS = [
    refused(400, "a folded field", field(b"X: a\r\n b")),
    refused(400, "a folded first field", GET + b" X: y\r\n" + HOST + b"\r\n"),
    refused(400, "a blank before the colon", field(b"X : y")),
    refused(400, "a tab before the colon", field(b"X\t: y")),
    refused(400, "a blank in a name", field(b"X y: z")),
    refused(400, "no name", field(b": y")),
    refused(400, "no colon", field(b"X")),
    refused(400, "a name above ASCII", field(b"\xff: y")),
    refused(400, "a zero in a value", field(b"X: a\0b")),
    refused(400, "a control character in a value", field(b"X: a\x0bb")),
    refused(400, "DEL in a value", field(b"X: a\x7fb")),
    refused(400, "no host", GET + b"\r\n"),
    refused(400, "two hosts", GET + HOST + b"Host: b\r\n\r\n"),
    refused(400, "the host twice", GET + HOST + HOST + b"\r\n"),
    refused(400, "two hosts in HTTP/1.0", b"GET /hello HTTP/1.0\r\n" + HOST + HOST + b"\r\n"),
    refused(400, "a host with a blank", GET + b"Host: a b\r\n\r\n"),
    refused(400, "a host with a slash", GET + b"Host: a/b\r\n\r\n"),
    refused(400, "a host with a user", GET + b"Host: a@b\r\n\r\n"),
    refused(400, "a host with a bad port", GET + b"Host: a:x\r\n\r\n"),
    refused(400, "a host with half a bracket", GET + b"Host: [::1\r\n\r\n"),
]

BAD_BODIES = [
    refused(400, "a length and chunks",
            posted(b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"0\r\n\r\n")),
    refused(400, "chunks and a length",
            posted(b"Transfer-Encoding: chunked\r\nContent-Length: 5", b"0\r\n\r\n")),
    refused(400, "chunks in HTTP/1.0",
            b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    refused(400, "chunks twice", posted(
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"0\r\n\r\n")),
    refused(501, "chunks twice in a list", posted(
        b"Transfer-Encoding: chunked, chunked", b"0\r\n\r\n")),
    refused(501, "what is like chunks", posted(b"Transfer-Encoding: xchunked", b"0\r\n\r\n")),
    refused(400, "chunks behind a control character",
            posted(b"Transfer-Encoding: \x0bchunked", b"0\r\n\r\n")),
    refused(400, "a length twice", posted(b"Content-Length: 5\r\nContent-Length: 5")),
    refused(400, "two lengths", posted(b"Content-Length: 5\r\nContent-Length: 6")),
    refused(400, "a list of lengths", posted(b"Content-Length: 5, 5")),
    *[refused(400, f"a length of {text!r}", posted(b"Content-Length: " + text))
      for text in (b"", b"+5", b"-5", b"0x5", b"5 5", b"1e1", b"5.0", b"\xb2")],
    *[refused(400, f"a chunk of {text!r}", CHUNKED + text + b"\r\nhello\r\n0\r\n\r\n")
      for text in (b"", b"g", b"+5", b"-5", b"0x5", b" 5", b"5 ", b"5x", b"00000000000000005",
                   b"5;a\x0bb", b"5;a\rb")],
    refused(400, "a size that ends with LF", CHUNKED + b"5\nhello\r\n0\r\n\r\n"),
    refused(400, "an extension that ends with LF", CHUNKED + b"5;a\nhello\r\n0\r\n\r\n"),
    refused(400, "a chunk that is too long", CHUNKED + b"5\r\nhello!\r\n0\r\n\r\n"),
    refused(400, "a chunk that ends with LF", CHUNKED + b"5\r\nhello\n0\r\n\r\n"),
    refused(400, "a chunk without an end", CHUNKED + b"5\r\nhello0\r\n\r\n"),
    refused(400, "a trailer without a colon", CHUNKED + b"0\r\nX\r\n\r\n"),
    refused(400, "a trailer that is folded", CHUNKED + b"0\r\nX: y\r\n z\r\n\r\n"),
    refused(400, "a trailer that ends with LF", CHUNKED + b"0\r\nX: y\n\r\n"),
]

CORPUS = [*GOOD, *ODD, *BAD_LINES, *BAD_FIELDS, *BAD_BODIES]

LF_ENDS = "RFC 9112, 2.2: a server may take a LF without a CR"
BLANKS = "RFC 9112, 3: a server may split the line at any blanks"
UNCHECKED = "it passes this on as it is"
BWS = "RFC 9112, 7.1.1: blanks before the semicolon, which clients must not send"
LISTED = "RFC 9112, 6.3: a server may take equal lengths for one"
BOTH = "RFC 9112, 6.1: a server may ignore the length, if it then closes the connection"

# The malformed requests that another judge takes, and why.
TAKEN_BY = {
    "nginx": {
        "a line that ends with LF": LF_ENDS,
        "lines that end with LF": LF_ENDS,
        "an empty line that is LF": LF_ENDS,
        "a field that ends with LF": LF_ENDS,
        "LF before": LF_ENDS,
        "two lines before": "RFC 9112, 2.2: a server ignores at least one",
        "two blanks": BLANKS,
        "two blanks before the version": BLANKS,
        "a blank behind": BLANKS,
        "a version of two digits": "it reads any number behind the dot",
        "a fragment": "it cuts it off",
        "a target above ASCII": UNCHECKED,
        "another scheme": UNCHECKED,
        "no colon": "it ignores such a line",
        "a name above ASCII": "it ignores such a field",
        "a control character in a value": UNCHECKED,
        "DEL in a value": UNCHECKED,
        "a host with a user": UNCHECKED,
        "a host with a bad port": UNCHECKED,
        "a host with half a bracket": UNCHECKED,
        "a chunk of b'5 '": BWS,
        "a chunk of b'00000000000000005'": "it takes any number of zeros",
        "a chunk of b'5;a\\x0bb'": "it skips extensions",
        "long extensions": "it has no limit for them",
        "a size that ends with LF": LF_ENDS,
        "an extension that ends with LF": LF_ENDS,
        "a chunk that ends with LF": LF_ENDS,
        "a trailer that ends with LF": LF_ENDS,
        "a trailer without a colon": "it skips trailers",
        "a trailer that is folded": "it skips trailers",
    },
    "h11": {
        "a line that ends with LF": LF_ENDS,
        "lines that end with LF": LF_ENDS,
        "an empty line that is LF": LF_ENDS,
        "a field that ends with LF": LF_ENDS,
        "a target without a slash": UNCHECKED,
        "a star": UNCHECKED,
        "a fragment": UNCHECKED,
        "another scheme": UNCHECKED,
        "an address without a host": UNCHECKED,
        "an address with a user": UNCHECKED,
        "a folded field": "RFC 9112, 5.2: a server may replace the fold by blanks",
        "DEL in a value": UNCHECKED,
        "a host with a blank": UNCHECKED,
        "a host with a slash": UNCHECKED,
        "a host with a user": UNCHECKED,
        "a host with a bad port": UNCHECKED,
        "a host with half a bracket": UNCHECKED,
        "a length and chunks": BOTH,
        "chunks and a length": BOTH,
        "chunks in HTTP/1.0": BOTH,
        "a length twice": LISTED,
        "a list of lengths": LISTED,
        "a chunk of b'5 '": BWS,
        "a chunk of b'00000000000000005'": "it takes 20 digits",
        "a chunk of b'5;a\\x0bb'": UNCHECKED,
        "a chunk of b'5;a\\rb'": UNCHECKED,
        "a trailer that is folded": "RFC 9112, 5.2, as above",
        "a trailer that ends with LF": LF_ENDS,
    },
}

# The good requests that another judge refuses, and why.
REFUSED_BY = {
    "nginx": {
        "OPTIONS of the server": "it knows no star",
        "blanks around the value": "it takes no tab before the name of a host",
        "an empty host": "it needs a name",
    },
    "h11": {"a line before": "an empty line must come alone"},
}
