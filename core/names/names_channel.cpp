// Names that the backend answers itself: a simulated network does.
#include <utility>

#include "dns.h"

namespace rondo::detail {
namespace {

class NamesChannel final : public DnsChannel {
 public:
  explicit NamesChannel(Names& names) noexcept : names_(names) {}

  void ask(const std::string& name, std::optional<Family> family, OnEnd on_end) override {
    question_ = names_.ask(name, family, std::move(on_end));
  }
  void cancel() noexcept override { question_.reset(); }

 private:
  Names& names_;
  std::unique_ptr<Names::Question> question_;
};

}  // namespace

std::unique_ptr<DnsChannel> make_names_channel(Names& names) {
  return std::make_unique<NamesChannel>(names);
}

}  // namespace rondo::detail
