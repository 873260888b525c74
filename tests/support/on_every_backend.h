// SPDX-License-Identifier: MIT
// Fixtures of the tests that run once for each backend.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include <rondo/reactor.h>

#include "support/backends_under_test.h"
#include "support/descriptor_census.h"
#include "support/kernel.h"
#include "support/spy_backend.h"

namespace rondo::test {

/// A case, in the kernel that `backend` watches.
class InItsKernel : public DescriptorCensus {
 protected:
  explicit InItsKernel(const BackendUnderTest& backend)
      : kernel_(backend.make_kernel ? backend.make_kernel() : nullptr) {}

 private:
  KernelOfTheCase kernel_;
};

class OnEveryBackend : public testing::WithParamInterface<BackendUnderTest>, public InItsKernel {
 protected:
  OnEveryBackend() : InItsKernel(GetParam()) {}
};

/// A reactor on the backend under test, with a spy in between.
class ReactorOnEveryBackend : public OnEveryBackend {
 private:
  std::unique_ptr<SpyBackend> made_ = std::make_unique<SpyBackend>(GetParam().make());

 protected:
  explicit ReactorOnEveryBackend(const ReactorOptions& options = {})
      : spy(*made_), reactor(std::unique_ptr<Backend>(std::move(made_)), options) {}

  SpyBackend& spy;
  Reactor reactor;
};

}  // namespace rondo::test

/// Runs the TEST_P cases of `suite`, named `Backends/suite.Case/name_of_backend`.
#define RONDO_ON_EVERY_BACKEND(suite)                                              \
  INSTANTIATE_TEST_SUITE_P(                                                        \
      Backends, suite, testing::ValuesIn(::rondo::test::backends_under_test()),    \
      [](const testing::TestParamInfo<::rondo::test::BackendUnderTest>& backend) { \
        return backend.param.name;                                                 \
      })
