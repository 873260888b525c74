// SPDX-License-Identifier: MIT
// What most of the library includes, parsed once where the build precompiles headers
// (-Db_pch=true). Each source still includes what it uses: builds without it check that.
#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <rondo/rondo.h>
