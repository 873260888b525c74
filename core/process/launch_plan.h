// SPDX-License-Identifier: MIT
// What the system needs to start a program, made of what the user has asked for. All memory is
// allocated here, before there is a child.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <rondo/process.h>
#include <rondo/reactor.h>
#include <rondo/socket.h>

namespace rondo::detail {

struct LaunchPlan {
  /// Opens what the standard descriptors need. Errors name what is wrong.
  [[nodiscard]] static Result<LaunchPlan> make(Reactor& reactor, ProcessCalls& calls,
                                               std::vector<std::string> arguments,
                                               const ProcessOptions& options);
  /// It refers to this object, which must not change until the program has started.
  [[nodiscard]] ProgramStart program();
  /// The error of ProcessCalls::start().
  [[nodiscard]] Error failure(StartStep step, int error) const;

  std::array<std::unique_ptr<Stream>, 3> streams;  // by descriptor number; null: no pipe

 private:
  using Kind = Redirect::Kind;
  [[nodiscard]] std::error_code set_texts(std::vector<std::string> words,
                                          const ProcessOptions& options);
  void find_files(const std::string& name);
  [[nodiscard]] Result<void> add_standard(Reactor& reactor, ProcessCalls& calls,
                                          const ProcessOptions& options);
  [[nodiscard]] Result<int> open_standard(Reactor& reactor, ProcessCalls& calls,
                                          const Redirect& redirect, int number);
  [[nodiscard]] Result<int> open_pipe(Reactor& reactor, ProcessCalls& calls,
                                      const Redirect& redirect, int number);
  [[nodiscard]] Result<int> open_null(Reactor& reactor, ProcessCalls& calls);
  [[nodiscard]] Result<void> add_further(const ProcessOptions& options);
  [[nodiscard]] Error error_of(const std::string& tried, int number) const;

  std::string name_;  // for messages
  std::vector<std::string> words_;
  std::vector<std::string> variables_;
  std::vector<std::string> paths_;
  std::string directory_;
  ProcessGroup group_ = ProcessGroup::inherited;
  std::vector<char*> arguments_;
  std::vector<char*> environment_;
  std::vector<const char*> files_;
  std::vector<ProgramStart::Descriptor> descriptors_;
  std::vector<Socket> theirs_;  // the ends of the program, which this one closes
  int null_ = -1;               // in `theirs_`
};

}  // namespace rondo::detail
