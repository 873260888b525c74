// SPDX-License-Identifier: MIT
// A stream that carries more than 32 bits can count, in constant memory. The bytes come from a Net
// that makes them up.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <rondo/reactor.h>
#include <rondo/text_stream.h>

#include "support/allocation_counter.h"
#include "support/jumping_backend.h"
#include "support/stream_fixture.h"

namespace rondo::test {
namespace {

constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30U;
constexpr std::string_view head = "before\n";
constexpr std::string_view tail = "\nafter\n";

/// The head, a line without an end for so long, the tail, and the end of input.
class Firehose final : public FailingNet {
 public:
  explicit Firehose(std::uint64_t size) : FailingNet(system_net()), left_(size) {}

  std::ptrdiff_t read(MutableBytes into, int) noexcept override {
    if (!std::exchange(began_, true)) return say(head, into);
    if (left_ == 0) return std::exchange(ended_, true) ? 0 : say(tail, into);
    if (filled_ != into.data()) std::memset(into.data(), 'x', into.size());
    filled_ = into.data();
    const std::uint64_t size = std::min<std::uint64_t>(into.size(), left_);
    left_ -= size;
    return static_cast<std::ptrdiff_t>(size);
  }

 private:
  std::ptrdiff_t say(std::string_view text, MutableBytes into) noexcept {
    std::memcpy(into.data(), text.data(), text.size());
    filled_ = nullptr;
    return std::ssize(text);
  }

  std::uint64_t left_;
  bool began_ = false;
  bool ended_ = false;
  const void* filled_ = nullptr;
};

struct LineCounter final : TextHandler {
  void on_open(TextStream&) override { allocations_before = allocations(); }
  void on_line(TextStream&, std::string_view line) override { lines += std::string{line} + '|'; }
  void on_long_line(TextStream& text, std::string_view piece) override {
    ++pieces;
    largest_piece = std::max(largest_piece, piece.size());
    TextHandler::on_long_line(text, piece);
  }
  void on_close(TextStream&, const Close&) override {
    allocated = allocations() - allocations_before;
  }

  std::string lines;
  int pieces = 0;
  std::size_t largest_piece = 0;
  std::uint64_t allocated = 0;
  std::uint64_t allocations_before = 0;
};

class LongStreams : public DescriptorCensus {
 protected:
  /// Our end, readable.
  Socket socket() {
    write_all(pair.theirs.get(), "!");
    return Socket{net, pair.ours.release()};
  }

  static inline const StreamOptions options{.input_per_turn_max = gibibyte};

  Firehose net{10 * gibibyte};
  Pair pair = unix_pair();
  Reactor reactor{std::unique_ptr<Backend>{std::make_unique<JumpingBackend>(net)}};
};

TEST_F(LongStreams, ManyGibibytesWithoutANewlineTakeConstantMemory) {
  LineCounter reader;
  const auto text = TextStream::adopt(reactor, socket(), reader, {}, options).value();
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(reader.lines, "before|after|");
  EXPECT_EQ(reader.pieces, 1) << "the rest was skipped";
  EXPECT_LE(reader.largest_piece, LineReader::limit_default);
  EXPECT_LE(reader.allocated, 20U);
}

}  // namespace
}  // namespace rondo::test
