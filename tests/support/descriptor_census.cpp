// SPDX-License-Identifier: MIT
#include "support/descriptor_census.h"

#include <dirent.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace rondo::test {

std::map<int, std::string> open_descriptors() {
  std::string folder = "/proc/self/fd";
  DIR* directory = ::opendir(folder.c_str());
  if (directory == nullptr) {
    folder = "/dev/fd";
    directory = ::opendir(folder.c_str());
  }
  if (directory == nullptr) throw std::runtime_error("no folder lists the open descriptors");

  std::map<int, std::string> found;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    const int fd = std::atoi(name.c_str());
    if (fd == ::dirfd(directory)) continue;
    char target[256];
    const ssize_t size = ::readlink((folder + "/" + name).c_str(), target, sizeof target);
    found.emplace(fd, size < 0 ? "?" : std::string(target, static_cast<std::size_t>(size)));
  }
  ::closedir(directory);
  return found;
}

DescriptorCensus::DescriptorCensus() : before_(open_descriptors()) {}

DescriptorCensus::~DescriptorCensus() {
  const std::map<int, std::string> now = open_descriptors();
  for (const auto& [fd, what] : now) {
    if (!before_.contains(fd)) ADD_FAILURE() << "left open: descriptor " << fd << ", " << what;
  }
  for (const auto& [fd, what] : before_) {
    if (!now.contains(fd)) ADD_FAILURE() << "closed: descriptor " << fd << ", " << what;
  }
}

}  // namespace rondo::test
