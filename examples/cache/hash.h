// SPDX-License-Identifier: MIT
// cache: SipHash-1-2, the hash of Redis' tables. Its key is drawn when the program starts, so that
// no client can send keys that all fall into one bucket.
// https://www.aumasson.jp/siphash/siphash.pdf
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <random>
#include <string_view>

namespace cache {

class Hash {
 public:
  Hash() : Hash(drawn(), drawn()) {}
  Hash(std::uint64_t key0, std::uint64_t key1) noexcept
      : begin_{key0 ^ 0x736f6d6570736575U, key1 ^ 0x646f72616e646f6dU, key0 ^ 0x6c7967656e657261U,
               key1 ^ 0x7465646279746573U} {}

  std::uint64_t operator()(std::string_view text) const noexcept {
    State state = begin_;
    const std::uint64_t size = text.size();
    for (; text.size() >= 8; text.remove_prefix(8)) state.absorb(word(text.data(), 8));
    state.absorb(size << 56U | word(text.data(), text.size()));
    state.v2 ^= 0xff;
    state.round();
    state.round();
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
  }

 private:
  struct State {
    std::uint64_t v0, v1, v2, v3;

    void round() noexcept {
      v0 += v1;
      v2 += v3;
      v1 = std::rotl(v1, 13) ^ v0;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 = std::rotl(v0, 32) + v3;
      v2 += v1;
      v3 = std::rotl(v3, 21) ^ v0;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
    void absorb(std::uint64_t word) noexcept {
      v3 ^= word;
      round();
      v0 ^= word;
    }
  };

  /// In the order of bytes of this machine: the hash never leaves it.
  static std::uint64_t word(const char* from, std::size_t size) noexcept {
    std::uint64_t bytes = 0;
    if (size == 8) {
      std::memcpy(&bytes, from, 8);
    } else {
      for (std::size_t i = 0; i < size; ++i)
        bytes |= std::uint64_t{static_cast<unsigned char>(from[i])} << 8 * i;
    }
    return bytes;
  }
  static std::uint64_t drawn() {
    std::random_device device;
    return std::uint64_t{device()} << 32U | device();
  }

  State begin_;
};

}  // namespace cache
