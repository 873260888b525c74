// What must hold, whatever happens: the chat's own invariant.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "member.h"

namespace chat::box {

using Members = std::vector<std::unique_ptr<Member>>;

/// Safety, at any time. Nobody heard what nobody said, or a part of it, or anything twice. Of what
/// two members were both there for, both heard everything, in the same order. Nobody left who had
/// not come. Returns what is wrong, as a sentence; empty: nothing.
[[nodiscard]] std::string disagreement(const Members& members);

/// Liveness, when the faults have ended and everything has come to rest: those who are present have
/// heard all that was said by one another while both were there, and of everybody who went that he
/// has left. Returns what is missing, as a sentence; empty: nothing.
[[nodiscard]] std::string missing(const Members& members);

}  // namespace chat::box
