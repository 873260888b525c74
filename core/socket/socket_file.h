// The files of Unix sockets, which outlive their listeners unless they are removed.
#pragma once

#include <sys/stat.h>

#include <string>

#include <rondo/endpoint.h>
#include <rondo/net.h>

namespace rondo::detail {

/// The file that bind() makes for a Unix socket. It is made before bind(), since it allocates.
/// After bind() call own(); the destructor then removes the file.
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
  void leave() noexcept { owned_ = false; }

 private:
  std::string path_;
  struct stat state_{};
  bool owned_ = false;
};

/// Removes the socket file at `where` if no socket listens on it. Returns whether it did.
bool removed_stale_file(Net& net, const Endpoint& where);

}  // namespace rondo::detail
