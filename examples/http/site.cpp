// SPDX-License-Identifier: MIT
#include <utility>

#include "parser.h"
#include "site.h"

namespace http {
namespace {

const Methods methods_of_files{"GET, HEAD, OPTIONS"};

}  // namespace

Methods::Methods(std::string_view list) noexcept : list_(list) {
  while (true) {
    const std::size_t end = list.find(", ");
    has_[static_cast<std::size_t>(method_of(list.substr(0, end)))] = true;
    if (end == std::string_view::npos) return;
    list.remove_prefix(end + 2);
  }
}

void Site::add(std::string path, std::string_view methods, Handler handler) {
  routes_.push_back({std::move(path), Methods{methods}, std::move(handler)});
}

void Site::answer(const Request& request, Answer& answer) {
  const Route* const route = find(request.path);
  const Methods* const methods = methods_of(route, request);
  if (methods == nullptr) return answer.send_status(404);
  if (!methods->has(request.method)) {
    answer.add("Allow", methods->list());
    return answer.send_status(405);
  }
  if (request.method == Method::options) {
    answer.add("Allow", methods->list());
    return answer.send_nothing(204);
  }
  if (route != nullptr) return route->handler(request, answer);
  files_->answer(request, answer);
}

bool Site::refuses(const Request& request) const {
  const Methods* const methods = methods_of(find(request.path), request);
  return methods == nullptr || !methods->has(request.method);
}

const Site::Route* Site::find(std::string_view path) const noexcept {
  for (const Route& route : routes_)
    if (route.path == path) return &route;
  return nullptr;
}

/// Null: there is nothing that could be asked for.
const Methods* Site::methods_of(const Route* route, const Request& request) const noexcept {
  if (route != nullptr) return &route->methods;
  return files_ || request.path == "*" ? &methods_of_files : nullptr;
}

}  // namespace http
