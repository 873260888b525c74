// SPDX-License-Identifier: MIT
// The files of Unix sockets, which outlive their listeners unless they are removed.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/net.h>
#include <rondo/options.h>
#include <rondo/result.h>
#include <rondo/socket.h>

namespace rondo::detail {

/// The file that bind() makes for a Unix socket. It is made before bind(), since it allocates.
/// After bind() call own(); the destructor then removes the file, unless another file has taken its
/// place, or this process is a child of the one that called own().
class SocketFile {
 public:
  SocketFile() = default;
  /// The file of `local`, if that is a path and `net` makes files; otherwise nothing.
  SocketFile(const Net& net, const Endpoint& local);
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&& other) noexcept;
  ~SocketFile();

  void own() noexcept;
  /// The destructor does not remove the file any more.
  void leave() noexcept { owner_ = 0; }

 private:
  std::string path_;  // absolute, since the program may change its directory
  struct stat state_{};
  pid_t owner_ = 0;  // the process that removes the file; 0: none does
};

/// While one process holds it, no other one makes or replaces a socket file in the same directory.
/// If another program holds it for long, or the directory cannot be read, it is not held.
class SocketFolderLock {
 public:
  /// For the directory of `where`, if that is a path and `net` makes files.
  SocketFolderLock(const Net& net, const Endpoint& where);
  SocketFolderLock(const SocketFolderLock&) = delete;
  SocketFolderLock& operator=(const SocketFolderLock&) = delete;
  ~SocketFolderLock();

 private:
  int fd_ = -1;
};

/// For a bind() that failed because a file is in its way: removes it if it is the file of a socket
/// that no process uses any more. If not, the error says why: `in_use`, with the reason, or the
/// error of the system. Hold a SocketFolderLock.
[[nodiscard]] Result<void> remove_stale_file(Net& net, const Endpoint& where, Error in_use);

/// Socket::listen(), which replaces a stale file.
[[nodiscard]] Result<Socket> listen_in_place(Net& net, const Endpoint& local,
                                             const SocketOptions& options,
                                             std::vector<UnappliedOption>& unapplied);

}  // namespace rondo::detail
