// SPDX-License-Identifier: MIT
// The text of errors.
//
// The library itself prints nothing, except before it ends a program because of a mistake in it
// (assert.cpp). print_error() prints because a main() calls it for that. It writes its line in one
// call (standard error has no buffer), so that the lines of several threads or processes do not
// mix.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>

#include <rondo/assert.h>
#include <rondo/result.h>

namespace rondo {

std::string Error::message() const {
  return context.empty() ? code.message() : context + ": " + code.message();
}

namespace {

void print_line(std::string text) {
  text += '\n';
  std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace

int print_error(const Error& error) noexcept {
  try {
    print_line(error.message());
  } catch (const std::bad_alloc&) {
    // There is no memory for the full message, but the context still helps.
    std::fprintf(stderr, "%s: error %d\n", error.context.c_str(), error.code.value());
  }
  return EXIT_FAILURE;
}

int print_error(std::error_code error) noexcept { return print_error(Error{error, {}}); }

int print_error(const std::exception& error) noexcept {
  try {
    print_line(error.what());
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "%s\n", error.what());
  }
  return EXIT_FAILURE;
}

std::error_code last_system_error() noexcept { return system_error(errno); }

namespace detail {
namespace {

constexpr const char* no_value_text = "the value of a Result was used, although it is an error: ";
constexpr const char* how_to_test =
    ". Test it first: if (!result) return rondo::print_error(result.error());";

}  // namespace

void no_value(const Error& error) noexcept {
  try {
    misused(no_value_text, (error.message() + how_to_test).c_str());
  } catch (const std::bad_alloc&) {
    misused(no_value_text, error.context.c_str());
  }
}

void no_value(std::error_code error) noexcept { no_value(Error{error, {}}); }

void no_value() noexcept { misused(no_value_text, "see error()"); }

void no_error() noexcept {
  misused(
      "the error of a Result was used, although it is a value. Test it first: if (!result) ...");
}

void throw_error(const Error& error) {
  if (error.context.empty()) throw_error(error.code);
  throw std::system_error(error.code, error.context);
}

void throw_error(std::error_code error) { throw std::system_error(error); }

}  // namespace detail
}  // namespace rondo
