// Static files below one directory.
#pragma once

#include <string>
#include <string_view>

#include <rondo/file.h>
#include <rondo/result.h>

#include "answer.h"
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
  Files(std::string root, rondo::File directory);
  [[nodiscard]] rondo::File open_linked(const std::string& path) const;

  std::string root_;  // absolute, without links
  rondo::File directory_;
  std::string path_;  // kept for its memory
};

}  // namespace http
