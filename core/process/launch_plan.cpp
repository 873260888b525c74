// SPDX-License-Identifier: MIT
// Text from the user goes to the system as it is, except that a null character would cut it.
//
// The search of a name in PATH takes place here, as a list of paths to try, because the child can
// only try them. It is the PATH of the program's own environment, as a shell has it.
#include "launch_plan.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include <rondo/assert.h>

#include "quoted.h"

// POSIX declares it in no header, glibc with _GNU_SOURCE does.
extern "C" char** environ;  // NOLINT(readability-redundant-declaration)

namespace rondo::detail {
namespace {

constexpr std::string_view path_by_default = "/usr/local/bin:/usr/bin:/bin";

/// A stream whose owner will pass it on.
class Ignored final : public StreamHandler {
 public:
  void on_data(Stream&, Bytes) override {}
};

StreamHandler& ignored() noexcept {
  static Ignored handler;
  return handler;
}

bool has_null(const std::string& text) noexcept { return text.find('\0') != std::string::npos; }

std::string_view name_of(std::string_view variable) noexcept {
  return variable.substr(0, variable.find('='));
}

/// False: an entry has no name, or a null character.
bool make_environment(const ProcessOptions& options, std::vector<std::string>& variables) {
  if (options.inherit_environment)
    for (char** one = environ; one != nullptr && *one != nullptr; ++one)
      variables.emplace_back(*one);
  for (const std::string& entry : options.environment) {
    const std::string_view name = name_of(entry);
    if (name.empty() || has_null(entry)) return false;
    std::erase_if(variables, [&](const std::string& one) { return name_of(one) == name; });
    if (name.size() < entry.size()) variables.push_back(entry);
  }
  return true;
}

std::string_view search_path(const std::vector<std::string>& variables) noexcept {
  constexpr std::string_view prefix = "PATH=";
  for (const std::string_view one : variables)
    if (one.substr(0, prefix.size()) == prefix) return one.substr(prefix.size());
  return path_by_default;
}

/// Whether the program can have the descriptor of that number as it is. What is close-on-exec is
/// not meant for it: if this program was started without standard descriptors, other files have got
/// their numbers.
bool is_inheritable(int number) noexcept {
  const int flags = ::fcntl(number, F_GETFD);
  return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Result<LaunchPlan> LaunchPlan::make(Reactor& reactor, ProcessCalls& calls,
                                    std::vector<std::string> arguments,
                                    const ProcessOptions& options) {
  LaunchPlan plan;
  if (const std::error_code error = plan.set_texts(std::move(arguments), options))
    return Error{error, "start " + quoted(plan.name_)};
  if (auto done = plan.add_standard(reactor, calls, options); !done) return done.error();
  if (auto done = plan.add_further(options); !done) return done.error();
  return plan;
}

std::error_code LaunchPlan::set_texts(std::vector<std::string> words,
                                      const ProcessOptions& options) {
  const auto invalid = std::make_error_code(std::errc::invalid_argument);
  if (!options.program.empty()) {
    name_ = options.program;
  } else if (!words.empty()) {
    name_ = words.front();
  }
  if (words.empty() || std::any_of(words.begin(), words.end(), has_null)) return invalid;
  if (has_null(options.program) || has_null(options.directory)) return invalid;
  words_ = std::move(words);
  directory_ = options.directory;
  group_ = options.group;
  if (!make_environment(options, variables_)) return invalid;
  find_files(name_);
  return {};
}

void LaunchPlan::find_files(const std::string& name) {
  if (name.empty() || name.find('/') != std::string::npos) {
    paths_.push_back(name);
    return;
  }
  std::string_view left = search_path(variables_);
  while (true) {
    const std::size_t end = left.find(':');
    const std::string_view folder = left.substr(0, end);
    // An empty entry is the working directory.
    paths_.push_back(folder.empty() ? "./" + name : std::string{folder} + "/" + name);
    if (end == std::string_view::npos) return;
    left.remove_prefix(end + 1);
  }
}

Result<void> LaunchPlan::add_standard(Reactor& reactor, ProcessCalls& calls,
                                      const ProcessOptions& options) {
  if (options.input.kind_ == Kind::output || options.output.kind_ == Kind::output)
    return error_of("redirect only the error to the output of", EINVAL);
  const Redirect* const redirects[] = {&options.input, &options.output, &options.error};
  for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number) {
    auto fd = open_standard(reactor, calls, *redirects[number], number);
    if (!fd) return fd.error();
    descriptors_.push_back({*fd, number});
  }
  return {};
}

Result<int> LaunchPlan::open_standard(Reactor& reactor, ProcessCalls& calls,
                                      const Redirect& redirect, int number) {
  switch (redirect.kind_) {
    case Kind::pipe:
      return open_pipe(reactor, calls, redirect, number);
    case Kind::output:
      return descriptors_[STDOUT_FILENO].fd;
    case Kind::descriptor:
      if (::fcntl(redirect.fd_, F_GETFD) >= 0) return redirect.fd_;
      return error_of("pass descriptor " + std::to_string(redirect.fd_) + " to", errno);
    case Kind::inherit:
      if (is_inheritable(number)) return number;
      break;
    case Kind::null:
      break;
  }
  return open_null(reactor, calls);
}

Result<int> LaunchPlan::open_pipe(Reactor& reactor, ProcessCalls& calls, const Redirect& redirect,
                                  int number) {
  theirs_.reserve(theirs_.size() + 1);
  const bool is_input = number == STDIN_FILENO;
  int fds[2];
  const int result = calls.pipe(fds, is_input ? Direction::write : Direction::read);
  if (result < 0) return error_of("open a pipe to start", -result);
  Socket mine{reactor.net(), fds[is_input ? 1 : 0]};
  theirs_.emplace_back(reactor.net(), fds[is_input ? 0 : 1]);
  StreamHandler& handler = redirect.handler_ != nullptr ? *redirect.handler_ : ignored();
  auto stream = Stream::adopt(reactor, std::move(mine), handler, redirect.options_);
  if (!stream) return stream.error();
  streams[static_cast<std::size_t>(number)] = std::move(*stream);
  return theirs_.back().fd();
}

Result<int> LaunchPlan::open_null(Reactor& reactor, ProcessCalls& calls) {
  if (null_ >= 0) return null_;
  theirs_.reserve(theirs_.size() + 1);
  const int fd = calls.open_null();
  if (fd < 0) return error_of("open the null device to start", -fd);
  theirs_.emplace_back(reactor.net(), fd);
  null_ = fd;
  return fd;
}

Result<void> LaunchPlan::add_further(const ProcessOptions& options) {
  for (const ProgramStart::Descriptor& one : options.descriptors) {
    const bool is_taken =
        std::any_of(descriptors_.begin(), descriptors_.end(),
                    [&](const auto& other) { return other.number == one.number; });
    if (one.number < 0 || is_taken)
      return error_of("pass a descriptor as " + std::to_string(one.number) + " to", EINVAL);
    if (::fcntl(one.fd, F_GETFD) < 0)
      return error_of("pass descriptor " + std::to_string(one.fd) + " to", errno);
    descriptors_.push_back(one);
  }
  return {};
}

ProgramStart LaunchPlan::program() {
  arguments_ = pointers_to(words_);
  environment_ = pointers_to(variables_);
  files_.clear();
  for (const std::string& path : paths_) files_.push_back(path.c_str());
  files_.push_back(nullptr);
  return {.files = files_.data(),
          .arguments = arguments_.data(),
          .environment = environment_.data(),
          .directory = directory_.empty() ? nullptr : directory_.c_str(),
          .descriptors = descriptors_,
          .group = group_};
}

Error LaunchPlan::error_of(const std::string& tried, int number) const {
  return {system_error(number), tried + " " + quoted(name_)};
}

Error LaunchPlan::failure(StartStep step, int error) const {
  switch (step) {
    case StartStep::group:
      return error_of("make a process group for", error);
    case StartStep::directory:
      return error_of("change to directory " + quoted(directory_) + " to start", error);
    case StartStep::descriptors:
      return error_of("pass descriptors to", error);
    case StartStep::process:
    case StartStep::program:
      break;
  }
  return error_of("start", error);
}

}  // namespace rondo::detail
