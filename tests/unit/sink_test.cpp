// SPDX-License-Identifier: MIT
// The sink's part of a dispatch: from the token to the handler.
#include <gtest/gtest.h>

#include <array>

#include <rondo/backend.h>

namespace rondo {
namespace {

struct CountingHandler final : Handler {
  void on_ready(Ready ready) override {
    ++calls;
    last = ready;
  }
  int calls = 0;
  Ready last = Ready::none;
};

class SinkTest : public ::testing::Test, protected Sink {
 protected:
  static constexpr std::uint32_t slot_count = 4;
  static constexpr Token token_of(std::uint64_t index, std::uint64_t generation) {
    return Token{generation << generation_shift | index * slot_size |
                 static_cast<std::uint64_t>(Ready::read)};
  }
  void batch_ended() override {}
  void unclaimed(Token, Ready) override { ++unclaimed_; }

  CountingHandler handler_;
  std::array<Slot, slot_count> slots_{{{}, {&handler_, token_of(1, 7)}, {}, {}}};
  int unclaimed_ = 0;
};

TEST_F(SinkTest, CallsTheHandlerOfACurrentTokenAlone) {
  look_up_in(slots_.data(), slot_count);
  ready(token_of(1, 7), Ready::both);
  EXPECT_EQ(handler_.calls, 1);
  EXPECT_EQ(handler_.last, Ready::read);
  ready(token_of(1, 8), Ready::read);
  EXPECT_EQ(handler_.calls, 1);
  EXPECT_EQ(unclaimed_, 1);
}

}  // namespace
}  // namespace rondo
