// SPDX-License-Identifier: MIT
// A CR at the end of what has arrived: it ends its line at once, and a LF that follows belongs to
// it.
#include <gtest/gtest.h>

#include <rondo/lines.h>

namespace rondo::test {
namespace {

TEST(LineReader, EndsALineAtALoneCrAtOnce) {
  LineReader reader;
  reader.feed("one\r");
  EXPECT_EQ(reader.read_line().text, "one") << "its writer may wait for the answer";
  EXPECT_EQ(reader.read_line().status, ReadStatus::more);
  EXPECT_FALSE(reader.seen(LineEnding::cr)) << "not known yet";
  reader.feed("\ntwo\r");
  EXPECT_TRUE(reader.seen(LineEnding::crlf));
  EXPECT_EQ(reader.read_line().text, "two") << "the LF belongs to the line before";
  reader.feed("three\r");
  EXPECT_TRUE(reader.seen(LineEnding::cr));
  EXPECT_EQ(reader.read_all(), "three\n");
  reader.feed("\n");
  EXPECT_EQ(reader.read_all(), "");
  reader.feed("\n");
  EXPECT_EQ(reader.read_all(), "\n") << "only one LF belongs to it";
  EXPECT_TRUE(reader.seen(LineEnding::lf));
}

TEST(LineReader, EndsASkippedLineAtALoneCr) {
  LineReader reader{Newlines::universal, 4};
  reader.feed("far too long\r");
  EXPECT_EQ(reader.read_line().status, ReadStatus::too_long);
  reader.skip_line();
  EXPECT_EQ(reader.read_line().status, ReadStatus::more);
  reader.feed("\nnext\n");
  EXPECT_EQ(reader.read_line().text, "next");
}

TEST(LineReader, LetsALoneCrWaitWhereEndingsAreKept) {
  LineReader reader{Newlines::kept};
  reader.feed("one\r");
  EXPECT_EQ(reader.read_line().status, ReadStatus::more);
  EXPECT_EQ(reader.read_all(), "one");
  reader.finish();
  const Line line = reader.read_line();
  EXPECT_TRUE(line);
  EXPECT_EQ(line.text, "");
  EXPECT_EQ(line.ending, "\r");
  EXPECT_EQ(reader.read_line().status, ReadStatus::end);
}

}  // namespace
}  // namespace rondo::test
