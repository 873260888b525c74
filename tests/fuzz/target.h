// How a file makes its function known as a fuzz target: what a build leaves out is not among them.
#pragma once

#include <string_view>
#include <vector>

#include "fuzz/fuzz.h"

namespace rondo::fuzz {

/// One for each target, for ever: `const Target target{"lines", lines};`.
class Target {
 public:
  Target(std::string_view name, void (*function)(Input& input));
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  ~Target() = default;

  /// All that there are in this program, by name.
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
