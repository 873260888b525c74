// SPDX-License-Identifier: MIT
// The requests of examples/cache in any cuts, against a model that reads the whole text at once.
// And the words of a line, written in quotes again.
#include "cache/request.h"

#include <optional>
#include <string>
#include <vector>

#include "fuzz/target.h"

namespace rondo::fuzz {
namespace {

using Words = std::vector<std::string>;

struct Outcome {
  std::vector<Words> requests;
  std::string error;  // after which nothing is read

  [[nodiscard]] std::string text() const {
    std::string out;
    for (const Words& words : requests) {
      for (const std::string& word : words) out.append(word).append("|");
      out += '\n';
    }
    return out + error;
  }
};

/// As the cache's client does it, but with each piece in memory of its own.
class Reading {
 public:
  void feed(std::string_view chunk) {
    if (!outcome_.error.empty()) return;
    std::vector<char> larger{kept_};
    larger.insert(larger.end(), chunk.begin(), chunk.end());
    request_.moved(kept_.data(), larger.data());
    kept_.swap(larger);
    read();
  }
  [[nodiscard]] const Outcome& outcome() const noexcept { return outcome_; }

 private:
  void read() {
    std::string_view input{kept_.data(), kept_.size()};
    while (!input.empty()) {
      const cache::Progress progress = request_.parse(input);
      if (progress == cache::Progress::malformed) outcome_.error = request_.error();
      if (progress != cache::Progress::complete) break;
      require(request_.size() > 0 && request_.size() <= input.size(), "it ends in its input");
      if (!request_.args().empty())
        outcome_.requests.emplace_back(request_.args().begin(), request_.args().end());
      input.remove_prefix(request_.size());
      request_.clear();
    }
    std::vector<char> rest{input.begin(), input.end()};
    request_.moved(input.data(), rest.data());
    kept_.swap(rest);
  }

  std::vector<char> kept_;
  cache::Request request_;
  Outcome outcome_;
};

/// Reads arrays; lines are read by a Request of their own, which gets each whole.
class Model {
 public:
  explicit Model(std::string_view text) : rest_(text) {
    while (!rest_.empty() && outcome.error.empty())
      if (!(rest_.front() == '*' ? array() : line())) break;
  }

  Outcome outcome;

 private:
  /// Up to the end of the line, without the first character. Nothing: it has not come.
  std::optional<std::string> header() {
    const std::string text{rest_.substr(0, rest_.find('\0'))};
    const std::size_t end = text.find('\r');
    if (end == text.npos || end + 1 >= rest_.size()) return std::nullopt;
    rest_.remove_prefix(end + 2);
    return end == 0 ? std::string{} : text.substr(1, end - 1);
  }
  /// A number that is written as it would be printed.
  static std::optional<long long> number(const std::string& text) {
    errno = 0;
    const long long value = std::strtoll(text.c_str(), nullptr, 10);
    if (errno != 0 || std::to_string(value) != text) return std::nullopt;
    return value;
  }
  bool fail(std::string_view why) {
    outcome.error.assign("Protocol error: ").append(why);
    return false;
  }
  bool array() {
    const auto size = header();
    if (!size) return false;
    const auto count = number(*size);
    if (!count || *count > INT32_MAX) return fail("invalid multibulk length");
    Words words;
    for (long long i = 0; i < *count; ++i)
      if (!word(words)) return false;
    if (!words.empty()) outcome.requests.push_back(words);
    return true;
  }
  bool word(Words& words) {
    const char first = rest_.empty() ? '\0' : rest_.front();
    const auto size = header();
    if (!size) return false;
    if (first != '$')
      return fail(std::string{"expected '$', got '"} +
                  (first == '\r' || first == '\n' ? ' ' : first) + "'");
    const auto count = number(*size);
    if (!count || *count < 0 || *count > cache::Request::bulk_size_max)
      return fail("invalid bulk length");
    const auto bytes = static_cast<std::size_t>(*count);
    if (rest_.size() < bytes + 2) return false;
    words.emplace_back(rest_.substr(0, bytes));
    rest_.remove_prefix(bytes + 2);
    return true;
  }
  bool line() {
    const std::string text{rest_.substr(0, rest_.find('\0'))};
    const std::size_t end = text.find('\n');
    if (end == text.npos) return false;
    cache::Request request;
    const std::string whole = text.substr(0, end + 1);
    rest_.remove_prefix(whole.size());
    if (request.parse(whole) == cache::Progress::malformed)
      return fail("unbalanced quotes in request");
    const Words words{request.args().begin(), request.args().end()};
    if (words.empty()) return true;
    outcome.requests.push_back(words);
    write_again(words);
    return true;
  }
  static void write_again(const Words& words) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const std::string& word : words) {
      text += " \"";
      for (const char c : word) {
        const auto byte = static_cast<unsigned char>(c);
        text.append("\\x") += digits[byte >> 4U];
        text += digits[byte & 15U];
      }
      text += '"';
    }
    text += '\n';
    if (text.size() > cache::Request::line_size_max) return;
    cache::Request request;
    require(request.parse(text) == cache::Progress::complete, "the words can be written again");
    require(Words(request.args().begin(), request.args().end()) == words, "and are the same");
  }

  std::string_view rest_;
};

}  // namespace

void requests(Input& input) {
  Cuts cuts{input};
  const std::string_view text = input.rest();
  Reading reading;
  cuts.each(text, [&](std::string_view chunk) { reading.feed(chunk); });
  require_same(reading.outcome().text(), Model{text}.outcome.text(), "the requests of the model");
}

const Target target{"requests", requests};

}  // namespace rondo::fuzz
