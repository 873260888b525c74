# SPDX-License-Identifier: MIT
"""HTTP over TLS with nginx, as a server and as a client, and with wrk."""

import contextlib
import http.client
import re
import signal
import subprocess
import threading
import unittest

from example_programs import MUCH, SECONDS_MAX, ExamplesTest, connect, needs, run, running
from tls_peers import (NGINX_STREAMS, ROOT, certificate, has_tls, https_server, key, nginx,
                       secure_echo)

OF_NGINX = f"ssl_certificate {certificate('good')}; ssl_certificate_key {key('good')};"
TO_RONDO = f"""
    proxy_ssl_verify on;
    proxy_ssl_trusted_certificate {ROOT};
    proxy_ssl_server_name on;
    proxy_ssl_name a.example;"""


def get(address):
    """From a plain server, on a connection of its own: the status and the body."""
    with contextlib.closing(http.client.HTTPConnection(*address, timeout=SECONDS_MAX)) as client:
        client.request("GET", "/")
        answer = client.getresponse()
        return answer.status, answer.read().decode()


def counted(server):
    """What https_server has counted, when it is told to end."""
    server.send_signal(signal.SIGTERM)
    said = server.communicate(timeout=SECONDS_MAX)[0]
    return {name: int(count) for count, name in re.findall(r"(\d+) (\w+)", said)}


@has_tls
@needs("nginx")
class NginxTest(ExamplesTest):
    def test_is_fetched_from(self):
        answers = (f"{OF_NGINX} location = /none {{ return 404; }} "
                   "location / { return 200 hello; }")
        for backend in self.on_every_backend():
            with nginx(answers, "ssl") as (_, port):
                addresses = [f"https://localhost:{port}/{number}" for number in range(20)]
                done = run(backend, "crawler", "--tls-roots", ROOT, "--tries", "1", *addresses,
                           f"https://localhost:{port}/none")
            self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
            self.assertEqual(done.stdout.count(": 200, 5 bytes\n"), 20, done.stdout)
            self.assertEqual(done.stdout.count("/none: 404, "), 1, done.stdout)

    def test_resumes_what_a_client_of_rondo_has_kept(self):
        for backend in self.on_every_backend():
            for version in ("TLSv1.2", "TLSv1.3"):
                text = (f"{OF_NGINX} ssl_protocols {version}; "
                        'return 200 "$ssl_protocol $ssl_session_reused $ssl_server_name";')
                with self.subTest(version=version), nginx(text, "ssl") as (_, port), running(
                        backend, "proxy", "--listen", "127.0.0.1:0", "--tls-roots", ROOT,
                        f"localhost:{port}") as (_, address):
                    self.assertEqual(get(address), (200, f"{version} . localhost"))
                    for _ in range(3):
                        self.assertEqual(get(address), (200, f"{version} r localhost"))

    def test_passes_requests_on_over_tls(self):
        for backend in self.on_every_backend():
            for version in ("TLSv1.2", "TLSv1.3"):
                with self.subTest(version=version), https_server(backend) as (
                        server, (host, port)):
                    text = (f"{TO_RONDO} proxy_ssl_protocols {version}; "
                            f"location / {{ proxy_pass https://{host}:{port}; }}")
                    with nginx(text) as address:
                        for _ in range(4):
                            self.assertEqual(get(address), (200, "hello\n"))
                    self.assertEqual(counted(server), {"handshakes": 4, "resumed": 3, "failed": 0,
                                                       "answers": 4})

    def test_passes_nothing_on_to_a_server_with_another_name(self):
        for backend in self.on_every_backend():
            with https_server(backend, "other") as (server, (host, port)):
                text = f"{TO_RONDO} location / {{ proxy_pass https://{host}:{port}; }}"
                with nginx(text) as address:
                    self.assertEqual(get(address)[0], 502)
                self.assertEqual(counted(server)["answers"], 0)

    @unittest.skipUnless(NGINX_STREAMS.exists(), "nginx has no module for streams")
    def test_carries_a_stream_over_tls(self):
        for backend in self.on_every_backend():
            with secure_echo(backend) as (_, (host, port)):
                text = f"{TO_RONDO} proxy_ssl on; proxy_pass {host}:{port};"
                with nginx(text, block="stream") as address, connect(address) as client:
                    sender = threading.Thread(target=client.sendall, args=(MUCH,))
                    sender.start()
                    received = bytearray()
                    while len(received) < len(MUCH):
                        data = client.recv(1 << 16)
                        self.assertTrue(data, len(received))
                        received += data
                    sender.join()
                    self.assertEqual(bytes(received), MUCH)


@has_tls
@needs("wrk")
class WrkTest(ExamplesTest):
    CLIENTS = 50

    def wrk(self, backend, *options):
        """Returns how many requests it has finished, and what the server has counted."""
        with https_server(backend) as (server, (host, port)):
            done = subprocess.run(
                ["wrk", "--threads", "1", "--connections", str(self.CLIENTS), "--duration", "1s",
                 *options, f"https://{host}:{port}/"], text=True, capture_output=True,
                timeout=SECONDS_MAX)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertNotIn("Socket errors", done.stdout)
            self.assertNotIn("Non-2xx", done.stdout)
            requests = int(re.search(r"(\d+) requests in ", done.stdout).group(1))
            return requests, counted(server)

    def test_keeps_its_connections(self):
        for backend in self.on_every_backend():
            requests, server = self.wrk(backend)
            self.assertGreater(requests, self.CLIENTS)
            self.assertLessEqual(requests, server["answers"])
            self.assertLessEqual(server["answers"], requests + self.CLIENTS)
            self.assertLessEqual(server["handshakes"], self.CLIENTS)

    def test_connects_for_each_request(self):
        for backend in self.on_every_backend():
            requests, server = self.wrk(backend, "--header", "Connection: close")
            self.assertGreater(requests, self.CLIENTS)
            self.assertLessEqual(requests, server["answers"])
            self.assertLessEqual(server["answers"], server["handshakes"])


if __name__ == "__main__":
    unittest.main()
