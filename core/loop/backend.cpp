// The choice of the backend: by name, otherwise by the environment, otherwise the build's default.
#include <rondo/backend.h>

#include <cstdlib>
#include <string>
#include <utility>

namespace rondo {
namespace {

std::string built_names() {
  std::string names;
  for (const BuiltBackend& built : built_backends()) {
    if (!names.empty()) names += ", ";
    names += built.name;
  }
  return names;
}

std::string_view chosen_name(std::string_view name) noexcept {
  if (!name.empty()) return name;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): a program that also writes its environment names one
  if (const char* const from_environment = std::getenv("RONDO_BACKEND")) return from_environment;
  return {};
}

}  // namespace

Result<std::unique_ptr<Backend>> make_backend(std::string_view name) {
  name = chosen_name(name);
  if (name.empty()) name = built_backends().front().name;
  for (const BuiltBackend& built : built_backends()) {
    if (built.name != name) continue;
    auto backend = built.make();
    if (!backend) return Error{backend.error(), "make backend " + std::string{name}};
    return std::move(*backend);
  }
  return Error{std::make_error_code(std::errc::not_supported),
               "make backend \"" + std::string{name} + "\" (built are: " + built_names() + ")"};
}

}  // namespace rondo
