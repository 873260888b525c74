// SPDX-License-Identifier: MIT
#include <rondo/exit_status.h>

#include <cstring>

namespace rondo {

std::string ExitStatus::message() const {
  if (error) return "exit status unknown: " + error.message();
  if (signal == 0) return "exit code " + std::to_string(code);
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the texts of signals that exist are constants
  const char* const name = ::strsignal(signal);
  std::string text = "signal " + std::to_string(signal);
  if (name != nullptr) text += " (" + std::string{name} + ")";
  return core_dumped ? text + ", core dumped" : text;
}

}  // namespace rondo
