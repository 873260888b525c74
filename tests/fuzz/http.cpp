// SPDX-License-Identifier: MIT
// The parser of examples/http. A head is understood in the same way however much of it has arrived:
// each prefix needs more or is refused, and once it is refused, it stays so. A body is the same in
// any chunks. A chunked one that is accepted is what an encoder makes of its content.
#include <algorithm>
#include <string>
#include <string_view>

#include "fuzz/target.h"
#include "http/body.h"
#include "http/parser.h"

namespace rondo::fuzz {
namespace {

using ::http::Body;
using ::http::Field;
using ::http::Limits;
using ::http::Parsed;
using ::http::Request;

constexpr Limits limits{
    .line_max = 60, .head_max = 200, .fields_max = 6, .body_max = 64, .chunk_overhead_max = 48};

bool is_inside(std::string_view part, std::string_view whole) noexcept {
  return part.data() == nullptr ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_request(const Request& request, std::string_view head) {
  require(head.ends_with("\r\n\r\n"), "a head ends with an empty line");
  require(head.find('\0') == head.npos, "and has no zero");
  for (std::size_t i = 0; i < head.size(); ++i)
    require(head[i] != '\n' || head[i - 1] == '\r', "no LF stands alone");
  for (std::size_t i = 0; i < head.size(); ++i)
    require(head[i] != '\r' || head[i + 1] == '\n', "no CR stands alone");
  require(!request.path.empty(), "there is a path");
  std::size_t hosts = 0;
  std::size_t lengths = 0;
  std::size_t encodings = 0;
  require(request.fields_count <= limits.fields_max, "the fields are counted");
  for (std::size_t i = 0; i < request.fields_count; ++i) {
    const Field& field = request.fields[i];
    require(is_inside(field.name, head) && is_inside(field.value, head), "fields are of the head");
    require(!field.name.empty(), "a field has a name");
    if (::http::is_same(field.name, "host")) ++hosts;
    if (::http::is_same(field.name, "content-length")) ++lengths;
    if (::http::is_same(field.name, "transfer-encoding")) ++encodings;
  }
  require(hosts == 1 || (hosts == 0 && request.minor_version == 0), "there is one host");
  require(lengths + encodings <= 1, "there is one way to find the end of the body");
  require(request.is_chunked == (encodings == 1), "any encoding is known");
  require(request.content_length <= limits.body_max, "the length is within its limit");
}

/// The text of a body and how it ended, and how much of the input was used.
struct Read {
  std::string text;
  std::size_t used = 0;
  bool is_done = false;
  int refusal = 0;
};

Read read_body(const Request& request, std::string_view input, Cuts cuts) {
  Body body{request, limits};
  Read read;
  cuts.each(input, [&](std::string_view chunk) {
    if (!body.is_done() && body.refusal() == 0) read.used += body.feed(chunk);
  });
  read.text = body.text();
  read.is_done = body.is_done();
  read.refusal = body.refusal();
  require(!read.is_done || read.refusal == 0, "what is refused is not done");
  require(read.text.size() <= limits.body_max, "a body is within its limit");
  return read;
}

void check_body(const Request& request, std::string_view input, Cuts& cuts) {
  const Read read = read_body(request, input, cuts);
  Body whole{request, limits};
  const std::size_t used = whole.feed(input);
  require(whole.refusal() == read.refusal, "it is refused in any chunks, or in none");
  require(whole.is_done() == read.is_done, "and done");
  if (read.refusal != 0) return;
  require(used == read.used, "it takes as much in any chunks");
  require_same(read.text, whole.text(), "its text is the same");
  if (!read.is_done) require(used == input.size(), "if it is not done it takes all");
  if (!request.is_chunked) require_same(read.text, input.substr(0, used), "content is not changed");
  if (request.is_chunked && read.is_done) {
    // What follows the body is not part of it: the same without it is done, too.
    require(read_body(request, input.substr(0, used), cuts).is_done, "it ends where it says");
    require(!read_body(request, input.substr(0, used - 1), cuts).is_done, "and not before");
  }
}

}  // namespace

void http(Input& input) {
  Cuts cuts{input};
  const std::string_view text = input.rest();
  Request request;
  Parsed last;
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const std::string part{text.substr(0, size)};  // in memory of its own, which ends there
    Parsed now = ::http::parse_head(part, limits, request);
    if (last.state == Parsed::State::refused) {
      require(now.state == last.state && now.status == last.status,
              "what is refused stays refused");
    } else if (last.state == Parsed::State::done) {
      require(now.state == last.state && now.size == last.size, "what is done stays done");
    } else if (now.state == Parsed::State::done) {
      require(now.size == size, "a head is done with its last byte");
      require(size <= limits.head_max + 2, "a head is within its limit");
      check_request(request, part);
    } else if (now.state == Parsed::State::needs_more) {
      require(size <= limits.head_max + 1, "no more is needed than the limit allows");
    }
    last = now;
  }
  if (last.state != Parsed::State::done) return;
  require(::http::parse_head(text, limits, request).state == Parsed::State::done, "it is the same");
  check_body(request, text.substr(last.size), cuts);
  std::string decoded;
  if (::http::decode_path(request.path, decoded)) {
    require(decoded.size() <= request.path.size(), "a path is decoded");
    require(decoded.find('\0') == decoded.npos, "and has no zero");
  }
}

const Target target{"http", http};

}  // namespace rondo::fuzz
