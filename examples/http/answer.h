// SPDX-License-Identifier: MIT
// The answer to one request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <rondo/file.h>
#include <rondo/reactor.h>
#include <rondo/stream.h>

#include "log.h"
#include "request.h"
#include "text.h"

namespace http {

struct Counters {
  std::uint64_t requests = 0;
  std::uint64_t failed = 0;  // answers with a status of 400 or more
  std::uint64_t bytes = 0;   // that were answered, with the heads
};

/// Answers are made one after the other, in memory that all share: none allocates.
class Press {
 public:
  Press(rondo::Reactor& reactor, Log* access_log) : log(access_log), reactor_(reactor) {}

  /// The status line and the field Date, made once a second as long as the status is the same.
  [[nodiscard]] std::string_view beginning(int status);
  /// When this turn of the reactor has begun.
  [[nodiscard]] rondo::TimePoint now() const { return reactor_.now(); }

  Counters counters;
  Log* const log;  // null: none
  Text head;
  Text fields;

 private:
  rondo::Reactor& reactor_;
  rondo::TimePoint date_ends_;
  std::string date_;
  int status_ = 0;
  std::string beginning_;  // for that status
};

/// A content that is sent often: what can be prepared of its answers is.
struct Prepared {
  Prepared(std::string_view type, std::string_view its_body);

  std::string end_of_head;  // from Content-Type to the empty line
  std::string body;
};

/// What a handler answers with: some calls of add(), then one of the calls that send.
class Answer {
 public:
  Answer(Press& press, rondo::Stream& client, const Request& request, std::string_view peer,
         bool keeps_alive)
      : press_(press), client_(client), request_(request), peer_(peer), keeps_alive_(keeps_alive) {
    press_.fields.clear();
  }

  /// One more field. Both texts are trusted to be fit for a field.
  void add(std::string_view name, std::string_view value);
  /// More fields, each with its end of line.
  void add_fields(std::string_view fields) { press_.fields.add(fields); }

  void send(int status, std::string_view type, std::string_view body);
  void send(int status, const Prepared& content);
  /// A short text that says what the status means.
  void send_status(int status);
  /// An answer without a body, and without the fields of one: 204 and 304.
  void send_nothing(int status);
  void send_file(int status, std::string_view type, rondo::File file, std::uint64_t offset,
                 std::uint64_t size);
  /// An answer without an end: its parts are written to client() later, framed as write_part()
  /// does. It is the last one of its connection.
  void begin_stream(std::string_view type);

  /// When this turn of the reactor has begun.
  [[nodiscard]] rondo::TimePoint now() const { return press_.now(); }
  [[nodiscard]] rondo::Stream& client() const noexcept { return client_; }
  [[nodiscard]] bool is_chunked() const noexcept { return request_.minor_version > 0; }
  /// Whether the connection is not to be closed afterwards.
  [[nodiscard]] bool keeps_alive() const noexcept { return keeps_alive_; }
  [[nodiscard]] bool is_stream() const noexcept { return is_stream_; }
  /// Whether more answers would have to be queued: go on in on_writable.
  [[nodiscard]] bool is_above_high_water() const noexcept {
    return written_ == rondo::WriteStatus::above_high_water;
  }

 private:
  [[nodiscard]] std::string_view connection() const noexcept;
  void add_content(std::string_view type, std::uint64_t size);
  void send_head(int status, std::string_view end, std::string_view body);
  [[nodiscard]] bool is_without_body() const noexcept { return request_.method == Method::head; }

  Press& press_;
  rondo::Stream& client_;
  const Request& request_;
  std::string_view peer_;
  bool keeps_alive_;
  bool is_stream_ = false;
  std::uint64_t body_size_ = 0;
  rondo::WriteStatus written_ = rondo::WriteStatus::accepted;
};

/// Writes a part of an answer that begin_stream() has begun: as a chunk, unless the client speaks
/// HTTP/1.0. An empty one ends the answer.
void write_part(rondo::Stream& client, std::string_view part, bool is_chunked);

}  // namespace http
