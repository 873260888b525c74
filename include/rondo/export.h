// SPDX-License-Identifier: MIT
// rondo: the mark of what the library shows. Everything else in it is hidden.
#pragma once

#if __cplusplus < 202002L
// A missing header ends the compilation; after #error hundreds of lines would follow. Public
// headers include this one before <coroutine>, which has an error of its own.
#include "rondo needs C++20: compile with -std=c++20 or later"
#endif

/// Marks what the shared library shows.
#define RONDO_EXPORT __attribute__((visibility("default")))
