// What a filter of kqueue(2) would say of a descriptor, found out with poll(2) and its kin.
#pragma once

#include <cstdint>
#include <ctime>

namespace rondo::test {

struct Look {
  bool ready = false;
  bool end = false;       // EV_EOF
  std::int64_t data = 0;  // bytes to read, or room to write
};

/// `polled` is what poll() just said of `fd` when asked for poll_all.
Look look(int fd, short filter, short polled) noexcept;

/// The errno with which kqueue would refuse to watch `fd` at all; 0: it would not.
int refusal(int fd, short filter) noexcept;

/// Whether `fd` is the end of a pipe whose other end is closed.
bool is_widowed(int fd) noexcept;

extern const short poll_all;

}  // namespace rondo::test
