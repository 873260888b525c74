// SPDX-License-Identifier: MIT
// What nearly every test includes, parsed once a program where the build precompiles headers
// (-Db_pch=true). Each test still includes what it uses: builds without it check that.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <rondo/rondo.h>
