// SPDX-License-Identifier: MIT
// From a path to a file. The path is walked from directory to directory, and no step follows a
// symbolic link, so that it cannot leave the root, whatever changes meanwhile. Only where a link is
// in the way, realpath() says where it leads, and if that is below the root, the walk begins anew
// with that path.
//
// The content of small files is kept. It is used as long as stat(2), asked once in a turn of the
// reactor, finds the same file there, with the same time of change; so a link that was laid
// meanwhile is noticed as well. The clock of that time stands still for some milliseconds at a
// time, so a file that was changed just now is not kept: it may change again without a trace.
#include <array>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "parser.h"

namespace http {
namespace {

constexpr std::size_t kept_file_max = std::size_t{64} << 10U;
constexpr std::size_t read_file_max = std::size_t{16} << 10U;  // beyond it sendfile(2) is cheaper
constexpr std::size_t kept_max = std::size_t{32} << 20U;       // beyond it, all begins anew
constexpr std::size_t file_cost = 512;                         // an entry, roughly

constexpr int file_flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;  // a FIFO does not block

std::string_view type_of(std::string_view path) noexcept {
  static constexpr std::pair<std::string_view, std::string_view> types[] = {
      {".html", "text/html; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".json", "application/json"},
      {".txt", "text/plain; charset=utf-8"},
      {".md", "text/markdown; charset=utf-8"},
      {".xml", "application/xml"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".jpeg", "image/jpeg"},
      {".gif", "image/gif"},
      {".webp", "image/webp"},
      {".avif", "image/avif"},
      {".ico", "image/vnd.microsoft.icon"},
      {".woff2", "font/woff2"},
      {".wasm", "application/wasm"},
      {".pdf", "application/pdf"},
      {".zip", "application/zip"},
      {".gz", "application/gzip"},
      {".mp3", "audio/mpeg"},
      {".mp4", "video/mp4"},
      {".webm", "video/webm"},
  };
  for (const auto& [ending, type] : types)
    if (path.ends_with(ending)) return type;
  return "application/octet-stream";
}

/// Whether a decoded path, which begins with a slash, may name a file: no empty name, but for a
/// last one, and none with a dot in front, such as `..`.
bool is_public(std::string_view path) noexcept {
  return path.starts_with('/') && path.find("//") == std::string_view::npos &&
         path.find("/.") == std::string_view::npos;
}

/// What is at `path`, without a slash in front, below the directory. Sets errno where it fails.
rondo::File walk(int directory, const std::string& path) {
  rondo::File step;
  std::size_t begin = 0;
  std::size_t slash = path.find('/');
  for (; slash != std::string::npos; slash = path.find('/', begin)) {
    const std::string name = path.substr(begin, slash - begin);
    step = rondo::File{::openat(directory, name.c_str(), file_flags | O_DIRECTORY)};
    if (!step) return {};
    directory = step.fd();
    begin = slash + 1;
  }
  return rondo::File{::openat(directory, path.c_str() + begin, file_flags)};
}

bool is_same(const struct stat& one, const struct stat& other) noexcept {
  const auto is_same_time = [](const std::timespec& a, const std::timespec& b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
  };
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino && one.st_size == other.st_size &&
         is_same_time(one.st_mtim, other.st_mtim) && is_same_time(one.st_ctim, other.st_ctim);
}

/// The path is that of a directory: its name ends with a slash, so that links in its files lead to
/// its other files.
void redirect(const Request& request, Answer& answer) {
  std::string location{request.path};
  location += '/';
  if (!request.query.empty()) location.append("?").append(request.query);
  answer.add("Location", location);
  answer.send_status(301);
}

int status_of(int error) noexcept {
  const bool is_short_of_means = error == EMFILE || error == ENFILE || error == ENOMEM;
  return is_short_of_means ? 503 : 404;
}

}  // namespace

rondo::Result<Files> Files::make(const std::string& root) {
  const std::unique_ptr<char, void (*)(void*)> real{::realpath(root.c_str(), nullptr), std::free};
  if (real == nullptr) return rondo::Error{rondo::last_system_error(), "open " + root};
  rondo::File directory{::open(real.get(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!directory) return rondo::Error{rondo::last_system_error(), "open " + root};
  return Files{real.get(), std::move(directory)};
}

Files::Files(std::string root, rondo::File directory)
    : root_(std::move(root)), directory_(std::move(directory)) {
  if (root_.back() != '/') root_ += '/';
}

void Files::answer(const Request& request, Answer& answer) {
  if (!decode_path(request.path, path_)) return answer.send_status(400);
  if (!is_public(path_)) return answer.send_status(404);
  if (path_.ends_with('/')) path_ += "index.html";
  path_.erase(0, 1);
  if (const Kept* const kept = find_kept(answer.now()))
    return send_version(kept->version, {}, kept->content, request, answer);
  rondo::File file = walk(directory_.fd(), path_);
  const bool met_link = !file && (errno == ELOOP || errno == ENOTDIR || errno == EMLINK);
  if (met_link) file = open_linked(path_);
  struct stat state{};
  if (!file || ::fstat(file.fd(), &state) < 0) return answer.send_status(status_of(errno));
  if (S_ISDIR(state.st_mode)) return redirect(request, answer);
  if (!S_ISREG(state.st_mode)) return answer.send_status(404);
  if (const Kept* const small = read(file.fd(), state, answer.now()))
    return send_version(small->version, {}, small->content, request, answer);
  send_version({state, type_of(path_)}, std::move(file), {}, request, answer);
}

/// What is kept of the file at path_, if it has not changed.
const Files::Kept* Files::find_kept(rondo::TimePoint now) {
  const auto found = kept_.find(path_);
  if (found == kept_.end()) return nullptr;
  Kept& kept = found->second;
  if (kept.checked_at == now) return &kept;
  struct stat state{};
  if (::fstatat(directory_.fd(), path_.c_str(), &state, 0) < 0) return nullptr;
  if (!is_same(kept.state, state)) return nullptr;
  kept.checked_at = now;
  return &kept;
}

/// Null: it is too large, or cannot be read whole.
const Files::Kept* Files::read(int fd, const struct stat& state, rondo::TimePoint now) {
  constexpr std::time_t still_changing = 2;  // seconds
  const bool is_kept = state.st_ctim.tv_sec <= std::time(nullptr) - still_changing;
  const auto size = static_cast<std::size_t>(state.st_size);
  if (size > (is_kept ? kept_file_max : read_file_max)) return nullptr;
  read_.content.resize(size);
  if (::pread(fd, read_.content.data(), size, 0) != static_cast<ssize_t>(size)) return nullptr;
  read_.state = state;
  read_.version = {state, type_of(path_)};
  read_.checked_at = now;
  if (!is_kept) return &read_;
  if (kept_size_ + size > kept_max) {
    kept_.clear();
    kept_size_ = 0;
  }
  Kept& kept = kept_[path_];
  kept_size_ += size + file_cost - kept.content.size();
  kept = std::move(read_);
  return &kept;
}

/// The same as walk() where a symbolic link is on the way.
rondo::File Files::open_linked(const std::string& path) const {
  const std::unique_ptr<char, void (*)(void*)> real{::realpath((root_ + path).c_str(), nullptr),
                                                    std::free};
  if (real == nullptr) return {};
  const std::string_view target{real.get()};
  if (target.starts_with(root_))
    return walk(directory_.fd(), std::string{target.substr(root_.size())});
  errno = ENOENT;
  return {};
}

}  // namespace http
