#include <libasync/net/socket_stream.hpp>

#include <algorithm>
#include <cerrno>
#include <vector>

#include <libasync/io/native_socket.hpp>
#include <libasync/io/system_calls.hpp>
#include <libasync/net/attempt.hpp>
#include <libasync/net/socket_setup.hpp>

namespace async::inline v0 {

released_socket& released_socket::operator=(released_socket&& other) noexcept {
    if (this != &other) {
        reset();
        handle_ = std::exchange(other.handle_, invalid_handle);
        system_ = other.system_;
        unread_ = std::move(other.unread_);
        read_error_ = std::exchange(other.read_error_, 0);
    }
    return *this;
}

void released_socket::reset() noexcept {
    if (handle_ != invalid_handle) detail::close_left_handle(system_, std::exchange(handle_, invalid_handle));
}

std::error_code released_socket::read_error() const noexcept { return io::operation::to_error_code(read_error_); }

namespace detail {

struct released_access {
    static int read_error(const released_socket& s) noexcept { return s.read_error_; }
};

std::string describe_stream(const char* operation, const stream_state* stream) {
    std::string text = operation;
    if (stream == nullptr || !stream->socket) return text + " a closed stream";
    io::system_calls& system = io::calls_of(*stream->socket);
    const native_handle handle = stream->socket->handle;
    endpoint peer;
    if (system.remote_endpoint(handle, peer) == 0) return text + " " + peer.to_string();
    unix_endpoint name;
    if (system.remote_name(handle, name) != 0) return text + " a stream that is not connected";
    // Who connects has no name, mostly; who listens has one.
    if (name.empty()) system.local_name(handle, name);
    return text + " " + name.to_string();
}

task<void> close_stream(stream_ptr state) {
    if (!state || !state->socket) co_return;
    state->drop_ahead();
    if (state->corked) state->try_send_corked();
    co_await close_description(state.get());
}

void abort_stream(stream_state& state) noexcept {
    if (!state.socket) return;
    state.drop_ahead();
    if (state.socket->handle != invalid_handle) io::calls_of(*state.socket).reset_on_close(state.socket->handle);
    state.socket.reset();
}

task<released_socket> release_stream(stream_ptr state) {
    const auto refuse = [&](errc why) {
        throw std::system_error(make_error_code(why), describe_stream("release of", state.get()));
    };
    if (!state || !state->socket) refuse(errc::closed);
    if (state->has_sole_writer || (state->ahead && state->ahead->reading)) refuse(errc::busy);
    if (state->corked && !state->try_send_corked()) refuse(errc::busy);
    std::string unread;
    if (state->ahead) {
        const chunk before = state->ahead->take_all();
        unread.append(before.text());
        state->ahead.reset();
    }
    // Whoever still refers to the stream finds it closed, and begins nothing more.
    const stream_ptr last = keep_socket(nullptr);
    last->socket = std::move(state->socket);
    co_await pause_description(last.get(), "release of");
    io::engine& engine = *last->socket->owner;
    // What the engine has read ahead is there at once.
    while (engine.holds_read_ahead(*last->socket)) {
        const chunk more = co_await receive_chunk_description(last.get());
        unread.append(more.text());
    }
    io::system_calls& system = engine.calls();
    const int read_error = last->socket->read_error;
    const native_handle handle = take_from_engine(*last->socket, "release");
    co_return released_socket(handle, system, std::move(unread), read_error);
}

stream_ptr adopt_stream(released_socket from, io::socket_role role) {
    loop_core& core = require_core("adopt");
    if (!from.is_open()) throw std::system_error(make_error_code(errc::closed), "adopt");
    std::string unread = from.unread();
    stream_ptr state = keep_socket(core.engine->adopt(from.take_handle(), role));
    state->socket->read_error = released_access::read_error(from);
    if (!unread.empty()) idle_ahead(state.get(), "adopt").put_back(const_bytes(unread));
    return state;
}

namespace {

constexpr std::size_t most_at_once = std::size_t{1} << 20;
constexpr std::size_t copied_at_once = std::size_t{64} * 1024;

// What ends before it is complete leaves the stream broken.
class sending_file {
public:
    explicit sending_file(stream_state& s) : sole_(s, "send_file to"), stream_(s), before_(s.written) {}
    sending_file(const sending_file&) = delete;
    sending_file& operator=(const sending_file&) = delete;
    ~sending_file() {
        if (!complete_ && count() != 0) stream_.broken = true;
    }

    std::uint64_t count() const noexcept { return stream_.written - before_; }
    std::uint64_t complete() noexcept {
        complete_ = true;
        return count();
    }

private:
    const sole_writer sole_;
    stream_state& stream_;
    const std::uint64_t before_;
    bool complete_ = false;
};

struct file_call : socket_call {
    file_call(native_handle f, std::uint64_t o, std::size_t c) noexcept
        : socket_call(&make, io::readiness::writable),
          file(f),
          offset(o),
          count(c) {}

    static int make(socket_call& call, io::socket& s) noexcept {
        auto& self = static_cast<file_call&>(call);
        const io::transfer_result sent = io::calls_of(s).send_file(s.handle, self.file, self.offset, self.count);
        self.sent = sent.bytes;
        return sent.error;
    }

    native_handle file;
    std::uint64_t offset;
    std::size_t count;
    std::size_t sent = 0;
};

struct read_piece : io_description<read_piece> {
    using operation = io::transfer_op;
    using value_type = std::size_t;

    read_piece(native_handle f, std::span<std::byte> i, std::uint64_t o) noexcept : file(f), into(i), offset(o) {}
    operation make() const noexcept { return {io::op_kind::read_at, file, into.data(), into.size(), offset}; }
    value_type finish(operation& op) const noexcept { return static_cast<std::size_t>(op.result); }
    std::string what() const { return "send_file: reading the file"; }

    native_handle file;
    std::span<std::byte> into;
    std::uint64_t offset;
};

// As a write, which would be refused meanwhile.
struct send_piece : stream_description<send_piece> {
    using operation = send_list_op<1>;
    using value_type = void;

    send_piece(stream_state* s, const_bytes b) noexcept : stream_description(s), bytes(b) {}
    operation make() const noexcept { return operation(socket(), {bytes}); }
    void check(operation& op) const noexcept { check_open(op); }
    void finish(operation& op) const noexcept { stream->written += static_cast<std::uint64_t>(op.result); }
    void abandoned(operation& op) const noexcept { stream->written += static_cast<std::uint64_t>(op.result); }
    std::string what() const { return describe_stream("send_file to", stream); }

    const_bytes bytes;
};

// Where the system has no such call, or not for such a file.
bool is_not_offered(std::error_code error) noexcept {
    return error == std::errc::function_not_supported || error == std::errc::invalid_argument ||
           error == std::errc::operation_not_supported;
}

task<void> copy_file_to(stream_state& stream, native_handle file, std::uint64_t offset, std::uint64_t left) {
    std::vector<std::byte> buffer(static_cast<std::size_t>(std::min<std::uint64_t>(left, copied_at_once)));
    while (left != 0) {
        const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
        const std::span<std::byte> room(buffer.data(), size);
        const std::size_t got = co_await read_piece(file, room, offset);
        if (got == 0) co_return;
        co_await send_piece(&stream, const_bytes(buffer.data(), got));
        offset += got;
        left -= got;
    }
}

// How much of the file the system may be told to send: what comes from a disk would stop the loop until it is there, and
// is read first. Of a stream that was closed meanwhile something, so that the attempt says so.
std::size_t to_be_sent(stream_state& stream, native_handle file, std::uint64_t offset, std::uint64_t left) noexcept {
    const auto next = static_cast<std::size_t>(std::min<std::uint64_t>(left, most_at_once));
    return stream.socket ? io::calls_of(*stream.socket).cached(file, offset, next) : next;
}

}  // namespace

task<std::uint64_t> send_file_to(stream_ref stream, native_handle file, std::uint64_t offset, std::uint64_t count) {
    co_await flush_description(stream.get());
    sending_file sending(*stream.get());
    bool by_the_system = true;
    std::size_t cached = 0;  // of the bytes that come next
    while (by_the_system && sending.count() != count) {
        const std::uint64_t before = sending.count();
        if (cached == 0) cached = to_be_sent(*stream.get(), file, offset + before, count - before);
        if (cached == 0) {
            const auto piece = std::min<std::uint64_t>(count - before, copied_at_once);
            co_await copy_file_to(*stream.get(), file, offset + before, piece);
            if (sending.count() == before) break;  // the end of the file
            continue;
        }
        file_call call(file, offset + before, cached);
        try {
            while (!call.done) co_await attempt(stream, call, "send_file");
        } catch (const std::system_error& e) {
            if (!is_not_offered(e.code())) throw;
            by_the_system = false;
        }
        stream.get()->written += call.sent;
        cached -= call.sent;
        if (by_the_system && call.sent == 0) break;  // the end of the file
    }
    if (!by_the_system) co_await copy_file_to(*stream.get(), file, offset + sending.count(), count - sending.count());
    co_return sending.complete();
}

}  // namespace detail

}  // namespace async::inline v0
