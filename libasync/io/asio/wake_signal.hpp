// Ends a wait in an io_context from other threads and, on POSIX, from signal handlers.
#pragma once

#include <boost/asio/io_context.hpp>
#ifndef _WIN32
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#endif

#include <libasync/io/asio/handler_slot.hpp>

namespace async::inline v0::io {

#ifdef _WIN32

// A stopped context returns from its wait; whoever waits restarts it.
class wake_signal {
public:
    explicit wake_signal(boost::asio::io_context& context) noexcept : context_(context) {}
    void raise() noexcept { context_.stop(); }

private:
    boost::asio::io_context& context_;
};

#else

// An eventfd or a pipe that is always waited for: Asio's own ways to wake take locks.
class wake_signal {
public:
    // Throws std::system_error.
    explicit wake_signal(boost::asio::io_context& context);
    ~wake_signal();
    void raise() noexcept;

private:
    void arm();
    void drain() noexcept;

    handler_slot slot_;
    boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type> reader_;
    int writer_ = -1;  // the reader's own descriptor if that is an eventfd
};

#endif

}  // namespace async::inline v0::io
