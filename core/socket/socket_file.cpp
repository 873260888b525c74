// A file is identified by device and inode, so that another file of the same name is not removed.
#include "socket_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <system_error>
#include <utility>

#include <rondo/socket.h>

namespace rondo::detail {
namespace {

/// The path of the endpoint; empty if it has no file.
std::string path_of(const Endpoint& endpoint) {
  if (endpoint.family() != AddressFamily::unix_domain) return {};
  std::string path = endpoint.host();
  return path.empty() || path.front() == '@' ? std::string{} : path;
}

}  // namespace

SocketFile::SocketFile(const Net& net, const Endpoint& local)
    : path_(net.binds_files() ? path_of(local) : std::string{}) {}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::move(other.path_)),
      state_(other.state_),
      owned_(std::exchange(other.owned_, false)) {}

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(state_, other.state_);
  std::swap(owned_, other.owned_);
  return *this;
}

void SocketFile::own() noexcept { owned_ = !path_.empty() && ::stat(path_.c_str(), &state_) == 0; }

SocketFile::~SocketFile() {
  struct stat now{};
  if (!owned_ || ::stat(path_.c_str(), &now) != 0) return;
  if (now.st_dev != state_.st_dev || now.st_ino != state_.st_ino) return;
  (void)::unlink(path_.c_str());  // if this fails, the next server removes it
}

bool removed_stale_file(Net& net, const Endpoint& where) {
  const std::string path = path_of(where);
  struct stat state{};
  if (path.empty() || ::lstat(path.c_str(), &state) != 0 || !S_ISSOCK(state.st_mode)) return false;
  const auto probe = Socket::connect(net, where);
  if (probe || probe.error() != std::errc::connection_refused) return false;
  return ::unlink(path.c_str()) == 0;
}

}  // namespace rondo::detail
