// SPDX-License-Identifier: MIT
#include <rondo/task_report.h>

#include <chrono>
#include <cstdio>
#include <string_view>

#include <rondo/connection.h>
#include <rondo/reactor.h>

#include "stream/stream_impl.h"
#include "task_context.h"

namespace rondo {
namespace detail {
namespace {

void append_line(std::string& report, std::string_view what, Duration since,
                 const TaskPromise& task) {
  char seconds[32];
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  std::snprintf(seconds, sizeof seconds, ", %lld.%03lld s: ", static_cast<long long>(ms / 1000),
                static_cast<long long>(ms % 1000));
  report.append(what).append(seconds);
  std::string_view separator;
  for (const TaskPromise* one = &task; one != nullptr; one = one->parent()) {
    if (!one->has_place()) continue;  // a branch of when_all and the like
    const std::source_location where = one->where();
    report.append(separator).append(where.file_name()).append(":");
    report += std::to_string(where.line());
    separator = " < ";
  }
  report += separator.empty() ? "not started\n" : "\n";
}

}  // namespace

std::string CoroutineContext::tasks() {
  std::string report;
  waiting().for_each([&](const Wait& wait) {
    append_line(report, wait.what(), reactor_.now() - wait.since(), *wait.task());
  });
  StreamContext* const streams = loop_.find_per_reactor<StreamContext>();
  if (streams == nullptr) return report;  // making it would change a simulated run
  streams->for_each([&](StreamImpl& stream) {
    const auto* const connection = dynamic_cast<const Connection*>(&stream.handler());
    if (connection == nullptr) return;
    if (const TaskPromise* const reader = connection->reader_in_read())
      append_line(report, "Connection::read", stream.silent_for(), *reader);
  });
  return report;
}

}  // namespace detail

std::string describe_tasks(Reactor& reactor) {
  detail::check_thread(reactor, "describe_tasks");
  return static_cast<detail::CoroutineContext&>(detail::TaskContext::of(reactor)).tasks();
}

}  // namespace rondo
