// SPDX-License-Identifier: MIT
// Shared by the two levels of parity tests: slices of the seeds, and the report of a difference.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "parity/comparison.h"
#include "support/backends_under_test.h"
#include "support/descriptor_census.h"

namespace rondo::test {

/// Every n-th script on one backend, so that several processes can share the scripts.
struct ParitySlice {
  BackendUnderTest backend;
  std::uint64_t index;
  friend std::ostream& operator<<(std::ostream& out, const ParitySlice& slice) {
    return out << slice.backend << ", slice " << slice.index;
  }
};

std::vector<ParitySlice> parity_slices();
std::string name_of_slice(const testing::TestParamInfo<ParitySlice>& slice);
/// RONDO_PARITY_SEED, or 1.
std::uint64_t first_parity_seed();

using Draw = Script (*)(std::uint64_t seed);
/// A hash of the texts of the first 200 scripts. A reported seed must generate the same script with
/// each compiler and library, so each build compares this with a constant. Update the constant when
/// the scripts change.
std::uint64_t hash_of_scripts(Draw draw);

class ParityFixture : public DescriptorCensus, public testing::WithParamInterface<ParitySlice> {
 protected:
  /// Fails with the first script that shows a difference, reduced to the steps that matter.
  static void check_slice(Draw draw, MakePlayer make);
};

}  // namespace rondo::test
