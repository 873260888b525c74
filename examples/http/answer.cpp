// SPDX-License-Identifier: MIT
// A head is put together from texts at once, with a small body behind it. The stream gathers what
// is written while it reads: the answers to all requests that arrive together leave together.
#include <chrono>
#include <ctime>
#include <span>
#include <string>
#include <utility>

#include "answer.h"
#include "text.h"

namespace http {
namespace {

struct Status {
  int number;
  std::string_view line;
};

constexpr Status statuses[] = {
    {200, "200 OK"},
    {204, "204 No Content"},
    {206, "206 Partial Content"},
    {301, "301 Moved Permanently"},
    {304, "304 Not Modified"},
    {400, "400 Bad Request"},
    {404, "404 Not Found"},
    {405, "405 Method Not Allowed"},
    {408, "408 Request Timeout"},
    {412, "412 Precondition Failed"},
    {413, "413 Content Too Large"},
    {414, "414 URI Too Long"},
    {416, "416 Range Not Satisfiable"},
    {417, "417 Expectation Failed"},
    {431, "431 Request Header Fields Too Large"},
    {501, "501 Not Implemented"},
    {503, "503 Service Unavailable"},
    {505, "505 HTTP Version Not Supported"},
};

constexpr std::size_t copied_max = 512;  // a body behind its head; larger ones are not copied

/// `200 OK`.
std::string_view line_of(int status) noexcept {
  for (const Status& one : statuses)
    if (one.number == status) return one.line;
  return "500 Internal Server Error";
}

rondo::Bytes bytes_of(std::string_view text) noexcept { return std::as_bytes(std::span{text}); }

}  // namespace

Prepared::Prepared(std::string_view type, std::string_view its_body) : body(its_body) {
  Text end;
  end.assign("Content-Type: ", type, "\r\nContent-Length: ", Digits{body.size()}, "\r\n\r\n");
  end_of_head = end.view();
}

std::string_view Press::beginning(int status) {
  const bool is_new_second = now() >= date_ends_;
  if (is_new_second) {
    date_ends_ = now() + std::chrono::seconds{1};
    date_ = http_date(std::time(nullptr));
  }
  if (is_new_second || status != status_) {
    status_ = status;
    beginning_.assign("HTTP/1.1 ").append(line_of(status));
    beginning_.append("\r\nDate: ").append(date_).append("\r\n");
  }
  return beginning_;
}

void Answer::add(std::string_view name, std::string_view value) {
  press_.fields.add(name, ": ", value, "\r\n");
}

void Answer::send(int status, std::string_view type, std::string_view body) {
  add_content(type, body.size());
  send_head(status, "\r\n", body);
}

void Answer::send(int status, const Prepared& content) {
  body_size_ = content.body.size();
  send_head(status, content.end_of_head, content.body);
}

void Answer::send_status(int status) {
  send(status, "text/plain", std::string{line_of(status)} + "\n");
}

void Answer::send_nothing(int status) { send_head(status, "\r\n", {}); }

void Answer::send_file(int status, std::string_view type, rondo::File file, std::uint64_t offset,
                       std::uint64_t size) {
  add_content(type, size);
  send_head(status, "\r\n", {});
  if (is_without_body()) return;
  press_.counters.bytes += size;
  written_ = client_.send_file(std::move(file), offset, size);
}

void Answer::begin_stream(std::string_view type) {
  keeps_alive_ = false;
  is_stream_ = !is_without_body();
  add("Content-Type", type);
  if (is_chunked()) add("Transfer-Encoding", "chunked");
  send_head(200, "\r\n", {});
}

void Answer::add_content(std::string_view type, std::uint64_t size) {
  body_size_ = size;
  press_.fields.add("Content-Type: ", type, "\r\nContent-Length: ", Digits{size}, "\r\n");
}

std::string_view Answer::connection() const noexcept {
  if (!keeps_alive_) return "Connection: close\r\n";
  return request_.minor_version == 0 ? "Connection: keep-alive\r\n" : "";
}

/// `end` closes the head. A small body is sent from the same memory.
void Answer::send_head(int status, std::string_view end, std::string_view body) {
  if (is_without_body()) {
    body = {};
    body_size_ = 0;
  }
  const std::string_view copied = body.size() <= copied_max ? body : std::string_view{};
  press_.head.assign(press_.beginning(status), press_.fields.view(), connection(), end, copied);
  const std::string_view head = press_.head.view();
  if (copied.size() == body.size()) {
    written_ = client_.write(head);
  } else {
    const rondo::Bytes parts[] = {bytes_of(head), bytes_of(body)};
    written_ = client_.write_parts(parts);
  }
  ++press_.counters.requests;
  press_.counters.bytes += head.size() + body.size() - copied.size();
  if (status >= 400) ++press_.counters.failed;
  if (press_.log != nullptr) press_.log->add(peer_, request_.line, status, body_size_);
}

void write_part(rondo::Stream& client, std::string_view part, bool is_chunked) {
  if (!is_chunked) {
    client.write(part);
    return;
  }
  Text chunk;
  chunk.assign(Digits{part.size(), 16}, "\r\n", part, "\r\n");
  client.write(chunk.view());
}

}  // namespace http
