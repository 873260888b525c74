// SPDX-License-Identifier: MIT
// Plays scripts at the level of streams, servers and datagram sockets, and logs the callbacks of
// each object in order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <rondo/datagram.h>
#include <rondo/reactor.h>
#include <rondo/server.h>
#include <rondo/stream.h>

#include "parity/endpoint_names.h"
#include "parity/kernel.h"
#include "parity/player.h"
#include "parity/stream_log.h"

namespace rondo::test {

class StreamPlayer final : public Player {
 public:
  static constexpr std::size_t slot_count = 6;

  explicit StreamPlayer(Kernel& kernel);
  StreamPlayer(const StreamPlayer&) = delete;
  StreamPlayer& operator=(const StreamPlayer&) = delete;
  ~StreamPlayer() override;

  void play(const Step& step) override;
  std::string look() override;
  [[nodiscard]] bool is_ambiguous() const noexcept override { return names_.is_ambiguous(); }

 private:
  struct Slot {
    StreamLog log{};
    std::unique_ptr<Stream> stream{};
    std::unique_ptr<Server> server{};
    Endpoint server_local{};
    std::unique_ptr<Manner> server_manner{};
    std::deque<StreamLog> sessions{};  // in the order of acceptance
    DatagramLog datagram_log{};
    std::unique_ptr<DatagramSocket> datagrams{};
    std::string path{};  // the file that a datagram socket leaves
  };
  enum class Family3 : std::uint8_t { ipv4, ipv6, path, abstract };

  [[nodiscard]] Slot& at(std::size_t index) { return *slots_[index]; }
  void clear(std::size_t index);
  void turn();
  void stop_time();

  void play_new(const Step& step);
  void play_on_stream(const Step& step, Slot& slot);
  void play_output(const Step& step, Slot& slot);
  void play_options(const Step& step, Slot& slot);
  void set_deadline(const Step& step, Slot& slot);
  void play_on_server(const Step& step, Slot& slot);
  void play_on_datagrams(const Step& step, Slot& slot);

  void adopt(std::size_t index, int fd, Manner manner);
  void adopt_pair(const Step& step);
  void adopt_pipe(const Step& step);
  void dial(const Step& step);
  void dial_deserted(const Step& step);
  void serve(const Step& step);
  void release(std::size_t index);
  void pass_descriptor(const Step& step, Stream& stream);
  void open_datagrams(const Step& step);
  void connect_datagrams(const Step& step);

  [[nodiscard]] std::string target_of(std::uint32_t number) const;
  [[nodiscard]] bool is_served(const std::string& target) const;
  [[nodiscard]] static std::string describe(const StreamLog& log, const Stream* stream);

  Kernel& kernel_;
  Net& net_;
  EndpointNames names_;
  int deserted_ = -1;
  Endpoint deserted_address_;
  Reactor reactor_;
  std::array<std::unique_ptr<Slot>, slot_count> slots_;
  std::uint32_t written_ = 0;
  std::size_t with_deadline_ = slot_count;  // the slot whose deadline has not passed, or none
  bool passes_time_ = false;                // until the next step
  std::string result_;
};

}  // namespace rondo::test
