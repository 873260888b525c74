// SPDX-License-Identifier: MIT
// The seed: taken from the environment, otherwise one for the whole process, and printed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "support/seed.h"

namespace rondo::test {
namespace {

class Seed : public testing::Test {
 protected:
  Seed() {
    if (const char* const given = std::getenv("RONDO_SEED")) before_ = given;
  }
  ~Seed() override { set(before_); }

  static void set(const std::optional<std::string>& value) {
    if (value) {
      ::setenv("RONDO_SEED", value->c_str(), 1);
    } else {
      ::unsetenv("RONDO_SEED");
    }
  }
  static std::string printed() {
    testing::internal::CaptureStdout();
    chosen_seed();
    return testing::internal::GetCapturedStdout();
  }

 private:
  std::optional<std::string> before_;
};

TEST_F(Seed, IsReplayedFromTheEnvironment) {
  set("18446744073709551615");
  EXPECT_EQ(chosen_seed(), 18446744073709551615U);
  set("0x10");
  EXPECT_EQ(chosen_seed(), 16U);
}

TEST_F(Seed, IsOneForTheWholeProcess) {
  set({});
  EXPECT_EQ(chosen_seed(), chosen_seed());
}

TEST_F(Seed, IsPrintedAsItIsReplayed) {
  set("42");
  EXPECT_EQ(printed(), "RONDO_SEED=42\n");
  set({});
  EXPECT_EQ(printed(), "RONDO_SEED=" + std::to_string(chosen_seed()) + "\n");
}

}  // namespace
}  // namespace rondo::test
