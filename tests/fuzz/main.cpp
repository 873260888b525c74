// SPDX-License-Identifier: MIT
// The program that libFuzzer drives: RONDO_FUZZ_TARGET names the target.
#include <cstdio>
#include <cstdlib>

#include "fuzz/target.h"

namespace {

using rondo::fuzz::Target;

const Target& chosen_target() {
  const char* const name = std::getenv("RONDO_FUZZ_TARGET");
  for (const auto* target : Target::all()) {
    if (name != nullptr && target->name() == name) return *target;
  }
  std::fprintf(stderr, "RONDO_FUZZ_TARGET is to name one of:");
  for (const auto* target : Target::all()) std::fprintf(stderr, " %s", target->name().data());
  std::fprintf(stderr, "\n");
  std::exit(2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Target& target = chosen_target();
  target.run({reinterpret_cast<const char*>(data), size});
  return 0;
}
