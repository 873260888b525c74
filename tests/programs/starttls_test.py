# SPDX-License-Identifier: MIT
"""The examples that begin TLS inside a connection, and the crawler's https, with Python's ssl."""

import contextlib
import http.server
import threading
import unittest

from example_programs import ExamplesTest, connect, needs, receive_all, run, running
from tls_peers import (ROOT, certificate, client_context, connect_secure, has_tls, key, s_client,
                       server_context, serving, serving_securely)


def starttls_server(backend):
    return running(backend, "starttls_server", certificate("good"), key("good"), "127.0.0.1:0")


def read_line(client):
    """Without reading ahead."""
    line = b""
    while not line.endswith(b"\n"):
        line += client.recv(1)
    return line


@has_tls
class StarttlsServerTest(ExamplesTest):
    def test_says_no_more_before_tls(self):
        for backend in self.on_every_backend():
            with starttls_server(backend) as (_, address), connect(address) as client:
                self.assertEqual(read_line(client), b"220 ready\r\n")
                client.sendall(b"hello\r\n")
                self.assertEqual(read_line(client), b"530 STARTTLS first\r\n")
                client.sendall(b"STARTTLS\r\n")
                self.assertEqual(read_line(client), b"220 go ahead\r\n")
                with client_context().wrap_socket(client, server_hostname="localhost") as secure:
                    secure.sendall(b"hello\r\n")
                    self.assertEqual(read_line(secure), b"250 by TLSv1.3 you say hello\r\n")
                    secure.sendall(b"QUIT\r\n")
                    self.assertEqual(read_line(secure), b"221 bye\r\n")
                    secure.unwrap()

    def test_takes_nothing_that_came_before_tls_for_what_came_in_it(self):
        for backend in self.on_every_backend():
            with starttls_server(backend) as (_, address), connect(address) as client:
                client.sendall(b"STARTTLS\r\nhello\r\n")
                with contextlib.suppress(ConnectionResetError):
                    self.assertNotIn(b"250", receive_all(client))

    @needs("openssl")
    def test_is_enough_for_openssl_s_dialogue_of_mail(self):
        for backend in self.on_every_backend():
            with starttls_server(backend) as (_, address), s_client(
                    address, "-starttls", "smtp", "-crlf") as client:
                client.hear("Verify return code: 0 (ok)")
                client.say("hello\n")
                client.hear("you say hello\r\n")


@has_tls
class StarttlsClientTest(ExamplesTest):
    def run_with(self, backend, talk):
        with serving(talk) as address:
            return run(backend, "starttls_client", ROOT, address, "secret")

    def talk_until_tls(self, client, answer=b"220 go ahead\r\n"):
        client.sendall(b"220 ready\r\n")
        self.assertEqual(read_line(client), b"STARTTLS\r\n")
        client.sendall(answer)

    def test_talks_with_its_server(self):
        for backend in self.on_every_backend():
            with starttls_server(backend) as (_, (host, port)):
                done = run(backend, "starttls_client", ROOT, f"{host}:{port}", "one", "two three")
            self.assertEqual(done.stdout, "220 ready\n220 go ahead\n250 by TLSv1.3 you say one\n"
                                          "250 by TLSv1.3 you say two three\n221 bye\n")
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_says_nothing_to_a_server_with_another_certificate(self):
        heard = []

        def talk(client):
            self.talk_until_tls(client)
            with server_context("other").wrap_socket(client, server_side=True) as secure:
                heard.append(secure.recv(100))
        for backend in self.on_every_backend():
            done = self.run_with(backend, talk)
            self.assertIn("the certificate is for b.example, not for 127.0.0.1", done.stderr)
            self.assertEqual((done.returncode, heard), (1, []))

    def test_says_nothing_without_tls(self):
        rest = []

        def talk(client):
            self.talk_until_tls(client, b"500 what?\r\n")
            rest.append(receive_all(client))
        for backend in self.on_every_backend():
            rest.clear()
            done = self.run_with(backend, talk)
            self.assertEqual(done.stderr, "the server says: 500 what?\n")
            self.assertEqual((done.returncode, rest), (1, [b""]))

    def test_takes_no_answer_that_came_before_tls(self):
        for backend in self.on_every_backend():
            done = self.run_with(backend, lambda client: self.talk_until_tls(
                client, b"220 go ahead\r\n250 fine\r\n"))
            self.assertEqual(done.stderr, "upgrade a stream: unprotected input follows the "
                                          "command: Protocol error\n")
            self.assertEqual(done.returncode, 1)


class Handler(http.server.BaseHTTPRequestHandler):
    def handle(self):
        with contextlib.suppress(OSError):  # a client that refuses the certificate
            super().handle()

    def do_GET(self):
        body = f"you have asked for {self.path}\n".encode() * 1000
        self.send_response(200)
        if not self.path.endswith("/endless"):
            cut = self.path.endswith("/cut")
            self.send_header("content-LENGTH", str(len(body) + cut))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def secure_web_server(cert="good"):
    """It leaves without an end of TLS, as Python's servers do."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = server_context(cert).wrap_socket(server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield "127.0.0.1:{}".format(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


@has_tls
class CrawlerTest(ExamplesTest):
    def crawl(self, backend, *arguments):
        return run(backend, "crawler", "--tls-roots", ROOT, "--tries", "1", *arguments)

    def test_fetches_by_https(self):
        for backend in self.on_every_backend():
            with secure_web_server() as host:
                addresses = [f"https://{host}/{number}" for number in range(20)]
                done = self.crawl(backend, *addresses)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(done.stdout.count(": 200, "), 20, done.stdout)

    def test_says_what_is_wrong(self):
        for backend in self.on_every_backend():
            with secure_web_server() as host, secure_web_server("wrong_host") as other:
                done = self.crawl(backend, f"https://{host}/cut", f"https://{host}/endless",
                                  f"https://{other}/")
            for line in (f"https://{host}/cut: read: tls: the peer left without an end\n",
                         f"https://{host}/endless: read: tls: the peer left without an end\n",
                         f"https://{other}/: tls: the certificate is for "
                         "elsewhere.example, not for 127.0.0.1\n"):
                self.assertIn(line, done.stdout)
            self.assertEqual(done.returncode, 1)

    def test_passes_through_a_proxy(self):
        said = []

        def proxy(client):
            said.append(read_line(client))
            while read_line(client) != b"\r\n":
                pass
            client.sendall(b"HTTP/1.0 200 connected\r\n\r\n")
            with server_context().wrap_socket(client, server_side=True) as secure:
                said.append(read_line(secure))
                secure.sendall(b"HTTP/1.0 200 fine\r\n\r\nhello")
                secure.unwrap()
        for backend in self.on_every_backend():
            said.clear()
            with serving(proxy) as address:
                done = self.crawl(backend, "--proxy", address, "https://a.example/there")
            self.assertEqual(done.stdout, "https://a.example/there: 200, 5 bytes\n")
            self.assertEqual(said, [b"CONNECT a.example:443 HTTP/1.0\r\n",
                                    b"GET /there HTTP/1.0\r\n"])

    def test_takes_no_answer_of_a_proxy_for_that_of_a_server(self):
        for backend in self.on_every_backend():
            for answer, error in ((b"200 fine\r\n\r\nHTTP/1.0 200 fine\r\n\r\n",
                                   "upgrade a stream: unprotected input follows the command: "
                                   "Protocol error"),
                                  (b"403 no\r\n\r\n", "the proxy has answered 403")):
                def proxy(client, answer=answer):
                    while read_line(client) != b"\r\n":
                        pass
                    client.sendall(b"HTTP/1.0 " + answer)
                with serving(proxy) as address:
                    done = self.crawl(backend, "--proxy", address, "https://a.example/")
                self.assertEqual(done.stdout, f"https://a.example/: {error}\n")


if __name__ == "__main__":
    unittest.main()
