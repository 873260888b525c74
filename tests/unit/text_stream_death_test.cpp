// What a TextStream asserts while it has no stream, and that a release build does nothing then.
#include <gtest/gtest.h>

#include <rondo/text_stream.h>

namespace rondo::test {
namespace {

struct Silent final : TextHandler {};

#ifndef NDEBUG
TEST(TextStreamDeathTest, AssertsThatItWasGivenAStream) {
  Silent silent;
  TextStream text{silent};
  EXPECT_FALSE(text.has_stream());
  EXPECT_DEATH(text.write("lost"), "had_stream");
  EXPECT_DEATH(text.write_line("lost"), "had_stream");
  EXPECT_DEATH(text.pause(), "had_stream");
  EXPECT_DEATH(text.resume(), "had_stream");
  EXPECT_DEATH(text.stream().flush(), "has_stream");
}
#else
TEST(TextStream, DoesNothingBeforeItWasGivenAStream) {
  Silent silent;
  TextStream text{silent};
  EXPECT_FALSE(text.write("lost"));
  EXPECT_FALSE(text.write_line("lost"));
  text.pause();
  text.resume();
  EXPECT_FALSE(text.has_stream());
}
#endif

}  // namespace
}  // namespace rondo::test
