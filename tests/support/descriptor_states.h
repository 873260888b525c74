// The states a descriptor can be in, what a poller has to say of each, and what the calls say then.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include <rondo/ready.h>

#include "support/descriptors.h"

namespace rondo::test {

struct DescriptorState {
  struct Made {
    Fd fd;
    std::vector<Fd> others;  // what keeps it in its state
  };

  std::string name;  // letters and digits alone: it becomes part of the tests' names
  Ready ready;       ///< what must be told; see also must_tell()
  Ready hint;        ///< what may be told beside it
  Made (*make)();
  void (*verify)(int fd);  ///< expects what read and write say

  friend std::ostream& operator<<(std::ostream& out, const DescriptorState& state) {
    return out << state.name;
  }
};

/// What a backend of that name must tell of it: a kqueue says nothing of a TCP socket that was
/// never connected, where Linux says that it hangs.
Ready must_tell(const std::string& backend, const DescriptorState& state);

/// Every state that can be polled; there are three more that cannot.
const std::vector<DescriptorState>& descriptor_states();

}  // namespace rondo::test
