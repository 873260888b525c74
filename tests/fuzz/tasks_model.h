// SPDX-License-Identifier: MIT
// What the model of the target `tasks` knows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include <rondo/coroutine.h>
#include <rondo/reactor.h>

#include "fuzz/fuzz.h"

namespace rondo::fuzz {

struct Fault {
  int of;
};

struct Group;

/// A task as the model sees it.
struct Node {
  int id;
  Node* parent;
  Group* group;  // null: the parent awaits it
  int slot;      // the tree to which it belongs
  bool started = false;
  bool runs = false;  // false: it waits, for another task if not in a line or for a deadline
  bool waits = false;
  bool ended = false;  // by its result
  bool threw = false;
  bool gone = false;
  bool condemned = false;      // cancelled while it runs
  bool suspended = false;      // the loop has resumed a task that it awaits
  TimePoint deadline = never;  // at which it continues at the latest
  std::uint64_t since = 0;     // the turn in which it was made, began to wait, or was woken
  bool ready = false;
};

/// The tasks that wait for permits, or for an event.
struct Line {
  std::size_t free = 0;
  bool is_event = false;
  bool is_set = false;
  std::deque<Node*> waiting;
  std::deque<Node*> granted;  // they have not continued yet

  [[nodiscard]] bool is_open() const noexcept { return is_set || free > 0; }
  void grant(std::uint64_t pass) {
    Node& first = *waiting.front();
    waiting.pop_front();
    granted.push_back(&first);
    first.ready = true;
    first.since = pass;
  }
  void give(std::uint64_t pass) { waiting.empty() ? void(++free) : grant(pass); }
  void set(std::uint64_t pass) {
    is_set = true;
    while (!waiting.empty()) grant(pass);
  }
  void leave(Node& node, std::uint64_t pass) {
    if (std::erase(waiting, &node) == 0 && std::erase(granted, &node) > 0 && !is_event) give(pass);
  }
};

struct Group {
  Group(Reactor& reactor, std::deque<int>& to_be_heard) : heard(to_be_heard), tasks(reactor) {}
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  ~Group() {
    if (fault && !is_joined) heard.push_back(*fault);
  }

  std::deque<int>& heard;
  std::optional<int> fault;  // the first, which no task has heard
  bool is_joined = false;    // now; if what joins is cancelled, it drops the exception
  TaskGroup tasks;
};

/// All tasks, and which of them runs.
class Forest {
 public:
  Node& make(Node* parent, Group* group, int slot) {
    const int id = static_cast<int>(nodes_.size());
    Node& node = nodes_.emplace_back(Node{id, parent, group, slot});
    node.since = pass_;
    return node;
  }
  void suspends(Node& node, TimePoint deadline) {
    node.runs = false;
    node.suspended = false;
    node.ready = false;
    node.deadline = deadline;
    node.since = pass_;
  }
  void continues(Node& node) {
    require(node.started && !node.gone, "it is there");
    require(!(node.condemned && node.suspended), "ends where it was suspended");
    node.runs = true;
    node.waits = false;
    node.deadline = never;
    current_ = &node;
  }
  /// The same, from the loop.
  void is_resumed(Node& node) {
    continues(node);
    for (Node* one = &node; one->group == nullptr; one = one->parent) one->parent->suspended = true;
  }
  void is_gone(Node& node) {
    require(!node.gone, "destroyed once");
    node.gone = true;
    node.runs = false;
    if (node.parent != nullptr) node.parent->since = pass_;
    for (const Node& child : nodes_)
      if (child.parent == &node) require(child.gone || is_running(child), "ends before its parent");
  }
  /// Whether it runs, or a task that it awaits does.
  [[nodiscard]] bool is_running(const Node& node) const {
    if (current_ == nullptr || !current_->runs) return false;
    for (const Node* one = current_; one != nullptr; one = one->group ? nullptr : one->parent)
      if (one == &node) return true;
    return false;
  }
  /// The tree of `slot` was cancelled: what is left of it belongs to what runs.
  void is_cancelled(int slot) {
    for (Node& node : nodes_) {
      if (node.gone || node.slot != slot) continue;
      node.condemned = is_running(node);
      const Node* owner = &node;
      while (owner != nullptr && !is_running(*owner)) owner = owner->parent;
      require(owner != nullptr, "what does not belong to what runs has ended at once");
    }
  }
  [[nodiscard]] std::size_t size() const noexcept { return nodes_.size(); }
  [[nodiscard]] std::size_t count_if(auto holds) const {
    return static_cast<std::size_t>(std::count_if(nodes_.begin(), nodes_.end(), holds));
  }
  [[nodiscard]] std::uint64_t pass() const noexcept { return pass_; }
  void begin_pass() noexcept { ++pass_; }
  /// After a turn that began at `time`.
  void check(TimePoint time) const {
    for (const Node& node : nodes_)
      if (!node.gone) check(node, time);
  }

 private:
  void check(const Node& node, TimePoint time) const {
    require(node.parent == nullptr || !node.parent->gone, "ends with its parent");
    require(!node.condemned, "cancelled tasks have ended");
    require(!node.runs, "none runs");
    const bool is_old = node.since < pass_;
    if (!node.started) return require(!is_old, "starts in the turn");
    require(!(node.ready && is_old), "continues in the turn after it was woken");
    require(node.deadline > time || !is_old, "continues at its deadline");
    const auto awaited = [&](const Node& one) { return one.parent == &node && !one.gone; };
    require(node.waits || !is_old || std::any_of(nodes_.begin(), nodes_.end(), awaited),
            "waits for something");
  }

  std::deque<Node> nodes_;
  Node* current_ = nullptr;  // has run last
  std::uint64_t pass_ = 0;
};

/// An argument of each task, which is destroyed with it.
class Mark {
 public:
  Mark(Forest& forest, Node& node) noexcept : forest_(&forest), node_(&node) {}
  Mark(Mark&& other) noexcept
      : forest_(other.forest_), node_(std::exchange(other.node_, nullptr)) {}
  Mark& operator=(Mark&&) = delete;
  ~Mark() {
    if (node_ != nullptr) forest_->is_gone(*node_);
  }
  [[nodiscard]] Node& node() const noexcept { return *node_; }

 private:
  Forest* forest_;
  Node* node_;
};
/// While a task waits in a line.
class Waiting {
 public:
  Waiting(Forest& forest, Node& node, Line& line)
      : forest_(forest), node_(node), line_(line), at_once_(line.is_open()) {
    if (line.free > 0) --line.free;
    if (!at_once_) line.waiting.push_back(&node);
    forest.suspends(node, never);
    node.waits = true;
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() { line_.leave(node_, forest_.pass()); }
  void served() {
    if (at_once_) return forest_.continues(node_);
    forest_.is_resumed(node_);
    require(!line_.granted.empty() && line_.granted.front() == &node_, "the first in the line");
    line_.granted.pop_front();
  }
  void is_late() { require(!at_once_, "what is free is taken at once"); }

 private:
  Forest& forest_;
  Node& node_;
  Line& line_;
  const bool at_once_;
};
}  // namespace rondo::fuzz
