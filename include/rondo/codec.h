// SPDX-License-Identifier: MIT
// rondo: converts bytes to text and text to bytes, in chunks of any size and in any encoding. Text
// is UTF-8.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <rondo/export.h>
#include <rondo/net.h>
#include <rondo/result.h>

namespace rondo {
namespace detail {
class Converter;
struct Scan;
}  // namespace detail

/// What to do with bytes that are invalid, and with characters that an encoding lacks: errors= of
/// Python's codecs.
enum class TextErrors : std::uint8_t {
  strict,   ///< an error, with its position
  replace,  ///< one U+FFFD for each maximal invalid part; encoding writes U+FFFD, or else `?`
  ignore,   ///< left out
  /// `\xff` for each invalid byte; encoding writes `\xe9`, `\u20ac`, `\U0001f600`.
  backslashreplace,
  /// Kept: text that was decoded and is encoded again yields the same bytes. Text of utf-8 and
  /// ascii contains the invalid bytes unchanged. Text of other encodings contains U+DC80 to U+DCFF
  /// for the bytes 80 to FF, in three bytes each, as with Python's surrogateescape; text of utf-16
  /// contains unpaired surrogates in the same form. Encoding still fails for a character that the
  /// encoding lacks.
  lossless,
};

/// An error that `strict` has found, or `lossless` in encoding.
struct TextError {
  std::uint64_t position =
      0;                 ///< where the invalid part begins, in bytes from the start of the stream
  std::size_t size = 0;  ///< the size of the invalid part, in bytes
  std::string_view reason{};  ///< a literal, such as `invalid start byte`

  /// `byte 17: invalid start byte`.
  [[nodiscard]] RONDO_EXPORT std::string message() const;
  friend bool operator==(const TextError&, const TextError&) = default;
};

/// What a Decoder returns: text, and perhaps an error behind it.
struct Decoded {
  std::string_view text{};  ///< valid until the next call, and as long as the chunk: it may be that
  std::optional<TextError> error{};  ///< what followed directly after `text`
};

/// What an Encoder returns: bytes, and perhaps an error behind them.
struct Encoded {
  Bytes bytes{};  ///< valid until the next call, and as long as the text: it may be that
  std::optional<TextError>
      error{};  ///< directly after what `bytes` encodes; a position in the text
};

/// The encodings that rondo converts itself, and `other` for those of iconv.
enum class EncodingKind : std::uint8_t {
  utf8,      ///< the encoding of all text here; only checked
  utf8_sig,  ///< after a BOM, which is removed when decoding and written when encoding
  ascii,     ///< bytes up to 7F
  latin1,    ///< ISO 8859-1: each byte is the character of that number
  utf16,     ///< by its BOM, little-endian without one; written little-endian with one
  utf16_le,  ///< little-endian, a BOM is text
  utf16_be,  ///< big-endian, a BOM is text
  other,     ///< converted by iconv
};

/// An encoding by its name: `utf-8`, `UTF8`, `latin-1`, `iso8859_15`, `cp1252`, `shift_jis`, ...
/// Case, `-`, `_` and blanks do not matter. Nothing depends on the locale. `shift_jis` is cp932, as
/// on the web and on Windows.
class RONDO_EXPORT Encoding {
 public:
  /// utf-8.
  Encoding() = default;
  /// Error: invalid_argument, with the name in the message, for a name that neither rondo nor the
  /// system's iconv knows, and for utf-7, which is refused.
  [[nodiscard]] static Result<Encoding> find(std::string_view name);

  /// How it is converted; `other` if iconv does it.
  [[nodiscard]] EncodingKind kind() const noexcept { return kind_; }
  /// One of rondo's own in lower case, as `utf-8`; another in iconv's spelling.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  Encoding(EncodingKind kind, std::string name) : name_(std::move(name)), kind_(kind) {}

  std::string name_ = "utf-8";
  EncodingKind kind_ = EncodingKind::utf8;
};

/// Converts bytes in chunks of any size to text, with the results of Python 3. Valid text of utf-8
/// and ascii is not copied: the chunk is returned. Keeps up to 32 bytes of an incomplete character,
/// and the text of one chunk.
class RONDO_EXPORT Decoder {
 public:
  /// utf-8.
  explicit Decoder(TextErrors errors = TextErrors::strict) noexcept;
  /// Errors: invalid_argument as Encoding::find, and those of iconv_open(3).
  [[nodiscard]] static Result<Decoder> make(std::string_view encoding,
                                            TextErrors errors = TextErrors::strict);
  /// The same for an encoding that was found before. Errors: those of iconv_open(3).
  [[nodiscard]] static Result<Decoder> make(const Encoding& encoding,
                                            TextErrors errors = TextErrors::strict);
  Decoder(Decoder&& other) noexcept;
  Decoder& operator=(Decoder&& other) noexcept;
  ~Decoder();

  /// All whole characters so far. After an error of `strict` every call returns that error and no
  /// text, until reset().
  [[nodiscard]] Decoded decode(Bytes chunk);
  /// The same for bytes that are at hand as a string.
  [[nodiscard]] Decoded decode(std::string_view chunk);
  /// The input has ended: an incomplete character is invalid. Call reset() before decoding again.
  [[nodiscard]] Decoded finish();
  /// Begins another stream.
  void reset() noexcept;
  /// Gives memory back that only the last result needed, which is not valid any more.
  void release_memory() noexcept;
  /// Bytes of a character whose rest has not come yet.
  [[nodiscard]] std::size_t incomplete() const noexcept { return pending_size_; }

 private:
  static constexpr std::size_t pending_max = 32;

  Decoder(EncodingKind kind, TextErrors errors, std::unique_ptr<detail::Converter> converter);
  [[nodiscard]] Decoded run(std::string_view chunk, bool last);
  [[nodiscard]] std::size_t join_pending(std::string_view chunk, bool last);
  [[nodiscard]] std::size_t consume(std::string_view bytes, bool last);
  [[nodiscard]] detail::Scan step(std::string_view bytes, bool last);
  [[nodiscard]] std::optional<std::size_t> read_mark(std::string_view bytes, bool last) noexcept;
  [[nodiscard]] std::size_t lendable(std::string_view chunk) const noexcept;
  void keep_pending(std::string_view rest) noexcept;
  [[nodiscard]] std::size_t handle(std::string_view bad, std::string_view reason);
  [[nodiscard]] std::size_t keep_bad(std::string_view bad);

  std::unique_ptr<detail::Converter> converter_;
  std::string text_;
  std::optional<TextError> error_;
  std::uint64_t position_ = 0;  // the next byte in the stream
  std::array<char, pending_max> pending_{};
  std::uint8_t pending_size_ = 0;
  EncodingKind kind_;
  TextErrors errors_;
  bool at_start_ = true;  // a BOM may follow
  bool is_big_ = false;   // utf-16
};

/// Converts text in pieces of any size to bytes. `errors` also applies to text that is not UTF-8.
class RONDO_EXPORT Encoder {
 public:
  /// utf-8.
  explicit Encoder(TextErrors errors = TextErrors::strict) noexcept;
  /// Errors: as Decoder::make.
  [[nodiscard]] static Result<Encoder> make(std::string_view encoding,
                                            TextErrors errors = TextErrors::strict);
  /// The same for an encoding that was found before. Errors: those of iconv_open(3).
  [[nodiscard]] static Result<Encoder> make(const Encoding& encoding,
                                            TextErrors errors = TextErrors::strict);
  Encoder(Encoder&& other) noexcept;
  Encoder& operator=(Encoder&& other) noexcept;
  ~Encoder();

  /// The bytes of all whole characters so far, after a BOM if the encoding has one and this is the
  /// first call. After an error every call returns that error and no bytes, until reset().
  [[nodiscard]] Encoded encode(std::string_view text);
  /// The text has ended: an incomplete character is invalid; the encoder returns to the first shift
  /// state.
  [[nodiscard]] Encoded finish();
  /// Begins another stream.
  void reset() noexcept;
  /// Gives memory back that only the last result needed, which is not valid any more.
  void release_memory() noexcept;

 private:
  static constexpr std::size_t pending_max = 8;

  Encoder(EncodingKind kind, TextErrors errors, std::unique_ptr<detail::Converter> converter);
  [[nodiscard]] Encoded run(std::string_view text, bool last);
  [[nodiscard]] std::size_t join_pending(std::string_view text, bool last);
  [[nodiscard]] std::size_t consume(std::string_view text, bool last);
  [[nodiscard]] std::size_t lendable(std::string_view text) const noexcept;
  void keep_pending(std::string_view rest) noexcept;
  void encode_good(std::string_view text);
  [[nodiscard]] std::size_t put(std::string_view text);
  void handle_bad(std::string_view bad, std::string_view reason);
  void handle_missing(std::string_view character);
  void put_character(char32_t code);
  void put_escape(char letter, char32_t code, unsigned digits);
  void put_mark();

  std::unique_ptr<detail::Converter> converter_;
  std::string bytes_;
  std::optional<TextError> error_;
  std::uint64_t position_ = 0;
  std::array<char, pending_max> pending_{};
  std::uint8_t pending_size_ = 0;
  EncodingKind kind_;
  TextErrors errors_;
  bool at_start_ = true;
};

}  // namespace rondo
