// SPDX-License-Identifier: MIT
// rondo: several registrations of one descriptor, for libraries that ask for them one by one.
#pragma once

#include <memory>

#include <rondo/export.h>
#include <rondo/function.h>
#include <rondo/ready.h>
#include <rondo/result.h>

namespace rondo {

class Reactor;

/// One registration of a descriptor beside others, each with an interest and a callback of its own,
/// as asyncio's add_reader and add_writer: for libraries that ask for reading and for writing
/// separately, or for the same descriptor more than once. Those that await the same direction of a
/// descriptor are called in the order in which they were made. Just before each call it is checked
/// whether the registration still exists and is interested, so a callback may cancel or destroy any
/// of them, including its own. A descriptor has either SharedWatches or a Watch. Destroy it before
/// the descriptor is closed and before the reactor, and use it on the reactor's thread only.
///
///     auto reading = rondo::SharedWatch::make(reactor, fd, rondo::Ready::read,
///                                             [&](rondo::Ready) { library.read(); });
class RONDO_EXPORT SharedWatch {
 public:
  /// Gets the part of the interest that is ready; a hint, as for Handler::on_ready().
  using Callback = Function<void(Ready ready)>;

  /// An empty one, which may only be assigned to, cancelled, destroyed, or asked for fd().
  SharedWatch() noexcept;
  /// Calls `callback` whenever `fd` may be ready for a part of `interest`. Errors: those of
  /// Reactor::watch; file_exists means that a Watch has the descriptor.
  [[nodiscard]] static Result<SharedWatch> make(Reactor& reactor, int fd, Ready interest,
                                                Callback callback);
  SharedWatch(SharedWatch&& other) noexcept;
  SharedWatch& operator=(SharedWatch&& other) noexcept;
  ~SharedWatch();

  /// Changes the awaited readiness from now on; Ready::none pauses.
  void set(Ready interest) noexcept;
  /// What set() has asked for last.
  [[nodiscard]] Ready interest() const noexcept;

  /// Ends the registration now; it is empty afterwards.
  void cancel() noexcept;

  /// A watch that is not referenced does not keep Reactor::run from returning. New ones are.
  void ref() noexcept;
  /// Undoes ref(): run() may return while the watch exists.
  void unref() noexcept;

  /// The watched descriptor, or -1 if empty.
  [[nodiscard]] int fd() const noexcept;
  /// Whether it is registered: false if it is empty.
  explicit operator bool() const noexcept { return entry_ != nullptr; }

 private:
  class Descriptor;
  class Table;
  struct Entry;
  explicit SharedWatch(std::unique_ptr<Entry> entry) noexcept;

  std::unique_ptr<Entry> entry_;
};

}  // namespace rondo
