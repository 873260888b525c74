// Who waits for what, for ever: the lines of a report that a person reads.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <rondo/ready.h>

namespace rondo::sim {

class Machine;
class Object;

/// Counts those who wait, and describes the first of them.
class WaitingList {
 public:
  static constexpr std::size_t described_max = 50;

  /// The descriptor `fd` of `object` is watched for `interest`; none: its reactor has let it rest.
  void add(const Object& object, int fd, Ready interest);
  /// A reactor that watches nothing, and is not to end.
  void add_idle(const Machine& machine);
  /// What may be the reason, but waits for nobody itself.
  void remark(std::string_view line);

  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] std::string text() const;

 private:
  void describe(const Object& object, int fd, Ready interest);
  void describe_ends(const Object& object);

  std::size_t count_ = 0;
  std::string waiting_;
  std::string remarks_;
};

}  // namespace rondo::sim
