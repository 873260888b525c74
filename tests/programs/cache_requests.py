# SPDX-License-Identifier: MIT
"""Requests for examples/cache, and their answers: what cache_test.py sends."""


def array(*words):
    """As a client sends it."""
    words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word)
                                               for word in words)


# What is known without redis-server. Each begins with no keys.
ANSWERS = {
    b"PING\r\nping hello\r\nPING a b\r\n":
        b"+PONG\r\n$5\r\nhello\r\n-ERR wrong number of arguments for 'ping' command\r\n",
    array("SET", "x", "1") + array("GET", "x") + array("GET", "y"):
        b"+OK\r\n$1\r\n1\r\n$-1\r\n",
    b"SET x 1\r\nINCR x\r\nDECR x\r\nINCRBY x 10\r\nDECRBY x 3\r\nAPPEND x 0\r\nSTRLEN x\r\n":
        b"+OK\r\n:2\r\n:1\r\n:11\r\n:8\r\n:2\r\n:2\r\n",
    b"MSET a 1 b 2\r\nMGET a b c\r\nEXISTS a a c\r\nDEL a c\r\nDBSIZE\r\n":
        b"+OK\r\n*3\r\n$1\r\n1\r\n$1\r\n2\r\n$-1\r\n:2\r\n:1\r\n:1\r\n",
    b"SET x a\r\nINCR x\r\nFOO bar\r\nGET\r\nSET x a FOO\r\n":
        b"+OK\r\n-ERR value is not an integer or out of range\r\n-ERR unknown command 'FOO', with "
        b"args beginning with: 'bar' \r\n-ERR wrong number of arguments for 'get' command\r\n-ERR "
        b"syntax error\r\n",
    b"SET x 1 EX 100\r\nTTL x\r\nPERSIST x\r\nTTL x\r\nTTL y\r\nEXPIRE x -1\r\nEXISTS x\r\n":
        b"+OK\r\n:100\r\n:1\r\n:-1\r\n:-2\r\n:1\r\n:0\r\n",
    b"*1\r\n$-1\r\n": b"-ERR Protocol error: invalid bulk length\r\n",
    b"PING \"x\r\nPING\r\n": b"-ERR Protocol error: unbalanced quotes in request\r\n",
    b"QUIT\r\nPING\r\n": b"+OK\r\n",
    b"CONFIG GET save\r\nCONFIG GET appendonly\r\n":
        b"*2\r\n$4\r\nsave\r\n$0\r\n\r\n*2\r\n$10\r\nappendonly\r\n$2\r\nno\r\n",
}

# What is answered otherwise than by redis-server 7.0, and how.
DIFFERENCES = {
    b"COMMAND COUNT\r\n": b":37\r\n",  # it has fewer commands
    b"HSET h f 1\r\n":
        b"-ERR unknown command 'HSET', with args beginning with: 'h' 'f' '1' \r\n",
    b"CLIENT REPLY OFF\r\n": b"-ERR unknown subcommand 'REPLY'. Try CLIENT HELP.\r\n",
    b"CONFIG SET save x\r\n": b"-ERR unknown subcommand 'SET'. Try CONFIG HELP.\r\n",
    b"SCAN -1\r\n": b"-ERR invalid cursor\r\n",  # redis-server takes it for the largest number
    b"CONFIG GET maxmemory-policy\r\n": b"*2\r\n$16\r\nmaxmemory-policy\r\n$11\r\nallkeys-lru\r\n",
    # HTTP closes the connection: redis-server forgets the answers that it has not sent yet.
    b"GET / HTTP/1.1\r\nHost: x\r\nPING\r\n":
        b"-ERR wrong number of arguments for 'get' command\r\n",
    # The limit of a line holds to the byte: redis-server looks when it reads.
    b"PING " + b"x" * 65532 + b"\r\n": b"-ERR Protocol error: too big inline request\r\n",
}

_MAX = 9223372036854775807

# What is compared with redis-server alone.
SAME = (
    # The protocol.
    b"*0\r\nPING\r\n", b"*-1\r\nPING\r\n", b"*-0\r\n", b"*01\r\n", b"*\r\n", b"* 1\r\n", b"*1 \r\n",
    b"*+1\r\n", b"*x\r\n", b"*2147483647\r\n", b"*2147483648\r\n", b"*9223372036854775808\r\n",
    b"*1\n$4\nPING\n", b"*1\rx$4\r\nPING\r\n", b"*1\r\n$4\rxPING\r\n", b"*1\r\n$4\r\nPINGxx",
    b"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n", b"*1\r\nPING\r\n", b"*1\r\n\r\n\r\n",
    b"*1\r\n\n4\r\n", b"*1\r\n+OK\r\n", b"*1\r\n$\r\n", b"*1\r\n$04\r\nPING\r\n", b"*1\r\n$-0\r\n",
    b"*1\r\n$536870913\r\n", b"*1\r\n$x\r\n", b"*1\r\n$ 4\r\nPING\r\n", b"*1\r\n$0\r\n\r\n",
    b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", b"*1\r\n$4\r\nPI", b"*1\0\r\n$4\r\nPING\r\n",
    b"*1" + b"0" * 66000, b"*1\r\n$" + b"1" * 66000, b"x" * 66000,
    array("ECHO", b"\r\n\0\xff" * 50), array("ECHO", b"x" * 70_000), array("PING") * 1000,
    # Lines.
    b"\r\n\nPING\r\n", b"  PING   x  \r\n", b"\tPING\x0bx\r\n", b"PING \x0b x\r\n", b"PING\0x\r\n",
    b'PING "a b"\r\n', b"PING 'a b'\r\n", b'PING "\\x41\\x4g\\n\\r\\t\\a\\b\\q\\""\r\n',
    b"PING 'a\\'b\\n'\r\n", b"PING a\"b\"\r\n", b"PING \"a\"b\r\n", b"PING 'a'b\r\n",
    b"PING \"\r\n",
    b"PING \"\\\"\r\n", b"PING ''\r\n", b"\"PING\"\r\n", b"'' x\r\n", b"PING \"a\rb\"\r\n",
    b"PING a\rb\r\n", b"PING x\r\r\n",
    # The names of commands, and their arguments.
    b"foo\r\n", b"foo " + b"x" * 200 + b" y\r\n", b"foo " + b"abcdefghij " * 20 + b"\r\n",
    b"f" * 200 + b" x\r\n", array("foo", b"a\r\nb", b"c\0d"), array(b"fo\0o"), array(b"a\r\nb"),
    array(b"GET\0", "x"), b"gEt x\r\n", b"G@T x\r\n", b"get\r\n", b"get a b\r\n", b"set a\r\n",
    b"del\r\n", b"mset a\r\n", b"mset a b c\r\n", b"incr\r\n", b"ttl a b\r\n", b"keys\r\n",
    b"scan\r\n", b"dbsize x\r\n", b"echo\r\n", b"select\r\n", b"publish a\r\n", b"subscribe\r\n",
    b"client\r\n", b"client foo\r\n", b"CLIENT ID x\r\n", b"client setname\r\n", b"config\r\n",
    b"config get\r\n", b"config foo\r\n", b"command foo\r\n", b"command count x\r\n",
    array("client", b"a\0b"), array("client", b"a\nb"), array("client", b"x" * 200),
    b"client|id\r\n", b"COMMAND DOCS nothing\r\n", b"COMMAND INFO nothing\r\n", b"INFO nothing\r\n",
    # SET.
    b"set a 1 nx\r\nset a 2 nx\r\nset a 3 xx\r\nget a\r\nset b 1 xx\r\nget b\r\n",
    b"set a 1 nx xx\r\nset a 1 xx nx\r\nset a 1 nx nx\r\n",
    b"set a 1 get\r\nset a 2 get\r\nset a 3 nx get\r\nset a 4 get xx\r\nget a\r\n"
    b"set b 1 xx get\r\n",
    b"set a 1 ex 100\r\nttl a\r\nset a 2 keepttl\r\nttl a\r\nset a 3\r\nttl a\r\n"
    b"set a 4 px 100000\r\n"
    b"ttl a\r\nincr a\r\nttl a\r\nappend a 0\r\nttl a\r\nmset a 1\r\nttl a\r\n",
    b"set a 1 ex\r\nset a 1 ex 0\r\nset a 1 ex -1\r\nset a 1 px 0\r\nset a 1 ex x\r\n"
    b"set a 1 ex 1.5\r\n",
    b"set a 1 ex 10 px 10\r\nset a 1 ex 10 ex 20\r\nttl a\r\nset a 1 keepttl ex 10\r\n"
    b"set a 1 ex 10 keepttl\r\nset a 1 keepttl keepttl\r\nset a 1 exat 10 pxat 10\r\n",
    b"set a 1 exat 1\r\nget a\r\nset a 1 pxat 1\r\nexists a\r\n"
    b"set a 1 exat 32503680000\r\nget a\r\n",
    f"set a 1 px {_MAX}\r\nset a 1 ex {_MAX}\r\nset a 1 ex {_MAX // 1000}\r\n"
    f"set a 1 exat {_MAX // 1000}\r\nset a 1 exat {_MAX // 1000 + 1}\r\n"
    "set a 1 pxat 0\r\n".encode(),
    # Numbers.
    f"set a {_MAX}\r\nincr a\r\ndecr a\r\nincrby a 2\r\nset a -{_MAX + 1}\r\ndecr a\r\n"
    f"incrby a -1\r\ndecrby a -{_MAX + 1}\r\nincrby a {_MAX + 1}\r\ndecrby a {_MAX}\r\n".encode(),
    b"set a 01\r\nincr a\r\nset a ' 1'\r\nincr a\r\nset a 1.5\r\nincr a\r\nset a -0\r\nincr a\r\n"
    b"set a ''\r\nincr a\r\nincrby b x\r\nincrby a x\r\ndecrby b ''\r\nset a +1\r\nincr a\r\n",
    # Time.
    b"expire a 10\r\nset a 1\r\nexpire a 10 xx\r\nexpire a 10 nx\r\nexpire a 20 nx\r\nttl a\r\n"
    b"expire a 5 gt\r\nexpire a 20 gt\r\nttl a\r\nexpire a 30 lt\r\nexpire a 7 lt\r\nttl a\r\n"
    b"persist a\r\nexpire a 10 gt\r\nexpire a 10 lt\r\nttl a\r\nexpire a 0\r\nexists a\r\n",
    b"expire a 10 foo\r\nexpire a 10 nx xx\r\nexpire a 10 gt lt\r\nexpire a x\r\n"
    b"expire a 1 xx gt\r\n"
    b"pexpire a x foo\r\npexpire a 10 nx gt\r\n",
    f"expire a {_MAX}\r\npexpire a {_MAX}\r\nexpire a -{_MAX}\r\nexpire a {_MAX // 1000}\r\n"
    f"set a 1\r\npexpire a -{_MAX}\r\nexists a\r\npexpire a {_MAX - 10 ** 14}\r\n".encode(),
    b"ttl a\r\npttl a\r\npersist a\r\nset a 1\r\nttl a\r\npttl a\r\npersist a\r\n",
    # Keys.
    b"mset a 1 b 2 a 3\r\nmget a b a\r\nexists a a b\r\ndel a a b\r\nexists a\r\n",
    array("SET", b"\0\r\n", b"\0") + array("GET", b"\0\r\n") + array("KEYS", "*"),
    array("SET", "", "") + array("GET", "") + array("STRLEN", "") + array("KEYS", "*"),
    array("SET", "", "") + array("KEYS", "**") + array("SCAN", "0", "MATCH", "?"),
    b"set key 1\r\nkeys k?y\r\nkeys k[^e]y\r\nkeys [k\r\nkeys k*y*\r\nkeys \\k*\r\nkeys k[a-f]y\r\n"
    b"keys k[f-a]y\r\nkeys key\\\r\nkeys k[\\]e]y\r\nkeys ''\r\n",
    b"set a 1\r\nscan 0\r\nscan 0 count 100 match b*\r\nscan 0 type string\r\nscan 0 type list\r\n"
    b"scan 0 match\r\nscan 0 count 0\r\nscan 0 count x\r\nscan 0 foo 1\r\nscan x\r\nscan ''\r\n"
    b"scan 1x\r\nscan 0 count -1\r\nscan 0 count\r\nscan 18446744073709551616\r\n",
    b"set a 1\r\nflushall foo\r\nflushdb async x\r\nflushall async\r\ndbsize\r\nflushdb sync\r\n",
    # Names that differ from a command's in one bit, or are none of a command.
    array("gEt", "a") + array(b"\x07ET", "a") + array(b"G\xc5T", "a") + array("HOST\x1a")
    + array("client|id") + array("client\\id") + array("@et", "a") + array("") + array("PINGPING"),
    # The connection.
    b"select 0\r\nselect 1\r\nselect -1\r\nselect x\r\nselect 99999999999\r\n",
    b"client getname\r\nclient setname a\r\nclient getname\r\nclient setname 'a b'\r\n"
    b"client setname ''\r\nclient getname\r\nclient setinfo lib-name x\r\n",
    array("CLIENT", "SETNAME", b"\x7f"), b"quit x\r\nping\r\n", b"POST / HTTP/1.1\r\nPING\r\n",
    # Subscribers.
    b"subscribe a b\r\nping\r\nping x\r\nping x y\r\nget a\r\nclient id\r\nclient foo\r\n"
    b"foo\r\nget\r\n"
    b"subscribe a\r\npsubscribe c* d*\r\nunsubscribe a x\r\nunsubscribe\r\npunsubscribe c*\r\n"
    b"get a\r\npunsubscribe\r\nget a\r\nping\r\n",
    b"unsubscribe\r\nunsubscribe x\r\npunsubscribe\r\npublish a b\r\nping\r\n",
    b"subscribe a a\r\nquit\r\n", b"subscribe a\r\npublish a x\r\n",
)

_KEYS = ("a", "b", "c", "key:1", "")
_VALUES = ("", "0", "1", "-1", "10", "x", "hello world", "9223372036854775807", "01", "1.5",
           "x" * 300)
_NUMBERS = ("0", "1", "-1", "100", "9223372036854775807", "-9223372036854775808", "x", "",
            "9223372036854775808", "10000")
_OPTIONS = ("NX", "XX", "GET", "KEEPTTL", "EX", "PX", "GT", "LT", "200000", "100000", "foo")
# Hardly ever the same twice: whether a key ends later than before must not depend on milliseconds.
_SECONDS = tuple(str(number) for number in range(100, 90_000))
# Their answers depend neither on the order of keys nor on the time of a few milliseconds.
_COMMANDS = (
    ("GET", _KEYS), ("SET", _KEYS, _VALUES), ("SET", _KEYS, _VALUES, _OPTIONS),
    ("SET", _KEYS, _VALUES, _OPTIONS, _OPTIONS), ("SET", _KEYS, _VALUES, ("EX", "PX"), ("500000",)),
    ("SET", _KEYS, _VALUES, _OPTIONS, _OPTIONS, _OPTIONS), ("DEL", _KEYS), ("DEL", _KEYS, _KEYS),
    ("EXISTS", _KEYS, _KEYS, _KEYS), ("INCR", _KEYS), ("DECR", _KEYS), ("INCRBY", _KEYS, _NUMBERS),
    ("DECRBY", _KEYS, _NUMBERS), ("MGET", _KEYS, _KEYS), ("MSET", _KEYS, _VALUES),
    ("MSET", _KEYS, _VALUES, _KEYS, _VALUES), ("MSET", _KEYS, _VALUES, _KEYS),
    ("EXPIRE", _KEYS, ("100", "200", "x", "-1")), ("EXPIRE", _KEYS, _SECONDS, _OPTIONS),
    ("EXPIRE", _KEYS, _SECONDS, _OPTIONS, _OPTIONS), ("TTL", _KEYS), ("PERSIST", _KEYS),
    ("APPEND", _KEYS, _VALUES), ("STRLEN", _KEYS), ("DBSIZE",), ("PING",), ("PING", _VALUES),
    ("ECHO", _VALUES), ("SELECT", _NUMBERS), ("FLUSHALL", _OPTIONS), ("PUBLISH", _KEYS, _VALUES),
    ("KEYS", ("a", "key:[0-9]", "x*")), ("FOO", _KEYS), (_KEYS, _VALUES), ("GET",),
)


def random_request(chooser):
    words = [part if isinstance(part, str) else chooser.choice(part)
             for part in chooser.choice(_COMMANDS)]
    if words[0] and chooser.random() < 0.1:
        words[0] = words[0].lower()
    return array(*words)
