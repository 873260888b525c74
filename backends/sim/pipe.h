// SPDX-License-Identifier: MIT
// The two ends of a pipe: pipe(7).
#pragma once

#include <cstddef>
#include <deque>
#include <string>

#include "byte_queue.h"
#include "object.h"

namespace rondo::sim {

class PipeEnd final : public Object {
 public:
  explicit PipeEnd(Machine& machine, bool writes) noexcept
      : Object(machine, AddressFamily::unix_domain, SocketType::stream), writes_(writes) {}

  static void join(PipeEnd& reader, PipeEnd& writer) noexcept {
    reader.other_ = Ref<PipeEnd>{&writer};
    writer.other_ = Ref<PipeEnd>{&reader};
  }

  [[nodiscard]] bool is_socket() const noexcept override { return false; }
  [[nodiscard]] bool reads() const noexcept override { return !writes_; }
  [[nodiscard]] bool writes() const noexcept override { return writes_; }
  [[nodiscard]] Ready ready() const noexcept override;
  void closed() override;
  void vanish() noexcept override { other_ = {}; }
  [[nodiscard]] std::string describe() const override {
    return writes_ ? "pipe, to write" : "pipe, to read";
  }
  [[nodiscard]] const Object* other_end() const noexcept override { return other_.get(); }
  [[nodiscard]] std::size_t unread() const noexcept override { return bytes_.size(); }
  int receive(Message& message, Rights& rights) override;
  int send(Message& message, Rights rights) override;

 private:
  /// The next write uses the rest of the last page, if it fits.
  struct Page {
    std::size_t taken = 0;
    std::size_t end = 0;
  };
  static constexpr std::size_t page_size = 4096;
  static constexpr std::size_t pages_max = 16;

  [[nodiscard]] std::size_t put(std::size_t size);
  void take(std::size_t size) noexcept;

  bool writes_;
  Ref<PipeEnd> other_;  // until one of them is closed
  ByteQueue bytes_;     // these two belong to the reader
  std::deque<Page> pages_;
};

}  // namespace rondo::sim
