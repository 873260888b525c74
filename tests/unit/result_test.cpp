// SPDX-License-Identifier: MIT
// Result, Error and print_error.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <rondo/assert.h>
#include <rondo/result.h>

namespace rondo {
namespace {

struct Counted {
  static inline int alive = 0;
  Counted() { ++alive; }
  Counted(const Counted&) { ++alive; }
  Counted(Counted&&) noexcept { ++alive; }
  Counted& operator=(const Counted&) = delete;
  Counted& operator=(Counted&&) = delete;
  ~Counted() { --alive; }
};

TEST(Result, HoldsAValue) {
  Result<int, std::error_code> result = 7;
  ASSERT_TRUE(result);
  EXPECT_TRUE(result.has_value());
  EXPECT_EQ(*result, 7);
  *result += 1;
  EXPECT_EQ(result.value(), 8);
  EXPECT_EQ(std::move(result).value_or(9), 8);
}

TEST(Result, HoldsAnError) {
  Result<int, std::error_code> result = std::errc::timed_out;
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), std::errc::timed_out);
  EXPECT_EQ(std::move(result).value_or(9), 9);
}

TEST(Result, OfVoidIsSuccessOrAnError) {
  const auto succeed_if = [](bool holds) -> Result<void> {
    if (holds) return {};
    return Error{std::make_error_code(std::errc::io_error), "read the tape"};
  };
  const Result<void> success = succeed_if(true);
  EXPECT_TRUE(success);
  success.value();
  const Result<void> failure = succeed_if(false);
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error(), std::errc::io_error);
  EXPECT_EQ(succeed_if(false).error().message(), "read the tape: Input/output error");
}

TEST(Result, MovesWhatCannotBeCopied) {
  Result<std::unique_ptr<int>, std::error_code> result = std::make_unique<int>(5);
  Result<std::unique_ptr<int>, std::error_code> other = std::move(result);
  const std::unique_ptr<int> inside = *std::move(other);
  EXPECT_EQ(*inside, 5);
}

TEST(Result, DestroysWhatItHeldWhenAssigned) {
  {
    Result<Counted, std::error_code> result{Counted{}};
    EXPECT_EQ(Counted::alive, 1);
    result = Result<Counted, std::error_code>{std::errc::io_error};
    EXPECT_EQ(Counted::alive, 0);
    EXPECT_EQ(result.error(), std::errc::io_error);
    result = Result<Counted, std::error_code>{Counted{}};
    const Result<Counted, std::error_code> copy = result;
    EXPECT_EQ(Counted::alive, 2);
  }
  EXPECT_EQ(Counted::alive, 0);
}

// In every build, also without assertions.
/// The code and the message of what a call has thrown.
template <typename F>
std::pair<std::error_code, std::string> thrown_by(F&& call) {
  try {
    call();
  } catch (const std::system_error& error) {
    return {error.code(), error.what()};
  }
  return {};
}

TEST(Result, ThrowsTheErrorIfAsked) {
  const std::error_code refused = make_error_code(std::errc::connection_refused);
  const auto with_context = [&] { return Error{refused, "connect to x"}; };
  const auto throws = std::pair{refused, std::string{"connect to x: Connection refused"}};
  EXPECT_EQ(thrown_by([&] { Result<int>{with_context()}.value_or_throw(); }), throws);
  EXPECT_EQ(thrown_by([&] { Result<void>{with_context()}.value_or_throw(); }), throws);
  const auto of_the_code = std::pair{refused, std::string{"Connection refused"}};
  EXPECT_EQ(thrown_by([&] { Result<int>{Error{refused, ""}}.value_or_throw(); }), of_the_code);
  EXPECT_EQ(thrown_by([&] { Result<int, std::error_code>{refused}.value_or_throw(); }),
            of_the_code);
  EXPECT_EQ(thrown_by([&] { Result<void, std::error_code>{refused}.value_or_throw(); }),
            of_the_code);
}

TEST(Result, GivesTheValueIfAskedToThrow) {
  auto pointer = Result<std::unique_ptr<int>>{std::make_unique<int>(7)}.value_or_throw();
  EXPECT_EQ(*pointer, 7);
  EXPECT_NO_THROW(Result<void>{}.value_or_throw());
}

TEST(ResultDeathTest, PrintsTheErrorWhenTheValueIsUsed) {
  Result<std::string> refused = Error{system_error(ECONNREFUSED), "connect to 127.0.0.1:1"};
  constexpr const char* text =
      "rondo: the value of a Result was used, although it is an error: connect to 127.0.0.1:1: "
      "Connection refused. Test it first";
  EXPECT_DEATH(std::puts(refused.value().c_str()), text);
  EXPECT_DEATH(std::puts((*refused).c_str()), text);
  EXPECT_DEATH(std::puts(refused->c_str()), text);
  EXPECT_DEATH(std::puts(std::as_const(refused).value().c_str()), text);
  EXPECT_DEATH(std::puts(std::as_const(refused)->c_str()), text);
  EXPECT_DEATH(std::puts(std::string{std::move(refused).value()}.c_str()), text);
  const Result<int, std::error_code> code = std::errc::io_error;
  EXPECT_DEATH(std::printf("%d", code.value()), "it is an error: Input/output error");
  const Result<void> nothing = Error{system_error(EPERM), "read the tape"};
  EXPECT_DEATH(nothing.value(), "it is an error: read the tape: Operation not permitted");
  const Result<int, char> other = 'x';
  EXPECT_DEATH(std::printf("%d", other.value()), "rondo: the value of a Result was used");
}

TEST(ResultDeathTest, SaysThatThereIsNoErrorWhenTheErrorIsUsed) {
  constexpr const char* text = "rondo: the error of a Result was used, although it is a value";
  const Result<int, std::error_code> value = 1;
  EXPECT_DEATH(std::printf("%d", value.error().value()), text);
  Result<int> other = 1;
  EXPECT_DEATH(std::puts(std::move(other).error().context.c_str()), text);
  const Result<void> success;
  EXPECT_DEATH(std::puts(success.error().context.c_str()), text);
}

TEST(AssertDeathTest, SaysWhereAndWhat) {
  EXPECT_DEATH(detail::assertion_failed("a == b", "file.cpp", 12), "file.cpp:12: a == b");
}

TEST(Error, SaysWhatWasTried) {
  const Error error{std::make_error_code(std::errc::connection_refused), "connect to 127.0.0.1:1"};
  EXPECT_EQ(error.message(), "connect to 127.0.0.1:1: Connection refused");
  EXPECT_EQ((Error{error.code, ""}.message()), "Connection refused");
}

TEST(Error, IsTheCodeItCarries) {
  const Error error{system_error(ECONNREFUSED), "x"};
  const std::error_code code = error;
  EXPECT_EQ(code, std::errc::connection_refused);
  EXPECT_TRUE(error == std::errc::connection_refused);
  EXPECT_FALSE(error == std::errc::timed_out);
}

TEST(Error, ComplainsOnStandardErrorInOneLine) {
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(print_error(Error{system_error(EACCES), "listen on 127.0.0.1:80"}), EXIT_FAILURE);
  EXPECT_EQ(print_error(std::make_error_code(std::errc::timed_out)), EXIT_FAILURE);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "listen on 127.0.0.1:80: Permission denied\nConnection timed out\n");
}

TEST(Error, OfAnExceptionIsPrintedToo) {
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(print_error(std::runtime_error{"the tape is torn"}), EXIT_FAILURE);
  EXPECT_EQ(print_error(std::system_error{system_error(EACCES), "listen"}), EXIT_FAILURE);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "the tape is torn\nlisten: Permission denied\n");
}

TEST(Error, TakesErrnoAsItIs) {
  errno = ENOSPC;
  EXPECT_EQ(last_system_error(), std::errc::no_space_on_device);
  EXPECT_EQ(last_system_error().category(), std::system_category());
}

}  // namespace
}  // namespace rondo
