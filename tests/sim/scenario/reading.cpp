// SPDX-License-Identifier: MIT
#include "reading.h"

#include <array>
#include <span>
#include <system_error>
#include <variant>

namespace rondo::sim::scenario {
namespace {

using namespace std::chrono_literals;

constexpr Duration patience_max = 300ms;
constexpr std::uint64_t size_max = 5'000;

Task<bool> read_exactly(Site& site, Connection& from, Takes& takes) {
  const std::size_t size = 1 + site.scene.draw(size_max);
  const Duration patience = site.scene.draw_time(patience_max);
  const auto data = co_await timeout(patience, from.read_exactly(size));
  if (data) takes(*data);
  co_return true;
}

/// Without a delimiter within its limit it has read nothing.
Task<bool> read_until(Site& site, Connection& from, Takes& takes) {
  const std::size_t max = 1 + site.scene.draw(size_max);
  const Duration patience = site.scene.draw_time(patience_max);
  try {
    const auto data = co_await timeout(patience, from.read_until("aho", max));
    if (!data) co_return true;
    const bool more = !data->empty();
    if (more) takes(*data);
    co_return more;
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::message_size) throw;
  }
  co_return true;
}

Task<bool> read_some(Site& site, Connection& from, Takes& takes, Duration patience) {
  std::array<std::byte, 700> buffer{};
  const std::span<std::byte> room{buffer.data(), 1 + site.scene.draw(buffer.size())};
  const auto result = co_await when_any(sleep(patience), from.read_some(room));
  const std::size_t* const size = std::get_if<std::size_t>(&result);
  if (size == nullptr) co_return true;
  if (*size > 0) takes(room.first(*size));
  co_return *size > 0;
}

Task<bool> read(Connection& from, Takes& takes) {
  const auto data = co_await from.read();
  const bool more = !data.empty();
  if (more) takes(data);
  co_return more;
}

Task<> note(Task<bool> reading, bool& more) { more = co_await std::move(reading); }

/// Beside this task, by one that ends with the group at the latest.
Task<bool> read_beside(Site& site, Connection& from, Takes& takes) {
  bool more = true;
  TaskGroup group{site.reactor()};
  group.spawn(note(read_once(site, from, takes), more));
  const Duration patience = site.scene.draw_time(patience_max);
  if (site.scene.one_in(2)) {
    co_await when_any(group.join(), sleep(patience));
    if (site.scene.one_in(2)) group.cancel();
  } else {
    co_await timeout(patience, group.join());
  }
  co_return more;
}

Task<bool> read_in_some_way(Site& site, Connection& from, Takes& takes) {
  const Duration patience = site.scene.draw_time(patience_max);
  switch (site.scene.draw(9)) {
    case 0:
    case 1:
      return read_exactly(site, from, takes);
    case 2:
      return read_until(site, from, takes);
    case 3:
      return read_some(site, from, takes, patience);
    case 4:
      return read_some(site, from, takes, forever);
    case 5:
      return read_beside(site, from, takes);
    default:
      return read(from, takes);
  }
}

}  // namespace

Task<bool> read_once(Site& site, Connection& from, Takes& takes) {
  try {
    if (site.scene.one_in(4)) {
      const Duration patience = site.scene.draw_time(patience_max);
      const auto more = co_await timeout(patience, read_in_some_way(site, from, takes));
      co_return more.value_or(true);
    }
    co_return co_await read_in_some_way(site, from, takes);
  } catch (const IncompleteRead& error) {
    if (!error.part().empty()) takes(std::as_bytes(std::span{error.part()}));
  }
  co_return false;
}

}  // namespace rondo::sim::scenario
