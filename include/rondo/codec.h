// rondo: bytes to text and text to bytes, in any chunks, for any encoding. Text is UTF-8.
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

/// What to do with bytes that are no text, and with characters that an encoding does not have:
/// errors= of Python's codecs.
enum class TextErrors : std::uint8_t {
  strict,   ///< an error, with its position
  replace,  ///< one U+FFFD for each maximal bad part; encoding writes U+FFFD, or else `?`
  ignore,   ///< leave it out
  /// `\xff` for each bad byte; encoding writes `\xe9`, `\u20ac`, `\U0001f600`.
  backslashreplace,
  /// Keep it: what was decoded and is encoded again is the same, byte for byte. The text of utf-8
  /// and ascii holds the bad bytes as they are. That of the others holds U+DC80 to U+DCFF for the
  /// bytes 80 to FF, in three bytes each, as Python's surrogateescape; utf-16 holds its unpaired
  /// surrogates likewise. Encoding still fails for a character that the encoding does not have.
  lossless,
};

/// What `strict` found, and `lossless` in encoding.
struct TextError {
  std::uint64_t position = 0;  ///< of the bad part: bytes from the start of the stream
  std::size_t size = 0;        ///< of the bad part, in bytes
  std::string_view reason{};   ///< a literal, such as `invalid start byte`

  /// `byte 17: invalid start byte`.
  [[nodiscard]] RONDO_EXPORT std::string message() const;
  friend bool operator==(const TextError&, const TextError&) = default;
};

struct Decoded {
  std::string_view text{};  ///< until the next call, and as long as the chunk: it may be the chunk
  std::optional<TextError> error{};  ///< what came right behind `text`
};

struct Encoded {
  Bytes bytes{};  ///< until the next call, and as long as the text: it may be the text
  std::optional<TextError> error{};  ///< right behind what `bytes` stands for; counted in the text
};

/// The kinds that are told apart: our own, and those that iconv knows.
enum class EncodingKind : std::uint8_t {
  utf8,
  utf8_sig,  ///< a BOM before it: dropped, and written
  ascii,
  latin1,
  utf16,  ///< by its BOM, little-endian without one; written little-endian with one
  utf16_le,
  utf16_be,
  other,
};

/// An encoding by its name: `utf-8`, `UTF8`, `latin-1`, `iso8859_15`, `cp1252`, `shift_jis`, ...
/// Case, `-`, `_` and blanks do not matter. Nothing depends on the locale. `shift_jis` is what the
/// web and Windows call so: cp932.
class RONDO_EXPORT Encoding {
 public:
  /// utf-8.
  Encoding() = default;
  /// Error: invalid_argument, with the name in the message, for one that neither we nor the
  /// system's iconv know, and for utf-7, which is refused.
  [[nodiscard]] static Result<Encoding, Error> find(std::string_view name);

  [[nodiscard]] EncodingKind kind() const noexcept { return kind_; }
  /// Ours in lower case, as `utf-8`; another as iconv knows it.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  Encoding(EncodingKind kind, std::string name) : name_(std::move(name)), kind_(kind) {}

  std::string name_ = "utf-8";
  EncodingKind kind_ = EncodingKind::utf8;
};

/// Bytes in any chunks to text, with the results of Python 3. Text of utf-8 and ascii that is good
/// is not copied but lent. Keeps up to 32 bytes of an unfinished character, and one chunk's text.
class RONDO_EXPORT Decoder {
 public:
  /// utf-8.
  explicit Decoder(TextErrors errors = TextErrors::strict) noexcept;
  /// Errors: invalid_argument as Encoding::find; others as iconv_open(3).
  [[nodiscard]] static Result<Decoder, Error> make(std::string_view encoding,
                                                   TextErrors errors = TextErrors::strict);
  [[nodiscard]] static Result<Decoder, Error> make(const Encoding& encoding,
                                                   TextErrors errors = TextErrors::strict);
  Decoder(Decoder&& other) noexcept;
  Decoder& operator=(Decoder&& other) noexcept;
  ~Decoder();

  /// All whole characters so far. After an error of `strict` every call gives that error and no
  /// text, until reset().
  [[nodiscard]] Decoded decode(Bytes chunk);
  [[nodiscard]] Decoded decode(std::string_view chunk);
  /// The input has ended: a character that is unfinished is a bad part. reset() before decoding
  /// again.
  [[nodiscard]] Decoded finish();
  /// The start of another stream.
  void reset() noexcept;

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
  std::uint64_t position_ = 0;  // of what comes next in the stream
  std::array<char, pending_max> pending_{};
  std::uint8_t pending_size_ = 0;
  EncodingKind kind_;
  TextErrors errors_;
  bool at_start_ = true;  // a BOM may follow
  bool is_big_ = false;   // utf-16
};

/// Text in any pieces to bytes. Text that is not UTF-8 is dealt with as `errors` says, too.
class RONDO_EXPORT Encoder {
 public:
  /// utf-8.
  explicit Encoder(TextErrors errors = TextErrors::strict) noexcept;
  /// Errors: as Decoder::make.
  [[nodiscard]] static Result<Encoder, Error> make(std::string_view encoding,
                                                   TextErrors errors = TextErrors::strict);
  [[nodiscard]] static Result<Encoder, Error> make(const Encoding& encoding,
                                                   TextErrors errors = TextErrors::strict);
  Encoder(Encoder&& other) noexcept;
  Encoder& operator=(Encoder&& other) noexcept;
  ~Encoder();

  /// The bytes of all whole characters so far, behind a BOM if the encoding has one and this is the
  /// first call. After an error every call gives that error and no bytes, until reset().
  [[nodiscard]] Encoded encode(std::string_view text);
  /// The text has ended: an unfinished character is a bad part; a shift state is left.
  [[nodiscard]] Encoded finish();
  /// The start of another stream.
  void reset() noexcept;

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
