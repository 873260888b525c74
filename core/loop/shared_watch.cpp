// SPDX-License-Identifier: MIT
// Several registrations of one descriptor.
//
//   Table        one for each reactor: the descriptors that have such registrations, by number
//   Descriptor   one for each of these: a Watch whose interest is the union of its entries'
//   Entry        one for each SharedWatch, in the list of its descriptor
//
// A callback may remove any entry, also its own and the last one, and may add new ones. So a
// Dispatch on the stack knows the entry that is called next and the one that is running; an entry
// that leaves the list corrects every Dispatch of its descriptor. They nest where a callback runs
// the host of a hosted reactor. Entries that are made meanwhile are not called for old events.
#include <rondo/reactor.h>
#include <rondo/shared_watch.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>

#include "callbacks.h"
#include "loop.h"
#include "used.h"

namespace rondo {

struct SharedWatch::Entry {
  explicit Entry(Callback function) noexcept : callback(std::move(function)) {}
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  ~Entry();
  void check(const char* call) const noexcept;

  Callback callback;
  Descriptor* descriptor = nullptr;
  Entry* previous = nullptr;
  Entry* next = nullptr;
  std::uint64_t number = 0;  // in the order in which they were made
  Ready interest = Ready::none;
  bool referenced = true;
};

class SharedWatch::Table final : public detail::PerReactor {
 public:
  static constexpr detail::Room room = detail::Room::shared_watch;

  std::unordered_map<int, Descriptor*> descriptors;
};

/// It deletes itself when its last entry has gone and its last dispatch has ended.
class SharedWatch::Descriptor final : public Handler, public detail::Retirable<Descriptor> {
 public:
  static Result<Descriptor*> make(Reactor& reactor, int fd, Ready interest);
  Descriptor(detail::Loop& loop, Table& table) noexcept : loop_(loop), table_(table) {}

  void add(Entry& entry) noexcept;
  void remove(Entry& entry) noexcept;
  void on_ready(Ready ready) override;
  /// To be called after a change of an entry.
  void update() noexcept;
  /// See Retirable.
  void close() noexcept { watch_.cancel(); }
  [[nodiscard]] int fd() const noexcept { return watch_.fd(); }
  void check(const char* call) const noexcept { loop_.check_thread(call); }

 private:
  struct Dispatch;

  detail::Loop& loop_;
  Table& table_;
  Watch watch_;
  Entry* first_ = nullptr;
  Entry* last_ = nullptr;
  std::uint64_t made_ = 0;
  Dispatch* dispatches_ = nullptr;  // the innermost first
};

/// One call of on_ready.
struct SharedWatch::Descriptor::Dispatch {
  // Not inlined: g++ 12 would take `owner.dispatches_` for a pointer that dangles.
  [[gnu::noinline]] explicit Dispatch(Descriptor& owner) noexcept
      : descriptor(owner),
        outer(std::exchange(owner.dispatches_, this)),
        next(owner.first_),
        made(owner.made_) {}
  Dispatch(const Dispatch&) = delete;
  Dispatch& operator=(const Dispatch&) = delete;
  ~Dispatch() { descriptor.dispatches_ = outer; }

  void call(Entry& entry, Ready ready) {
    // The callback runs outside of its entry, which it may destroy.
    Callback callback = std::move(entry.callback);
    running = &entry;
    struct PutBack {
      ~PutBack() {
        if (dispatch.running != nullptr) dispatch.running->callback = std::move(callback);
      }
      Dispatch& dispatch;
      Callback& callback;
    } const put_back{*this, callback};
    callback(ready);
  }

  Descriptor& descriptor;
  Dispatch* const outer;
  Entry* next;
  Entry* running = nullptr;
  const std::uint64_t made;
};

Result<SharedWatch::Descriptor*> SharedWatch::Descriptor::make(Reactor& reactor, int fd,
                                                               Ready interest) {
  Table& table = reactor.loop_->per_reactor<Table>();
  if (const auto found = table.descriptors.find(fd); found != table.descriptors.end())
    return found->second;
  auto descriptor = std::make_unique<Descriptor>(*reactor.loop_, table);
  auto watch = reactor.watch(fd, interest, *descriptor);
  if (!watch) return std::move(watch).error();
  table.descriptors.emplace(fd, descriptor.get());
  descriptor->watch_ = std::move(*watch);
  return descriptor.release();
}

void SharedWatch::Descriptor::add(Entry& entry) noexcept {
  entry.descriptor = this;
  entry.number = ++made_;
  entry.previous = std::exchange(last_, &entry);
  (entry.previous != nullptr ? entry.previous->next : first_) = &entry;
  update();
}

void SharedWatch::Descriptor::remove(Entry& entry) noexcept {
  for (Dispatch* each = dispatches_; each != nullptr; each = each->outer) {
    if (each->next == &entry) each->next = entry.next;
    if (each->running == &entry) each->running = nullptr;
  }
  (entry.previous != nullptr ? entry.previous->next : first_) = entry.next;
  (entry.next != nullptr ? entry.next->previous : last_) = entry.previous;
  if (first_ != nullptr) return update();
  table_.descriptors.erase(fd());
  retire();
}

void SharedWatch::Descriptor::update() noexcept {
  Ready interest = Ready::none;
  bool referenced = false;
  for (const Entry* each = first_; each != nullptr; each = each->next) {
    interest |= each->interest;
    referenced = referenced || each->referenced;
  }
  watch_.set(interest);
  referenced ? watch_.ref() : watch_.unref();
}

void SharedWatch::Descriptor::on_ready(Ready ready) {
  const Call held{*this};
  Dispatch dispatch{*this};
  while (dispatch.next != nullptr && dispatch.next->number <= dispatch.made) {
    Entry& entry = *std::exchange(dispatch.next, dispatch.next->next);
    // It has no callback while an outer dispatch runs it.
    if (const Ready awaited = ready & entry.interest; awaited != Ready::none && entry.callback)
      dispatch.call(entry, awaited);
  }
}

SharedWatch::Entry::~Entry() {
  if (descriptor != nullptr) descriptor->remove(*this);
}

void SharedWatch::Entry::check(const char* call) const noexcept { descriptor->check(call); }

Result<SharedWatch> SharedWatch::make(Reactor& reactor, int fd, Ready interest, Callback callback) {
  detail::check_thread(reactor, "SharedWatch::make");
  RONDO_REQUIRE(callback, "SharedWatch::make", " needs a function to call.");
  auto entry = std::make_unique<Entry>(std::move(callback));
  const auto descriptor = Descriptor::make(reactor, fd, interest);
  if (!descriptor) return descriptor.error();
  entry->interest = interest;
  (*descriptor)->add(*entry);
  return SharedWatch{std::move(entry)};
}

SharedWatch::SharedWatch() noexcept = default;
SharedWatch::SharedWatch(std::unique_ptr<Entry> entry) noexcept : entry_(std::move(entry)) {}
SharedWatch::SharedWatch(SharedWatch&& other) noexcept = default;
SharedWatch& SharedWatch::operator=(SharedWatch&& other) noexcept = default;
SharedWatch::~SharedWatch() {
  if (entry_ != nullptr) entry_->check("the destructor of SharedWatch");
}

void SharedWatch::set(Ready interest) noexcept {
  Entry& entry = detail::used(entry_.get(), "SharedWatch::set");
  entry.interest = interest;
  entry.descriptor->update();
}

Ready SharedWatch::interest() const noexcept {
  return detail::used(entry_.get(), "SharedWatch::interest").interest;
}

void SharedWatch::cancel() noexcept {
  if (entry_ != nullptr) entry_->check("SharedWatch::cancel");
  entry_.reset();
}

void SharedWatch::ref() noexcept {
  Entry& entry = detail::used(entry_.get(), "SharedWatch::ref");
  entry.referenced = true;
  entry.descriptor->update();
}

void SharedWatch::unref() noexcept {
  Entry& entry = detail::used(entry_.get(), "SharedWatch::unref");
  entry.referenced = false;
  entry.descriptor->update();
}

int SharedWatch::fd() const noexcept { return entry_ != nullptr ? entry_->descriptor->fd() : -1; }

}  // namespace rondo
