// SPDX-License-Identifier: MIT
#include "parity/parity_fixture.h"

#include <chrono>
#include <cstdlib>

namespace rondo::test {
namespace {

constexpr std::uint64_t slices = 10;
constexpr std::uint64_t scripts_by_default = 200;
constexpr Duration patience_max = std::chrono::seconds{5};
constexpr Duration patience_of_survey = std::chrono::milliseconds{15};

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

}  // namespace

std::vector<ParitySlice> parity_slices() {
  std::vector<ParitySlice> all;
  for (const BackendUnderTest& backend : backends_under_test()) {
    for (std::uint64_t index = 0; index < slices; ++index) all.push_back({backend, index});
  }
  return all;
}

std::string name_of_slice(const testing::TestParamInfo<ParitySlice>& slice) {
  return slice.param.backend.name + '_' + std::to_string(slice.param.index);
}

std::uint64_t first_parity_seed() { return number_from("RONDO_PARITY_SEED", 1); }

std::uint64_t hash_of_scripts(Draw draw) {
  std::uint64_t hash = 0xcbf2'9ce4'8422'2325U;  // FNV-1a
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    for (const Step& step : draw(seed)) {
      for (const char letter : to_text(step) + '\n') {
        hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100'0000'01b3U;
      }
    }
  }
  return hash;
}

void ParityFixture::check_slice(Draw draw, MakePlayer make) {
  const std::uint64_t first = first_parity_seed();
  const std::uint64_t count = number_from("RONDO_PARITY_SCRIPTS", scripts_by_default);
  const bool goes_on = number_from("RONDO_PARITY_SURVEY", 0) != 0;
  const Duration patience = goes_on ? patience_of_survey : patience_max;
  const BackendUnderTest& backend = GetParam().backend;
  for (std::uint64_t i = GetParam().index; i < count; i += slices) {
    const std::uint64_t seed = first + i;
    const Script script = draw(seed);
    const Difference found = compare(script, expect(script, make), make, backend, patience);
    if (!found) continue;
    const Script small = shrunk(script, make, backend);
    const Difference left = compare(small, expect(small, make), make, backend, patience);
    ADD_FAILURE() << "the kernels differ; RONDO_PARITY_SEED=" << seed
                  << " RONDO_PARITY_SCRIPTS=1 replays it\n"
                  << (left ? describe(small, make, left) : describe(script, make, found)) << '\n';
    if (!goes_on) return;
  }
}

}  // namespace rondo::test
