// SPDX-License-Identifier: MIT
// adapter_curl: libcurl's transfers on a reactor, by its multi socket interface. Any number of
// transfers run at the same time in one thread.
//
//   adapter_curl http://example.org/ http://example.org/nothing    prints: status bytes URL
#include <curl/curl.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <unordered_map>
#include <utility>

#include <rondo/function.h>
#include <rondo/reactor.h>
#include <rondo/result.h>
#include <rondo/shared_watch.h>
#include <rondo/timer.h>

namespace {

/// The adapter. Destroy it before the reactor; transfers that are not done are dropped.
class Transfers {
 public:
  /// Called once for each transfer, with curl's result. The handle is freed afterwards. It may
  /// start transfers, but must not destroy the adapter.
  using Done = rondo::Function<void(CURL* transfer, CURLcode result)>;

  explicit Transfers(rondo::Reactor& reactor)
      : reactor_(reactor), timer_(reactor, [this] { act(CURL_SOCKET_TIMEOUT, 0); }) {
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, watch);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  }
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;
  ~Transfers() {
    for (auto& [transfer, done] : transfers_) end(transfer);
    curl_multi_cleanup(multi_);  // closes idle connections, and ends their watches before
  }

  /// Begins a transfer, whose options the caller has set. The adapter owns it from now on.
  void start(CURL* transfer, Done done) {
    transfers_.emplace(transfer, std::move(done));
    curl_multi_add_handle(multi_, transfer);
  }

 private:
  /// curl calls this when it awaits another readiness of a socket, or none any more.
  static int watch(CURL*, curl_socket_t fd, int what, void* adapter, void*) {
    auto& self = *static_cast<Transfers*>(adapter);
    if (what == CURL_POLL_REMOVE) {
      self.watches_.erase(fd);
      return 0;
    }
    const bool reads = (what & CURL_POLL_IN) != 0;
    const bool writes = (what & CURL_POLL_OUT) != 0;
    const auto interest = (reads ? rondo::Ready::read : rondo::Ready::none) |
                          (writes ? rondo::Ready::write : rondo::Ready::none);
    rondo::SharedWatch& watch = self.watches_[fd];
    if (watch) {
      watch.set(interest);
      return 0;
    }
    auto made = rondo::SharedWatch::make(self.reactor_, fd, interest, [&self, fd](auto ready) {
      self.act(fd,
               (can_read(ready) ? CURL_CSELECT_IN : 0) | (can_write(ready) ? CURL_CSELECT_OUT : 0));
    });
    if (!made) return -1;  // curl ends its transfers with CURLM_ABORTED_BY_CALLBACK
    watch = std::move(*made);
    return 0;
  }

  /// curl calls this when its next deadline has changed. It must not be called back from inside,
  /// which a timer does not do.
  static int set_timer(CURLM*, long milliseconds, void* adapter) {
    auto& self = *static_cast<Transfers*>(adapter);
    if (milliseconds < 0) {
      self.timer_.cancel();
    } else {
      self.timer_.arm_after(std::chrono::milliseconds{milliseconds});
    }
    return 0;
  }

  void act(curl_socket_t fd, int ready) {
    int running = 0;
    curl_multi_socket_action(multi_, fd, ready, &running);
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* const transfer = message->easy_handle;
      const CURLcode result = message->data.result;  // `message` ends with the transfer
      auto done = transfers_.extract(transfer);
      done.mapped()(transfer, result);
      end(transfer);
    }
  }

  void end(CURL* transfer) {
    curl_multi_remove_handle(multi_, transfer);
    curl_easy_cleanup(transfer);
  }

  rondo::Reactor& reactor_;
  CURLM* const multi_ = curl_multi_init();
  rondo::Timer timer_;
  std::unordered_map<curl_socket_t, rondo::SharedWatch> watches_;
  std::unordered_map<CURL*, Done> transfers_;
};

std::size_t discard(char*, std::size_t size, std::size_t count, void*) { return size * count; }

/// Prints the result of one transfer. Returns whether the server answered.
bool print(CURL* transfer, CURLcode result, const char* url) {
  if (result != CURLE_OK) {
    std::fprintf(stderr, "fetch %s: %s\n", url, curl_easy_strerror(result));
    return false;
  }
  long status = 0;
  curl_off_t bytes = 0;
  curl_easy_getinfo(transfer, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(transfer, CURLINFO_SIZE_DOWNLOAD_T, &bytes);
  std::printf("%ld %lld %s\n", status, static_cast<long long>(bytes), url);
  return true;
}

int fetch(rondo::Reactor& reactor, std::span<char* const> urls) {
  bool all_answered = true;
  Transfers transfers{reactor};
  for (const char* const url : urls) {
    CURL* const transfer = curl_easy_init();
    curl_easy_setopt(transfer, CURLOPT_URL, url);
    curl_easy_setopt(transfer, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(transfer, CURLOPT_WRITEFUNCTION, discard);
    curl_easy_setopt(transfer, CURLOPT_TIMEOUT_MS, 20'000L);
    transfers.start(transfer, [url, &all_answered](CURL* done, CURLcode result) {
      all_answered = print(done, result, url) && all_answered;
    });
  }
  if (const auto ran = reactor.run(); !ran) return rondo::print_error(ran.error());
  return all_answered ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: adapter_curl URL...\n", stderr);
    return 2;
  }
  auto reactor = rondo::Reactor::make();
  if (!reactor) return rondo::print_error(reactor.error());
  curl_global_init(CURL_GLOBAL_DEFAULT);
  const int status = fetch(**reactor, std::span{argv, static_cast<std::size_t>(argc)}.subspan(1));
  curl_global_cleanup();
  return status;
}
