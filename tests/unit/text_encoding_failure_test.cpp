// SPDX-License-Identifier: MIT
// An encoding that the system cannot convert at the moment, as for lack of descriptors: the stream
// ends with that error.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <iconv.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <rondo/reactor.h>
#include <rondo/text_reconnector.h>
#include <rondo/text_stream.h>

#include "support/descriptors.h"
#include "support/run_until.h"

namespace {

int iconv_error = 0;  // what iconv_open() fails with, if not 0

}  // namespace

// The library calls this one.
extern "C" iconv_t iconv_open(const char* to, const char* from) {
  using Open = iconv_t(const char*, const char*);
  static Open* const real = reinterpret_cast<Open*>(::dlsym(RTLD_NEXT, "iconv_open"));
  if (iconv_error == 0) return real(to, from);
  errno = iconv_error;
  return reinterpret_cast<iconv_t>(-1);  // NOLINT(performance-no-int-to-ptr): iconv's own value
}

namespace rondo::test {
namespace {

struct Recorder final : TextHandler {
  void on_open(TextStream&) override { ++opens; }
  void on_close(TextStream&, const Close& why) override {
    ++closes;
    reason = why.reason;
    message = why.message();
  }
  int opens = 0;
  int closes = 0;
  CloseReason reason{};
  std::string message;
};

class TextEncodingFailure : public testing::Test {
 protected:
  TextEncodingFailure() { iconv_error = EMFILE; }
  ~TextEncodingFailure() override { iconv_error = 0; }

  void expect_failure() {
    EXPECT_TRUE(run_until(reactor, [&] { return recorder.closes == 1; }));
    EXPECT_EQ(recorder.opens, 0);
    EXPECT_EQ(recorder.reason, CloseReason::error);
    EXPECT_EQ(recorder.message, "decode KOI8-R: Too many open files");
  }

  const TextOptions options{.encoding = Encoding::find("koi8-r").value()};
  Recorder recorder;
  Reactor reactor;
};

TEST_F(TextEncodingFailure, EndsATextStream) {
  Pair pair = unix_pair();
  const auto text =
      TextStream::adopt(reactor, Socket{reactor.net(), pair.ours.release()}, recorder, options)
          .value();
  EXPECT_EQ(text->write("lost"), WriteStatus::refused);
  expect_failure();
}

TEST_F(TextEncodingFailure, EndsASession) {
  struct Speaker final : LineSession {
    Speaker(Recorder& to, const TextOptions& options) : LineSession(options), recorder(to) {}
    void on_open(TextStream& client) override { recorder.on_open(client); }
    void on_close(TextStream& client, const Close& why) override { recorder.on_close(client, why); }
    Recorder& recorder;
  };
  const auto server = serve<Speaker>(reactor, "127.0.0.1:0", {}, recorder, options).value();
  const Fd peer = tcp_connecting(server.local_endpoint().port());
  expect_failure();
}

TEST_F(TextEncodingFailure, EndsOneConnectionOfAReconnector) {
  const auto server =
      serve(reactor, "127.0.0.1:0", [](Stream& client, Bytes data) { client.write(data); }).value();
  ReconnectOptions soon;
  soon.backoff = {.min = std::chrono::microseconds{1}, .max = std::chrono::microseconds{1}};
  TextReconnector again{reactor, server.local_endpoint().to_string(), recorder, options, soon};
  expect_failure();
  EXPECT_EQ(again.text(), nullptr);
  iconv_error = 0;
  EXPECT_TRUE(run_until(reactor, [&] { return recorder.opens == 1; }));
}

}  // namespace
}  // namespace rondo::test
