// SPDX-License-Identifier: MIT
// All events so far, as a hash and, on request, as lines. No number in it depends on the machine on
// which the program runs.
#pragma once

#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include <rondo/function.h>
#include <rondo/time.h>

#include "address.h"

namespace rondo::sim {

/// `3600.000000001`.
[[nodiscard]] std::string seconds_text(TimePoint time);

/// The value of an environment variable, or null.
[[nodiscard]] const char* environment(const char* variable) noexcept;

class Trace {
 public:
  using Numbers = std::initializer_list<std::uint64_t>;

  void note(TimePoint time, std::string_view who, std::string_view what, Numbers numbers,
            const Route* route = nullptr);
  /// An event between two hosts.
  void note(TimePoint time, std::string_view who, std::string_view what, std::string_view whom);
  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
  void read_by(Function<void(std::string_view)> reader) { reader_ = std::move(reader); }
  /// Also writes the trace to a file, line by line, so that it is complete if the program aborts.
  enum class Mode : bool { replace, append };
  std::error_code write_to(const char* path, Mode mode);
  /// Writes and reports no further lines.
  void end() noexcept {
    reader_ = {};
    file_.reset();
  }

 private:
  void mix(std::uint64_t value) noexcept;
  void mix(std::string_view text) noexcept;
  void write(TimePoint time, std::string_view who, std::string_view what, Numbers numbers,
             const Route* route);

  struct CloseFile {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };

  std::uint64_t hash_ = 0xcbf29ce484222325U;
  Function<void(std::string_view)> reader_;
  std::unique_ptr<std::FILE, CloseFile> file_;
};

}  // namespace rondo::sim
