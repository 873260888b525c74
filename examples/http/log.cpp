// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "log.h"

namespace http {
namespace {

constexpr std::size_t gathered_max = std::size_t{64} << 10U;

}  // namespace

rondo::Result<rondo::File> Log::open(const std::string& path) {
  const int fd = path == "-"
                     ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                     : ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return rondo::Error{rondo::last_system_error(), "open " + path};
  return rondo::File{fd};
}

Log::Log(rondo::Reactor& reactor, rondo::File file)
    : file_(std::move(file)), before_wait_(reactor, [this] { flush(); }) {}

void Log::add(std::string_view peer, std::string_view line, int status, std::uint64_t size) {
  if (const std::time_t now = std::time(nullptr); now != time_of_) {
    time_of_ = now;
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::array<char, 64> text;
    time_.assign(text.data(), std::strftime(text.data(), text.size(),
                                            " - - [%d/%b/%Y:%H:%M:%S +0000] \"", &parts));
  }
  text_.append(peer).append(time_).append(line).append("\" ");
  text_.append(std::to_string(status)).append(" ").append(std::to_string(size)).append("\n");
  if (text_.size() > gathered_max) flush();
}

/// The disk may block. What it refuses is lost: a server goes on without its log.
void Log::flush() {
  std::string_view rest = text_;
  while (!rest.empty()) {
    const ssize_t written = ::write(file_.fd(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  text_.clear();
}

}  // namespace http
