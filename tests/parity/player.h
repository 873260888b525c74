// SPDX-License-Identifier: MIT
// Plays a script step by step and describes the visible state.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <rondo/net.h>

#include "parity/script.h"

namespace rondo::test {

class Player {
 public:
  Player() = default;
  Player(const Player&) = delete;
  Player& operator=(const Player&) = delete;
  virtual ~Player() = default;

  virtual void play(const Step& step) = 0;
  /// Lets pending events happen, and describes the outcome of the last step and the state of all
  /// objects. A later look may show more.
  virtual std::string look() = 0;
  /// The kernel has chosen a port twice: play the script again on a new kernel.
  [[nodiscard]] virtual bool is_ambiguous() const noexcept = 0;
};

/// A byte that only fills buffers. Its count is not compared, since kernels count buffers
/// differently.
constexpr std::byte filling{0xff};

/// The sum of the received bytes without the filling.
class Sum {
 public:
  static constexpr std::string_view filling_text = " and filling";

  void add(Bytes data) noexcept {
    for (const std::byte byte : data) {
      if (byte == filling) {
        has_filling_ = true;
      } else {
        hash_ = (hash_ ^ static_cast<std::uint32_t>(byte)) * 16'777'619U;
        ++size_;
      }
    }
  }
  [[nodiscard]] bool has_filling() const noexcept { return has_filling_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::string to_string() const {
    std::string text = std::to_string(size_) + " bytes";
    if (size_ != 0) text += " #" + std::to_string(hash_ % 10'000);
    return has_filling_ ? text + std::string{filling_text} : text;
  }

 private:
  std::uint32_t hash_ = 2'166'136'261U;
  std::size_t size_ = 0;
  bool has_filling_ = false;
};

/// Bytes that differ from those of another `salt`, none of them `filling`.
inline std::vector<std::byte> content_of(std::uint32_t salt, std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<std::byte>((salt * 37 + i * 7) % 251);
  }
  return bytes;
}

constexpr std::string_view too_early = "not now";

/// `Connection refused`; or `not now` for a result that may come later.
inline std::string error_text(int error) {
  if (error == EAGAIN) return std::string{too_early};
  return std::generic_category().message(error);
}

}  // namespace rondo::test
