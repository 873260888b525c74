// SPDX-License-Identifier: MIT
// Static files below one directory.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include <sys/stat.h>

#include <rondo/file.h>
#include <rondo/result.h>

#include "answer.h"
#include "conditions.h"
#include "request.h"

namespace http {

class Files {
 public:
  /// Errors: those of open(2) and realpath(3), as `open PATH: ...`.
  [[nodiscard]] static rondo::Result<Files> make(const std::string& root);

  /// Answers a GET or a HEAD. Names that begin with a dot are not found, and neither is what a
  /// symbolic link has outside of the root.
  void answer(const Request& request, Answer& answer);

 private:
  struct Kept {
    struct stat state{};
    Version version;
    std::string content;
    rondo::TimePoint checked_at;
  };

  Files(std::string root, rondo::File directory);
  [[nodiscard]] rondo::File open_linked(const std::string& path) const;
  [[nodiscard]] const Kept* find_kept(rondo::TimePoint now);
  [[nodiscard]] const Kept* read(int fd, const struct stat& state, rondo::TimePoint now);

  std::string root_;  // absolute, without links
  rondo::File directory_;
  std::string path_;  // that is asked for

  std::unordered_map<std::string, Kept> kept_;  // by path
  std::size_t kept_size_ = 0;
  Kept read_;  // what is not kept
};

}  // namespace http
