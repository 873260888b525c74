// The files of Unix sockets, which outlive their listeners if nobody sees to them.
#pragma once

#include <sys/stat.h>

#include <string>

#include <rondo/endpoint.h>
#include <rondo/net.h>

namespace rondo::detail {

/// A socket file that was made by bind(), and goes with its listener.
class SocketFile {
 public:
  SocketFile() = default;
  /// `local`'s, if that is a path.
  explicit SocketFile(const Endpoint& local);
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&& other) noexcept;
  ~SocketFile();

 private:
  std::string path_;
  struct stat state_{};
};

/// Whether nobody listens on the socket file that is in the way of `where`: then it is gone now.
bool removed_stale_file(Net& net, const Endpoint& where);

}  // namespace rondo::detail
