// SPDX-License-Identifier: MIT
// One direction of the system's iconv, between UTF-8 and another encoding.
#pragma once

#include <iconv.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <rondo/codec.h>
#include <rondo/result.h>

#include "utf.h"

namespace rondo::detail {

class Converter {
 public:
  enum class Direction : std::uint8_t { decode, encode };

  /// `name` as iconv spells it. Errors: invalid_argument for a name that it does not know.
  [[nodiscard]] static Result<std::unique_ptr<Converter>, std::error_code> make(
      const std::string& name, Direction direction);
  /// The converter that an encoding needs; null if rondo converts the encoding itself.
  [[nodiscard]] static Result<std::unique_ptr<Converter>> make_for(const Encoding& encoding,
                                                                   Direction direction);
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;
  ~Converter();

  /// Whether each byte below 80 hex at the start of a character is that character of ASCII.
  [[nodiscard]] bool has_ascii() const noexcept { return has_ascii_; }

  /// Appends the text of the valid bytes. If Scan::bad is 0, up to 8 bytes are incomplete.
  [[nodiscard]] Scan decode(std::string& out, std::string_view bytes);
  /// Appends the bytes of the text, which is UTF-8, up to a character that the encoding lacks.
  /// Returns the size of the text that was encoded.
  [[nodiscard]] std::size_t encode(std::string& out, std::string_view text);
  /// Appends a character that iconv has held back, and the sequence that returns to the first shift
  /// state.
  void finish(std::string& out);
  void reset() noexcept;

 private:
  Converter() noexcept = default;

  [[nodiscard]] int convert(std::string& out, std::string_view& in);
  [[nodiscard]] bool encode_piece(std::string& out, std::string_view& text);
  void put_ascii(std::string& out, std::string_view& in);
  void find_ascii();
  void find_shifts();

  [[nodiscard]] static iconv_t none() noexcept { return reinterpret_cast<iconv_t>(-1); }

  iconv_t handle_ = none();
  bool has_ascii_ = false;
  bool shifts_ = false;    // the encoding has shift states
  bool may_hold_ = false;  // iconv was called since finish(), and may hold a character back
};

}  // namespace rondo::detail
