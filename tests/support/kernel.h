// SPDX-License-Identifier: MIT
// Access to the kernel beside the backend, where a test makes descriptors and acts as the other
// end. As a rule the system's; that of a simulated network for a backend which watches its
// descriptors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <rondo/net.h>
#include <rondo/time.h>

namespace rondo::test {

/// What a case may need beyond what every kernel has.
enum class Need : std::uint8_t {
  files,        ///< open(2): files, devices and terminals have descriptors too
  flags,        ///< a descriptor may block, and be inherited by other programs
  threads,      ///< other threads make socket calls meanwhile
  real_time,    ///< time passes while a test computes
  no_memory,    ///< what is under way allocates nothing
  signals,      ///< a signal runs its handler while a reactor waits
  urgent_data,  ///< TCP has urgent data (MSG_OOB)
  processes,    ///< other programs can be started
};

/// The kernel whose descriptors a backend watches, as far as tests need it.
class KernelAccess {
 public:
  virtual ~KernelAccess() = default;

  [[nodiscard]] virtual Net& net() noexcept = 0;
  /// pipe(2), non-blocking and close-on-exec; dup(2). 0 or more, or the negative errno.
  virtual int pipe(int (&fds)[2]) noexcept = 0;
  virtual int duplicate(int fd) noexcept = 0;
  [[nodiscard]] virtual bool is_nonblocking(int fd) const = 0;
  [[nodiscard]] virtual bool is_close_on_exec(int fd) const = 0;
  /// Those of the process, each with what it refers to as far as it is known.
  [[nodiscard]] virtual std::map<int, std::string> descriptors() = 0;
  /// The index of an interface by which groups of that family can be reached within this host; 0 if
  /// there is none.
  [[nodiscard]] virtual std::uint32_t group_interface(AddressFamily family) = 0;
  /// From now on only `spare` more descriptors can be opened.
  virtual void limit_descriptors(std::size_t spare) = 0;
  virtual void unlimit_descriptors() noexcept = 0;
  /// Raises the limit, if there is one. Returns whether `count` descriptors may be open.
  [[nodiscard]] virtual bool allow_descriptors(std::size_t count) = 0;
  /// Waits until what was sent to `fd` has arrived, as poll(2) reports by `events`. Throws if it
  /// does not arrive.
  virtual void await(int fd, short events) = 0;
  /// Lets this time pass without calling a backend.
  virtual void pass(Duration duration) = 0;
  /// Why a case that needs this has no meaning here; empty if it has one.
  [[nodiscard]] virtual std::string_view lacks(Need need) const noexcept = 0;
};

[[nodiscard]] KernelAccess& system_kernel() noexcept;

/// The kernel of the current case.
[[nodiscard]] KernelAccess& kernel() noexcept;

/// Makes a kernel the one of the case which runs; null: the system's.
class KernelOfTheCase {
 public:
  explicit KernelOfTheCase(std::unique_ptr<KernelAccess> kernel);
  KernelOfTheCase(const KernelOfTheCase&) = delete;
  KernelOfTheCase& operator=(const KernelOfTheCase&) = delete;
  ~KernelOfTheCase();

 private:
  std::unique_ptr<KernelAccess> owned_;
};

}  // namespace rondo::test

/// Skips the case, with the reason, where the kernel lacks that. First in the case.
#define RONDO_NEEDS(what)                                                           \
  if (const auto reason = ::rondo::test::kernel().lacks(::rondo::test::Need::what); \
      !reason.empty())                                                              \
  GTEST_SKIP() << reason
