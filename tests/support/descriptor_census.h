// SPDX-License-Identifier: MIT
// A fixture that fails when a test leaves descriptors open, or closes what was not its own.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace rondo::test {

/// The open descriptors of this process, each with what it refers to.
std::map<int, std::string> open_descriptors();

/// Counts in its constructor and destructor, so that the members of a derived fixture are gone by
/// the second count.
class DescriptorCensus : public testing::Test {
 protected:
  DescriptorCensus();
  ~DescriptorCensus() override;

 private:
  std::map<int, std::string> before_;
};

}  // namespace rondo::test
