// SPDX-License-Identifier: MIT
// Reactor::make(): the choice of the backend, the version, and exhausted descriptors.
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <typeinfo>

#include <rondo/rondo.h>

#include "support/descriptor_census.h"
#include "support/descriptors.h"
#include "support/failing_net.h"
#include "support/recording_handler.h"
#include "support/run_until.h"
#include "support/spy_backend.h"

namespace rondo::test {
namespace {

/// Sets or removes an environment variable for its own lifetime.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* const before = std::getenv(name)) before_ = before;
    set(value);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() { set(before_ ? before_->c_str() : nullptr); }

 private:
  void set(const char* value) {
    EXPECT_EQ(value != nullptr ? ::setenv(name_, value, 1) : ::unsetenv(name_), 0);
  }

  const char* name_;
  std::optional<std::string> before_;
};

bool are_alike(Backend& a, Backend& b) { return typeid(a) == typeid(b); }

class MakeTest : public DescriptorCensus {
 protected:
  // Descriptors that libuv opens once in a process are opened before the census.
  static void SetUpTestSuite() {
    for (const BuiltBackend& built : built_backends()) EXPECT_TRUE(built.make());
  }
};

TEST_F(MakeTest, ChoosesByName) {
  const Environment none{"RONDO_BACKEND", nullptr};
  ASSERT_FALSE(built_backends().empty());
  for (const BuiltBackend& built : built_backends()) {
    const auto expected = built.make();
    ASSERT_TRUE(expected) << built.name;
    const auto made = make_backend(built.name);
    ASSERT_TRUE(made) << built.name;
    EXPECT_TRUE(are_alike(**made, **expected)) << built.name;
    Reactor reactor{built.name};
    EXPECT_TRUE(are_alike(reactor.backend(), **expected)) << built.name;
    EXPECT_EQ(&reactor.net(), &reactor.backend().net());
  }
}

TEST_F(MakeTest, ChoosesTheDefaultWithoutAName) {
  const Environment none{"RONDO_BACKEND", nullptr};
  const auto made = make_backend();
  ASSERT_TRUE(made);
  EXPECT_TRUE(are_alike(**made, **built_backends().front().make()));
  const Environment empty{"RONDO_BACKEND", ""};
  EXPECT_TRUE(make_backend());
}

TEST_F(MakeTest, ChoosesByTheEnvironmentUnlessANameIsGiven) {
  for (const BuiltBackend& built : built_backends()) {
    const Environment chosen{"RONDO_BACKEND", std::string{built.name}.c_str()};
    const auto expected = built.make();
    const auto made = make_backend();
    ASSERT_TRUE(made);
    EXPECT_TRUE(are_alike(**made, **expected));
    Reactor reactor;
    EXPECT_TRUE(are_alike(reactor.backend(), **expected));
    const std::string_view last = built_backends().back().name;
    EXPECT_TRUE(are_alike(**make_backend(last), **built_backends().back().make()));
  }
}

TEST_F(MakeTest, ListsTheBackendsThatAreBuilt) {
  const auto expect_listed = [](const std::string& message) {
    EXPECT_NE(message.find("quickpoll"), std::string::npos) << message;
    for (const BuiltBackend& built : built_backends()) {
      EXPECT_NE(message.find(built.name), std::string::npos) << message;
    }
  };
  const auto backend = make_backend("quickpoll");
  ASSERT_FALSE(backend);
  expect_listed(backend.error().message());
  const auto reactor = Reactor::make({.backend = "quickpoll"});
  ASSERT_FALSE(reactor);
  expect_listed(reactor.error().message());
  try {
    const Reactor thrown{"quickpoll"};
    FAIL() << "it was made";
  } catch (const std::system_error& error) {
    expect_listed(error.what());
  }
  const Environment wrong{"RONDO_BACKEND", "quickpoll"};
  const auto by_environment = Reactor::make();
  ASSERT_FALSE(by_environment);
  expect_listed(by_environment.error().message());
}

TEST_F(MakeTest, LoadsTheLibraryOfItsHeaders) {
  EXPECT_EQ(library_version(), headers_version);
  EXPECT_STREQ(library_version_string(), RONDO_VERSION_STRING);
}

TEST_F(MakeTest, FailsCleanlyWithoutDescriptors) {
  for (const BuiltBackend& built : built_backends()) {
    std::size_t spare = 0;
    for (; spare < 50; ++spare) {
      const std::size_t open = open_descriptors().size();
      std::optional<Result<std::unique_ptr<Reactor>>> reactor;
      {
        const DescriptorFamine famine{spare};
        reactor.emplace(Reactor::make({.backend = built.name}));
      }
      if (*reactor) break;
      EXPECT_EQ(reactor->error(), std::errc::too_many_files_open) << built.name;
      EXPECT_NE(reactor->error().message().find(built.name), std::string::npos);
      EXPECT_EQ(open_descriptors().size(), open) << built.name << " with " << spare << " to spare";
    }
    EXPECT_GT(spare, 0U) << built.name;
    EXPECT_LT(spare, 50U) << built.name;
  }
}

// A user's own backend and Net can do everything that the built-in ones can.
TEST_F(MakeTest, TakesABackendOfTheUsersOwn) {
  FailingNet net{system_net()};
  auto own = std::make_unique<SpyBackend>(std::move(*make_backend()));
  SpyBackend& spy = *own;
  spy.use_net(&net);
  Reactor reactor{std::unique_ptr<Backend>{std::move(own)}};
  EXPECT_EQ(&reactor.net(), &net);
  EXPECT_EQ(&reactor.backend(), &spy);
  const Pair pair = unix_pair();
  RecordingHandler handler;
  const Watch watch = reactor.watch(pair.ours.get(), Ready::write, handler).value();
  EXPECT_TRUE(run_until(reactor, [&] { return handler.calls > 0; }));
  EXPECT_GT(spy.waits, 0);
}

}  // namespace
}  // namespace rondo::test
