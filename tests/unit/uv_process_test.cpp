// SPDX-License-Identifier: MIT
// Programs started by rondo and by libuv in one process.
#include <signal.h>
#include <uv.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <rondo/process.h>
#include <rondo/reactor.h>
#include <rondo/uv.h>

#include "support/process_fixture.h"
#include "support/uv_fixture.h"

namespace rondo::test {
namespace {

/// libuv's own process, in a loop that hosts a reactor.
class UvProcesses : public UvTest {
 protected:
  UvProcesses() { EXPECT_EQ(uv_loop_init(&loop), 0); }
  ~UvProcesses() override { EXPECT_EQ(uv_loop_close(&loop), 0); }

  void spawn() {
    static char name[] = "sh";
    static char flag[] = "-c";
    static char script[] = "exit 5";
    char* arguments[] = {name, flag, script, nullptr};
    uv_process_options_t options{};
    options.file = name;
    options.args = arguments;
    options.exit_cb = [](uv_process_t* handle, std::int64_t status, int) {
      static_cast<UvProcesses*>(handle->data)->uv_status = static_cast<int>(status);
      uv_close(base(*handle), nullptr);
    };
    process.data = this;
    ASSERT_EQ(uv_spawn(&loop, &process, &options), 0);
  }

  uv_loop_t loop{};
  uv_process_t process{};
  int uv_status = -1;
};

TEST_F(UvProcesses, EndBesideThoseOfRondo) {
  static ProcessCallsUnderTest calls;
  for (const bool has_exit_descriptors : {true, false}) {
    for (const bool uv_is_first : {true, false}) {
      SCOPED_TRACE(std::string{has_exit_descriptors ? "by exit descriptor" : "by SIGCHLD"} +
                   (uv_is_first ? ", libuv first" : ", libuv second"));
      calls.has_exit_descriptors = has_exit_descriptors;
      uv_status = -1;
      {
        auto spy = std::make_unique<SpyBackend>(make_backend("uv").value());
        spy->use_process_calls(&calls);
        Reactor reactor{std::unique_ptr<Backend>{std::move(spy)}};
        std::optional<ExitStatus> status;
        if (uv_is_first) spawn();
        const auto ours = Process::start(reactor, {"sh", "-c", "exit 7"},
                                         [&](const ExitStatus& end) { status = end; });
        ASSERT_TRUE(ours);
        if (!uv_is_first) spawn();
        EXPECT_TRUE(reactor.run());
        ASSERT_TRUE(status);
        EXPECT_EQ(status->code, 7) << status->message();
        EXPECT_EQ(uv_run(&loop, UV_RUN_DEFAULT), 0);
        EXPECT_EQ(uv_status, 5);
      }
    }
  }
}

TEST_F(UvProcesses, EndInAHostedReactor) {
  std::optional<Reactor> reactor{std::move(host_on(&loop)).value()};
  std::optional<ExitStatus> status;
  spawn();
  std::optional<Process> ours{
      Process::start(*reactor, {"sh", "-c", "exit 7"}, [&](const ExitStatus& end) {
        status = end;
      }).value()};
  EXPECT_EQ(uv_run(&loop, UV_RUN_DEFAULT), 0);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code, 7);
  EXPECT_EQ(uv_status, 5);
  ours.reset();
  reactor.reset();
  EXPECT_EQ(uv_run(&loop, UV_RUN_DEFAULT), 0);
}

}  // namespace
}  // namespace rondo::test
