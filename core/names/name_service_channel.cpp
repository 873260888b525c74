// SPDX-License-Identifier: MIT
// Names that the backend resolves itself, as a simulated network does.
#include <utility>

#include "dns.h"

namespace rondo::detail {
namespace {

class NameServiceChannel final : public DnsChannel {
 public:
  explicit NameServiceChannel(NameService& names) noexcept : names_(names) {}

  void ask(const std::string& name, std::optional<AddressFamily> family, EarlyAnswer,
           OnEnd on_end) override {
    question_ = names_.ask(name, family, std::move(on_end));
  }
  void cancel() noexcept override { question_.reset(); }

 private:
  NameService& names_;
  std::unique_ptr<NameService::Question> question_;
};

}  // namespace

std::unique_ptr<DnsChannel> make_name_service_channel(NameService& names) {
  return std::make_unique<NameServiceChannel>(names);
}

}  // namespace rondo::detail
