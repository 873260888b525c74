#include <utility>

#include "site.h"

namespace http {
namespace {

constexpr std::string_view methods_of_files = "GET, HEAD, OPTIONS";

std::string_view name_of(Method method) noexcept {
  static constexpr std::string_view names[] = {"GET",   "HEAD",   "POST",    "PUT",
                                               "PATCH", "DELETE", "OPTIONS", ""};
  return names[static_cast<std::size_t>(method)];
}

bool allows(std::string_view methods, Method method) noexcept {
  const std::string_view name = name_of(method);
  while (!methods.starts_with(name)) {
    const std::size_t comma = methods.find(", ");
    if (comma == std::string_view::npos) return false;
    methods.remove_prefix(comma + 2);
  }
  return true;
}

}  // namespace

void Site::add(std::string path, std::string_view methods, Handler handler) {
  routes_.push_back({std::move(path), methods, std::move(handler)});
}

void Site::answer(const Request& request, Answer& answer) {
  const Route* const route = find(request.path);
  const std::string_view methods = methods_of(route, request);
  if (methods.empty()) return answer.send_status(404);
  if (!allows(methods, request.method)) {
    answer.add("Allow", methods);
    return answer.send_status(405);
  }
  if (request.method == Method::options) {
    answer.add("Allow", methods);
    return answer.send_nothing(204);
  }
  if (route != nullptr) return route->handler(request, answer);
  files_->answer(request, answer);
}

bool Site::refuses(const Request& request) const {
  const std::string_view methods = methods_of(find(request.path), request);
  return methods.empty() || !allows(methods, request.method);
}

const Site::Route* Site::find(std::string_view path) const noexcept {
  for (const Route& route : routes_)
    if (route.path == path) return &route;
  return nullptr;
}

/// Empty: there is nothing that could be asked for.
std::string_view Site::methods_of(const Route* route, const Request& request) const noexcept {
  if (route != nullptr) return route->methods;
  return files_ || request.path == "*" ? methods_of_files : std::string_view{};
}

}  // namespace http
