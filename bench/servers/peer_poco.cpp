// SPDX-License-Identifier: MIT
// An echo server on POCO's SocketReactor, as its manual writes a service handler. The reactor calls
// one handler at a time, so all of them read into one buffer. What the kernel does not take is kept
// in the handler, which waits for room then, and reads nothing more.
#include <string>
#include <utility>

#include <Poco/Exception.h>
#include <Poco/NObserver.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/SocketAcceptor.h>
#include <Poco/Net/SocketNotification.h>
#include <Poco/Net/SocketReactor.h>
#include <Poco/Net/StreamSocket.h>

#include "listener.h"

namespace {

namespace net = Poco::Net;
char buffer[bench::echo_buffer_size];

class Echo {
 public:
  Echo(const net::StreamSocket& client, net::SocketReactor& reactor)
      : client_(client), reactor_(reactor) {
    client_.setBlocking(false);
    reactor_.addEventHandler(client_, readable_);
  }
  Echo(const Echo&) = delete;
  Echo& operator=(const Echo&) = delete;
  ~Echo() {
    reactor_.removeEventHandler(client_, readable_);
    reactor_.removeEventHandler(client_, writable_);
  }

  void on_readable(const Poco::AutoPtr<net::ReadableNotification>&) {
    try {
      const int size = client_.receiveBytes(buffer, sizeof buffer);
      if (size == 0) {
        delete this;
      } else if (size > 0) {
        send(buffer, size);
      }
    } catch (const Poco::Exception&) {  // the client has reset the connection
      delete this;
    }
  }

  void on_writable(const Poco::AutoPtr<net::WritableNotification>&) {
    const std::string rest = std::exchange(rest_, {});
    reactor_.removeEventHandler(client_, writable_);
    reactor_.addEventHandler(client_, readable_);
    try {
      send(rest.data(), static_cast<int>(rest.size()));
    } catch (const Poco::Exception&) {
      delete this;
    }
  }

 private:
  void send(const char* data, int size) {
    const int taken = client_.sendBytes(data, size);
    const int sent = taken < 0 ? 0 : taken;
    if (sent == size) return;
    rest_.assign(data + sent, static_cast<std::size_t>(size - sent));
    reactor_.removeEventHandler(client_, readable_);
    reactor_.addEventHandler(client_, writable_);
  }

  net::StreamSocket client_;
  net::SocketReactor& reactor_;
  const Poco::NObserver<Echo, net::ReadableNotification> readable_{*this, &Echo::on_readable};
  const Poco::NObserver<Echo, net::WritableNotification> writable_{*this, &Echo::on_writable};
  std::string rest_;
};

}  // namespace

int main(int argc, char** argv) {
  const bench::Options options = bench::prepare(argc, argv);
  net::SocketReactor reactor;
  net::ServerSocket listener{net::SocketAddress{options.listen}, bench::backlog};
  const net::SocketAcceptor<Echo> acceptor{listener, reactor};
  bench::announce(listener.impl()->sockfd());
  reactor.run();
}
