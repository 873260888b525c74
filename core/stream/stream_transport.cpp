// SPDX-License-Identifier: MIT
// Where the bytes of a stream enter and leave. Nothing else in this folder calls the Net for them
// but receive() and transmit() in stream_impl.h, the two that each message takes. What passes
// through a layer goes on from here to stream_layer.cpp.
//
// All return what Net does: the number of bytes, or -1 and errno.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <utility>

#include "socket/rights.h"
#include "stream_impl.h"

namespace rondo::detail {
namespace {

constexpr std::uint64_t file_bytes_per_write_max = std::uint64_t{1} << 20U;
constexpr std::size_t file_bytes_per_copy_max = std::size_t{16} << 10U;

}  // namespace

std::ptrdiff_t StreamImpl::receive(MutableBytes into, ReceivedDescriptors& with) noexcept try {
  if (state_.has(StreamState::layered) && !state_.closing()) return receive_layered(into);
  if (!state_.has(StreamState::lent | StreamState::takes_descriptors)) return receive(into);
  if (may_block()) return net().read_shared(into, fd_);
  if (!state_.has(StreamState::takes_descriptors) || state_.closing()) return receive(into);
  auto received = receive_with_descriptors(net(), fd_, into);
  if (!received) {
    errno = received.error().value();
    return -1;
  }
  with = std::move(*received);
  return static_cast<std::ptrdiff_t>(with.size);
} catch (const std::bad_alloc&) {
  errno = ENOMEM;  // all that was received is closed
  return -1;
}

std::ptrdiff_t StreamImpl::transmit(std::span<const Bytes> parts) noexcept {
  if (state_.has(StreamState::layered)) return transmit_layered(parts);
  if (!state_.is_socket())
    return may_block() ? net().write_shared(parts, fd_) : net().write_file(parts, fd_);
  return parts.size() == 1 ? transmit(parts[0]) : net().writev(parts, fd_);
}

/// One system call for the front of the queue.
StreamImpl::Offer StreamImpl::transmit_front(OutputQueue& queue) noexcept {
  std::array<Bytes, parts_per_write_max> parts;
  const std::size_t count = queue.gather(parts);
  if (count == 0) return transmit_file(queue);
  if (!queue.front_descriptors().empty())
    return {parts[0].size(), transmit_with_descriptors(queue, parts[0])};
  const auto gathered = std::span<const Bytes>{parts}.first(count);
  std::uint64_t size = 0;
  for (const Bytes part : gathered) size += part.size();
  return {size, transmit(gathered)};
}

StreamImpl::Offer StreamImpl::transmit_file(OutputQueue& queue) noexcept {
  const OutputQueue::FilePart file = queue.file();
  if (file.is_read) return transmit_read(queue, file);
  if (may_block() || state_.has(StreamState::layered)) return transmit_copied(queue, file);
  const std::uint64_t size = std::min<std::uint64_t>(file.size, file_bytes_per_write_max);
  const std::ptrdiff_t sent =
      net().send_file(file.fd, file.offset, static_cast<std::size_t>(size), fd_);
  if (sent < 0 && errno == ESPIPE && file.offset == 0) return transmit_read(queue, file);
  // What is sent to its end may have reached it: then the socket is not known to be full.
  return {file.to_end && sent > 0 ? static_cast<std::uint64_t>(sent) : size, sent};
}

/// The same where sendfile(2) would wait for room.
StreamImpl::Offer StreamImpl::transmit_copied(OutputQueue& queue,
                                              const OutputQueue::FilePart& file) noexcept {
  std::array<std::byte, file_bytes_per_copy_max> room;
  const std::size_t size = std::min<std::uint64_t>(file.size, room.size());
  const std::ptrdiff_t got =
      FileSource::read_at(file.fd, file.offset, MutableBytes{room}.first(size));
  if (got < 0 && errno == ESPIPE && file.offset == 0) return transmit_read(queue, file);
  if (got <= 0) return {size, got};
  const Bytes data = Bytes{room}.first(static_cast<std::size_t>(got));
  return {data.size(), transmit(std::span{&data, 1})};
}

/// The same for what has no offsets: a piece of it is moved to the queue first.
StreamImpl::Offer StreamImpl::transmit_read(OutputQueue& queue,
                                            const OutputQueue::FilePart& file) noexcept try {
  std::array<std::byte, file_bytes_per_copy_max> room;
  const std::size_t size = std::min<std::uint64_t>(file.size, room.size());
  const std::ptrdiff_t got = FileSource::read(file.fd, MutableBytes{room}.first(size));
  if (got > 0) {
    queue.read_from_file(Bytes{room}.first(static_cast<std::size_t>(got)));
    return transmit_front(queue);
  }
  if (got == 0 || !is_transient(errno)) return {size, got};
  if (extra_->source == nullptr) {
    auto source = std::make_unique<FileSource>(*this);
    if (const std::error_code error = source->wait(file.fd)) {
      errno = error.value();
      return {size, -1};
    }
    extra_->source = std::move(source);
  }
  return {0, 0, true};
} catch (const std::bad_alloc&) {
  errno = ENOMEM;
  return {0, -1};
}

void StreamImpl::file_is_ready() noexcept {
  extra_->source.reset();
  context().run_at_end_of_turn(*this);
}

std::ptrdiff_t StreamImpl::transmit_with_descriptors(OutputQueue& queue, Bytes data) noexcept {
  std::array<int, descriptors_per_send_max> numbers;
  std::size_t count = 0;
  for (const Socket& one : queue.front_descriptors()) numbers[count++] = one.fd();
  const auto sent = send_descriptors(net(), fd_, data, std::span{numbers}.first(count));
  if (sent) return static_cast<std::ptrdiff_t>(*sent);
  errno = sent.error().value();
  return -1;
}

/// Shows the peer the end of the output.
void StreamImpl::transmit_end() noexcept {
  // It fails where the connection has failed, which the input reports.
  if (state_.is_socket() && !is_inherited()) (void)net().shutdown(fd_, Direction::write);
}

}  // namespace rondo::detail
