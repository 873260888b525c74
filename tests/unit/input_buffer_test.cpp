// InputBuffer: what is copied, and what memory it keeps.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include <rondo/input_buffer.h>

#include "support/allocation_counter.h"

namespace rondo::test {
namespace {

TEST(InputBuffer, ReusesItsMemoryThoughItIsNeverEmpty) {
  const std::string chunk(100, 'x');
  InputBuffer buffer;
  buffer.lend("0123456789");
  std::uint64_t before = 0;
  for (int round = 0; round < 10'000; ++round) {
    if (round == 10) before = allocations();
    buffer.lend(chunk);
    buffer.keep();
    ASSERT_EQ(buffer.size(), 110U);
    buffer.drop(100);
  }
  EXPECT_EQ(allocations(), before);
}

}  // namespace
}  // namespace rondo::test
