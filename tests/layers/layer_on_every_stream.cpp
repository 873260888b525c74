// SPDX-License-Identifier: MIT
// The tests of streams, where each stream has a layer.
#include "stream/stream_impl.h"
#include "support/transparent_layer.h"

namespace rondo::test {
namespace {

TransparentLayers layers;

[[maybe_unused]] const bool are_set = [] {
  detail::layers_of_all_streams = &layers;
  return true;
}();

}  // namespace
}  // namespace rondo::test
