#include <libasync/net/pipe.hpp>

#include <libasync/coro/checkpoint.hpp>
#include <libasync/io/native_messages.hpp>
#include <libasync/net/socket_setup.hpp>

namespace async::inline v0 {

namespace {

io::handle_pair open_pipe(io::system_calls& system) {
    io::handle_pair ends;
    if (const int error = system.open_pipe(ends))
        throw std::system_error(io::operation::to_error_code(error), "pipe::create");
    return ends;
}

}  // namespace

pipe pipe::adopt(native_handle read_from, native_handle write_to) {
    io::system_calls& system = detail::this_core ? detail::this_core->engine->calls() : io::native_calls();
    detail::open_socket in(system, read_from);
    detail::open_socket out(system, write_to);
    io::engine& engine = *detail::require_core("pipe::adopt").engine;
    pipe p;
    if (read_from != invalid_handle)
        p.in_ = detail::keep_socket(engine.adopt(in.release(), io::socket_role::pipe));
    if (write_to != invalid_handle) {
        io::native::ignore_sigpipe();
        p.out_ = detail::keep_socket(engine.adopt(out.release(), io::socket_role::pipe));
    }
    return p;
}

std::pair<pipe, pipe> pipe::create() {
    io::system_calls& system = detail::require_core("pipe::create").engine->calls();
    const io::handle_pair ends = open_pipe(system);
    detail::open_socket second(system, ends.second);
    pipe reader = adopt(ends.first, invalid_handle);
    return {std::move(reader), adopt(invalid_handle, second.release())};
}

std::pair<pipe, pipe> pipe::create_both_ways() {
    io::system_calls& system = detail::require_core("pipe::create_both_ways").engine->calls();
    const io::handle_pair there = open_pipe(system);
    detail::open_socket there_in(system, there.first);
    detail::open_socket there_out(system, there.second);
    const io::handle_pair back = open_pipe(system);
    detail::open_socket back_out(system, back.second);
    pipe a = adopt(back.first, there_out.release());
    return {std::move(a), adopt(there_in.release(), back_out.release())};
}

namespace {

// The state stays, and counts what was written; the socket goes, once.
task<void> close_writing(detail::stream_ref out) {
    co_await detail::checkpoint();
    if (out.get() != nullptr && out.socket() == nullptr) co_return;
    detail::stream_ptr last = detail::keep_socket(nullptr);
    co_await detail::pause_description(out.get(), "shutdown_write of");
    last->socket = std::move(out.get()->socket);
    co_await detail::close_stream(std::move(last));
}

task<void> close_both(detail::stream_ptr in, detail::stream_ptr out) {
    co_await detail::close_stream(std::move(out));
    co_await detail::close_stream(std::move(in));
}

}  // namespace

task<void> pipe::shutdown_write() { return close_writing(detail::stream_ref(out_.get())); }

task<void> pipe::close() {
    written_ = written();
    return close_both(std::move(in_), std::move(out_));
}

void pipe::abort() noexcept {
    written_ = written();
    out_ = {};
    in_ = {};
}

}  // namespace async::inline v0
