// SPDX-License-Identifier: MIT
// rondo: a value or the reason why there is none, shaped like C++23's std::expected.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include <rondo/export.h>

namespace rondo {

/// An error, with what the library tried to do when it occurred: message() returns
/// `connect to 127.0.0.1:1: Connection refused`.
struct Error {
  std::error_code code;  ///< what to compare: `error.code == std::errc::connection_refused`
  std::string context;   ///< what was tried: `connect to 127.0.0.1:1`

  /// The context and the message of the code, or that message alone without a context.
  [[nodiscard]] RONDO_EXPORT std::string message() const;
  /// The code alone.
  // NOLINTNEXTLINE(google-explicit-constructor): meant to be used as the code it carries
  operator std::error_code() const noexcept { return code; }
  friend bool operator==(const Error& error, std::errc condition) noexcept {
    return error.code == condition;
  }
};

/// Writes the message to standard error; returns EXIT_FAILURE, for `return
/// rondo::print_error(error)` in a main.
RONDO_EXPORT int print_error(const Error& error) noexcept;
/// The same for a code without a context.
RONDO_EXPORT int print_error(std::error_code error) noexcept;
/// The same for what a constructor, or a callback inside Reactor::run(), has thrown:
///
///     int main() try {
///       rondo::Reactor reactor;  // throws, for example, if RONDO_BACKEND names no backend
///       ...
///     } catch (const std::exception& error) {
///       return rondo::print_error(error);
///     }
RONDO_EXPORT int print_error(const std::exception& error) noexcept;

/// The calling thread's errno as an error_code.
RONDO_EXPORT std::error_code last_system_error() noexcept;

/// An errno number as an error_code.
inline std::error_code system_error(int number) noexcept {
  return {number, std::system_category()};
}

namespace detail {
// The ends of a program that asks a Result for the half that it does not have.
[[noreturn, gnu::cold]] RONDO_EXPORT void no_value(const Error& error) noexcept;
[[noreturn, gnu::cold]] RONDO_EXPORT void no_value(std::error_code error) noexcept;
[[noreturn, gnu::cold]] RONDO_EXPORT void no_value() noexcept;
[[noreturn, gnu::cold]] RONDO_EXPORT void no_error() noexcept;
[[noreturn, gnu::cold]] RONDO_EXPORT void throw_error(const Error& error);
[[noreturn, gnu::cold]] RONDO_EXPORT void throw_error(std::error_code error);

template <typename E>
concept IsErrorOrCode = std::is_same_v<E, Error> || std::is_same_v<E, std::error_code>;

template <typename E>
[[noreturn, gnu::cold]] void no_value_but(const E& error) noexcept {
  if constexpr (IsErrorOrCode<E>) {
    no_value(error);
  } else {
    no_value();
  }
}
}  // namespace detail

/// A T, or the E that says why there is none. Asking for the half that is not there is a programmer
/// error: the program ends, in every build, with a message that contains the error. Exhausted
/// memory is not reported by a Result: throughout the library a function that is not noexcept
/// throws std::bad_alloc instead, and has changed nothing.
///
///     auto server = rondo::serve<Echo>(reactor, "127.0.0.1:8888");
///     if (!server) return rondo::print_error(server.error());
///
/// Calls that are made for each message report a std::error_code, the others an Error.
template <typename T, typename E = Error>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  using error_type = E;

  // NOLINTBEGIN(google-explicit-constructor): `return value;` and `return error;` are the point
  /// Success.
  Result(T value) : value_(std::move(value)), has_value_(true) {}
  /// Failure.
  Result(E error) : error_(std::move(error)), has_value_(false) {}
  /// Failure, by the condition of a system call.
  Result(std::errc condition)
    requires std::is_same_v<E, std::error_code>
      : Result(std::make_error_code(condition)) {}
  // NOLINTEND(google-explicit-constructor)

  Result(Result&& other) noexcept : has_value_(other.has_value_) {
    take(std::move(other), has_value_);
  }
  Result(const Result& other)
    requires std::is_copy_constructible_v<T>
      : has_value_(other.has_value_) {
    if (has_value_) {
      std::construct_at(std::addressof(value_), other.value_);
    } else {
      std::construct_at(std::addressof(error_), other.error_);
    }
  }
  Result& operator=(Result&& other) noexcept {
    if (this != &other) {
      const bool has_value = other.has_value_;
      drop();
      has_value_ = has_value;
      take(std::move(other), has_value);
    }
    return *this;
  }
  ~Result()
    requires(std::is_trivially_destructible_v<T> && std::is_trivially_destructible_v<E>)
  = default;
  ~Result() { drop(); }

  /// Whether it is a success.
  [[nodiscard]] bool has_value() const noexcept { return has_value_; }
  /// Whether it is a success.
  explicit operator bool() const noexcept { return has_value_; }

  /// The value. Ends the program if there is none.
  T& value() & noexcept { return *std::addressof(checked()); }
  /// The value. Ends the program if there is none.
  const T& value() const& noexcept { return const_cast<Result&>(*this).checked(); }
  /// The value, to be moved. Ends the program if there is none.
  T&& value() && noexcept { return std::move(checked()); }
  /// As value().
  T& operator*() & noexcept { return checked(); }
  /// As value().
  const T& operator*() const& noexcept { return value(); }
  /// As value().
  T&& operator*() && noexcept { return std::move(checked()); }
  /// The members of the value. Ends the program if there is none.
  T* operator->() noexcept { return std::addressof(checked()); }
  /// The members of the value. Ends the program if there is none.
  const T* operator->() const noexcept { return std::addressof(value()); }

  /// The value, or `fallback` if there is none.
  template <typename U>
  T value_or(U&& fallback) && {
    return has_value_ ? std::move(value_) : static_cast<T>(std::forward<U>(fallback));
  }

  /// The value, or the error thrown as a std::system_error with its code, its context and its
  /// message: where a coroutine or main() catches what its operations throw.
  T value_or_throw() &&
    requires detail::IsErrorOrCode<E>
  {
    if (!has_value_) [[unlikely]]
      detail::throw_error(error_);
    return std::move(value_);
  }

  /// The error. Ends the program if there is none.
  const E& error() const& noexcept {
    if (has_value_) [[unlikely]]
      detail::no_error();
    return error_;
  }
  /// The error, to be moved. Ends the program if there is none.
  E&& error() && noexcept {
    if (has_value_) [[unlikely]]
      detail::no_error();
    return std::move(error_);
  }

 private:
  T& checked() noexcept {
    if (!has_value_) [[unlikely]]
      detail::no_value_but(error_);
    return value_;
  }
  /// `has_value` is the flag of `other`, read once. If it is read again here, below the check that
  /// a sanitizer adds, g++ 12 warns that the absent member is used uninitialised.
  void take(Result&& other, bool has_value) noexcept {
    if (has_value) {
      std::construct_at(std::addressof(value_), std::move(other.value_));
    } else {
      std::construct_at(std::addressof(error_), std::move(other.error_));
    }
  }
  void drop() noexcept {
    if (has_value_) {
      std::destroy_at(std::addressof(value_));
    } else {
      std::destroy_at(std::addressof(error_));
    }
  }

  union {
    T value_;
    E error_;
  };
  bool has_value_;
};

/// Success, or the E that says why there is none: `if (auto done = reactor.run(); !done)`.
template <typename E>
class [[nodiscard]] Result<void, E> {
 public:
  using value_type = void;
  using error_type = E;

  /// Success.
  Result() noexcept = default;
  // NOLINTBEGIN(google-explicit-constructor): `return error;` is the point
  /// Failure.
  Result(E error) : error_(std::move(error)) {}
  /// Failure, by the condition of a system call.
  Result(std::errc condition)
    requires std::is_same_v<E, std::error_code>
      : Result(std::make_error_code(condition)) {}
  // NOLINTEND(google-explicit-constructor)

  /// Whether it is a success.
  [[nodiscard]] bool has_value() const noexcept { return !error_.has_value(); }
  /// Whether it is a success.
  explicit operator bool() const noexcept { return has_value(); }
  /// Ends the program, with the message of the error, if it is no success.
  void value() const noexcept {
    if (!has_value()) [[unlikely]]
      detail::no_value_but(*error_);
  }
  /// Throws the error, if it is no success, as that of a Result with a value does.
  void value_or_throw() const
    requires detail::IsErrorOrCode<E>
  {
    if (!has_value()) [[unlikely]]
      detail::throw_error(*error_);
  }

  /// The error. Ends the program if there is none.
  const E& error() const& noexcept {
    if (has_value()) [[unlikely]]
      detail::no_error();
    return *error_;
  }
  /// The error, to be moved. Ends the program if there is none.
  E&& error() && noexcept {
    if (has_value()) [[unlikely]]
      detail::no_error();
    return *std::move(error_);
  }

 private:
  std::optional<E> error_;
};

}  // namespace rondo
