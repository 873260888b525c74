// Heads are put together from texts in one string, which keeps its memory. The stream gathers what
// is written while it reads: the answers to all requests that arrive together leave together.
#include <chrono>
#include <ctime>
#include <utility>

#include "answer.h"
#include "text.h"

namespace http {
namespace {

std::string_view reason_of(int status) noexcept {
  constexpr std::pair<int, std::string_view> reasons[] = {
      {200, "OK"},
      {204, "No Content"},
      {206, "Partial Content"},
      {301, "Moved Permanently"},
      {304, "Not Modified"},
      {400, "Bad Request"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {412, "Precondition Failed"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {416, "Range Not Satisfiable"},
      {417, "Expectation Failed"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {503, "Service Unavailable"},
      {505, "HTTP Version Not Supported"},
  };
  for (const auto& [one, reason] : reasons)
    if (one == status) return reason;
  return "Unknown";
}

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
  press_.fields.append(name).append(": ").append(value).append("\r\n");
}

void Answer::send(int status, std::string_view type, std::string_view body) {
  begin_head(status);
  press_.head.append("Content-Type: ").append(type).append("\r\n");
  add_length(body.size());
  end_head(status, body.size());
  if (!is_without_body() && !body.empty()) written_ = client_.write(body);
}

void Answer::send_status(int status) {
  std::string text;
  append_number(text, static_cast<std::uint64_t>(status));
  text.append(" ").append(reason_of(status)).append("\n");
  send(status, "text/plain", text);
}

void Answer::send_nothing(int status) {
  begin_head(status);
  end_head(status, 0);
}

void Answer::send_file(int status, std::string_view type, rondo::File file, std::uint64_t offset,
                       std::uint64_t size) {
  begin_head(status);
  press_.head.append("Content-Type: ").append(type).append("\r\n");
  add_length(size);
  end_head(status, size);
  if (!is_without_body() && size > 0) written_ = client_.send_file(std::move(file), offset, size);
}

void Answer::begin_stream(std::string_view type) {
  keeps_alive_ = false;
  is_stream_ = !is_without_body();
  begin_head(200);
  press_.head.append("Content-Type: ").append(type).append("\r\n");
  if (is_chunked()) press_.head.append("Transfer-Encoding: chunked\r\n");
  end_head(200, 0);
}

void Answer::begin_head(int status) {
  std::string& head = press_.head;
  head.assign("HTTP/1.1 ");
  append_number(head, static_cast<std::uint64_t>(status));
  head.append(" ").append(reason_of(status)).append(press_.date()).append(press_.fields);
  if (!keeps_alive_) {
    head.append("Connection: close\r\n");
  } else if (request_.minor_version == 0) {
    head.append("Connection: keep-alive\r\n");
  }
}

void Answer::add_length(std::uint64_t size) {
  press_.head.append("Content-Length: ");
  append_number(press_.head, size);
  press_.head.append("\r\n");
}

void Answer::end_head(int status, std::uint64_t body_size) {
  press_.head.append("\r\n");
  written_ = client_.write(press_.head);
  if (is_without_body()) body_size = 0;
  ++press_.counters.requests;
  press_.counters.bytes += press_.head.size() + body_size;
  if (status >= 400) ++press_.counters.failed;
  if (press_.log != nullptr) press_.log->add(peer_, request_.line, status, body_size);
}

void write_part(rondo::Stream& client, std::string_view part, bool is_chunked) {
  std::string text;
  if (is_chunked) {
    append_number(text, part.size(), 16);
    text.append("\r\n").append(part).append("\r\n");
  } else {
    text = part;
  }
  client.write(text);
}

}  // namespace http
