// SPDX-License-Identifier: MIT
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

std::string_view name_in_environment() noexcept {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): a program that also writes its environment names one
  const char* const name = std::getenv("RONDO_BACKEND");
  return name == nullptr ? std::string_view{} : name;
}

}  // namespace

Result<std::unique_ptr<Backend>> make_backend(std::string_view name) {
  const bool is_from_environment = name.empty() && !name_in_environment().empty();
  if (is_from_environment) name = name_in_environment();
  if (name.empty()) name = built_backends().front().name;
  for (const BuiltBackend& built : built_backends()) {
    if (built.name != name) continue;
    auto backend = built.make();
    if (!backend) return Error{backend.error(), "make backend " + std::string{name}};
    return std::move(*backend);
  }
  return Error{std::make_error_code(std::errc::not_supported),
               "make backend \"" + std::string{name} + '"' +
                   (is_from_environment ? " of the environment variable RONDO_BACKEND" : "") +
                   " (built are: " + built_names() + ")"};
}

}  // namespace rondo
