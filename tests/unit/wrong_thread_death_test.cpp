// SPDX-License-Identifier: MIT
// In debug builds every call of a reactor's objects checks its thread. This is not part of the
// conformance suite, because that also runs on an installed library, which may have been built
// without assertions.
#ifndef NDEBUG
#include <gtest/gtest.h>

#include <signal.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <rondo/rondo.h>

#include "unit/misuse.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

std::vector<NamedCall> calls_of_the_loop() {
  return {
      {"Reactor::defer", [](World& w) { w.reactor.defer([] {}); }},
      {"Reactor::run", [](World& w) { drop(w.reactor.run()); }},
      {"Reactor::run", [](World& w) { drop(w.reactor.run_for(1s)); }},
      {"Reactor::run_once", [](World& w) { drop(w.reactor.run_once()); }},
      {"Reactor::watch", [](World& w) { drop(w.reactor.watch(0, Ready::read, w.handler)); }},
      {"Reactor::alive", [](World& w) { drop(w.reactor.alive()); }},
      {"Reactor::now", [](World& w) { drop(w.reactor.now()); }},
      {"Reactor::work_guard", [](World& w) { drop(w.reactor.work_guard()); }},
      {"Reactor::poll_fd", [](World& w) { drop(w.reactor.poll_fd()); }},
      {"Reactor::next_deadline", [](World& w) { drop(w.reactor.next_deadline()); }},
      {"Reactor::set_exception_handler", [](World& w) { w.reactor.set_exception_handler({}); }},
      {"Watch::set", [](World& w) { w.watch->set(Ready::both); }},
      {"Watch::set_handler", [](World& w) { w.watch->set_handler(w.handler); }},
      {"Watch::interest", [](World& w) { drop(w.watch->interest()); }},
      {"Watch::fd", [](World& w) { drop(w.watch->fd()); }},
      {"Watch::operator bool", [](World& w) { drop(static_cast<bool>(*w.watch)); }},
      {"Watch::ref", [](World& w) { w.watch->ref(); }},
      {"Watch::ref or unref", [](World& w) { w.watch->unref(); }},
      {"Watch::cancel", [](World& w) { w.watch->cancel(); }},
      {"Watch::cancel", [](World& w) { w.watch.reset(); }},
      {"SharedWatch::make",
       [](World& w) { drop(SharedWatch::make(w.reactor, 0, Ready::read, [](Ready) {})); }},
      {"SharedWatch::set", [](World& w) { w.shared_watch->set(Ready::both); }},
      {"SharedWatch::interest", [](World& w) { drop(w.shared_watch->interest()); }},
      {"SharedWatch::cancel", [](World& w) { w.shared_watch->cancel(); }},
      {"SharedWatch::ref", [](World& w) { w.shared_watch->ref(); }},
      {"SharedWatch::unref", [](World& w) { w.shared_watch->unref(); }},
      {"the destructor of SharedWatch", [](World& w) { w.shared_watch.reset(); }},
      {"Timer's constructor", [](World& w) { const Timer timer{w.reactor, [] {}}; }},
      {"Timer::arm_at", [](World& w) { w.timer->arm_at(never); }},
      {"Timer::arm_after", [](World& w) { w.timer->arm_after(1s); }},
      {"Timer::arm_every", [](World& w) { w.timer->arm_every(1s); }},
      {"Timer::cancel", [](World& w) { w.timer->cancel(); }},
      {"Timer::armed", [](World& w) { drop(w.timer->armed()); }},
      {"Timer::deadline", [](World& w) { drop(w.timer->deadline()); }},
      {"Timer::missed", [](World& w) { drop(w.timer->missed()); }},
      {"Timer::ref", [](World& w) { w.timer->ref(); }},
      {"Timer::unref", [](World& w) { w.timer->unref(); }},
      {"the destructor of Timer", [](World& w) { w.timer.reset(); }},
      {"Signal::make", [](World& w) { const Signal signal{w.reactor, SIGUSR2, [] {}}; }},
      {"Signal::number", [](World& w) { drop(w.signal->number()); }},
      {"Signal::ref", [](World& w) { w.signal->ref(); }},
      {"Signal::unref", [](World& w) { w.signal->unref(); }},
      {"the destructor of Signal", [](World& w) { w.signal.reset(); }},
      {"the destructor of WorkGuard", [](World& w) { w.guard.reset(); }},
      {"BeforeWait's constructor", [](World& w) { const BeforeWait hook{w.reactor, [] {}}; }},
      {"the destructor of BeforeWait", [](World& w) { w.hook.reset(); }},
      {"StopOnSignals::make", [](World& w) { const StopOnSignals stop{w.reactor}; }},
      {"StopOnSignals::signal", [](World& w) { drop(w.stop->signal()); }},
      {"the destructor of StopOnSignals", [](World& w) { w.stop.reset(); }},
  };
}

std::vector<NamedCall> calls_of_streams() {
  return {
      {"Stream::write", [](World& w) { w.stream->write("x"); }},
      {"Stream::write_owned", [](World& w) { w.stream->write_owned({}); }},
      {"Stream::write_parts", [](World& w) { w.stream->write_parts({}); }},
      {"Stream::send_file", [](World& w) { w.stream->send_file({}, 0, 1); }},
      {"Stream::write", [](World& w) { w.stream->write("x", std::vector<Socket>{}); }},
      {"Stream::flush", [](World& w) { w.stream->flush(); }},
      {"Stream::pause", [](World& w) { w.stream->pause(); }},
      {"Stream::resume", [](World& w) { w.stream->resume(); }},
      {"Stream::shutdown_output", [](World& w) { w.stream->shutdown_output(); }},
      {"Stream::close", [](World& w) { w.stream->close(); }},
      {"Stream::close", [](World& w) { w.stream->close(1s); }},
      {"Stream::abort", [](World& w) { w.stream->abort(); }},
      {"Stream::close_detached", [](World& w) { Stream::close_detached(std::move(w.stream)); }},
      {"Stream::release", [](World& w) { drop(w.stream->release()); }},
      {"Stream::set_handler", [](World& w) { w.stream->set_handler(w.nothing); }},
      {"Stream::options", [](World& w) { drop(w.stream->options()); }},
      {"Stream::set_options", [](World& w) { w.stream->set_options({}); }},
      {"Stream::fd", [](World& w) { drop(w.stream->fd()); }},
      {"Stream::local_endpoint", [](World& w) { drop(w.stream->local_endpoint()); }},
      {"Stream::remote_endpoint", [](World& w) { drop(w.stream->remote_endpoint()); }},
      {"Stream::peer_credentials", [](World& w) { drop(w.stream->peer_credentials()); }},
      {"Stream::handshake_done", [](World& w) { w.stream->handshake_done(); }},
      {"Stream::unsent_bytes", [](World& w) { drop(w.stream->unsent_bytes()); }},
      {"Stream::connecting", [](World& w) { drop(w.stream->connecting()); }},
      {"Stream::is_reading", [](World& w) { drop(w.stream->is_reading()); }},
      {"Stream::is_writable", [](World& w) { drop(w.stream->is_writable()); }},
      {"Stream::is_closing", [](World& w) { drop(w.stream->is_closing()); }},
      {"the destructor of Stream", [](World& w) { w.stream.reset(); }},
      {"Stream::adopt",
       [](World& w) { drop(Stream::adopt(w.reactor, std::move(w.other[1]), w.nothing)); }},
      {"Stream::borrow",
       [](World& w) { drop(Stream::borrow(w.reactor, 0, Direction::read, w.nothing)); }},
      {"Stream::borrow", [](World& w) { drop(Stream::standard_output(w.reactor, w.nothing)); }},
      {"rondo::connect", [](World& w) { drop(connect(w.reactor, "127.0.0.1:1", w.nothing)); }},
      {"TextStream::write", [](World& w) { w.text->write("x"); }},
      {"TextStream::write_line", [](World& w) { w.text->write_line("x"); }},
      {"TextStream::read_line", [](World& w) { drop(w.text->read_line()); }},
      {"TextStream::read_whole_line", [](World& w) { drop(w.text->read_whole_line()); }},
      {"TextStream::read", [](World& w) { drop(w.text->read_all()); }},
      {"TextStream::read", [](World& w) { drop(w.text->read(1)); }},
      {"TextStream::read_whole_line", [](World& w) { drop(w.text->lines().begin()); }},
      {"TextStream::skip_line", [](World& w) { w.text->skip_line(); }},
      {"TextStream::stream", [](World& w) { drop(&w.text->stream()); }},
      {"TextStream::is_closed", [](World& w) { drop(w.text->is_closed()); }},
      {"TextStream::write_error", [](World& w) { drop(w.text->write_error()); }},
      {"TextStream::unread", [](World& w) { drop(w.text->unread()); }},
      {"TextStream::at_end", [](World& w) { drop(w.text->at_end()); }},
      {"TextStream::seen", [](World& w) { drop(w.text->seen(LineEnding::lf)); }},
      {"TextStream::pause", [](World& w) { w.text->pause(); }},
      {"TextStream::resume", [](World& w) { w.text->resume(); }},
      {"the destructor of TextStream", [](World& w) { w.text.reset(); }},
  };
}

std::vector<NamedCall> calls_of_servers_and_clients() {
  return {
      {"Server::make",
       [](World& w) { drop(Server::make(w.reactor, session_factory([](Stream&, Bytes) {}))); }},
      {"Server::listen", [](World& w) { drop(w.server->listen("127.0.0.1:0")); }},
      {"Server::listen", [](World& w) { drop(w.server->listen(Endpoint::loopback(0))); }},
      {"Server::adopt", [](World& w) { drop(w.server->adopt(std::move(w.other[1]))); }},
      {"Server::local_endpoints", [](World& w) { drop(w.server->local_endpoints()); }},
      {"Server::accept_if", [](World& w) { w.server->accept_if({}); }},
      {"Server::set_error_handler", [](World& w) { w.server->set_error_handler({}); }},
      {"Server::unapplied", [](World& w) { drop(w.server->unapplied()); }},
      {"Server::connections", [](World& w) { drop(w.server->connections()); }},
      {"Server::counters", [](World& w) { drop(w.server->counters()); }},
      {"Server::stop_accepting", [](World& w) { w.server->stop_accepting(); }},
      {"Server::drain", [](World& w) { w.server->drain(1s); }},
      {"Server::drain", [](World& w) { w.server->drain(1s, [] {}); }},
      {"Server::abort", [](World& w) { w.server->abort(); }},
      {"the destructor of Server", [](World& w) { w.server.reset(); }},
      {"Acceptor::make",
       [](World& w) {
         drop(Acceptor::make(w.reactor, Endpoint::loopback(0), [](Socket, const Endpoint&) {}));
       }},
      {"Acceptor::adopt",
       [](World& w) {
         drop(Acceptor::adopt(w.reactor, std::move(w.other[1]), [](Socket, const Endpoint&) {}));
       }},
      {"Acceptor::set_error_handler", [](World& w) { w.acceptor->set_error_handler({}); }},
      {"Acceptor::local_endpoint", [](World& w) { drop(w.acceptor->local_endpoint()); }},
      {"Acceptor::counters", [](World& w) { drop(w.acceptor->counters()); }},
      {"Acceptor::unapplied", [](World& w) { drop(w.acceptor->unapplied()); }},
      {"Acceptor::pause", [](World& w) { w.acceptor->pause(); }},
      {"Acceptor::resume", [](World& w) { w.acceptor->resume(); }},
      {"the destructor of Acceptor", [](World& w) { w.acceptor.reset(); }},
      {"Resolver's constructor", [](World& w) { const Resolver resolver{w.reactor}; }},
      {"Resolver::resolve",
       [](World& w) { drop(w.resolver->resolve("a", 1, [](const auto&) {})); }},
      {"the destructor of Resolver", [](World& w) { w.resolver.reset(); }},
      {"Lookup::operator bool", [](World& w) { drop(static_cast<bool>(*w.lookup)); }},
      {"Lookup::cancel", [](World& w) { w.lookup->cancel(); }},
      {"the destructor of Lookup", [](World& w) { w.lookup.reset(); }},
      {"Connector's constructor",
       [](World& w) {
         const Connector connector{w.reactor, std::vector{Endpoint::loopback(1)},
                                   [](const Result<Socket>&) {}};
       }},
      {"Connector's constructor",
       [](World& w) {
         const Connector connector{w.reactor, *w.resolver, "a:1", [](const Result<Socket>&) {}};
       }},
      {"the destructor of Connector", [](World& w) { w.connector.reset(); }},
      {"Reconnector's constructor",
       [](World& w) { const Reconnector client{w.reactor, "127.0.0.1:1", w.nothing}; }},
      {"Reconnector::stream", [](World& w) { drop(w.reconnector->stream()); }},
      {"Reconnector::connects", [](World& w) { drop(w.reconnector->connects()); }},
      {"Reconnector::stop", [](World& w) { w.reconnector->stop(); }},
      {"the destructor of Reconnector", [](World& w) { w.reconnector.reset(); }},
      {"TextReconnector::text", [](World& w) { drop(w.text_reconnector->text()); }},
      {"Reconnector::connects", [](World& w) { drop(w.text_reconnector->connects()); }},
      {"Reconnector::stop", [](World& w) { w.text_reconnector->stop(); }},
      {"the destructor of Reconnector", [](World& w) { w.text_reconnector.reset(); }},
  };
}

std::vector<NamedCall> calls_of_datagrams() {
  return {
      {"DatagramSocket::make",
       [](World& w) { drop(DatagramSocket::make(w.reactor, Endpoint::loopback(0), w.nothing)); }},
      {"DatagramSocket::send", [](World& w) { w.datagrams->send(Bytes{}); }},
      {"DatagramSocket::send", [](World& w) { w.datagrams->send(Bytes{}, Endpoint::loopback(1)); }},
      {"DatagramSocket::reply",
       [](World& w) {
         const MessageInfo info{};
         w.datagrams->reply({{}, Endpoint::loopback(1), info, false, 0}, Bytes{});
       }},
      {"DatagramSocket::connect_to",
       [](World& w) { drop(w.datagrams->connect_to(Endpoint::loopback(1))); }},
      {"DatagramSocket::disconnect", [](World& w) { drop(w.datagrams->disconnect()); }},
      {"DatagramSocket::join_source",
       [](World& w) {
         drop(w.datagrams->join_source(Endpoint::loopback(1), Endpoint::loopback(1)));
       }},
      {"DatagramSocket::leave_source",
       [](World& w) {
         drop(w.datagrams->leave_source(Endpoint::loopback(1), Endpoint::loopback(1)));
       }},
      {"DatagramSocket::join", [](World& w) { drop(w.datagrams->join(Endpoint::loopback(1))); }},
      {"DatagramSocket::leave", [](World& w) { drop(w.datagrams->leave(Endpoint::loopback(1))); }},
      {"DatagramSocket::pause", [](World& w) { w.datagrams->pause(); }},
      {"DatagramSocket::resume", [](World& w) { w.datagrams->resume(); }},
      {"DatagramSocket::ref", [](World& w) { w.datagrams->ref(); }},
      {"DatagramSocket::unref", [](World& w) { w.datagrams->unref(); }},
      {"DatagramSocket::local_endpoint", [](World& w) { drop(w.datagrams->local_endpoint()); }},
      {"DatagramSocket::counters", [](World& w) { drop(w.datagrams->counters()); }},
      {"DatagramSocket::unsent_bytes", [](World& w) { drop(w.datagrams->unsent_bytes()); }},
      {"DatagramSocket::unapplied", [](World& w) { drop(w.datagrams->unapplied()); }},
      {"DatagramSocket::socket", [](World& w) { drop(w.datagrams->socket()); }},
      {"the destructor of DatagramSocket", [](World& w) { w.datagrams.reset(); }},
  };
}

std::vector<NamedCall> calls_of_processes() {
  return {
      {"Process::start",
       [](World& w) { drop(Process::start(w.reactor, {"true"}, [](const ExitStatus&) {})); }},
      {"Process::id", [](World& w) { drop(w.process->id()); }},
      {"Process::is_running", [](World& w) { drop(w.process->is_running()); }},
      {"Process::kill", [](World& w) { drop(w.process->kill(SIGTERM)); }},
      {"Process::terminate", [](World& w) { w.process->terminate(); }},
      {"Process::input", [](World& w) { drop(w.process->input()); }},
      {"Process::output", [](World& w) { drop(w.process->output()); }},
      {"Process::error", [](World& w) { drop(w.process->error()); }},
      {"Process::take_input", [](World& w) { drop(w.process->take_input()); }},
      {"Process::take_output", [](World& w) { drop(w.process->take_output()); }},
      {"Process::take_error", [](World& w) { drop(w.process->take_error()); }},
      {"Process::ref", [](World& w) { w.process->ref(); }},
      {"Process::unref", [](World& w) { w.process->unref(); }},
      {"Process::detach", [](World& w) { Process::detach(std::move(*w.process)); }},
      {"the destructor of Process", [](World& w) { w.process.reset(); }},
      {"OutputCollector::start",
       [](World& w) {
         drop(OutputCollector::start(w.reactor, {"true"}, [](const CollectedOutput&) {}));
       }},
      {"the destructor of Process", [](World& w) { w.collector.reset(); }},
  };
}

/// Each call dies, with a message that names it and says what to do.
void expect_all_die(const std::vector<NamedCall>& calls) {
  World world;
  for (const NamedCall& call : calls) {
    const auto call_elsewhere = [&] {
      world.reactor.defer([&] { std::thread{[&] { call.make(world); }}.join(); });
      drop(world.reactor.run());  // it dies
    };
    EXPECT_DEATH(call_elsewhere(), "rondo: " + std::string{call.name} +
                                       ".* was called on a thread that is not the reactor's. Use "
                                       "Reactor::post.. to run it there")
        << call.name;
  }
}

TEST(WrongThreadDeathTest, IsReportedByEveryCallOfTheLoop) { expect_all_die(calls_of_the_loop()); }
TEST(WrongThreadDeathTest, IsReportedByEveryCallOfStreams) { expect_all_die(calls_of_streams()); }
TEST(WrongThreadDeathTest, IsReportedByEveryCallOfServersAndClients) {
  expect_all_die(calls_of_servers_and_clients());
}
TEST(WrongThreadDeathTest, IsReportedByEveryCallOfDatagrams) {
  expect_all_die(calls_of_datagrams());
}

TEST(WrongThreadDeathTest, IsReportedByEveryCallOfProcesses) {
  expect_all_die(calls_of_processes());
}

TEST(WrongThread, IsWhatPostAndTryPostAndStopAreFor) {
  Reactor reactor;
  bool ran = false;
  reactor.defer([&] {
    std::thread{[&] {
      reactor.post([&] { ran = true; });
      Function<void()> work = [&] { reactor.stop(); };
      EXPECT_TRUE(reactor.try_post(work));
      EXPECT_GE(reactor.backend().now(), TimePoint{});
      drop(reactor.net());
    }}.join();
  });
  const WorkGuard guard = reactor.work_guard();
  EXPECT_TRUE(reactor.run());
  EXPECT_TRUE(ran);
}

TEST(WrongThread, IsAnyThreadOutsideOfRun) {
  Reactor reactor;
  std::optional<Timer> timer;
  std::thread{[&] { timer.emplace(reactor, [] {}); }}.join();
  std::thread{[&] {
    timer->arm_after(Duration::zero());
    EXPECT_TRUE(reactor.run());
  }}.join();
  timer.reset();
}

}  // namespace
}  // namespace rondo::test
#endif
