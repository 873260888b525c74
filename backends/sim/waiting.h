// SPDX-License-Identifier: MIT
// What waits for ever, and for which event: the lines of the report.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <rondo/ready.h>

namespace rondo::sim {

class Machine;
class Object;

/// Counts what waits, and describes the first 50; beside them up to 50 tasks.
class WaitingList {
 public:
  static constexpr std::size_t described_max = 50;

  /// The descriptor `fd` of `object` is watched for `interest`, which may be none.
  void add(const Object& object, int fd, Ready interest);
  /// A reactor that watches nothing, but is kept running.
  void add_idle(const Machine& machine);
  /// Lines of a TaskReport. They are not counted: many tasks wait for work that may never come.
  void add_tasks(const Machine& machine, std::string_view lines);
  /// Something that does not wait itself, but may be the reason.
  void remark(std::string_view line);

  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] std::string text() const;

 private:
  void describe(const Object& object, int fd, Ready interest);
  void describe_ends(const Object& object);

  std::size_t count_ = 0;
  std::string waiting_;
  std::size_t task_count_ = 0;
  std::string tasks_;
  std::string remarks_;
};

}  // namespace rondo::sim
