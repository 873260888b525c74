// SPDX-License-Identifier: MIT
// A reactor whose time is numbers.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include <rondo/reactor.h>

#include "support/descriptor_census.h"
#include "support/manual_backend.h"

namespace rondo::test {

class ManualReactor : public DescriptorCensus {
 private:
  std::unique_ptr<ManualBackend> made_ = std::make_unique<ManualBackend>();

 protected:
  ManualReactor() : backend(*made_), reactor(std::unique_ptr<Backend>(std::move(made_))) {}

  /// One turn that does not sleep.
  void turn() { EXPECT_TRUE(reactor.run_once(Duration::zero())); }

  ManualBackend& backend;
  Reactor reactor;
};

}  // namespace rondo::test
