// What Asio calls when a wait has ended.
#pragma once

#include <libasync/io/asio/asio_engine.hpp>

namespace async::inline v0::io {

// The engine's form of Asio's errors: errno values.
int to_errno(const boost::system::error_code& error) noexcept;

struct asio_engine::wait_handler {
    using allocator_type = slot_allocator<void>;

    asio_socket* s;
    asio_direction* d;

    allocator_type get_allocator() const noexcept { return allocator_type(d->slot); }

    void operator()(const boost::system::error_code& error) const noexcept {
        static_cast<asio_engine*>(s->owner)->on_ready(*s, *d, to_errno(error));
    }

    // With a connection that was accepted.
    void operator()(const boost::system::error_code& error, asio_stream accepted) const noexcept;
};

}  // namespace async::inline v0::io
