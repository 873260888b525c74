// SPDX-License-Identifier: MIT
// The access log: one line for each answer, in the form that most tools read.
//
//   127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] "GET /hello HTTP/1.1" 200 6
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include <rondo/before_wait.h>
#include <rondo/file.h>
#include <rondo/reactor.h>
#include <rondo/result.h>

namespace http {

/// Lines are gathered in a turn of the reactor, and written before it sleeps.
class Log {
 public:
  /// Appends to the file; `-` is the standard output.
  [[nodiscard]] static rondo::Result<rondo::File> open(const std::string& path);

  Log(rondo::Reactor& reactor, rondo::File file);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log() { flush(); }

  /// `line` is empty if the request was too bad to have one.
  void add(std::string_view peer, std::string_view line, int status, std::uint64_t size);

 private:
  void flush();

  rondo::File file_;
  std::string text_;
  std::string time_;
  std::time_t time_of_ = 0;
  rondo::BeforeWait before_wait_;
};

}  // namespace http
