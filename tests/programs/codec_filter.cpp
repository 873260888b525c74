// SPDX-License-Identifier: MIT
// A codec as a filter, for tests that compare it with another codec. Each line of the input is
//   decode|encode ENCODING ERRORS CHUNK...      chunks in hexadecimal, `-` for an empty one
// and each line of the output is their joint result in hexadecimal, followed by the position, size
// and reason of an error, if there is one.
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>

#include <rondo/codec.h>

namespace {

using rondo::TextErrors;

std::string from_hex(const std::string& hex) {
  std::string out;
  if (hex == "-") return out;
  for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
    out.push_back(static_cast<char>(std::stoi(hex.substr(at, 2), nullptr, 16)));
  }
  return out;
}

std::string to_hex(const std::string& text) {
  std::string out;
  for (const char c : text) {
    out.push_back("0123456789abcdef"[static_cast<unsigned char>(c) >> 4U]);
    out.push_back("0123456789abcdef"[static_cast<unsigned char>(c) & 0xFU]);
  }
  return out.empty() ? "-" : out;
}

TextErrors errors_of(const std::string& name) {
  if (name == "replace") return TextErrors::replace;
  if (name == "ignore") return TextErrors::ignore;
  if (name == "backslashreplace") return TextErrors::backslashreplace;
  if (name == "lossless") return TextErrors::lossless;
  return TextErrors::strict;
}

struct Outcome {
  std::string out;
  std::optional<rondo::TextError> error;

  void add(const rondo::Decoded& decoded) {
    out.append(decoded.text);
    error = decoded.error;
  }
  void add(const rondo::Encoded& encoded) {
    out.append(reinterpret_cast<const char*>(encoded.bytes.data()), encoded.bytes.size());
    error = encoded.error;
  }
};

template <typename Codec, typename Feed>
void run(Codec made, std::istream& words, Feed feed) {
  if (!made) {
    std::cout << "unknown " << made.error().message() << '\n';
    return;
  }
  Outcome outcome;
  for (std::string word; words >> word;) {
    const std::string chunk = from_hex(word);
    outcome.add(feed(*made, chunk));
  }
  outcome.add(made->finish());
  std::cout << to_hex(outcome.out);
  if (outcome.error) {
    const auto& [position, size, reason] = *outcome.error;
    std::cout << ' ' << position << ' ' << size << ' ' << reason;
  }
  std::cout << '\n';
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words{line};
    std::string verb;
    std::string encoding;
    std::string errors;
    words >> verb >> encoding >> errors;
    if (verb == "decode") {
      run(rondo::Decoder::make(encoding, errors_of(errors)), words,
          [](rondo::Decoder& decoder, const std::string& chunk) { return decoder.decode(chunk); });
    } else {
      run(rondo::Encoder::make(encoding, errors_of(errors)), words,
          [](rondo::Encoder& encoder, const std::string& chunk) { return encoder.encode(chunk); });
    }
  }
  return 0;
}
