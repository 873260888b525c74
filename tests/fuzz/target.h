// SPDX-License-Identifier: MIT
// Registers the function of a file as a fuzz target. A file that is not built is not registered.
#pragma once

#include <string_view>
#include <vector>

#include "fuzz/fuzz.h"

namespace rondo::fuzz {

/// Define one for each target, at namespace scope: `const Target target{"lines", lines};`.
class Target {
 public:
  Target(std::string_view name, void (*function)(Input& input));
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  ~Target() = default;

  /// All targets of this program, by name.
  [[nodiscard]] static std::vector<const Target*> all();

  [[nodiscard]] std::string_view name() const noexcept { return name_; }
  void run(std::string_view bytes) const {
    given = bytes;
    Input input{bytes};
    function_(input);
  }

 private:
  std::string_view name_;
  void (*function_)(Input& input);
};

}  // namespace rondo::fuzz
