// SPDX-License-Identifier: MIT
// A file is identified by device and inode, so that another file of the same name is not removed.
//
// Whether a socket uses a file is asked by a socket of another type: connecting it fails with
// EPROTOTYPE if a stream or seqpacket socket is bound to the file, even one that does not listen
// yet, and with ECONNREFUSED if none is. So the program at the other end notices nothing, and a
// server that is just starting is not taken for one that has ended.
//
// Between this question and the removal, another process could replace the file. So rondo's
// processes lock the directory (flock) while they bind: of several that start at the same time over
// a stale file, one wins. The lock leaves nothing behind, and needs no permission but to read.
#include "socket_file.h"

#include <fcntl.h>
// tidy: allow arrows: flock(2) is not of POSIX, but of every system that rondo knows
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <system_error>
#include <thread>
#include <utility>

namespace rondo::detail {
namespace {

// A holder needs some microseconds. A program that holds the lock for long, as a script that runs
// under flock(1) does, must not keep a server from starting.
constexpr int lock_tries = 20;
constexpr std::chrono::milliseconds lock_pause{1};

/// The path of the endpoint; empty if it has no file.
std::string path_of(const Endpoint& endpoint) {
  if (endpoint.family() != AddressFamily::unix_domain) return {};
  std::string path = endpoint.host();
  return path.empty() || path.front() == '@' ? std::string{} : path;
}

/// Relative if the current directory has no path.
std::string absolute(std::string path) {
  std::array<char, PATH_MAX> directory{};
  if (path.empty() || path.front() == '/') return path;
  if (::getcwd(directory.data(), directory.size()) == nullptr) return path;
  return directory.data() + ('/' + std::move(path));
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == path.npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool is_same_file(const struct stat& one, const struct stat& other) noexcept {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

Error because(Error error, const char* reason) {
  error.context += reason;
  return error;
}

}  // namespace

SocketFile::SocketFile(const Net& net, const Endpoint& local)
    : path_(net.binds_files() ? absolute(path_of(local)) : std::string{}) {}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::move(other.path_)),
      state_(other.state_),
      owner_(std::exchange(other.owner_, pid_t{0})) {}

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(state_, other.state_);
  std::swap(owner_, other.owner_);
  return *this;
}

void SocketFile::own() noexcept {
  if (!path_.empty() && ::lstat(path_.c_str(), &state_) == 0) owner_ = ::getpid();
}

SocketFile::~SocketFile() {
  struct stat now{};
  if (owner_ == 0 || owner_ != ::getpid()) return;
  if (::lstat(path_.c_str(), &now) != 0 || !is_same_file(now, state_)) return;
  (void)::unlink(path_.c_str());  // if this fails, the next server removes it
}

SocketFolderLock::SocketFolderLock(const Net& net, const Endpoint& where) {
  const std::string path = net.binds_files() ? path_of(where) : std::string{};
  if (path.empty()) return;
  fd_ = ::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (int tries = 0; fd_ >= 0 && ::flock(fd_, LOCK_EX | LOCK_NB) != 0; ++tries) {
    if (errno != EWOULDBLOCK || tries == lock_tries) return;
    // tidy: allow sleep: nothing tells when the lock is free, and this is at most 20 ms
    std::this_thread::sleep_for(lock_pause);
  }
}

SocketFolderLock::~SocketFolderLock() {
  if (fd_ < 0) return;
  // A child that another thread has just forked has a copy of the descriptor, so close() would not
  // do. Unlocking fails only if there is no lock.
  (void)::flock(fd_, LOCK_UN);
  (void)::close(fd_);  // nothing was written: there is nothing to lose
}

Result<void> remove_stale_file(Net& net, const Endpoint& where, Error in_use) {
  const std::string path = net.binds_files() ? path_of(where) : std::string{};
  struct stat found{};
  if (path.empty()) return in_use;
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};  // its process has just removed it
    return in_use;
  }
  if (!S_ISSOCK(found.st_mode))
    return because(std::move(in_use), ": a file that is not a socket has this name");
  auto probe = Socket::make(net, AddressFamily::unix_domain, SocketType::datagram);
  if (!probe) return in_use;
  const int result = net.connect(probe->fd(), where);
  if (result == -ENOENT) return {};
  if (result == -EACCES) return because(std::move(in_use), ": its file belongs to another user");
  if (result != -ECONNREFUSED) return in_use;
  struct stat now{};
  if (::lstat(path.c_str(), &now) != 0 || !is_same_file(now, found)) return in_use;
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  in_use.code = last_system_error();
  return because(std::move(in_use), ": remove the file of a socket that has ended");
}

Result<Socket> listen_in_place(Net& net, const Endpoint& local, const SocketOptions& options,
                               std::vector<UnappliedOption>& unapplied) {
  const SocketFolderLock lock{net, local};
  auto listener = Socket::listen(net, local, options, &unapplied);
  if (listener || listener.error() != std::errc::address_in_use) return listener;
  if (local.family() != AddressFamily::unix_domain) return listener;
  auto removed = remove_stale_file(net, local, std::move(listener).error());
  if (!removed) return std::move(removed).error();
  return Socket::listen(net, local, options, &unapplied);
}

}  // namespace rondo::detail
