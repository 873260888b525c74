// SPDX-License-Identifier: MIT
// What the server has to answer with: handlers for some paths, and files for all others.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "answer.h"
#include "files.h"
#include "request.h"

namespace http {

/// What may be asked of a path.
class Methods {
 public:
  /// `list` is that of the field Allow, such as `GET, HEAD`.
  explicit Methods(std::string_view list) noexcept;

  [[nodiscard]] std::string_view list() const noexcept { return list_; }
  [[nodiscard]] bool has(Method method) const noexcept {
    return has_[static_cast<std::size_t>(method)];
  }

 private:
  std::string_view list_;
  std::array<bool, methods_count> has_{};
};

class Site {
 public:
  using Handler = std::function<void(const Request& request, Answer& answer)>;

  /// `methods` is the list for the field Allow.
  void add(std::string path, std::string_view methods, Handler handler);
  void add_files(Files files) { files_ = std::move(files); }

  void answer(const Request& request, Answer& answer);
  /// Whether the answer is a refusal for which the body need not arrive.
  [[nodiscard]] bool refuses(const Request& request) const;

 private:
  struct Route {
    std::string path;
    Methods methods;
    Handler handler;
  };

  [[nodiscard]] const Route* find(std::string_view path) const noexcept;
  [[nodiscard]] const Methods* methods_of(const Route* route,
                                          const Request& request) const noexcept;

  std::vector<Route> routes_;
  std::optional<Files> files_;
};

}  // namespace http
