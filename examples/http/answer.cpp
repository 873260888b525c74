// Heads are put together from texts in one string, which keeps its memory. The stream gathers what
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

/// `200 OK`.
std::string_view line_of(int status) noexcept {
  for (const Status& one : statuses)
    if (one.number == status) return one.line;
  return "500 Internal Server Error";
}

rondo::Bytes bytes_of(std::string_view text) noexcept { return std::as_bytes(std::span{text}); }

}  // namespace

std::string_view Press::date() {
  const rondo::TimePoint now = reactor_.now();
  if (now >= date_ends_) {
    date_ends_ = now + std::chrono::seconds{1};
    date_ = "\r\nDate: " + http_date(std::time(nullptr)) + "\r\n";
  }
  return date_;
}

void Answer::add(std::string_view name, std::string_view value) {
  press_.fields.add(name).add(": ").add(value).add("\r\n");
}

void Answer::send(int status, std::string_view type, std::string_view body) {
  begin_head(status);
  add_content(type, body.size());
  end_head(status, body);
}

void Answer::send_status(int status) {
  send(status, "text/plain", std::string{line_of(status)} + "\n");
}

void Answer::send_nothing(int status) {
  begin_head(status);
  end_head(status, {});
}

void Answer::send_file(int status, std::string_view type, rondo::File file, std::uint64_t offset,
                       std::uint64_t size) {
  begin_head(status);
  add_content(type, size);
  end_head(status, {});
  if (is_without_body()) return;
  press_.counters.bytes += size;
  written_ = client_.send_file(std::move(file), offset, size);
}

void Answer::begin_stream(std::string_view type) {
  keeps_alive_ = false;
  is_stream_ = !is_without_body();
  begin_head(200);
  press_.head.add("Content-Type: ").add(type).add("\r\n");
  if (is_chunked()) press_.head.add("Transfer-Encoding: chunked\r\n");
  end_head(200, {});
}

void Answer::begin_head(int status) {
  press_.head.clear();
  press_.head.add("HTTP/1.1 ").add(line_of(status)).add(press_.date()).add(press_.fields.view());
  if (!keeps_alive_) {
    press_.head.add("Connection: close\r\n");
  } else if (request_.minor_version == 0) {
    press_.head.add("Connection: keep-alive\r\n");
  }
}

void Answer::add_content(std::string_view type, std::uint64_t size) {
  body_size_ = is_without_body() ? 0 : size;
  press_.head.add("Content-Type: ").add(type).add("\r\nContent-Length: ").add(size).add("\r\n");
}

void Answer::end_head(int status, std::string_view body) {
  const std::string_view head = press_.head.add("\r\n").view();
  if (is_without_body()) body = {};
  const rondo::Bytes parts[] = {bytes_of(head), bytes_of(body)};
  written_ = client_.write_parts(parts);
  ++press_.counters.requests;
  press_.counters.bytes += head.size() + body.size();
  if (status >= 400) ++press_.counters.failed;
  if (press_.log != nullptr) press_.log->add(peer_, request_.line, status, body_size_);
}

void write_part(rondo::Stream& client, std::string_view part, bool is_chunked) {
  if (!is_chunked) {
    client.write(part);
    return;
  }
  Text chunk;
  client.write(chunk.add(part.size(), 16).add("\r\n").add(part).add("\r\n").view());
}

}  // namespace http
