// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>

#include "live.h"

namespace http {
namespace {

constexpr std::chrono::seconds period{1};

constexpr std::string_view page = R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>rondo http: live</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto;
         padding: 0 1rem; }
  h1 { font-size: 1.25rem; }
  dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem; }
  dl > div { border: 1px solid color-mix(in srgb, currentColor 25%, transparent);
             border-radius: .5rem; padding: .5rem .75rem; }
  dd { margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
  svg { width: 100%; height: 6rem; border-bottom: 1px solid currentColor; }
  polyline { fill: none; stroke: currentColor; stroke-width: 2;
             vector-effect: non-scaling-stroke; }
</style>
<h1>rondo http <small id="state">connecting</small></h1>
<dl>
  <div><dt>Connections<dd id="connections">-</div>
  <div><dt>Requests<dd id="requests">-</div>
  <div><dt>Requests per second<dd id="rate">-</div>
  <div><dt>Refused or not found<dd id="failed">-</div>
  <div><dt>Bytes sent<dd id="bytes">-</div>
  <div><dt>Uptime<dd id="uptime">-</div>
</dl>
<p>Requests per second, the last minute; at most <span id="most">0</span>.
<svg viewBox="0 0 59 100" preserveAspectRatio="none" role="img" aria-label="requests per second">
<polyline id="line"></polyline></svg>
<script>
  const show = (id, text) => document.getElementById(id).textContent = text;
  const size = n => {
    let unit = 0;
    for (; n >= 1024 && unit < 4; ++unit) n /= 1024;
    return n.toFixed(unit ? 1 : 0) + ' ' + ['B', 'KiB', 'MiB', 'GiB', 'TiB'][unit];
  };
  const rates = Array(60).fill(0);
  let last;
  const events = new EventSource('/events');
  events.onopen = () => { show('state', 'live'); last = undefined; };
  events.onerror = () => show('state', 'the server does not answer');
  events.onmessage = event => {
    const now = JSON.parse(event.data);
    for (const name of ['connections', 'requests', 'failed'])
      show(name, now[name].toLocaleString());
    show('bytes', size(now.bytes));
    show('uptime', new Date(now.uptime * 1000).toISOString().slice(11, 19));
    if (last && now.uptime > last.uptime) {
      rates.push(Math.round((now.requests - last.requests) / (now.uptime - last.uptime)));
      rates.shift();
      show('rate', rates[59].toLocaleString());
    }
    last = now;
    const most = Math.max(...rates);
    show('most', most.toLocaleString());
    document.getElementById('line').setAttribute('points',
        rates.map((rate, i) => i + ',' + (98 - 96 * rate / (most || 1))).join(' '));
  };
</script>
</html>
)";

}  // namespace

Live::Live(rondo::Reactor& reactor, const Counters& counters)
    : reactor_(reactor),
      counters_(counters),
      started_(reactor.now()),
      each_second_(reactor, [this] { tell_all(); }) {}

void Live::answer_page(const Request&, Answer& answer) {
  answer.send(200, "text/html; charset=utf-8", page);
}

void Live::answer_events(const Request&, Answer& answer) {
  answer.add("Cache-Control", "no-store");
  answer.begin_stream("text/event-stream");
  if (!answer.is_stream()) return;
  listeners_.push_back({&answer.client(), answer.is_chunked()});
  write_part(answer.client(), event(), answer.is_chunked());
  if (!each_second_.armed()) each_second_.arm_every(period);
}

void Live::remove(rondo::Stream& client) {
  std::erase_if(listeners_, [&](const Listener& one) { return one.client == &client; });
  if (listeners_.empty()) each_second_.cancel();
}

void Live::finish(rondo::Stream& client) {
  for (const Listener& one : listeners_)
    if (one.client == &client && one.is_chunked) write_part(client, "", true);
  client.close();
}

std::string Live::event() const {
  const std::chrono::duration<double> uptime = reactor_.now() - started_;
  const std::size_t connections = server_ == nullptr ? 0 : server_->connections();
  return "data: {\"connections\": " + std::to_string(connections) +
         ", \"requests\": " + std::to_string(counters_.requests) +
         ", \"failed\": " + std::to_string(counters_.failed) +
         ", \"bytes\": " + std::to_string(counters_.bytes) +
         ", \"uptime\": " + std::to_string(uptime.count()) + "}\n\n";
}

/// A client that does not read gets no more until it does.
void Live::tell_all() {
  const std::string text = event();
  for (const Listener& one : listeners_)
    if (one.client->unsent_bytes() == 0) write_part(*one.client, text, one.is_chunked);
}

}  // namespace http
