// SPDX-License-Identifier: MIT
// Controls of the emulated kqueue for tests: which system the next queue behaves like, which call
// fails, and how many filters are registered.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rondo::test {

/// The systems, which differ in what a poller can see. What they share is in kqueue(2).
enum class Personality : std::uint8_t {
  freebsd,  // EV_ERROR replaces a receipt's flags; a pipe without a reader refuses with EPIPE
  xnu,      // EV_ERROR is added to them; such a pipe is taken, and has EV_EOF; long sleeps: EINVAL
  netbsd,   // write events before read events; such a pipe refuses with EBADF
  openbsd,  // like FreeBSD
  evil,     // any of these at random; batches cut short and shuffled, spurious events,
            // sleeps that end early or with EINTR, the EV_EOF of writing shown once, data 0
};

/// Queues that are made from now on behave like `personality`. The random numbers of an evil queue
/// start at `seed`, and each further queue takes the next seed.
void emulate(Personality personality, std::uint64_t seed = 0) noexcept;

/// The number of registered filters in all queues of this process.
std::size_t registered_filters() noexcept;

/// The next EV_ADD of `filter`, or the next kqueue(), fails with `error`.
void fail_next_add(short filter, int error) noexcept;
void fail_next_kqueue(int error) noexcept;

}  // namespace rondo::test
