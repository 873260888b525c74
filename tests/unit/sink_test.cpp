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
  static constexpr std::uint32_t places = 4;
  static constexpr Token token_of(std::uint64_t place, std::uint64_t generation) {
    return Token{generation << generation_shift | place * place_unit |
                 static_cast<std::uint64_t>(Ready::read)};
  }
  void batch_ended() override {}
  void unclaimed(Token, Ready) override { ++unclaimed_; }

  CountingHandler handler_;
  std::array<Slot, places> slots_{{{}, {&handler_, token_of(1, 7)}, {}, {}}};
  int unclaimed_ = 0;
};

TEST_F(SinkTest, ExpectsAnyTokenAndCallsNobody) {
  const Token tokens[] = {Token{},        no_token,       token_of(1, 7),
                          token_of(1, 8), token_of(2, 7), token_of(places_max - 1, 7)};
  for (const Token token : tokens) expect(token);  // without a slot
  look_up_in(slots_.data(), places);
  for (const Token token : tokens) expect(token);
  EXPECT_EQ(handler_.calls, 0);
  EXPECT_EQ(unclaimed_, 0);
}

TEST_F(SinkTest, TellsWhatItExpected) {
  look_up_in(slots_.data(), places);
  expect(token_of(1, 7));
  ready(token_of(1, 7), Ready::both);
  EXPECT_EQ(handler_.calls, 1);
  EXPECT_EQ(handler_.last, Ready::read);
  expect(token_of(1, 8));
  ready(token_of(1, 8), Ready::read);
  EXPECT_EQ(handler_.calls, 1);
  EXPECT_EQ(unclaimed_, 1);
}

}  // namespace
}  // namespace rondo
