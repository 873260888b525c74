// SPDX-License-Identifier: MIT
// The two backends of a host: the world runs the reactor of the one; the wait() of the other runs
// the world.
#pragma once

#include <atomic>
#include <exception>
#include <memory>

#include <rondo/backend.h>

#include "events.h"
#include "inside.h"
#include "net.h"
#include "poller.h"

namespace rondo::sim {

/// The common part of both, which ends when the machine crashes.
class BackendBase {
 public:
  explicit BackendBase(Machine& machine);
  BackendBase(const BackendBase&) = delete;
  BackendBase& operator=(const BackendBase&) = delete;

  void end() noexcept;
  virtual void list_waiting(WaitingList& list) const { poller_.list_waiting(list); }
  void list_tasks(WaitingList& list) const;
  virtual void look_whether_woken() {}
  virtual void clock_jumped() {}

 protected:
  virtual ~BackendBase();

  [[nodiscard]] bool is_over() const noexcept { return net_.is_over(); }
  std::error_code watch_here(int fd, Ready from, Ready to, Token token) noexcept {
    const Inside world{nullptr};
    if (is_over()) return std::make_error_code(std::errc::bad_file_descriptor);
    return poller_.watch(fd, from, to, token);
  }
  void unwatch_here(int fd, Ready from) noexcept {
    const Inside world{nullptr};
    poller_.unwatch(fd, from);
  }

  Machine& machine_;
  SimNet& net_;
  Poller poller_;
  TaskReport* task_report_ = nullptr;  // null: the reactor has had no task
};

class HostedEnd final : public HostedBackend, public BackendBase {
 public:
  explicit HostedEnd(Machine& machine);
  ~HostedEnd() override;

  std::error_code watch(int fd, Ready from, Ready to, Token token) noexcept override {
    return watch_here(fd, from, to, token);
  }
  void unwatch(int fd, Ready from) noexcept override { unwatch_here(fd, from); }
  void wake() noexcept override;
  std::error_code reinit() noexcept override;
  [[nodiscard]] TimePoint now() const noexcept override;
  [[nodiscard]] Net& net() noexcept override { return net_; }
  [[nodiscard]] NameService* name_service() noexcept override;
  [[nodiscard]] ProcessCalls* process_calls() noexcept override { return nullptr; }
  void set_task_report(TaskReport* report) noexcept override { task_report_ = report; }
  void attach(HostedLoop& loop) noexcept override { loop_ = &loop; }
  void arm(TimePoint deadline, Liveness liveness) noexcept override;
  [[nodiscard]] bool take_exception(const std::exception_ptr& exception) noexcept override;

  /// Reports to the hosted loop what is ready, and runs a turn of it if there is a reason.
  void run();
  void look_whether_woken() override;
  void clock_jumped() override { set_alarm(); }
  void list_waiting(WaitingList& list) const override;

 private:
  friend class WorldImpl;
  void set_alarm();

  HostedLoop* loop_ = nullptr;
  TimePoint armed_ = never;
  TimePoint alarm_at_ = never;
  EventQueue::Ticket alarm_{};
  EventQueue::Ticket late_wake_{};
  bool keeps_host_ = false;
  bool is_runnable_ = false;
  std::atomic<bool> woken_ = false;
};

class DrivingEnd final : public Backend, public BackendBase {
 public:
  explicit DrivingEnd(Machine& machine) : BackendBase(machine) {}

  std::error_code watch(int fd, Ready from, Ready to, Token token) noexcept override {
    return watch_here(fd, from, to, token);
  }
  void unwatch(int fd, Ready from) noexcept override { unwatch_here(fd, from); }
  [[nodiscard]] std::error_code wait(Sink& sink, TimePoint deadline) override;
  void wake() noexcept override {
    woken_.store(true);
    woken_.notify_one();
  }
  std::error_code reinit() noexcept override {
    poller_.forget();
    return {};
  }
  [[nodiscard]] TimePoint now() const noexcept override;
  [[nodiscard]] Net& net() noexcept override { return net_; }
  [[nodiscard]] NameService* name_service() noexcept override;
  [[nodiscard]] ProcessCalls* process_calls() noexcept override { return nullptr; }
  void set_task_report(TaskReport* report) noexcept override { task_report_ = report; }

 private:
  std::atomic<bool> woken_ = false;
};

}  // namespace rondo::sim
