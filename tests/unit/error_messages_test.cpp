// SPDX-License-Identifier: MIT
// The messages of docs/errors.md, as the library makes them: says() has the text of the page, which
// tests/docs/errors_test.py looks up there, and the values in it.
#include <gtest/gtest.h>

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/codec.h>
#include <rondo/coroutine.h>
#include <rondo/disconnected.h>
#include <rondo/rondo.h>

#include "support/connect_fixture.h"
#include "support/descriptors.h"
#include "support/temporary_file.h"
#include "unit/misuse.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;
using Values = std::vector<std::string>;

/// The message with its values instead of each `<...>`, in order.
std::string says(std::string_view message, const Values& values = {}) {
  std::string text;
  for (const std::string& value : values) {
    const std::size_t begin = message.find('<');
    text.append(message.substr(0, begin)).append(value);
    message.remove_prefix(message.find('>', begin) + 1);
  }
  return text.append(message);
}

template <typename T>
std::string told(const Result<T>& result) {
  return result ? "no error" : result.error().message();
}

struct ErrorMessages : testing::Test {
  /// How a client's stream ends, and how one end of a pair does, once `use` was called with it.
  std::string end_of_client(const std::string& target, const ConnectOptions& options = {}) {
    std::string message = "no end";
    const auto stream =
        connect(reactor, target,
                {.on_close = [&](Stream&, const Close& end) { message = end.message(); }}, options);
    EXPECT_TRUE(reactor.run());
    return message;
  }
  template <typename Use>
  std::string end_of_pair(const StreamOptions& options, Use use) {
    struct Noted final : StreamHandler {
      void on_data(Stream&, Bytes) override {}
      void on_close(Stream&, const Close& end) override { message = end.message(); }
      std::string message = "no end";
    } noted;
    auto pair = Socket::pair(reactor.net(), SocketType::stream).value();
    const auto stream = Stream::adopt(reactor, std::move(pair[0]), noted, options).value();
    use(*stream, pair[1]);
    EXPECT_TRUE(reactor.run());
    return noted.message;
  }
  /// How a lookup fails.
  std::string end_of_lookup(const std::string& host, std::optional<AddressFamily> family = {}) {
    std::string message = "no end";
    Resolver resolver{reactor};
    const auto lookup =
        resolver.resolve(host, 80, [&](auto addresses) { message = told(addresses); }, family);
    EXPECT_TRUE(reactor.run());
    return message;
  }
  Result<Endpoint> adopt(Socket socket) { return server.adopt(std::move(socket)); }
  std::string start(std::vector<std::string> arguments, const ProcessOptions& options = {}) {
    return told(Process::start(reactor, std::move(arguments), [](const ExitStatus&) {}, options));
  }

  Reactor reactor;
  Nothing nothing;
  Server server = Server::make(reactor, session_factory([](Stream&, Bytes) {}));
};

TEST_F(ErrorMessages, OfServers) {
  const Socket taken = listen(Endpoint::loopback(0));
  const std::string address = taken.local_endpoint().value().to_string();
  EXPECT_EQ(told(server.listen(address)),
            says("listen on <address>: Address already in use", {address}));
  EXPECT_EQ(told(server.listen("example.org:80")),
            says("listen on <target>: neither an address nor localhost; a Resolver finds the "
                 "addresses of a name: Invalid argument",
                 {"example.org:80"}));
  const TemporaryFile file;
  EXPECT_EQ(told(server.listen("unix:" + file.path())),
            says("listen on unix:<path>: a file that is not a socket has this name: Address "
                 "already in use",
                 {file.path()}));
  ClosedPort bound{Endpoint::loopback(0)};
  EXPECT_EQ(told(adopt(std::move(bound.socket))),
            says("accept on <address>: the socket does not listen: Invalid argument",
                 {bound.local.to_string()}));
}

TEST_F(ErrorMessages, OfClients) {
  const ClosedPort closed{Endpoint::loopback(0)};
  const std::string address = closed.local.to_string();
  EXPECT_EQ(end_of_client(address), says("connect to <target>: Connection refused", {address}));
  Outcome outcome;
  const Connector connector{reactor, {closed.local, closed.local}, outcome.keeper()};
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(outcome.text(), says("connect to <target>: <address>: <reason>; <address>: <reason>",
                                 {"one of 2 addresses", address, "Connection refused", address,
                                  "Connection refused"}));
  EXPECT_EQ(end_of_client("a..b:80"),
            says("connect to <target>: resolve <host>: <reason>",
                 {"a..b:80", "\"a..b\"", "nothing between two dots: Not a host name"}));
  EXPECT_EQ(end_of_client(address, {.socket = {.linger = 5s}}),
            says("connect to <target>: set <option> on <address>: <reason>",
                 {address, "linger", address,
                  "close() would block; streams have lingering_close: Operation not supported"}));
}

TEST_F(ErrorMessages, OfAddresses) {
  const auto parse = [](std::string_view text) { return told(Endpoint::parse(text)); };
  EXPECT_EQ(parse(""), says("parse endpoint \"<text>\": nothing there: Invalid argument", {""}));
  EXPECT_EQ(parse("1.2.3.4"),
            says("parse endpoint \"<text>\": no port: Invalid argument", {"1.2.3.4"}));
  EXPECT_EQ(parse("1.2.3.4:http"),
            says("parse endpoint \"<text>\": the port is not a plain number up to 65535: Invalid "
                 "argument",
                 {"1.2.3.4:http"}));
  EXPECT_EQ(parse(":80"), says("parse endpoint \"<text>\": no address: Invalid argument", {":80"}));
  EXPECT_EQ(parse("a:80"),
            says("parse endpoint \"<text>\": not a numeric address: Invalid argument", {"a:80"}));
  EXPECT_EQ(
      parse("[a]:80"),
      says("parse endpoint \"<text>\": not a numeric IPv6 address: Invalid argument", {"[a]:80"}));
  EXPECT_EQ(parse("::1:80"),
            says("parse endpoint \"<text>\": an IPv6 address needs brackets: Invalid argument",
                 {"::1:80"}));
  EXPECT_EQ(parse("[::1:80"),
            says("parse endpoint \"<text>\": no closing bracket: Invalid argument", {"[::1:80"}));
  EXPECT_EQ(
      parse("[::1]80"),
      says("parse endpoint \"<text>\": no colon after the bracket: Invalid argument", {"[::1]80"}));
  EXPECT_EQ(
      parse("[fe80::1%nosuch]:80"),
      says("parse endpoint \"<text>\": no such scope: No such device", {"[fe80::1%nosuch]:80"}));
  EXPECT_EQ(parse("unix:"),
            says("parse endpoint \"<text>\": no name: Invalid argument", {"unix:"}));
  const std::string path = "unix:/" + std::string(110, 'a');
  EXPECT_EQ(parse(path), says("parse endpoint \"<text>\": the name: File name too long", {path}));
  EXPECT_EQ(end_of_client("a:http"),
            says("connect to <target>: parse target \"<text>\": not a port: Invalid argument",
                 {"a:http", "a:http"}));
}

TEST_F(ErrorMessages, OfNames) {
  EXPECT_EQ(end_of_lookup("a b"),
            says("resolve \"<host>\": <why>: Not a host name", {"a b", "a byte that no name has"}));
  EXPECT_EQ(end_of_lookup("1.2.3.400"),
            says("resolve \"<host>\": <why>: Not a host name", {"1.2.3.400", "not an address"}));
  EXPECT_EQ(end_of_lookup("127.0.0.1", AddressFamily::ipv6),
            says("resolve <host>: The name has no address", {"127.0.0.1"}));
}

TEST_F(ErrorMessages, OfStreamsThatEnd) {
  const auto nothing_more = [](Stream&, Socket&) {};
  EXPECT_EQ(end_of_pair({.idle_timeout = 1ms}, nothing_more),
            says("idle timeout: Connection timed out"));
  EXPECT_EQ(end_of_pair({.read_timeout = 1ms}, nothing_more),
            says("read timeout: Connection timed out"));
  EXPECT_EQ(end_of_pair({.lifetime = 1ms}, nothing_more), says("lifetime: Connection timed out"));
  EXPECT_EQ(end_of_pair({.handshake_timeout = 1ms}, nothing_more),
            says("handshake timeout: Connection timed out"));
  const std::string much(std::size_t{4} << 20U, 'a');
  EXPECT_EQ(end_of_pair({.write_buffer_max = 1},
                        [&](Stream& stream, Socket&) {
                          EXPECT_EQ(stream.write(much), WriteStatus::refused);
                        }),
            says("overflow: write_buffer_max"));
  EXPECT_EQ(end_of_pair({}, [](Stream& stream, Socket&) { stream.abort(); }), says("aborted"));
  EXPECT_EQ(end_of_pair({}, [](Stream&, Socket& peer) { peer.close(); }), says("eof"));
  EXPECT_EQ(end_of_pair({}, [](Stream& stream, Socket&) { stream.close(); }), says("closed"));
}

// What a layer says is all that its peer can be told.
TEST_F(ErrorMessages, OfLayersEndWithTheirReason) {
  const auto failed = system_error(EPROTO);
  const Close close{CloseReason::error, failed, "tls: the peer does not speak TLS"};
  EXPECT_EQ(close.message(), "tls: the peer does not speak TLS");
  EXPECT_EQ((Close{CloseReason::error, failed, "handshake"}.message()),
            "handshake: Protocol error");
  EXPECT_EQ((Close{CloseReason::error, failed}.message()), "error: Protocol error");
  auto pair = Socket::pair(reactor.net(), SocketType::stream).value();
  const auto stream = Stream::adopt(reactor, std::move(pair[0]), nothing).value();
  const Disconnected thrown{*stream, close, "read"};
  EXPECT_STREQ(thrown.what(), "read: tls: the peer does not speak TLS");
  EXPECT_EQ(thrown.code(), std::errc::protocol_error);
  const Close truncated{CloseReason::truncated, {}, "tls: the peer left without an end"};
  EXPECT_STREQ(Disconnected(*stream, truncated, "").what(), "tls: the peer left without an end");
  const IncompleteRead part{*stream, {CloseReason::eof}, "read", "abc"};
  EXPECT_EQ(part.what(), says("read: the input has ended after <number> bytes: Transport "
                              "endpoint is not connected",
                              {"3"}));
}

TEST_F(ErrorMessages, OfText) {
  const auto decode = [](const char* encoding, std::string_view bytes) {
    Decoder decoder = Decoder::make(encoding).value();
    auto decoded = decoder.decode(bytes);
    if (!decoded.error) decoded = decoder.finish();
    return decoded.error ? decoded.error->message() : "no error";
  };
  EXPECT_EQ(told(Encoding::find("nosuch")),
            says("find encoding \"<name>\": Invalid argument", {"nosuch"}));
  EXPECT_EQ(decode("utf-8", "ab\xff"), says("byte <number>: invalid start byte", {"2"}));
  EXPECT_EQ(decode("utf-8", "a\xe2\x82"), says("byte <number>: unexpected end of data", {"1"}));
  EXPECT_EQ(decode("utf-16-le", "abc"), says("byte <number>: truncated data", {"2"}));
  EXPECT_EQ(decode("ascii", "\x80"), says("byte <number>: ordinal not in range(128)", {"0"}));
}

TEST_F(ErrorMessages, OfSockets) {
  auto pair = Socket::pair(reactor.net(), SocketType::stream).value();
  const std::string number = std::to_string(pair[0].fd());
  EXPECT_EQ(told(File::open("/nowhere")),
            says("open <path>: <reason>", {"/nowhere", "No such file or directory"}));
  EXPECT_EQ(told(pair[0].set(SocketOption::nodelay, 1)),
            says("set <option>: <reason>", {"nodelay", "Operation not supported"}));
  Socket unconnected = Socket::make(reactor.net(), AddressFamily::ipv4, SocketType::stream).value();
  EXPECT_EQ(told(unconnected.remote_endpoint()),
            says("remote endpoint of descriptor <number>: <reason>",
                 {std::to_string(unconnected.fd()), "Transport endpoint is not connected"}));
  Socket listener = listen(Endpoint::loopback(0));
  const std::string address = listener.local_endpoint().value().to_string();
  EXPECT_EQ(told(Stream::adopt(reactor, std::move(listener), nothing)),
            says("open a stream on <address>: the socket listens: an acceptor or a server adopts "
                 "it: Invalid argument",
                 {address}));
  EXPECT_EQ(told(Stream::borrow(reactor, 1 << 20, Direction::read, nothing)),
            says("open a stream on descriptor <number>: Bad file descriptor", {"1048576"}));
  auto datagrams = DatagramSocket::make(reactor, Endpoint::loopback(0), nothing).value();
  EXPECT_EQ(told(datagrams.join(Endpoint::loopback(0))),
            says("join <group>: <reason>", {"127.0.0.1:0", "Invalid argument"}));
  const Endpoint taken = datagrams.local_endpoint().value();
  EXPECT_EQ(told(DatagramSocket::make(reactor, taken, nothing)),
            says("bind to <address>: <reason>", {taken.to_string(), "Address already in use"}));
}

TEST_F(ErrorMessages, OfPrograms) {
  EXPECT_EQ(start({"nosuch"}), says("start \"<program>\": No such file or directory", {"nosuch"}));
  EXPECT_EQ(start({}), says("start \"<program>\": <reason>", {"", "Invalid argument"}));
  EXPECT_EQ(start({"ls"}, {.directory = "/x"}),
            says("change to directory \"<path>\" to start \"<program>\": <reason>",
                 {"/x", "ls", "No such file or directory"}));
  EXPECT_EQ(
      start({"ls"}, {.descriptors = {{1 << 20, 3}}}),
      says("pass descriptor <number> to \"<program>\": Bad file descriptor", {"1048576", "ls"}));
  EXPECT_EQ(start({"ls"}, {.descriptors = {{0, 1}}}),
            says("pass a descriptor as <number> to \"<program>\": Invalid argument", {"1", "ls"}));
  EXPECT_EQ(
      start({"ls"}, {.output = Redirect::to_output()}),
      says("redirect only the error to the output of \"<program>\": Invalid argument", {"ls"}));
}

TEST_F(ErrorMessages, OfReactors) {
  std::string names;
  for (const BuiltBackend& built : built_backends())
    names += (names.empty() ? "" : ", ") + std::string{built.name};
  EXPECT_EQ(told(Reactor::make({.backend = "nosuch"})),
            says("make backend \"<name>\" (built are: <names>): Operation not supported",
                 {"nosuch", names}));
  RecordingHandler handler;
  EXPECT_EQ(told(reactor.watch(999, Ready::read, handler)),
            says("watch descriptor <number>: <reason>", {"999", "Bad file descriptor"}));
  EXPECT_EQ(told(Signal::make(reactor, SIGKILL, [] {})),
            says("listen to signal <number>: Invalid argument", {"9"}));
}

}  // namespace
}  // namespace rondo::test
