// SPDX-License-Identifier: MIT
// What must hold whatever happens: the invariant of the chat.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "member.h"

namespace chat::box {

using Members = std::vector<std::unique_ptr<Member>>;

/// Safety, at any time. No member received a line that was not sent, an incomplete line, or a line
/// twice. Two members received the same lines in the same order while both were present. No member
/// left without having joined. Returns a sentence about what is wrong, or an empty string.
[[nodiscard]] std::string disagreement(const Members& members);

/// Liveness, after the faults have ended and nothing is in transit: the present members have
/// received all lines of each other from the time that both were present, and have learnt of each
/// member that has left. Returns a sentence about what is missing, or an empty string.
[[nodiscard]] std::string missing(const Members& members);

}  // namespace chat::box
