# SPDX-License-Identifier: MIT
"""The corpus of requests: how examples/http answers, whole and in every cut, and how nginx and h11
judge the same."""

import sys
import unittest

from example_programs import ExamplesTest, backends, connect, needs, receive_all
from http_corpus import CORPUS, REFUSED_BY, TAKEN_BY
from http_peers import send, serving, statuses
from tls_peers import nginx

try:
    import h11
except ImportError:  # Debian's, where another Python is the default one
    sys.path.append("/usr/lib/python3/dist-packages")
    try:
        import h11
    except ImportError:
        h11 = None

CUT_SIZE_MAX = 400  # larger requests are sent whole only

# Paths that nginx answers as the example does. The body of a request is read by a proxy only.
LIKE_OURS = """
    root /nowhere;
    location = /hello { return 200; }
    location = /echo {
      proxy_pass http://$server_addr:$server_port/hello;
      proxy_method GET;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header Host a;
      proxy_http_version 1.1;
      proxy_ignore_client_abort on;
    }"""


def is_malformed_for_h11(data):
    judge = h11.Connection(h11.SERVER)
    judge.receive_data(data)
    ends = h11.EndOfMessage, h11.NEED_DATA, h11.PAUSED  # the last two are types of themselves
    try:
        while type(judge.next_event()) not in ends:
            pass
    except h11.RemoteProtocolError:
        return True
    return False


class Corpus(ExamplesTest):
    def test_is_answered(self):
        for backend in self.on_every_backend():
            with serving(backend) as (_, address):
                for case in CORPUS:
                    with self.subTest(case=case.name):
                        self.assertEqual(statuses(send(address, [case.data])), case.statuses)

    def test_is_answered_in_the_same_way_byte_by_byte(self):
        for backend in self.on_every_backend():
            with serving(backend) as (_, address):
                for case in CORPUS:
                    if len(case.data) > CUT_SIZE_MAX:
                        continue
                    with self.subTest(case=case.name):
                        pieces = [case.data[i:i + 1] for i in range(len(case.data))]
                        self.assertEqual(statuses(send(address, pieces)), case.statuses)

    def test_is_answered_in_the_same_way_in_two_pieces(self):
        """One connection after the other would take long: all cuts of a case are sent at once."""
        with serving(backends()[0]) as (_, address):
            for case in CORPUS:
                if len(case.data) > CUT_SIZE_MAX:
                    continue
                clients = [connect(address) for _ in case.data]
                for at, client in enumerate(clients):
                    client.sendall(case.data[:at])
                for at, client in enumerate(clients):
                    try:
                        client.sendall(case.data[at:])
                    except OSError:
                        pass  # it was refused and closed before
                    with self.subTest(case=case.name, at=at), client:
                        self.assertEqual(self.statuses_of(client), case.statuses)

    @staticmethod
    def statuses_of(client):
        try:
            client.shutdown(1)
        except OSError:
            pass  # likewise
        return statuses(receive_all(client))

    @needs("nginx")
    def test_is_judged_by_nginx_as_the_table_says(self):
        with nginx(LIKE_OURS) as address:
            def is_malformed(data):
                answer = send(address, [data])
                # Without a version, an answer is of HTTP/0.9, and has no status.
                return not answer.startswith(b"HTTP/1.1 ") or answer[9:12] in (
                    b"400", b"501", b"505")
            self.compare("nginx", is_malformed)

    @unittest.skipUnless(h11, "h11 is not installed")
    def test_is_judged_by_h11_as_the_table_says(self):
        self.compare("h11", is_malformed_for_h11)

    def compare(self, judge, is_malformed):
        taken, refused = set(), set()
        for case in CORPUS:
            if case.is_judged() and case.is_malformed() != is_malformed(case.data):
                (taken if case.is_malformed() else refused).add(case.name)
        self.assertEqual(taken, set(TAKEN_BY[judge]))
        self.assertEqual(refused, set(REFUSED_BY[judge]))


if __name__ == "__main__":
    unittest.main()
