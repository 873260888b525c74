// SPDX-License-Identifier: MIT
// Two connected streams.
#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "inject/parts.h"
#include "inject/scenarios.h"

namespace rondo::test {
namespace {

constexpr std::size_t large = 600'000;

std::string letters(std::size_t size) {
  std::string text(size, 'a');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 26);
  return text;
}

/// Much more data than any buffer holds passes, while the reader pauses now and then.
void large_output(Stage& stage) {
  Listener writer{stage, "the writer", 0};
  struct Reader final : Listener {
    using Listener::Listener;
    void on_data(Stream& stream, Bytes data) override {
      Listener::on_data(stream, data);
      if (++calls % 3 != 0) return;
      stream.pause();
      stream.resume();
    }
    void on_resume(Stream&) override { ++resumed; }
    int calls = 0;
    int resumed = 0;
  } reader{stage, "the reader", large};
  Streams streams;
  if (!streams.open(stage, writer, reader)) return;
  streams.left->write(letters(large));
  streams.left->shutdown_output();
  stage.run();
  stage.succeed_if(writer.is_content && reader.is_content && reader.resumed > 0);
}

/// All the ways to write, and on_writable.
void ways_to_write(Stage& stage) {
  struct Writer final : Listener {
    using Listener::Listener;
    void on_data(Stream&, Bytes data) override { heard += data.size(); }
    void on_writable(Stream& stream) override {
      ++writables;
      stream.shutdown_output();
    }
    int writables = 0;
  } writer{stage, "the writer", 5};
  struct Reader final : Listener {
    using Listener::Listener;
    void on_data(Stream& stream, Bytes data) override {
      if (heard == 0) {
        stream.write("hell");
        stream.flush();
        stream.write("o");
      }
      Listener::on_data(stream, data);
    }
  } reader{stage, "the reader", 100 + 5'000 + 6'000 + large};
  StreamOptions options = patient;
  options.write_high_water = 100'000;
  Streams streams;
  if (!streams.open(stage, writer, reader, options)) return;
  streams.left->set_options(options);
  streams.left->write(letters(100));
  streams.left->write_owned(OwnedBytes{letters(5'000)});
  const std::string part = letters(3'000);
  const std::array<Bytes, 2> parts{std::as_bytes(std::span{part}), std::as_bytes(std::span{part})};
  streams.left->write_parts(parts);
  streams.left->flush();
  streams.left->write_owned(OwnedBytes{letters(large)});
  stage.run();
  stage.succeed_if(writer.is_content && reader.is_content && writer.writables == 1);
}

/// The system accepts an answer in pieces.
void answer_by_pieces(Stage& stage) {
  struct Answers final : Listener {
    using Listener::Listener;
    void on_data(Stream& stream, Bytes data) override {
      heard += data.size();
      if (heard % 5 != 0) return;
      for (int part = 0; part < 3; ++part) stream.write(letters(2'000));
      if (heard == 10) stream.shutdown_output();
    }
  } answering{stage, "who answers", 10};
  struct Asks final : Listener {
    using Listener::Listener;
    void on_data(Stream& stream, Bytes data) override {
      for (const std::byte each : data) {
        if (static_cast<char>(each) != static_cast<char>('a' + heard % 2'000 % 26))
          stage().fault("bytes of the answer are missing");
        ++heard;
      }
      if (heard == 6'000) stream.write("again");
    }
  } asking{stage, "who asks", 12'000};
  Streams streams;
  if (!streams.open(stage, asking, answering)) return;
  streams.left->write("hello");
  stage.injecting_net().set_write_max(1'500);
  stage.run();
  stage.succeed_if(asking.is_content && answering.is_content);
}

/// One stream shuts down its output, the other continues for a while.
void half_close(Stage& stage) {
  struct Late final : Listener {
    using Listener::Listener;
    void on_data(Stream&, Bytes data) override { heard += data.size(); }
    void on_end(Stream& stream) override {
      stream.write("goodbye");
      stream.shutdown_output();
    }
  } late{stage, "who ends late", 5};
  Listener early{stage, "the early end", 7};
  Streams streams;
  if (!streams.open(stage, early, late)) return;
  streams.left->write("hello");
  streams.left->shutdown_output();
  stage.run();
  stage.succeed_if(early.is_content && late.is_content);
}

/// Closes with unread input, and lingers.
void lingering(Stage& stage) {
  Listener closing{stage, "the closer", 0};
  closing.wanted = CloseReason::closed;
  Listener other{stage, "the other", 5};
  StreamOptions options = patient;
  options.lingering_close = LingeringClose::always;
  Streams streams;
  if (!streams.open(stage, closing, other, options)) return;
  streams.left->pause();
  streams.right->write(letters(2'000));
  streams.left->write("hello");
  streams.left->close();
  stage.run();
  stage.succeed_if(closing.is_content && other.is_content);
}

void abort_one(Stage& stage) {
  Listener one{stage, "the aborter", 0};
  one.wanted = CloseReason::aborted;
  Listener other{stage, "the other", 0};
  other.wanted = CloseReason::reset;
  Streams streams;
  if (!streams.open(stage, one, other)) return;
  streams.left->write("never read");
  streams.left->abort();
  stage.run();
  stage.succeed_if(one.is_content);
}

/// One stream is closed detached with queued output, the other releases its socket.
void let_go_and_release(Stage& stage) {
  Listener gone{stage, "the detached stream", 0};
  Listener other{stage, "the other", 5};
  Streams streams;
  if (!streams.open(stage, gone, other)) return;
  streams.left->write("hello");
  gone.closed.end();  // without notice to anyone
  Stream::close_detached(std::move(streams.left));
  stage.run();
  Listener released{stage, "the released stream", 0};
  Listener left{stage, "the remaining stream", 0};
  Streams more;
  if (!more.open(stage, released, left)) return;
  auto socket = more.left->release();
  if (!socket) return stage.report(socket.error());
  released.closed.end();
  socket->close();
  stage.run();
  stage.succeed_if(other.is_content && left.is_content);
}

void send_file(Stage& stage) {
  auto file = File::open("/proc/self/exe");
  if (!file) return stage.report(file.error());
  Listener writer{stage, "the sender of a file", 0};
  Listener reader{stage, "the reader", 100 + 50'000 + 3};
  Streams streams;
  if (!streams.open(stage, writer, reader)) return;
  streams.left->write(letters(100));
  streams.left->send_file(std::move(*file), 1, 50'000);
  streams.left->write("end");
  streams.left->shutdown_output();
  stage.run();
  stage.succeed_if(writer.is_content && reader.is_content);
}

/// Descriptors are passed together with bytes.
void pass_descriptors(Stage& stage) {
  Listener sender{stage, "the sender of a descriptor", 0};
  struct Receiver final : Listener {
    using Listener::Listener;
    void on_descriptors(Stream& stream, Bytes data, ReceivedDescriptors received) override {
      descriptors += received.descriptors.size();
      lost |= received.lost;
      on_data(stream, data);
    }
    std::size_t descriptors = 0;
    bool lost = false;
  } receiver{stage, "who gets it", 10};
  StreamOptions options = patient;
  options.receive_descriptors = true;
  Streams streams;
  if (!streams.open(stage, sender, receiver, options)) return;
  auto passed = Socket::pair(stage.net(), SocketType::stream);
  if (!passed) {
    stage.report(passed.error());
    streams.left->abort();
    return stage.run();
  }
  std::vector<Socket> descriptors;
  descriptors.push_back(std::move((*passed)[0]));
  descriptors.push_back(std::move((*passed)[1]));
  streams.left->write("hello", std::move(descriptors));
  streams.left->write("again");
  streams.left->shutdown_output();
  stage.run();
  stage.succeed_if(sender.is_content && receiver.is_content && receiver.descriptors == 2);
}

/// The output exceeds its limit; the peer receives what was sent before, or a reset.
void overflow(Stage& stage) {
  Listener writer{stage, "the writer", 0};
  writer.wanted = CloseReason::overflow;
  Listener reader{stage, "the idle reader", 0};
  StreamOptions options = patient;
  options.write_buffer_max = 1'000'000;
  Streams streams;
  if (!streams.open(stage, writer, reader, options)) return;
  streams.right->pause();
  streams.left->write(letters(2'000'000));
  stage.run();
  streams.right->abort();
  stage.run();
  stage.succeed_if(writer.is_content);
}

/// Each deadline ends a stream.
void deadlines(Stage& stage) {
  struct Case {
    StreamOptions options;
    bool writes = false;
  };
  const std::array<Case, 4> cases{{{{.idle_timeout = 10ms}},
                                   {{.read_timeout = 10ms}},
                                   {{.lifetime = 10ms}},
                                   {{.write_timeout = 10ms}, true}}};
  bool all = true;
  for (const Case& each : cases) {
    Listener one{stage, "the stream with a deadline", 0};
    one.wanted = CloseReason::timed_out;
    Listener other{stage, "the other", 0};
    Streams streams;
    if (!streams.open(stage, one, other)) return;
    streams.left->set_options(each.options);
    streams.right->pause();
    if (each.writes) streams.left->write(letters(large));
    one.then = [&] { streams.right->abort(); };
    stage.run();
    all = all && one.reason == CloseReason::timed_out;
  }
  stage.succeed_if(all);
}

constexpr Scenario scenarios[] = {
    {"large_output", large_output},
    {"ways_to_write", ways_to_write},
    {"answer_by_pieces", answer_by_pieces},
    {"half_close", half_close},
    {"lingering", lingering},
    {"abort", abort_one},
    {"let_go_and_release", let_go_and_release},
    {"send_file", send_file},
    {"pass_descriptors", pass_descriptors},
    {"overflow", overflow},
    {"deadlines", deadlines},
};

}  // namespace

std::span<const Scenario> stream_scenarios() noexcept { return scenarios; }

}  // namespace rondo::test
