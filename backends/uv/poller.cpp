// libuv 1.44 to 1.50, as read and as run:
//
// - One uv_poll_t a descriptor. uv_close is asynchronous, so a node belongs to libuv from then on
//   and is freed in the close callback; a new one for the same descriptor may be made at once.
// - uv_poll_init costs three system calls and says EPERM for what cannot be polled; uv_poll_start
//   costs a DEL and an ADD. A registration that rests keeps its stopped handle.
// - Any EPOLLERR comes as UV_EBADF without events, and the handle is stopped. The watched
//   directions are reported as ready, and the handle is started again before the next wait, if it
//   is still there by then: the read or write in between has found the error.
// - UV_READABLE and UV_WRITABLE have the values of Ready; a hang-up alone comes as what is watched.
// - uv_poll_init makes the descriptor non-blocking, which others may share: standard input. It is
//   made what it was; libuv itself neither reads nor writes it.
// - The handles are unreferenced: what keeps a reactor running is the reactor's to count.
#include "poller.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <new>

namespace rondo::backends {

static_assert(UV_READABLE == static_cast<int>(Ready::read));
static_assert(UV_WRITABLE == static_cast<int>(Ready::write));

namespace {

constexpr std::uint64_t events_per_batch = 1024;  // as many as libuv asks the kernel for

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
  for (std::size_t place = 0; place < nodes_.size(); ++place) unwatch(static_cast<int>(place));
}

std::error_code UvPoller::watch(int fd, Ready from, Ready to, Token token) noexcept {
  if (fd < 0) return std::make_error_code(std::errc::bad_file_descriptor);
  const auto place = static_cast<std::size_t>(fd);
  const bool is_new = place >= nodes_.size() || nodes_[place] == nullptr;
  if (is_new) {
    if (to == Ready::none) return {};
    if (const std::error_code error = add_node(fd)) return error;
  } else if (to != Ready::none) {
    if (const std::error_code error = check(fd)) return error;
  }
  nodes_[place]->handle.data = reinterpret_cast<void*>(static_cast<std::uint64_t>(token));
  interests_[place] = to;
  if (to == Ready::none) {
    return from == Ready::none ? std::error_code{} : uv_error(uv_poll_stop(&nodes_[place]->handle));
  }
  // The first wait may be far. A change is made right before one, and was just checked.
  if (is_new) note_started(fd);
  return start(fd, to);
}

std::error_code UvPoller::start(int fd, Ready interest) noexcept {
  uv_poll_t& handle = nodes_[static_cast<std::size_t>(fd)]->handle;
  return uv_error(uv_poll_start(&handle, static_cast<int>(interest), on_poll));
}

void UvPoller::note_started(int fd) noexcept {
  // Room was made with the node; more than one entry for a descriptor says nothing new.
  if (started_.size() < started_.capacity()) started_.push_back(fd);
}

std::error_code UvPoller::check(int fd) noexcept {
  struct stat about{};
  if (::fstat(fd, &about) != 0) return last_system_error();
  const auto type = about.st_mode & S_IFMT;
  if (type == S_IFSOCK || type == S_IFIFO || type == 0) return {};  // 0: an eventfd and its like
  // Of a file, a directory or a device libuv asks the kernel, but only for a new handle, and it
  // makes none while another is started.
  const auto place = static_cast<std::size_t>(fd);
  const bool was_started =
      uv_is_active(reinterpret_cast<uv_handle_t*>(&nodes_[place]->handle)) != 0;
  (void)uv_poll_stop(&nodes_[place]->handle);  // cannot fail
  Node* const mine = std::exchange(nodes_[place], nullptr);
  const std::error_code error = add_node(fd);
  if (nodes_[place] != nullptr) close(*nodes_[place]);
  nodes_[place] = mine;
  return error || !was_started ? error : start(fd, interests_[place]);
}

std::error_code UvPoller::add_node(int fd) noexcept try {
  const auto place = static_cast<std::size_t>(fd);
  if (place >= nodes_.size()) {
    interests_.resize(place + 1);
    nodes_.resize(place + 1);
    stopped_.reserve(nodes_.capacity());
    started_.reserve(nodes_.capacity());
  }
  auto node = std::make_unique<Node>();
  node->poller = this;
  const int flags = ::fcntl(fd, F_GETFL);
  // A failing uv_poll_init leaves no handle behind (src/unix/poll.c).
  if (const int status = uv_poll_init(&loop_, &node->handle, fd)) return uv_error(status);
  if (flags >= 0 && (flags & O_NONBLOCK) == 0) ::fcntl(fd, F_SETFL, flags);  // it was so before
  uv_unref(reinterpret_cast<uv_handle_t*>(&node->handle));
  nodes_[place] = node.release();
  return {};
} catch (const std::bad_alloc&) {
  return std::make_error_code(std::errc::not_enough_memory);
}

void UvPoller::unwatch(int fd) noexcept {
  const auto place = static_cast<std::size_t>(fd);
  if (place >= nodes_.size() || nodes_[place] == nullptr) return;
  Node* const node = std::exchange(nodes_[place], nullptr);
  interests_[place] = Ready::none;
  close(*node);
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
    events = UV_READABLE | UV_WRITABLE;
  }
  poller.deliver(token, static_cast<Ready>(events & (UV_READABLE | UV_WRITABLE)));
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
  // Room was made with the node. More than one entry for a descriptor says nothing new.
  if (stopped_.size() < stopped_.capacity()) stopped_.push_back(fd);
}

void UvPoller::prepare() noexcept {
  for (const int fd : stopped_) {
    const auto place = static_cast<std::size_t>(fd);
    if (nodes_[place] == nullptr || interests_[place] == Ready::none) continue;
    // The next descriptor of that number, which was started as a new one.
    if (uv_is_active(reinterpret_cast<uv_handle_t*>(&nodes_[place]->handle)) != 0) continue;
    note_started(fd);
    (void)start(fd, interests_[place]);  // only a closing handle can be refused, and it is not
  }
  stopped_.clear();
  // libuv adds it to the kernel's set when it polls, and aborts if that is refused. Closing it
  // before its registration ended is against the contract, but no reason to end the program; nor
  // is a file that has got the number since.
  for (const int fd : started_) {
    Node* const node = nodes_[static_cast<std::size_t>(fd)];
    if (node == nullptr || !check(fd)) continue;
    (void)uv_poll_stop(&node->handle);  // it says that it cannot fail
  }
  started_.clear();
}

void UvPoller::forget_interests() noexcept {
  std::fill(interests_.begin(), interests_.end(), Ready::none);
  for (Node* const node : nodes_) {
    if (node != nullptr) (void)uv_poll_stop(&node->handle);  // cannot fail
  }
  stopped_.clear();
}

}  // namespace rondo::backends
