// SPDX-License-Identifier: MIT
// The end of the program is the end of the collection. Its own output has been passed on before
// that (Process), so the ends of the pipes are not waited for: a process that the program has left
// behind may hold them for ever.
#include <rondo/output_collector.h>

#include <signal.h>

#include <algorithm>
#include <optional>
#include <utility>

#include <rondo/options.h>
#include <rondo/reactor.h>
#include <rondo/stream.h>
#include <rondo/timer.h>

namespace rondo {

class OutputCollector::Impl {
 public:
  Impl(Reactor& reactor, Done done, const CollectOptions& options)
      : done_(std::move(done)),
        output_max_(options.output_max),
        grace_(options.grace),
        timer_(reactor, [this] { time_out(); }) {
    timer_.unref();
    if (options.timeout != forever) timer_.arm_after(options.timeout);
  }

  [[nodiscard]] Result<void> start(Reactor& reactor, std::vector<std::string> arguments,
                                   CollectOptions options) {
    ProcessOptions& process = options.process;
    // The queue has no limit but the size of the input, and the program all of its life to read it.
    const StreamOptions patient{.close_timeout = forever, .write_buffer_max = unlimited};
    process.input = options.input.empty() ? Redirect::null() : Redirect::pipe(ignored_, patient);
    process.output = Redirect::pipe(output_);
    if (options.error == CollectOptions::ErrorOutput::apart) {
      process.error = Redirect::pipe(error_);
    } else {
      const bool is_dropped = options.error == CollectOptions::ErrorOutput::dropped;
      process.error = is_dropped ? Redirect::null() : Redirect::to_output();
    }
    auto started = Process::start(
        reactor, std::move(arguments), [this](const ExitStatus& status) { finish(status); },
        process);
    if (!started) return std::move(started).error();
    process_.emplace(std::move(*started));
    if (Stream* const input = process_->input()) {
      // A program that does not read all of its input is no error.
      (void)input->write_owned(OwnedBytes{std::move(options.input)});
      input->close();
    }
    return {};
  }

 private:
  struct Sink final : StreamHandler {
    Sink(Impl& owner, std::string& into) : owner_(owner), into_(into) {}
    void on_data(Stream&, Bytes data) override { owner_.append(into_, data); }
    Impl& owner_;
    std::string& into_;
  };
  struct Ignored final : StreamHandler {
    void on_data(Stream&, Bytes) override {}
  };

  void append(std::string& into, Bytes data) {
    const std::size_t size = result_.output.size() + result_.error.size();
    const std::size_t taken = std::min(data.size(), output_max_ - size);
    into.append(reinterpret_cast<const char*>(data.data()), taken);
    if (taken == data.size() || result_.end == CollectedOutput::End::overflow) return;
    result_.end = CollectedOutput::End::overflow;
    (void)process_->kill(SIGKILL);  // it may have ended
  }

  void time_out() {
    if (result_.end != CollectedOutput::End::exited) return;
    result_.end = CollectedOutput::End::timed_out;
    process_->terminate(grace_);
  }

  /// `done` may destroy this.
  void finish(const ExitStatus& status) {
    result_.status = status;
    timer_.cancel();
    // Destroyed at once: what another process still writes is not collected.
    process_->take_input().reset();
    process_->take_output().reset();
    process_->take_error().reset();
    Done done = std::move(done_);
    done(std::move(result_));
  }

  Done done_;
  std::size_t output_max_;
  Duration grace_;
  CollectedOutput result_;
  Sink output_{*this, result_.output};
  Sink error_{*this, result_.error};
  Ignored ignored_;
  Timer timer_;
  std::optional<Process> process_;
};

Result<OutputCollector> OutputCollector::start(Reactor& reactor, std::vector<std::string> arguments,
                                               Done done, CollectOptions options) {
  detail::check_thread(reactor, "OutputCollector::start");
  auto impl = std::make_unique<Impl>(reactor, std::move(done), options);
  auto started = impl->start(reactor, std::move(arguments), std::move(options));
  if (!started) return std::move(started).error();
  return OutputCollector{std::move(impl)};
}

OutputCollector::OutputCollector(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
OutputCollector::OutputCollector(OutputCollector&& other) noexcept = default;
OutputCollector& OutputCollector::operator=(OutputCollector&& other) noexcept = default;
OutputCollector::~OutputCollector() = default;

}  // namespace rondo
