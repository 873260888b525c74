// The program that libFuzzer drives: RONDO_FUZZ_TARGET names the target.
#include <cstdio>
#include <cstdlib>

#include "fuzzing/targets.h"

namespace {

const rondo::fuzz::Target& chosen_target() {
  const char* const name = std::getenv("RONDO_FUZZ_TARGET");
  for (const auto& target : rondo::fuzz::targets) {
    if (name != nullptr && target.name == name) return target;
  }
  std::fprintf(stderr, "RONDO_FUZZ_TARGET is to name one of:");
  for (const auto& target : rondo::fuzz::targets) std::fprintf(stderr, " %s", target.name.data());
  std::fprintf(stderr, "\n");
  std::exit(2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const rondo::fuzz::Target& target = chosen_target();
  rondo::fuzz::run(target, {reinterpret_cast<const char*>(data), size});
  return 0;
}
