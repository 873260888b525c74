// SPDX-License-Identifier: MIT
// rondo: runs a program and collects what it writes.
//
//     auto run = rondo::OutputCollector::start(reactor, {"git", "log"}, [](auto collected) {
//       if (collected.is_success()) use(collected.output);
//     });
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <rondo/exit_status.h>
#include <rondo/export.h>
#include <rondo/function.h>
#include <rondo/process.h>
#include <rondo/result.h>
#include <rondo/time.h>

namespace rondo {

class Reactor;

/// What a program has written, and how it ended.
struct CollectedOutput {
  /// How the collection ended.
  enum class End : std::uint8_t {
    exited,     ///< the program ended by itself
    timed_out,  ///< it was terminated after CollectOptions::timeout
    overflow,   ///< it wrote more than CollectOptions::output_max, and was killed
  };

  ExitStatus status{};    ///< how the program ended
  std::string output{};   ///< its standard output
  std::string error{};    ///< its standard error; see CollectOptions::error
  End end = End::exited;  ///< how the collection ended

  /// The program ended by itself, with exit(0).
  [[nodiscard]] bool is_success() const noexcept {
    return end == End::exited && status.is_success();
  }
};

/// `OutputCollector::start(reactor, {"git", "log"}, done, {.timeout = 5s})`
struct CollectOptions {
  std::string input{};                              ///< what the program reads
  std::size_t output_max = std::size_t{16} << 20U;  ///< for output and error together
  Duration timeout = forever;                       ///< then the program is terminated
  Duration grace = std::chrono::seconds{5};         ///< see Process::terminate()
  ProcessOptions process{};  ///< its input, output and error are replaced by pipes
  /// Where the standard error of the program goes.
  enum class ErrorOutput : std::uint8_t {
    apart,        ///< to CollectedOutput::error
    with_output,  ///< to CollectedOutput::output, in the order in which it was written
    dropped,      ///< to the null device
  };
  ErrorOutput error = ErrorOutput::apart;  ///< what becomes of it
};

/// Runs one program with pipes for its standard descriptors. Output and error are read, and input
/// is written, at the same time, so that no pipe fills up. `done` is called once, when the program
/// has ended, also if processes that it has left behind still hold its pipes: what they write is
/// not collected. Destroying it kills the program, and calls nothing; `done` may do that. Destroy
/// it before the reactor. Use it on the reactor's thread only.
class RONDO_EXPORT OutputCollector {
 public:
  /// Gets the result. An exception leaves through Reactor::run().
  using Done = Function<void(CollectedOutput)>;

  /// Errors: those of Process::start().
  [[nodiscard]] static Result<OutputCollector> start(Reactor& reactor,
                                                     std::vector<std::string> arguments, Done done,
                                                     CollectOptions options = {});
  OutputCollector(OutputCollector&& other) noexcept;
  OutputCollector& operator=(OutputCollector&& other) noexcept;
  ~OutputCollector();

 private:
  class Impl;
  explicit OutputCollector(std::unique_ptr<Impl> impl) noexcept;

  std::unique_ptr<Impl> impl_;
};

}  // namespace rondo
