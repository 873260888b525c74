// SPDX-License-Identifier: MIT
// Text over a stream in a world, written and read in pieces of any size: the peer receives the
// bytes of the text encoded in one piece, and the lines are those of the bytes decoded in one
// piece.
#include <memory>
#include <vector>

#include <rondo/rondo.h>
#include <rondo/sim.h>

#include "fuzz/codecs.h"
#include "fuzz/target.h"

namespace rondo::fuzz {
namespace {

using namespace std::chrono_literals;

TextOptions some_options(Input& input) {
  constexpr Newlines modes[] = {Newlines::universal, Newlines::kept, Newlines::lf, Newlines::crlf,
                                Newlines::cr};
  constexpr LineEnding endings[] = {LineEnding::lf, LineEnding::crlf, LineEnding::cr};
  constexpr TextErrors tolerant[] = {TextErrors::replace, TextErrors::ignore,
                                     TextErrors::backslashreplace};
  return {.encoding = Encoding::find(input.one_of(encodings)).value(),
          .errors = input.one_of(tolerant),
          .output_errors = input.one_of(tolerant),
          .newlines = input.one_of(modes),
          .ending = input.one_of(endings),
          .line_limit = 1 + input.below(40),
          .unread_max = 1 + input.below(100)};
}

/// Reads the lines as they arrive, long ones in pieces.
class Reader final : public TextHandler {
 public:
  void on_line(TextStream&, std::string_view line) override { lines.append(line) += '|'; }
  void on_long_line(TextStream&, std::string_view piece) override { lines += piece; }
  void on_end(TextStream& text) override {
    ++ends;
    text.stream().close();
  }
  void on_close(TextStream&, const Close&) override { ++closes; }

  std::string lines;
  int ends = 0;
  int closes = 0;
};

std::string encoded_at_once(std::string_view text, const TextOptions& options) {
  std::string lines;
  append_lines(lines, text, options.ending);
  auto encoder = Encoder::make(options.encoding, options.output_errors).value();
  return std::string{text_of(encoder.encode(lines).bytes)};
}

std::string lines_at_once(std::string_view bytes, const TextOptions& options) {
  auto decoder = Decoder::make(options.encoding, options.errors).value();
  std::string text{decoder.decode(bytes).text};
  text += decoder.finish().text;
  LineReader reader{options.newlines, std::size_t{1} << 20U};
  reader.feed(text);
  reader.finish();
  std::string lines;
  for (Line line = reader.read_line(); line; line = reader.read_line()) {
    lines.append(line.text) += '|';
  }
  return lines;
}

std::string received(Socket& socket) {
  std::string text;
  std::byte room[4096];
  for (auto size = socket.read(room); size && *size > 0; size = socket.read(room)) {
    text += text_of(Bytes{room}.first(*size));
  }
  return text;
}

}  // namespace

void text_stream(Input& input) {
  const TextOptions options = some_options(input);
  Cuts cuts{input};
  const bool pauses = input.flag();
  const std::string_view text = input.rest();

  sim::World world{1};
  sim::Host& other = world.host("10.0.0.1");
  auto listener = Socket::listen(other.net(), Endpoint::any(0)).value();
  const std::string where = "10.0.0.1:" + std::to_string(listener.local_endpoint().value().port());
  Reactor reactor{world.host("10.0.0.2").backend()};
  Reader reader;
  const auto client = TextStream::connect(reactor, where, reader, options);
  world.run_for(1s);
  auto accepted = listener.accept().value();

  std::string written;
  cuts.each(text, [&](std::string_view piece) {
    client->write(piece);
    if (piece.size() % 2 == 0) world.run_for(10ms);
    written += received(accepted.socket);
  });
  world.run_for(1s);
  written += received(accepted.socket);
  if (!text.empty()) require_same(written, encoded_at_once(text, options), "the text, encoded");

  cuts.each(text, [&](std::string_view piece) {
    if (pauses && piece.size() % 3 == 0) client->pause();
    require(accepted.socket.write(bytes_of(piece)).value() == piece.size(), "there is room");
    if (piece.size() % 2 == 0) world.run_for(10ms);
    client->resume();
  });
  require(other.net().shutdown(accepted.socket.fd(), Direction::write) == 0, "the end");
  world.run_for(1min);
  require_same(reader.lines, lines_at_once(text, options), "the lines, decoded");
  require(reader.ends == 1 && reader.closes == 1, "ends once");
}

const Target target{"text_stream", text_stream};

}  // namespace rondo::fuzz
