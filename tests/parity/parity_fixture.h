// What the two levels of parity share: slices of the seeds, and the report of a difference.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "parity/comparison.h"
#include "support/backends_under_test.h"
#include "support/descriptor_census.h"

namespace rondo::test {

/// Every n-th script, on one backend: so that the runner can give them to several processes.
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
/// Of the texts of the first 200 scripts. A seed that is reported is to draw the same script with
/// every compiler and library: each build compares this with one number, which is renewed with
/// whatever changes the scripts.
std::uint64_t hash_of_scripts(Draw draw);

class ParityFixture : public DescriptorCensus, public testing::WithParamInterface<ParitySlice> {
 protected:
  /// Fails with the first script that makes a difference, shrunk.
  static void check_slice(Draw draw, MakePlayer make);
};

}  // namespace rondo::test
