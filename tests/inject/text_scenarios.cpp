// SPDX-License-Identifier: MIT
// Text, lines and frames: only the allocation of memory can fail in them.
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "inject/parts.h"
#include "inject/scenarios.h"

namespace rondo::test {
namespace {

Bytes bytes_of(std::string_view text) noexcept { return std::as_bytes(std::span{text}); }

/// Lines in pieces, above and below the limit, read in each way.
void line_reader(Stage& stage) {
  std::size_t lines = 0;
  for (const Newlines newlines : {Newlines::universal, Newlines::kept, Newlines::lf}) {
    LineReader reader{newlines, 40};
    for (const std::string_view chunk :
         {"the first line\r\nand the sec", "ond, which is much longer than the reader allows\n",
          "one more\nand what is left of it"}) {
      reader.feed(chunk);
      for (Line line = reader.read_line(); line.status != ReadStatus::more;
           line = reader.read_line())
        lines += line ? 1 : 0;
      reader.keep();
    }
    reader.finish();
    lines += reader.read_all().empty() ? 0 : 1;
  }
  std::string out;
  append_lines(out, "a\nb\nc and what makes it long enough\n", LineEnding::crlf);
  stage.succeed_if(lines >= 9 && out.size() > 30);
}

/// Frames of each kind, cut within.
void framers(Stage& stage) {
  std::size_t frames = 0;
  std::string stream;
  if (const auto error = append_frame(stream, bytes_of("a frame that is somewhat long"))) {
    return stage.report(error);
  }
  stream += stream;
  const auto feed = [&](auto& framer, std::string_view text) {
    for (const std::string_view piece : {text.substr(0, 20), text.substr(20)}) {
      framer.feed(bytes_of(piece));
      for (auto frame = framer.next(); frame.status != ReadStatus::more; frame = framer.next())
        ++frames;
      framer.keep();
    }
  };
  LengthFramer lengths;
  feed(lengths, stream);
  DelimiterFramer delimiters{"\r\n\r\n and no less than that"};
  feed(delimiters, "one and then some more\r\n\r\n and no less than that, and two");
  FixedFramer fixed{13};
  feed(fixed, "one and then some more, until there are two of them");
  stage.succeed_if(frames == 2 + 1 + 3);
}

/// Encodes and decodes with encodings of each kind.
void codecs(Stage& stage) {
  std::size_t converted = 0;
  for (const std::string_view name : {"utf-8", "utf-16", "latin-1", "koi8-r", "gb18030"}) {
    const auto encoding = Encoding::find(name);
    if (!encoding) return stage.report(encoding.error());
    auto encoder = Encoder::make(*encoding, TextErrors::replace);
    if (!encoder) return stage.report(encoder.error());
    auto decoder = Decoder::make(*encoding, TextErrors::backslashreplace);
    if (!decoder) return stage.report(decoder.error());
    const auto encoded = encoder->encode("text with \xc3\xa4 and \xd0\x96, and enough of it");
    converted += decoder->decode(encoded.bytes).text.size();
  }
  stage.succeed_if(converted > 100);
}

/// Valid and invalid addresses.
void endpoints(Stage& stage) {
  std::size_t size = 0;
  for (const std::string_view text :
       {"127.0.0.1:80", "[2001:db8::1234:5678]:65535", "unix:/a/path/that/is/not/short",
        "unix:@abstract-and-long-enough", "no address at all", "[::1]:99999"}) {
    const auto endpoint = Endpoint::parse(text);
    if (!endpoint) stage.report(endpoint.error());
    size += endpoint ? endpoint->to_string().size() : 1;
  }
  stage.succeed_if(size > 80);
}

/// Lines in UTF-16 are read from a stream and written back.
void text_streams(Stage& stage) {
  struct Reads final : TextHandler {
    explicit Reads(Stage& on) : stage(on) {}
    void on_readable(TextStream& text) override {
      while (const Line line = text.read_line()) {
        ++lines;
        text.write_line(line);
      }
    }
    void on_close(TextStream&, const Close& why) override {
      closed.end();
      if (why.reason != CloseReason::eof && why.reason != CloseReason::closed) stage.report(why);
    }
    Stage& stage;
    Once closed{stage, "the text"};
    int lines = 0;
  } reads{stage};
  TextOptions options;
  const auto encoding = Encoding::find("utf-16-le");
  if (!encoding) return stage.report(encoding.error());
  options.encoding = *encoding;
  auto ends = Socket::pair(stage.net(), SocketType::stream);
  if (!ends) return stage.report(ends.error());
  Listener other{stage, "the other", 16};
  auto text = TextStream::adopt(stage.reactor(), std::move((*ends)[0]), reads, options, patient);
  if (!text) return stage.report(text.error());
  reads.closed.begin();
  auto right = Stream::adopt(stage.reactor(), std::move((*ends)[1]), other, patient);
  if (!right) {
    stage.report(right.error());
    (*text)->stream().abort();
    return stage.run();
  }
  other.closed.begin();
  (*right)->write(std::string_view{"o\0n\0e\0\n\0t\0w\0o\0\n\0", 16});
  stage.run();
  stage.succeed_if(reads.lines == 2 && other.is_content);
}

/// Answers a line, but closes the first two clients instead.
struct Reluctant final : LineSession {
  explicit Reluctant(int& count)
      : LineSession({.errors = TextErrors::lossless, .output_errors = TextErrors::lossless}),
        clients(++count) {}
  void on_line(TextStream& client, std::string_view line) override {
    if (clients > 2) client.write_line(line);
    client.stream().close();
  }
  int clients;
};

/// A client that connects again until its line is answered, in KOI8-R.
void text_reconnector(Stage& stage) {
  static constexpr std::string_view question = "\xd0\x96 is a letter";
  int clients = 0;
  auto server =
      serve<Reluctant>(stage.reactor(), "127.0.0.1:0", ServerOptions{.stream = patient}, clients);
  if (!server) return stage.report(server.error());
  struct Asks final : TextHandler {
    Asks(Stage& on, Server& to) : stage(on), server_(to) {}
    void on_open(TextStream& text) override { text.write_line(question); }
    void on_line(TextStream&, std::string_view line) override {
      is_answered = line == question;
      client->stop();
      server_.abort();
    }
    void on_close(TextStream&, const Close& why) override {
      if (!is_answered) stage.report(why);
    }
    Stage& stage;
    Server& server_;
    std::optional<TextReconnector> client;
    bool is_answered = false;
  } asks{stage, *server};
  const auto encoding = Encoding::find("koi8-r");
  if (!encoding) return stage.report(encoding.error());
  const TextOptions options{.encoding = *encoding};
  const ReconnectOptions soon{.connect = {.timeout = 5s, .stream = patient},
                              .backoff = {.max = 1s}};
  const std::string target = server->local_endpoint().to_string();
  asks.client.emplace(stage.reactor(), target, asks, options, soon);
  Timer enough{stage.reactor(), [&] {
                 asks.client->stop();
                 server->abort();
               }};
  enough.unref();
  enough.arm_after(1min);
  stage.run();
  stage.succeed_if(asks.is_answered);
}

constexpr Scenario scenarios[] = {
    {"line_reader", line_reader, Where::simulated},
    {"framers", framers, Where::simulated},
    {"codecs", codecs, Where::simulated},
    {"endpoints", endpoints, Where::simulated},
    {"text_streams", text_streams},
    {"text_reconnector", text_reconnector},
};

}  // namespace

std::span<const Scenario> text_scenarios() noexcept { return scenarios; }

}  // namespace rondo::test
