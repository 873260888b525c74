// SPDX-License-Identifier: MIT
// The states of a descriptor, what a poller must report for each, and the results of the calls.
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
    std::vector<Fd> others;  // they keep it in its state
  };

  std::string name;  // letters and digits only: it becomes part of test names
  Ready ready;       ///< what must be reported; see also must_report()
  Ready hint;        ///< what may be reported in addition
  Made (*make)();
  void (*verify)(int fd);  ///< expects certain results of read and write

  friend std::ostream& operator<<(std::ostream& out, const DescriptorState& state) {
    return out << state.name;
  }
};

/// What a backend of that name must report: a kqueue does not report a TCP socket that was never
/// connected, while Linux reports a hang-up.
Ready must_report(const std::string& backend, const DescriptorState& state);

/// Every state that can be polled; there are three more that cannot.
const std::vector<DescriptorState>& descriptor_states();

}  // namespace rondo::test
