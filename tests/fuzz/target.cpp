// SPDX-License-Identifier: MIT
#include "fuzz/target.h"

namespace rondo::fuzz {
namespace {

/// Made by the first target of the program.
std::vector<const Target*>& known() {
  static std::vector<const Target*> targets;
  return targets;
}

}  // namespace

Target::Target(std::string_view name, void (*function)(Input& input))
    : name_(name), function_(function) {
  known().push_back(this);
}

std::vector<const Target*> Target::all() {
  std::vector<const Target*> targets = known();
  std::sort(targets.begin(), targets.end(),
            [](const Target* one, const Target* other) { return one->name() < other->name(); });
  return targets;
}

}  // namespace rondo::fuzz
