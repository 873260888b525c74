// SPDX-License-Identifier: MIT
// What the tests of libuv together with rondo share.
#pragma once

#include <uv.h>

#include "support/descriptor_census.h"

namespace rondo::test {

template <typename Handle>
uv_handle_t* base(Handle& handle) {
  return reinterpret_cast<uv_handle_t*>(&handle);
}

class UvTest : public DescriptorCensus {
 protected:
  // What libuv opens once in a process is opened before the census.
  static void SetUpTestSuite() {
    uv_loop_t loop;
    ASSERT_EQ(uv_loop_init(&loop), 0);
    ASSERT_EQ(uv_loop_close(&loop), 0);
  }
};

}  // namespace rondo::test
