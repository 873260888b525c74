// SPDX-License-Identifier: MIT
// A session that notes what happens to it, answers what its client says, and ends with it.
#pragma once

#include <string>

#include <rondo/server.h>

#include "support/stream_fixture.h"

namespace rondo::test {

struct NotedSession final : Session {
  explicit NotedSession(std::string& notes) : notes_(notes) { notes_ += "made "; }
  NotedSession(const NotedSession&) = delete;
  NotedSession& operator=(const NotedSession&) = delete;
  ~NotedSession() override { notes_ += "gone "; }
  void on_open(Stream&) override { notes_ += "open "; }
  void on_data(Stream& client, Bytes data) override {
    notes_ += text_of(data) + " ";
    client.write(data);
  }
  void on_end(Stream& client) override {
    notes_ += "end ";
    client.close();
  }
  void on_close(Stream&, const Close& close) override { notes_ += close.message() + ". "; }
  std::string& notes_;
};

}  // namespace rondo::test
