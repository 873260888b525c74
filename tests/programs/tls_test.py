# SPDX-License-Identifier: MIT
"""The examples over TLS, with the programs of OpenSSL and GnuTLS, and Python's ssl."""

import re
import signal
import socket
import ssl
import subprocess
import tempfile
import unittest
from pathlib import Path

from example_programs import (EXAMPLES, MUCH, SECONDS_MAX, ExamplesTest, backends, connect,
                              needs, run)
from tls_peers import (ROOT, Dialogue, certificate, client_context, connect_secure,
                       exchange_in_bytes, has_tls, key, s_client, s_server, secure_echo,
                       server_context, serving, serving_securely)

STYLES = ("handler", "session", "coroutine")
NAMES = "localhost, a.example, 127.0.0.1, ::1"


def receive(client, size):
    received = b""
    while len(received) < size:
        data = client.recv(size - len(received))
        if not data:
            break
        received += data
    return received


class EchoOptionsTest(ExamplesTest):
    def refuses(self, *options):
        done = run(backends()[0], "echo", "--listen", "127.0.0.1:0", *options)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, "")
        return done.stderr

    def test_a_certificate_needs_its_key(self):
        self.assertIn("--tls-cert requires --tls-key", self.refuses("--tls-cert", ROOT))
        self.assertIn("--tls-key requires --tls-cert", self.refuses("--tls-key", ROOT))

    @has_tls
    def test_the_key_of_another_certificate_is_named(self):
        said = self.refuses("--tls-cert", certificate("good"), "--tls-key", key("other"))
        self.assertIn("other.key", said)
        self.assertIn("the private key does not fit the certificate", said)

    @unittest.skipIf(Path(ROOT).exists(), "a build with rondo-tls")
    def test_a_build_without_tls_says_so(self):
        said = self.refuses("--tls-cert", ROOT, "--tls-key", ROOT)
        self.assertEqual(said, "TLS in a program that was built without rondo-tls: Operation not "
                               "supported\n")


@has_tls
class EchoTest(ExamplesTest):
    def each_style(self):
        for backend in self.on_every_backend():
            for style in STYLES:
                with self.subTest(style=style):
                    yield backend, style

    def test_gives_python_everything_back(self):
        for backend, style in self.each_style():
            with secure_echo(backend, "--style", style) as (server, address):
                with connect_secure(address) as client:
                    size = 1 << 16
                    for begin in range(0, len(MUCH), size):
                        client.sendall(MUCH[begin:begin + size])
                        self.assertEqual(receive(client, size), MUCH[begin:begin + size])
                    client.unwrap().close()  # waits for the other end
                server.send_signal(signal.SIGTERM)
                said = server.communicate(timeout=SECONDS_MAX)[0]
                self.assertEqual(said, f"served 1 clients, {len(MUCH)} bytes\n")

    def test_takes_hellos_in_every_cut(self):
        for backend, style in self.each_style():
            with secure_echo(backend, "--style", style) as (_, address), \
                    connect(address) as wire:
                wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                client = client_context().wrap_bio(incoming, outgoing, server_hostname="localhost")

                def step(call, incoming=incoming, outgoing=outgoing, wire=wire):
                    return exchange_in_bytes(incoming, outgoing, wire, call)
                step(lambda: client.do_handshake() or True)
                step(lambda: client.write(b"hello"))
                self.assertEqual(step(lambda: client.read(100)), b"hello")

    def test_serves_others_after_those_that_leave_in_the_handshake_or_without_an_end(self):
        for backend, style in self.each_style():
            with secure_echo(backend, "--style", style) as (server, address):
                with connect(address) as plain:
                    plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    self.assertEqual(plain.recv(1), b"")
                connect(address).close()
                with connect_secure(address) as client:
                    client.sendall(b"hello")
                    self.assertEqual(receive(client, 5), b"hello")
                with connect_secure(address) as client:
                    client.sendall(b"hello")
                    self.assertEqual(receive(client, 5), b"hello")
                server.send_signal(signal.SIGTERM)
                self.assertEqual(server.communicate(timeout=SECONDS_MAX)[0],
                                 "served 2 clients, 10 bytes\n")

    def test_tells_clients_of_its_end_when_they_have_finished(self):
        for backend, style in self.each_style():
            with secure_echo(backend, "--style", style) as (_, address), \
                    connect_secure(address) as client:
                raw = client.unwrap()
                self.assertEqual(raw.recv(1), b"")

    def test_fails_a_client_that_trusts_other_roots_and_serves_the_next(self):
        for backend, style in self.each_style():
            with secure_echo(backend, "--style", style) as (_, address):
                with self.assertRaisesRegex(ssl.SSLCertVerificationError, "unable to get"):
                    connect_secure(address, ssl.create_default_context(
                        cafile=certificate("other"))).close()
                connect_secure(address).close()


@has_tls
@needs("openssl")
class EchoWithOpensslTest(ExamplesTest):
    def test_both_versions_are_spoken_and_resumed(self):
        for backend in self.on_every_backend():
            for version, option in (("TLSv1.2", "-tls1_2"), ("TLSv1.3", "-tls1_3")):
                with self.subTest(version=version), tempfile.TemporaryDirectory() as folder, \
                        secure_echo(backend) as (_, address):
                    session = Path(folder, "session")
                    for how, said in (("-sess_out", "New"), ("-sess_in", "Reused")):
                        with s_client(address, option, how, session) as client:
                            client.hear(f"{said}, {version}, Cipher is ")
                            client.hear("Compression: NONE")
                            client.hear("Verify return code: 0 (ok)")
                            client.say("hello\n")
                            client.hear("hello\n")  # what is typed is not shown
                            client.say("Q\n")
                            self.assertEqual(client.end()[1], 0)

    def test_older_versions_are_refused(self):
        for backend in self.on_every_backend():
            with secure_echo(backend) as (_, address):
                for option in ("-tls1", "-tls1_1"):
                    with s_client(address, option, "-cipher", "ALL@SECLEVEL=0") as client:
                        said, code = client.end()
                        self.assertIn("alert protocol version", said)
                        self.assertEqual(code, 1)

    def test_a_renegotiation_is_refused(self):
        for backend in self.on_every_backend():
            with secure_echo(backend) as (_, address):
                with s_client(address, "-tls1_2") as client:
                    client.hear("Verify return code: 0 (ok)")
                    client.say("R\n")
                    self.assertIn("no renegotiation", client.end()[0])
                connect_secure(address).close()

    def test_keys_change_in_both_directions(self):
        for backend in self.on_every_backend():
            with secure_echo(backend) as (_, address), s_client(address, "-tls1_3") as client:
                client.hear("Verify return code: 0 (ok)")
                for number, change in enumerate(("K", "k", "K", "k")):
                    client.say(f"before {number}\n")
                    client.hear(f"before {number}\n")
                    client.say(f"{change}\n")
                    client.hear("KEYUPDATE\n")
                client.say("after\n")
                client.hear("after\n")


@has_tls
@needs("gnutls-cli")
class EchoWithGnutlsTest(ExamplesTest):
    def command(self, address, *options):
        host, port = address
        return ("gnutls-cli", "--x509cafile", ROOT, "--sni-hostname", "localhost",
                "--verify-hostname", "localhost", "--port", str(port), *options, host)

    def test_is_answered(self):
        for backend in self.on_every_backend():
            for priority in ("NORMAL:-VERS-ALL:+VERS-TLS1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.3"):
                with secure_echo(backend) as (_, address), Dialogue(
                        *self.command(address, "--priority", priority)) as client:
                    client.hear("Handshake was completed")
                    client.say("hello\n")
                    client.hear("hello\n")

    def test_resumes(self):
        for backend in self.on_every_backend():
            with secure_echo(backend) as (_, address), Dialogue(
                    *self.command(address, "--resume", "--waitresumption")) as client:
                client.hear("*** This is a resumed session")
                client.say("hello\n")
                client.hear("hello\n")


@has_tls
@needs("curl")
class EchoWithCurlTest(ExamplesTest):
    def curl(self, address, host):
        target = "{1}:{0}".format(address[1], host)
        return Dialogue("curl", "--silent", "--show-error", "--no-buffer", "--http0.9", "--cacert",
                        ROOT, "--resolve", f"{target}:127.0.0.1", f"https://{target}/there")

    def test_gives_its_request_back(self):
        for backend in self.on_every_backend():
            with secure_echo(backend) as (_, address), self.curl(address, "a.example") as curl:
                curl.hear("GET /there HTTP/1.1\r\n")

    def test_is_refused_under_another_name(self):
        for backend in self.on_every_backend():
            with secure_echo(backend) as (_, address), self.curl(address, "b.example") as curl:
                said, code = curl.end()
                self.assertIn("matches target host name 'b.example'", said)
                self.assertEqual(code, 60)


@has_tls
@needs("sslscan")
class EchoWithSslscanTest(ExamplesTest):
    def test_offers_nothing_weak(self):
        for backend in self.on_every_backend():
            with secure_echo(backend) as (_, (host, port)):
                said = subprocess.run(["sslscan", "--no-colour", f"{host}:{port}"], text=True,
                                      capture_output=True, timeout=SECONDS_MAX).stdout
            protocols = dict(re.findall(r"^(SSLv\d|TLSv1\.\d) +(\w+)$", said, re.M))
            self.assertEqual({name for name, state in protocols.items() if state == "enabled"},
                             {"TLSv1.2", "TLSv1.3"}, said)
            self.assertEqual(protocols["TLSv1.1"], "disabled")
            self.assertIn("Server supports TLS Fallback SCSV", said)
            self.assertIn("Session renegotiation not supported", said)
            ciphers = re.findall(r"^(?:Preferred|Accepted) +TLSv1\.\d +(\d+) bits +(\S+)", said,
                                 re.M)
            self.assertGreater(len(ciphers), 3, said)
            for bits, cipher in ciphers:
                self.assertGreaterEqual(int(bits), 128)
                self.assertRegex(cipher, "GCM|POLY1305")
                self.assertRegex(cipher, "^TLS_|^ECDHE-|^DHE-")


@has_tls
class TextClientTest(ExamplesTest):
    def greet(self, client):
        client.sendall(b"hello\n")
        client.unwrap().close()

    def test_says_what_is_wrong_with_a_certificate(self):
        for backend in self.on_every_backend():
            for cert, message in (
                    ("wrong_host", "the certificate is for elsewhere.example, not for 127.0.0.1"),
                    ("common_name", "the certificate is for no name: its common name, localhost, "
                                    "does not count"),
                    ("expired", f"the certificate of {NAMES} was valid until 2021-01-01 "
                                "00:00:00 UTC"),
                    ("future", f"the certificate of {NAMES} is valid from 2098-01-01 00:00:00 UTC"),
                    ("unknown_root", f"the certificate of {NAMES} is signed by CN=unknown, which "
                                     "leads to no trusted root; the peer may lack its chain"),
                    ("no_chain", f"the certificate of {NAMES} is signed by CN=intermediate, which "
                                 "leads to no trusted root; the peer may lack its chain"),
                    ("self_signed", f"the certificate of {NAMES} is signed by itself, or by a root "
                                    "that is not trusted")):
                with self.subTest(certificate=cert):
                    with serving_securely(self.greet, cert) as address:
                        done = run(backend, "text_client", "--tls-roots", ROOT, address)
                    self.assertEqual(done.stderr, f"tls: {message}\n")
                    self.assertEqual((done.returncode, done.stdout), (1, ""))

    def test_hears_a_server_that_it_may_trust(self):
        for backend in self.on_every_backend():
            with serving_securely(self.greet) as address:
                done = run(backend, "text_client", "--tls-roots", ROOT, address)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "hello\n", ""))

    def test_checks_with_the_system_s_roots_by_default(self):
        for backend in self.on_every_backend():
            with serving_securely(self.greet) as address:
                done = run(backend, "text_client", "--tls", address)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("leads to no trusted root", done.stderr)

    def test_says_that_a_server_has_left_without_an_end(self):
        def leave(client):
            client.sendall(b"hello\n")
            client.shutdown(socket.SHUT_RDWR)
        for backend in self.on_every_backend():
            with serving_securely(leave) as address:
                done = run(backend, "text_client", "--tls-roots", ROOT, address)
            self.assertEqual(done.stdout, "hello\n")
            self.assertEqual(done.stderr, "tls: the peer left without an end\n")
            self.assertEqual(done.returncode, 1)

    def test_says_that_a_server_speaks_something_else(self):
        for backend in self.on_every_backend():
            for answer, message in ((b"220 hello\r\n", "the peer does not speak TLS"),
                                    (b"\x15\x03\x03\x00\x02\x02\x28",
                                     "the peer has refused: handshake failure")):
                with serving(lambda client, answer=answer: client.sendall(answer)) as address:
                    done = run(backend, "text_client", "--tls-roots", ROOT, address)
                self.assertEqual(done.stderr, f"tls: {message}\n")

    def test_takes_a_server_s_bytes_in_every_cut(self):
        def talk(wire):
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            server = server_context().wrap_bio(incoming, outgoing, server_side=True)
            for call in (lambda: server.do_handshake() or True, lambda: server.write(b"hello\n"),
                         lambda: server.unwrap() or True):
                exchange_in_bytes(incoming, outgoing, wire, call)
        for backend in self.on_every_backend():
            with serving(talk) as address:
                done = run(backend, "text_client", "--tls-roots", ROOT, address)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "hello\n", ""))

    @needs("openssl")
    def test_talks_with_s_server_while_keys_change(self):
        for backend in self.on_every_backend():
            with s_server("-tls1_3") as (server, address), Dialogue(
                    EXAMPLES / "text_client", "--backend", backend, "--tls-roots", ROOT,
                    address) as client:
                for number, change in enumerate(("K", "k", "K", "k")):
                    server.say(f"{change}\n")
                    client.say(f"question {number}\n")
                    server.hear(f"question {number}\n")
                    server.say(f"answer {number}\n")
                    client.hear(f"answer {number}\n")


if __name__ == "__main__":
    unittest.main()
