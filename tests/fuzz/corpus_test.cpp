// SPDX-License-Identifier: MIT
// Runs the fuzz targets on the kept inputs in each build: each past finding is a file. It also runs
// random mutations of these inputs, a simple form of fuzzing without libFuzzer: RONDO_FUZZ_INPUTS
// is their number for each target, RONDO_SEED replays them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "fuzz/target.h"
#include "support/seed.h"

namespace rondo::fuzz {
namespace {

/// Sorted by name, so that a seed means the same on each machine.
std::map<std::string, std::string> corpus_of(std::string_view target) {
  std::map<std::string, std::string> corpus;
  const auto folder = std::filesystem::path{RONDO_FUZZ_CORPUS} / target;
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    std::ifstream file{entry.path(), std::ios::binary};
    corpus[entry.path().filename()].assign(std::istreambuf_iterator<char>{file}, {});
  }
  return corpus;
}

class FuzzTargets : public testing::TestWithParam<const Target*> {
 protected:
  const std::map<std::string, std::string> corpus_ = corpus_of(GetParam()->name());
};

TEST_P(FuzzTargets, HoldOnWhatIsKept) {
  EXPECT_FALSE(corpus_.empty());
  for (const auto& [name, bytes] : corpus_) {
    std::cout << name << std::endl;  // the last one, if it ended the program
    GetParam()->run(bytes);
  }
}

TEST_P(FuzzTargets, HoldOnRandomInputs) {
  const char* const wanted = std::getenv("RONDO_FUZZ_INPUTS");
  const unsigned long count = wanted != nullptr ? std::strtoul(wanted, nullptr, 10) : 300;
  std::vector<std::string> kept;
  for (const auto& [name, bytes] : corpus_) kept.push_back(bytes);
  std::mt19937_64 random{test::chosen_seed()};
  const auto below = [&](std::size_t bound) { return std::size_t{random()} % bound; };
  for (unsigned long i = 0; i < count; ++i) {
    std::string bytes = kept[below(kept.size())];
    for (std::size_t changes = 1 + below(8); changes > 0; --changes) {
      const std::size_t at = below(bytes.size() + 1);
      if (below(4) == 0) {
        bytes.erase(at, 1 + below(4));
      } else if (below(2) == 0 || at == bytes.size()) {
        bytes.insert(at, 1, static_cast<char>(random()));
      } else {
        bytes[at] = static_cast<char>(random());
      }
    }
    GetParam()->run(bytes);
  }
}

INSTANTIATE_TEST_SUITE_P(, FuzzTargets, testing::ValuesIn(Target::all()),
                         [](const auto& one) { return std::string{one.param->name()}; });

}  // namespace
}  // namespace rondo::fuzz
