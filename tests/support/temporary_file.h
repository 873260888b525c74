// SPDX-License-Identifier: MIT
// A file of the test's own, gone with it.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace rondo::test {

class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view text = {}) {
    const char* folder = ::getenv("TMPDIR");
    path_ = std::string{folder != nullptr ? folder : "/tmp"} + "/rondo-XXXXXX";
    const int fd = ::mkstemp(path_.data());
    if (fd < 0) throw std::runtime_error{path_};
    ::close(fd);
    write(text);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { ::unlink(path_.c_str()); }

  void write(std::string_view text) const {
    std::ofstream{path_, std::ios::binary | std::ios::trunc} << text;
  }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

}  // namespace rondo::test
