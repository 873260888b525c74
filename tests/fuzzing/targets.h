// All fuzz targets, each in a file of its own name.
#pragma once

#include <string_view>

#include "fuzzing/fuzz.h"

namespace rondo::fuzz {

void decoders(Input& input);
void delimiters(Input& input);
void encoders(Input& input);
void endpoint(Input& input);
void host_names(Input& input);
void lengths(Input& input);
void lines(Input& input);
void output_queue(Input& input);
void timers(Input& input);
void utf8(Input& input);
void watches(Input& input);

struct Target {
  std::string_view name;
  void (*run)(Input& input);
};

constexpr Target targets[] = {
    {"decoders", decoders}, {"delimiters", delimiters},     {"encoders", encoders},
    {"endpoint", endpoint}, {"host_names", host_names},     {"lengths", lengths},
    {"lines", lines},       {"output_queue", output_queue}, {"timers", timers},
    {"utf8", utf8},         {"watches", watches},
};

/// Runs one on the bytes of one input.
inline void run(const Target& target, std::string_view bytes) {
  given = bytes;
  Input input{bytes};
  target.run(input);
}

}  // namespace rondo::fuzz
