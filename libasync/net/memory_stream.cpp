#include <libasync/net/memory_stream.hpp>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace async::inline v0 {

namespace detail {

namespace {

// A chunk is no larger.
constexpr std::size_t largest_chunk = std::size_t{1} << 20;

[[noreturn]] void fail(std::error_code error, const char* operation) {
    throw std::system_error(error, std::string(operation) + " a memory stream");
}

}  // namespace

std::size_t memory_pipe::put(const_bytes from) noexcept {
    const std::size_t count = std::min(from.size(), capacity_ - size_);
    if (count == 0) return 0;
    const auto* bytes = static_cast<const std::byte*>(from.data());
    const std::size_t end = (first_ + size_) % capacity_;
    const std::size_t straight = std::min(count, capacity_ - end);
    std::memcpy(bytes_.get() + end, bytes, straight);
    if (count != straight) std::memcpy(bytes_.get(), bytes + straight, count - straight);
    size_ += count;
    reading_.grant_first();
    return count;
}

void memory_pipe::copy_to(std::span<std::byte> into) const noexcept {
    const std::size_t straight = std::min(into.size(), capacity_ - first_);
    std::memcpy(into.data(), bytes_.get() + first_, straight);
    if (into.size() != straight) std::memcpy(into.data() + straight, bytes_.get(), into.size() - straight);
}

void memory_pipe::drop(std::size_t count) noexcept {
    first_ = (first_ + count) % capacity_;
    size_ -= count;
    if (!writing_.empty() && writer->push()) writing_.grant_first();
}

void memory_pipe::end() noexcept {
    ended = true;
    reading_.grant_first();
}

void memory_pipe::cut_off() noexcept {
    read_error = std::errc::connection_reset;
    reading_.grant_first();
}

void memory_pipe::deafen(std::errc of_writes) noexcept {
    write_error = of_writes;
    if (writing_.empty()) return;
    writer->error_ = std::make_error_code(of_writes);
    writing_.grant_first();
}

void memory_pipe::close_reader() noexcept {
    if (reading_.empty()) return;
    reader->error_ = make_error_code(errc::closed);
    reading_.grant_first();
}

void memory_pipe::close_writer() noexcept {
    if (writing_.empty()) return;
    writer->error_ = make_error_code(errc::closed);
    writing_.grant_first();
}

task<chunk> memory_end::fetch() {
    co_return co_await memory_read_description(this, memory_reader::source::pipe_alone);
}

std::string memory_end::describe(const char* operation) const {
    return std::string(operation) + (open ? " a memory stream" : " a closed memory stream");
}

void memory_end::close(ending how) noexcept {
    if (!open) return;
    open = false;
    drop_ahead();
    in->close_reader();
    out->close_writer();
    if (how == ending::orderly) {
        out->end();
        in->deafen(std::errc::broken_pipe);
    } else {
        out->cut_off();
        in->deafen(std::errc::connection_reset);
    }
}

task<void> close_memory(memory_end_ptr end) {
    end.close(memory_end::ending::orderly);
    co_return;
}

bool memory_reader::begin() {
    if (end_ == nullptr || !end_->open) fail(make_error_code(errc::closed), "read from");
    memory_pipe& in = *end_->in;
    if (in.reader) fail(make_error_code(errc::busy), "read from");
    if (source_ == source::first_read_ahead && end_->ahead) {
        const auto next = end_->begin_plain_read();
        if (next == readable::next_read::refused) fail(make_error_code(errc::busy), "read from");
        decided_ = next == readable::next_read::ahead;
        if (decided_) take_ahead(*end_->ahead);
    }
    if (decided_ || wants_nothing()) return decided_ = true;
    if (in.has_news()) in.reader = this;
    return in.has_news();
}

void memory_reader::line_up() {
    end_->in->reading_.add(*this, "read from a memory stream");
    end_->in->reader = this;
}

void memory_reader::leave_pipe() noexcept {
    if (end_ && end_->in->reader == this) end_->in->reader = nullptr;
}

void memory_reader::finish() {
    leave_pipe();
    settle("read from a memory stream");
    if (error_) fail(error_, "read from");
}

std::size_t memory_reader::bytes_there() {
    const memory_pipe& in = *end_->in;
    if (in.size() == 0) {
        if (in.read_error != std::errc()) fail(std::make_error_code(in.read_error), "read from");
        if (source_ == source::first_read_ahead) end_->ended = true;
    }
    return in.size();
}

std::size_t memory_some_reader::await_resume() {
    finish();
    if (decided_) return count_;
    const std::size_t count = std::min(bytes_there(), into_.size());
    end_->in->copy_to(into_.first(count));
    end_->in->drop(count);
    return count;
}

chunk memory_chunk_reader::await_resume() {
    finish();
    if (decided_) return std::move(data_);
    const std::size_t count = std::min(bytes_there(), largest_chunk);
    if (count == 0) return {};
    auto* bytes = new std::byte[count];
    end_->in->copy_to({bytes, count});
    end_->in->drop(count);
    return chunk(io::heap_chunks(), bytes, static_cast<std::uint32_t>(count), 0);
}

bool memory_writer::begin() {
    if (end_ == nullptr || !end_->open) fail(make_error_code(errc::closed), "write to");
    if (end_->broken) fail(make_error_code(errc::broken), "write to");
    memory_pipe& out = *end_->out;
    if (out.writer) fail(make_error_code(errc::busy), "write to");
    if (out.write_error != std::errc()) fail(std::make_error_code(out.write_error), "write to");
    if (out.ended) fail(std::make_error_code(std::errc::broken_pipe), "write after shutdown_write to");
    out.writer = this;
    return push();
}

void memory_writer::line_up() { end_->out->writing_.add(*this, "write to a memory stream"); }

bool memory_writer::push() noexcept {
    for (; !buffers_.empty(); buffers_ = buffers_.subspan(1), offset_ = 0) {
        const const_bytes& next = buffers_.front();
        const std::size_t left = next.size() - offset_;
        const std::size_t count = end_->out->put({static_cast<const std::byte*>(next.data()) + offset_, left});
        offset_ += count;
        taken_ += count;
        end_->written += count;
        if (count != left) return false;
    }
    return true;
}

void memory_writer::leave_pipe() noexcept {
    if (end_ == nullptr || end_->out->writer != this) return;
    end_->out->writer = nullptr;
    if (taken_ != 0 && !buffers_.empty()) end_->broken = true;
}

void memory_writer::await_resume() {
    leave_pipe();
    settle("write to a memory stream");
    if (error_) fail(error_, "write to");
}

bool memory_shutdown::begin() {
    if (end_ == nullptr || !end_->open) fail(make_error_code(errc::closed), "shutdown_write of");
    if (end_->out->writer) fail(make_error_code(errc::busy), "shutdown_write of");
    end_->out->end();
    return true;
}

}  // namespace detail

std::pair<memory_stream, memory_stream> memory_stream::pair(std::size_t capacity) {
    if (capacity == 0) throw std::invalid_argument("memory_stream::pair: no capacity");
    const detail::memory_pipe_ptr forth(new detail::memory_pipe(capacity));
    const detail::memory_pipe_ptr back(new detail::memory_pipe(capacity));
    std::pair<memory_stream, memory_stream> ends;
    ends.first.end_ = detail::memory_end_ptr(new detail::memory_end(back, forth));
    ends.second.end_ = detail::memory_end_ptr(new detail::memory_end(forth, back));
    return ends;
}

}  // namespace async::inline v0
