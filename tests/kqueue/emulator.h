// The test's grip on the emulated kqueue: which system the next one behaves like, what shall fail,
// and what stands in its table.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rondo::test {

/// What differs between the systems, as far as a poller can see it. Common to all: kqueue(2).
enum class Personality : std::uint8_t {
  freebsd,  // EV_ERROR replaces a receipt's flags; a pipe without a reader refuses with EPIPE
  xnu,      // EV_ERROR is added to them; such a pipe is taken, and has EV_EOF; long sleeps: EINVAL
  netbsd,   // write events before read events; such a pipe refuses with EBADF
  openbsd,  // as FreeBSD
  evil,     // any of these at random; batches cut short and shuffled, events of what is not ready,
            // sleeps that end early or with EINTR, EV_EOF shown in the first event alone, data 0
};

/// Queues made from now on behave like `personality`; the evil ones' dice start at `seed`,
/// and at the next number for each further queue.
void emulate(Personality personality, std::uint64_t seed = 0) noexcept;

/// How many filters are registered, in all queues of this process.
std::size_t registered_filters() noexcept;

/// The next EV_ADD of `filter`, or the next kqueue(), fails with `error`.
void fail_next_add(short filter, int error) noexcept;
void fail_next_kqueue(int error) noexcept;

}  // namespace rondo::test
