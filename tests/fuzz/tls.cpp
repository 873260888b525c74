// SPDX-License-Identifier: MIT
// The server's layer of TLS, and a client by OpenSSL: their bytes are cut, and changed on the way.
// What is not changed arrives as it was written; what is changed ends the connection at most.
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <rondo/tls.h>

#include <cerrno>
#include <memory>

#include "fuzz/target.h"
#include "tls/raw_client.h"

namespace rondo::fuzz {
namespace {

std::string pem_of(const auto& write) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio{BIO_new(BIO_s_mem()), BIO_free};
  write(bio.get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

/// Signed by itself: the client checks nothing.
tls::Identity make_identity() {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 100'000);
  X509_set_pubkey(certificate, key);
  X509_sign(certificate, key, EVP_sha256());
  const std::string chain = pem_of([&](BIO* to) { PEM_write_bio_X509(to, certificate); });
  const std::string secret = pem_of(
      [&](BIO* to) { PEM_write_bio_PrivateKey(to, key, nullptr, nullptr, 0, nullptr, nullptr); });
  X509_free(certificate);
  EVP_PKEY_free(key);
  return tls::Identity::parse(chain, secret).value();
}

class Wire final : public LayerWire {
 public:
  explicit Wire(Input& input) noexcept : input_(input) {}
  std::ptrdiff_t read(MutableBytes into) noexcept override {
    if (arrived.empty()) return has_ended ? 0 : again();
    const std::size_t size = std::min({into.size(), arrived.size(), 1 + input_.below(300)});
    std::copy_n(bytes_of(arrived).begin(), size, into.begin());
    arrived.erase(0, size);
    return static_cast<std::ptrdiff_t>(size);
  }
  std::ptrdiff_t write(Bytes data) noexcept override {
    const std::size_t room = input_.empty() ? data.size() : input_.below(2'000);
    if (room == 0) return again();
    const std::size_t size = std::min(room, data.size());
    sent.append(text_of(data.first(size)));
    return static_cast<std::ptrdiff_t>(size);
  }
  void shutdown() noexcept override {}

  std::string arrived;
  std::string sent;
  bool has_ended = false;

 private:
  static std::ptrdiff_t again() noexcept {
    errno = EAGAIN;
    return -1;
  }
  Input& input_;
};

/// Returns whether it has.
bool changes(std::string& bytes, Input& input) {
  if (bytes.empty() || input.below(8) != 0) return false;
  const std::size_t at = input.below(std::min<std::size_t>(bytes.size(), 65'536));
  switch (input.below(3)) {
    case 0:
      bytes[at] =
          static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U + input.byte() % 255U));
      break;
    case 1:
      bytes.erase(at, 1 + input.below(40));
      break;
    default:
      bytes.insert(at, input.text(1 + input.below(40)));
      break;
  }
  return true;
}

struct Conversation {
  explicit Conversation(Input& from) : input(from), wire(from) {
    static tls::Server server{make_identity()};
    layer = server.make({}).value();
  }

  void client_turn() {
    if (client.shake_hands(std::exchange(wire.sent, {}))) {
      heard_back += client.hear({});
      if (said.size() < 2'000 && input.flag()) {
        const std::string part(1 + input.below(300), static_cast<char>('a' + said.size() % 26));
        said += part;
        (void)SSL_write(client.ssl(), part.data(), static_cast<int>(part.size()));  // it fits
      }
      if (input.below(16) == 0) SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED);
    }
    std::string bytes = client.wire();
    is_changed = changes(bytes, input) || is_changed;
    wire.arrived += bytes;
  }
  /// False: it is over.
  bool server_turn() {
    if (!is_open) {
      const auto step = layer->shake_hands(wire);
      is_open = step == StreamLayer::Handshake::done;
      return step != StreamLayer::Handshake::failed;
    }
    std::byte room[200];
    for (int reads = 0; reads < 1'000; ++reads) {
      const std::ptrdiff_t got = layer->read(wire, room);
      if (got <= 0) return got < 0 && errno == EAGAIN;
      heard.append(text_of(Bytes{room}.first(static_cast<std::size_t>(got))));
    }
    return true;
  }

  Input& input;
  Wire wire;
  std::unique_ptr<StreamLayer> layer;
  test::RawClient client;
  std::string said;
  std::string heard;
  std::string heard_back;
  bool is_open = false;
  bool is_changed = false;
};

}  // namespace

void tls_layer(Input& input) {
  Conversation talk{input};
  bool goes_on = true;
  for (int turn = 0; turn < 100 && goes_on; ++turn) {
    talk.client_turn();
    goes_on = talk.server_turn();
  }
  require(talk.heard == talk.said.substr(0, talk.heard.size()), "what is heard was said");
  if (talk.is_changed) return;
  require(goes_on, "it goes on if nothing is changed");
  for (int turn = 0; turn < 1'000 && talk.heard.size() < talk.said.size(); ++turn) {
    talk.client_turn();
    (void)talk.server_turn();  // what it has heard is compared
  }
  require_same(talk.heard, talk.said, "all that was said is heard");
}

const Target target{"tls", tls_layer};

}  // namespace rondo::fuzz
