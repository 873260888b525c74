// SPDX-License-Identifier: MIT
// The output queue of a stream against a string: copies, owned bytes, parts of a file and
// descriptors go in, and any number of bytes go out.
#include "stream/output_queue.h"

#include <fcntl.h>
#include <unistd.h>

#include <vector>

#include "fuzz/target.h"

namespace rondo::fuzz {
namespace {

using detail::OutputQueue;

/// A text in which each position is recognisable, and a file that holds it.
constexpr std::size_t file_size = 10'000;
const std::string& file_text() {
  static const std::string text = [] {
    std::string made;
    for (int i = 0; made.size() < file_size; ++i) made += std::to_string(i) + ' ';
    made.resize(file_size);
    return made;
  }();
  return text;
}
int open_file() {
  static const int file = [] {
    char path[] = "/tmp/rondo-fuzz-XXXXXX";
    const int fd = ::mkostemp(path, O_CLOEXEC);
    require(fd >= 0 && ::unlink(path) == 0, "a temporary file");
    require(::write(fd, file_text().data(), file_size) == std::ptrdiff_t{file_size}, "is written");
    return fd;
  }();
  return ::fcntl(file, F_DUPFD_CLOEXEC, 0);
}

constexpr std::size_t size_max = 40'000;  // small, since it is compared again and again

class Machine {
 public:
  explicit Machine(Input& input) : input_(input) {}
  ~Machine() {
    queue_.clear();
    require(owners_ == 0, "all owned buffers are released");
  }

  void run() {
    while (!input_.empty()) {
      switch (input_.below(8)) {
        case 0:
        case 1:
          queue_.push_copy(bytes_of(add('m')));
          break;
        case 2:
          push_owned();
          break;
        case 3:
          push_file();
          break;
        case 4:
          push_with_descriptors();
          break;
        case 5:
          if (input_.byte() == 0) clear();
          break;
        default:
          drop();
      }
      if (model_.size() > size_max) clear();
      compare();
    }
  }

 private:
  /// Appends some text of this kind to the model.
  std::string_view add(char kind) {
    constexpr std::size_t sizes[] = {0, 1, 10, 1000, 4095, 4096, 4097, 9000};
    const std::size_t from = input_.byte();
    const std::string_view text = std::string_view{file_text()}.substr(from, input_.one_of(sizes));
    model_ += text;
    kinds_.append(text.size(), kind);
    return text;
  }
  void push_owned() {
    ++owners_;
    queue_.push_owned(OwnedBytes{bytes_of(add('m')), &owners_,
                                 [](void* owners) noexcept { --*static_cast<int*>(owners); }});
  }
  void push_file() {
    const std::size_t offset = input_.below(file_size);
    const std::size_t size = input_.below(file_size - offset + 1);
    queue_.push_file(File{open_file()}, offset, size);
    model_ += file_text().substr(offset, size);
    kinds_.append(size, 'f');
  }
  void push_with_descriptors() {
    const std::size_t begin = model_.size();
    const std::string_view text = add('m');
    if (text.empty()) return;
    std::vector<Socket> descriptors;
    descriptors.emplace_back(system_net(), open_file());
    kinds_[begin] = 'd';
    queue_.push_with_descriptors(bytes_of(text), std::move(descriptors));
  }
  void drop() {
    const std::size_t size = std::min<std::size_t>(input_.below(6000), model_.size());
    queue_.drop(size);
    model_.erase(0, size);
    kinds_.erase(0, size);
  }
  void clear() {
    queue_.clear();
    model_.clear();
    kinds_.clear();
  }

  void compare() {
    require(queue_.empty() == model_.empty(), "empty or not");
    require(queue_.size() == model_.size(), "its size");
    const auto in_files = std::count(kinds_.begin(), kinds_.end(), 'f');
    require(queue_.memory() == model_.size() - static_cast<std::size_t>(in_files), "its memory");
    const auto with = static_cast<std::size_t>(std::count(kinds_.begin(), kinds_.end(), 'd'));
    require(queue_.descriptors_waiting() == with, "its descriptors");
    require(queue_.front_descriptors().empty() == !kinds_.starts_with('d'), "go with the first");

    std::array<Bytes, 4> parts;
    const std::size_t count = queue_.gather(std::span{parts}.first(1 + input_.below(4)));
    std::string front;
    for (std::size_t i = 0; i < count; ++i) {
      require(!parts[i].empty(), "no part is empty");
      front += text_of(parts[i]);
    }
    require((count == 0) == (model_.empty() || kinds_.front() == 'f'), "up to the next file");
    require_same(front, model_.substr(0, front.size()), "the bytes in front");
    require(kinds_.substr(0, front.size()).find('f') == kinds_.npos, "none of them of a file");
    require(kinds_.substr(0, front.size()).find('d', 1) == kinds_.npos, "up to descriptors");
    if (count == 0 && !model_.empty()) compare_file();
  }
  void compare_file() {
    const OutputQueue::FilePart part = queue_.file();
    require(part.size > 0 && part.offset + part.size <= file_size, "inside of the file");
    const auto text = std::string_view{file_text()}.substr(part.offset, part.size);
    require_same(text, model_.substr(0, part.size), "the part of the file");
  }

  Input& input_;
  int owners_ = 0;
  OutputQueue queue_;
  std::string model_;
  std::string kinds_;  // per byte: in memory, in a file, or the first byte with descriptors
};

}  // namespace

void output_queue(Input& input) { Machine{input}.run(); }

const Target target{"output_queue", output_queue};

}  // namespace rondo::fuzz
