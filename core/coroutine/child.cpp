// SPDX-License-Identifier: MIT
#include <rondo/child.h>

#include <optional>
#include <utility>

#include <rondo/assert.h>

namespace rondo {

// The tasks that are resumed may destroy these objects.

class Child::Impl {
 public:
  std::optional<Process> process;
  std::optional<ExitStatus> status;  // once it has ended
  detail::WaitPlace place{"Child::exited"};
};

Child::Child(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Child::Child(Child&& other) noexcept = default;
Child::~Child() = default;

Result<Child> Child::start(Reactor& reactor, std::vector<std::string> arguments,
                           const ProcessOptions& options) {
  auto impl = std::make_unique<Impl>();
  const auto note = [impl = impl.get()](const ExitStatus& status) {
    impl->status = status;
    impl->place.resume();
  };
  auto process = Process::start(reactor, std::move(arguments), note, options);
  if (!process) return std::move(process).error();
  impl->process.emplace(std::move(*process));
  return Child{std::move(impl)};
}

Process& Child::process() noexcept { return *impl_->process; }

bool Child::Exited::await_ready() const noexcept { return impl_.status.has_value(); }
void Child::Exited::suspend(detail::TaskPromise& task) noexcept { suspend_at(impl_.place, task); }
ExitStatus Child::Exited::await_resume() const noexcept { return *impl_.status; }

class Collection::Impl {
 public:
  std::optional<OutputCollector> collector;
  std::optional<CollectedOutput> collected;  // once it has ended
  bool is_taken = false;
  detail::WaitPlace place{"Collection::ended"};
};

Collection::Collection(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Collection::Collection(Collection&& other) noexcept = default;
Collection::~Collection() = default;

Result<Collection> Collection::start(Reactor& reactor, std::vector<std::string> arguments,
                                     CollectOptions options) {
  auto impl = std::make_unique<Impl>();
  const auto note = [impl = impl.get()](CollectedOutput collected) {
    impl->collected = std::move(collected);
    impl->place.resume();
  };
  auto collector = OutputCollector::start(reactor, std::move(arguments), note, std::move(options));
  if (!collector) return std::move(collector).error();
  impl->collector.emplace(std::move(*collector));
  return Collection{std::move(impl)};
}

bool Collection::Ended::await_ready() const noexcept { return impl_.collected.has_value(); }
void Collection::Ended::suspend(detail::TaskPromise& task) noexcept {
  suspend_at(impl_.place, task);
}
CollectedOutput Collection::Ended::await_resume() noexcept {
  RONDO_REQUIRE(!impl_.is_taken, "Collection::ended",
                " was awaited again, after it has returned what was collected.");
  impl_.is_taken = true;
  return std::move(*impl_.collected);
}

}  // namespace rondo
