// SPDX-License-Identifier: MIT
// What this file relies on, as read in the sources of libuv 1.44 to 1.50 and as run:
//
// - There is one uv_poll_t per descriptor. uv_close is asynchronous: the node then belongs to libuv
//   and is freed in the close callback. A new one for the same descriptor may be made at once.
// - uv_poll_init costs three system calls and returns EPERM for what cannot be polled;
//   uv_poll_start costs an EPOLL_CTL_DEL and an EPOLL_CTL_ADD. A registration without an interest
//   keeps its stopped handle.
// - Any EPOLLERR without EPOLLPRI comes as UV_EBADF without events, and libuv stops the handle. All
//   that is awaited is reported as ready, so that a read or write finds the error. The handle is
//   started again before the next wait, if it still exists.
// - UV_READABLE, UV_WRITABLE, UV_DISCONNECT and UV_PRIORITIZED have the values of Ready. A hang-up
//   alone comes as all that is watched.
// - uv_poll_init makes the descriptor non-blocking. Other processes may share it, as with standard
//   input, so its flags are restored: libuv neither reads nor writes it. The reactor's own sockets
//   are non-blocking, and cannot have been closed before libuv polls them.
// - libuv knows a stopped handle by its list of handles alone. So it can serve the next descriptor
//   with the same number. Some are kept for the reactor's own sockets, which come and go.
// - The handles are unreferenced, because the reactor itself counts what keeps it running.
#include "poller.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <memory>
#include <new>

namespace rondo::backends {

static_assert(UV_READABLE == static_cast<int>(Ready::read));
static_assert(UV_WRITABLE == static_cast<int>(Ready::write));
static_assert(UV_DISCONNECT == static_cast<int>(Ready::peer_closed));
static_assert(UV_PRIORITIZED == static_cast<int>(Ready::priority));

namespace {

constexpr std::uint64_t events_per_batch = 1024;  // as many as libuv requests from the kernel

// Spare nodes are kept for lower numbers only, each of 168 bytes: the system gives those first.
constexpr int spare_numbers_end = 1024;

// Notes for prepare().
constexpr std::uint8_t stopped = 1;            // by libuv, because of an error
constexpr std::uint8_t started = 2;            // since the last wait
constexpr std::uint8_t waits_for_prepare = 4;  // to be started
constexpr std::uint8_t for_prepare = stopped | started | waits_for_prepare;
// Notes that stay.
constexpr std::uint8_t own = 8;     // the socket is the reactor's
constexpr std::uint8_t spare = 16;  // the node is for the next socket; its handle is stopped

}  // namespace

/// The token is in `handle.data`.
struct UvPoller::Node {
  uv_poll_t handle;
  UvPoller* poller;
};

std::uint64_t uv_time_reaching(TimePoint deadline) noexcept {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(deadline.time_since_epoch());
  return static_cast<std::uint64_t>(std::max<std::int64_t>(ms.count(), 0));
}

UvPoller::~UvPoller() {
  for (Node* const node : nodes_)
    if (node != nullptr) close(*node);
}

std::error_code UvPoller::watch(int fd, Ready from, Ready to, Token token, bool is_own) noexcept {
  if (fd < 0) return std::make_error_code(std::errc::bad_file_descriptor);
  const auto index = static_cast<std::size_t>(fd);
  const bool has_node = index < nodes_.size() && nodes_[index] != nullptr;
  const bool is_new = !has_node || (notes_[index] & spare) != 0;
  if (is_new && to == Ready::none) return {};
  if (!has_node) {
    if (const std::error_code error = add_node(fd, is_own)) return error;
  } else if (to != Ready::none && !(is_new && is_own)) {
    if (const std::error_code error = check(fd)) return error;
  }
  if (is_new) {
    const int for_now = notes_[index] & for_prepare;  // it may be on the list already
    notes_[index] = static_cast<Notes>(for_now | (is_own ? own : 0));
  }
  nodes_[index]->handle.data = reinterpret_cast<void*>(static_cast<std::uint64_t>(token));
  const Ready before = std::exchange(interests_[index], to);
  if (to == Ready::none) {
    return from == Ready::none ? std::error_code{} : uv_error(uv_poll_stop(&nodes_[index]->handle));
  }
  // A new registration may be made long before the next wait. A changed one was checked just now,
  // but where other code runs before the wait, that code may close the descriptor.
  if ((is_new && !is_own) || runs_others_) note(fd, started);
  // It must not report what is not awaited any more, so only more interest may wait.
  if (starts_late_ && (before & to) == before) {
    note(fd, waits_for_prepare);
    return {};
  }
  return start(fd, to);
}

std::error_code UvPoller::start(int fd, Ready interest) noexcept {
  uv_poll_t& handle = nodes_[static_cast<std::size_t>(fd)]->handle;
  return uv_error(uv_poll_start(&handle, static_cast<int>(interest), on_poll));
}

/// Each descriptor is on the list once, so add_node() has reserved enough.
void UvPoller::note(int fd, Notes what) noexcept {
  Notes& notes = notes_[static_cast<std::size_t>(fd)];
  if ((notes & for_prepare) == 0) noted_.push_back(fd);
  notes |= what;
}

std::error_code UvPoller::check(int fd) noexcept {
  struct stat about{};
  if (::fstat(fd, &about) != 0) return last_system_error();
  const auto type = about.st_mode & S_IFMT;
  if (type == S_IFSOCK || type == S_IFIFO || type == 0) return {};  // 0: an eventfd and its like
  // For a file, a directory or a device, libuv queries the kernel; but only for a new handle, and
  // it makes no new handle while another one is started.
  const auto index = static_cast<std::size_t>(fd);
  const bool was_started =
      uv_is_active(reinterpret_cast<uv_handle_t*>(&nodes_[index]->handle)) != 0;
  (void)uv_poll_stop(&nodes_[index]->handle);  // cannot fail
  Node* const mine = std::exchange(nodes_[index], nullptr);
  const std::error_code error = add_node(fd, false);
  if (nodes_[index] != nullptr) close(*nodes_[index]);
  nodes_[index] = mine;
  return error || !was_started ? error : start(fd, interests_[index]);
}

std::error_code UvPoller::add_node(int fd, bool is_own) noexcept try {
  const auto index = static_cast<std::size_t>(fd);
  const int flags = is_own ? O_NONBLOCK : ::fcntl(fd, F_GETFL);
  if (flags < 0) return last_system_error();  // no memory for a number that is no descriptor
  if (index >= nodes_.size()) {
    noted_.reserve(std::bit_ceil(index + 1));
    notes_.resize(index + 1);
    interests_.resize(index + 1);
    nodes_.resize(index + 1);
  }
  auto node = std::make_unique<Node>();
  node->poller = this;
  // A failing uv_poll_init leaves no handle behind (src/unix/poll.c).
  if (const int status = uv_poll_init(&loop_, &node->handle, fd)) return uv_error(status);
  if ((flags & O_NONBLOCK) == 0) ::fcntl(fd, F_SETFL, flags);  // restore them
  uv_unref(reinterpret_cast<uv_handle_t*>(&node->handle));
  nodes_[index] = node.release();
  return {};
} catch (const std::bad_alloc&) {
  return std::make_error_code(std::errc::not_enough_memory);
}

void UvPoller::unwatch(int fd) noexcept {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= nodes_.size() || nodes_[index] == nullptr) return;
  Node& node = *nodes_[index];
  interests_[index] = Ready::none;
  if ((notes_[index] & own) != 0 && fd < spare_numbers_end) {
    (void)uv_poll_stop(&node.handle);  // cannot fail
    notes_[index] |= spare;
    return;
  }
  nodes_[index] = nullptr;
  close(node);
}

void UvPoller::close(Node& node) noexcept {
  uv_close(reinterpret_cast<uv_handle_t*>(&node.handle),
           [](uv_handle_t* handle) { delete reinterpret_cast<Node*>(handle); });
}

void UvPoller::on_poll(uv_poll_t* handle, int status, int events) {
  UvPoller& poller = *reinterpret_cast<Node*>(handle)->poller;
  const Token token{reinterpret_cast<std::uint64_t>(handle->data)};
  if (status < 0) [[unlikely]] {
    poller.stopped_by_error(*handle);
    events = static_cast<int>(detail::ready_for_all);
  }
  // NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): a set of bits
  poller.deliver(token, static_cast<Ready>(events));
}

void UvPoller::deliver(Token token, Ready ready) noexcept {
  if (exception_ != nullptr) [[unlikely]]
    return;
  try {
    if (++delivered_ % events_per_batch == 0) [[unlikely]]
      sink_->batch_ended();
    if (ready != Ready::none) sink_->ready(token, ready);
  } catch (...) {
    exception_ = std::current_exception();
  }
}

void UvPoller::deliver_to(Sink* sink) noexcept {
  sink_ = sink;
  delivered_ = 0;
}

void UvPoller::stopped_by_error(const uv_poll_t& handle) noexcept {
  uv_os_fd_t fd = -1;
  (void)uv_fileno(reinterpret_cast<const uv_handle_t*>(&handle), &fd);  // an open handle has one
  note(fd, stopped);
}

void UvPoller::prepare() noexcept {
  for (const int fd : noted_) prepare(fd);
  noted_.clear();
}

/// libuv adds a started descriptor to the kernel's set when it polls, and aborts if that fails. It
/// fails if the user has closed the descriptor before its registration ended, which violates the
/// contract, or if a file has got the number since. Neither must end the program.
void UvPoller::prepare(int fd) noexcept {
  const auto index = static_cast<std::size_t>(fd);
  const Notes notes = notes_[index];
  notes_[index] &= static_cast<Notes>(~for_prepare);
  Node* const node = nodes_[index];
  if (node == nullptr || interests_[index] == Ready::none) return;
  // It is active if libuv has stopped an earlier descriptor with that number.
  const bool must_start =
      (notes & waits_for_prepare) != 0 ||
      ((notes & stopped) != 0 && uv_is_active(reinterpret_cast<uv_handle_t*>(&node->handle)) == 0);
  if (!must_start && (notes & started) == 0) return;
  if (check(fd)) {
    (void)uv_poll_stop(&node->handle);  // documented not to fail
  } else if (must_start) {
    (void)start(fd, interests_[index]);  // fails only for a closing handle
  }
}

void UvPoller::forget_interests() noexcept {
  std::fill(interests_.begin(), interests_.end(), Ready::none);
  for (Node* const node : nodes_) {
    if (node != nullptr) (void)uv_poll_stop(&node->handle);  // cannot fail
  }
}

}  // namespace rondo::backends
