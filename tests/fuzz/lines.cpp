// SPDX-License-Identifier: MIT
// LineReader in any mode, with any limit and any chunks: its lines and reads against a split of the
// whole text. And append_lines against a replacement byte by byte.
#include <set>
#include <vector>

#include <rondo/lines.h>

#include "fuzz/target.h"

namespace rondo::fuzz {
namespace {

struct ModelLine {
  std::string_view text;
  std::string_view ending;  // as it stands in the text
};

std::vector<ModelLine> split(std::string_view text, Newlines mode) {
  constexpr std::string_view all[] = {"\r\n", "\r", "\n"};
  const bool any = mode == Newlines::universal || mode == Newlines::kept;
  const std::string_view one = mode == Newlines::crlf ? "\r\n" : mode == Newlines::cr ? "\r" : "\n";
  std::vector<ModelLine> lines;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::string_view ending;
    for (const std::string_view candidate : all) {
      if (!any && candidate != one) continue;
      if (ending.empty() && text.substr(at).starts_with(candidate)) ending = candidate;
    }
    at += std::max<std::size_t>(ending.size(), 1);
    if (ending.empty()) continue;
    lines.push_back({text.substr(begin, at - ending.size() - begin), ending});
    begin = at;
  }
  if (begin < text.size()) lines.push_back({text.substr(begin), {}});
  return lines;
}

std::string_view as_read(std::string_view ending, Newlines mode) {
  return mode == Newlines::universal && !ending.empty() ? std::string_view{"\n"} : ending;
}

enum class Way : std::uint8_t { pieces, skipped, whole, with_reads };

class Reading {
 public:
  explicit Reading(Input& input)
      : mode_(input.one_of(modes)),
        way_(input.one_of(ways)),
        limit_(1 + input.below(24)),
        choices_(input.text(8)),
        reader_(mode_, limit_) {}

  void feed(std::string_view chunk) {
    reader_.feed(chunk);
    take();
    require(reader_.buffered() <= limit_ + 1 || way_ == Way::with_reads, "keeps at most one line");
    reader_.keep();
  }
  void finish() {
    reader_.finish();
    take();
    if (way_ == Way::with_reads) taken_ += reader_.read_all();
    require(reader_.at_end(), "all was read at the end");
    require(reader_.read_line().status == ReadStatus::end, "and the end is reported");
  }
  void compare(std::string_view text) const {
    std::string model;
    std::set<std::string_view> endings;
    for (const ModelLine& line : split(text, mode_)) {
      endings.insert(line.ending);
      // `limit` bytes and half an ending, at the end of the text, are a long line too.
      if (way_ == Way::skipped && line.text.size() > limit_) continue;
      model.append(line.text).append(as_read(line.ending, mode_));
      if (way_ != Way::with_reads) model += '|';
    }
    require_same(taken_, model, "the lines are those of the model");
    if (mode_ != Newlines::universal && mode_ != Newlines::kept) return;
    require(reader_.seen(LineEnding::lf) == endings.contains("\n"), "LF was seen");
    require(reader_.seen(LineEnding::cr) == endings.contains("\r"), "CR was seen");
    require(reader_.seen(LineEnding::crlf) == endings.contains("\r\n"), "CRLF was seen");
  }

 private:
  static constexpr Newlines modes[] = {Newlines::universal, Newlines::kept, Newlines::lf,
                                       Newlines::crlf, Newlines::cr};
  static constexpr Way ways[] = {Way::pieces, Way::skipped, Way::whole, Way::with_reads};

  void take() {
    if (way_ == Way::with_reads) return take_some();
    for (;;) {
      if (way_ == Way::whole) {
        for (const Line& line : reader_.lines()) add(line);
      }
      const Line line = reader_.read_line();
      if (line.status == ReadStatus::more || line.status == ReadStatus::end) return;
      require(line.text.size() <= limit_, "no piece is above the limit");
      require(!line.text.empty() || !line.ending.empty(), "no piece is empty");
      if (line.status == ReadStatus::too_long) {
        require(line.text.size() + 3 >= limit_, "a piece is as large as it may be");
        open_ += line.text;
        if (way_ == Way::skipped) reader_.skip_line();
        if (way_ == Way::skipped) open_.clear();
      } else {
        add(line);
      }
    }
  }
  void add(const Line& line) {
    taken_.append(open_).append(line.text).append(line.ending) += '|';
    open_.clear();
  }
  /// Lines, or a number of characters, as the input says.
  void take_some() {
    const char choice = choices_.empty() ? '\0' : choices_[taken_.size() % choices_.size()];
    for (int n = choice & 3; n > 0; --n) {
      if ((choice & 4) != 0) {
        taken_ += reader_.read(static_cast<std::size_t>(choice >> 3 & 7));
      } else {
        const Line line = reader_.read_line();
        taken_.append(line.text).append(line.ending);
      }
    }
  }

  Newlines mode_;
  Way way_;
  std::size_t limit_;
  std::string_view choices_;
  LineReader reader_;
  std::string open_;   // the pieces so far of a long line
  std::string taken_;  // each line followed by a bar
};

void write(LineEnding ending, std::string_view text) {
  constexpr std::string_view spelled[] = {"\n", "\r\n", "\r"};
  std::string out = "before";
  append_lines(out, text, ending);
  std::string model = "before";
  for (const char c : text) {
    if (c == '\n') {
      model += spelled[static_cast<std::size_t>(ending)];
    } else {
      model += c;
    }
  }
  require_same(out, model, "each LF is written as the ending");
}

}  // namespace

void lines(Input& input) {
  Reading reading{input};
  Cuts cuts{input};
  const std::string_view text = input.rest();
  cuts.each(text, [&](std::string_view chunk) { reading.feed(chunk); });
  reading.finish();
  reading.compare(text);
  for (const LineEnding ending : {LineEnding::lf, LineEnding::crlf, LineEnding::cr}) {
    write(ending, text);
  }
}

const Target target{"lines", lines};

}  // namespace rondo::fuzz
