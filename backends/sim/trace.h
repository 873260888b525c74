// What has happened, as a hash and, for who wants to read it, as lines. No number in it depends on
// the machine it runs on.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include <rondo/function.h>
#include <rondo/time.h>

#include "address.h"

namespace rondo::sim {

/// `3600.000000001`.
[[nodiscard]] std::string seconds_text(TimePoint time);

class Trace {
 public:
  using Numbers = std::initializer_list<std::uint64_t>;

  void note(TimePoint time, std::string_view who, std::string_view what, Numbers numbers,
            const Route* route = nullptr);
  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
  void read_by(Function<void(std::string_view)> reader) { reader_ = std::move(reader); }

 private:
  void mix(std::uint64_t value) noexcept;
  void mix(std::string_view text) noexcept;
  void write(TimePoint time, std::string_view who, std::string_view what, Numbers numbers,
             const Route* route);

  std::uint64_t hash_ = 0xcbf29ce484222325U;
  Function<void(std::string_view)> reader_;
};

}  // namespace rondo::sim
