// The calls for unix sockets, datagrams and open handles on their way.
#include <libasync/io/sim/sim_calls.hpp>

#include <cerrno>

#include <libasync/io/sim/connection.hpp>
#include <libasync/io/sim/datagram_socket.hpp>
#include <libasync/io/sim/local_datagram_socket.hpp>
#include <libasync/io/sim/local_socket.hpp>

namespace async::inline v0::io::sim {

int sim_calls::bind_local(native_handle handle, const unix_endpoint& where) noexcept {
    const unfailing no_failures;
    if (const auto s = world_->descriptors.find<local_datagram_socket>(handle)) return s->bind(where.bytes());
    const auto s = world_->descriptors.find<local_socket>(handle);
    return s ? s->bind(where.bytes()) : EBADF;
}

int sim_calls::connect_local(native_handle handle, const unix_endpoint& to) noexcept {
    const unfailing no_failures;
    if (const auto s = world_->descriptors.find<local_datagram_socket>(handle)) return s->connect(to.bytes());
    const auto s = world_->descriptors.find<local_socket>(handle);
    return s ? s->connect_to(to.bytes()) : EBADF;
}

int sim_calls::local_name(native_handle handle, unix_endpoint& where) noexcept {
    if (const auto s = world_->descriptors.find<local_datagram_socket>(handle)) {
        where = unix_endpoint::from_bytes(s->name());
        return 0;
    }
    const auto s = world_->descriptors.find<local_socket>(handle);
    if (!s) return EBADF;
    where = unix_endpoint::from_bytes(s->name());
    return 0;
}

int sim_calls::remote_name(native_handle handle, unix_endpoint& where) noexcept {
    if (const auto s = world_->descriptors.find<local_datagram_socket>(handle)) {
        where = unix_endpoint::from_bytes(s->peer_name());
        return s->connected() ? 0 : ENOTCONN;
    }
    const auto s = world_->descriptors.find<local_socket>(handle);
    if (!s) return EBADF;
    where = unix_endpoint::from_bytes(s->peer_name());
    return s->stream() ? 0 : ENOTCONN;
}

int sim_calls::identify_path(const char* path, file_identity& identity) noexcept {
    identity = {1, world_->local.number_of(path)};
    return identity.number == 0 ? ENOENT : 0;
}

int sim_calls::remove_path(const char* path) noexcept { return world_->local.remove(path) ? 0 : ENOENT; }

int sim_calls::set_permissions(const char* path, std::uint32_t) noexcept {
    return world_->local.number_of(path) == 0 ? ENOENT : 0;
}

int sim_calls::peer_credentials(native_handle handle, process_credentials& peer) noexcept {
    constexpr process_credentials one_program{1, 1000, 1000};  // there is no other in this world
    if (const auto s = world_->descriptors.find<local_datagram_socket>(handle)) {
        constexpr process_credentials unknown{0, ~std::uint32_t{0}, ~std::uint32_t{0}};
        peer = s->is_paired() ? one_program : unknown;
        return 0;
    }
    const auto s = world_->descriptors.find<local_socket>(handle);
    if (!s) return EBADF;
    if (!s->stream()) return ENOTCONN;
    peer = one_program;
    return 0;
}

handle_transfer sim_calls::send_handles(native_handle handle, const_bytes bytes,
                                        std::span<const native_handle> handles) noexcept {
    const unfailing no_failures;
    const auto datagrams = world_->descriptors.find<local_datagram_socket>(handle);
    const auto s = world_->descriptors.find<local_socket>(handle);
    if (!s && !datagrams) return {0, 0, EBADF};
    if (s && !s->stream()) return {0, 0, ENOTCONN};
    std::vector<std::shared_ptr<object>> objects;
    for (const native_handle h : handles) {
        objects.push_back(world_->descriptors.find(h));
        if (!objects.back()) return {0, 0, EBADF};
    }
    if (datagrams) {
        const int error = datagrams->send(bytes, nullptr, objects);
        return error != 0 ? handle_transfer{0, 0, error} : handle_transfer{bytes.size(), handles.size(), 0};
    }
    connection& c = *s->stream();
    const std::uint64_t position = c.sent(s->stream_side());
    const transfer_result r = c.send(s->stream_side(), &bytes, 1);
    if (r.error != 0) return {0, 0, r.error};
    if (r.bytes != 0) c.attach(s->stream_side(), position, objects);
    return {r.bytes, handles.size(), 0};
}

handle_transfer sim_calls::receive_handles(native_handle handle, std::span<std::byte> into,
                                           std::span<native_handle> handles) noexcept {
    const unfailing no_failures;
    handle_transfer result;
    std::vector<std::shared_ptr<object>> objects;
    if (const auto datagrams = world_->descriptors.find<local_datagram_socket>(handle)) {
        incoming_message m;
        m.into = into;
        result.error = datagrams->receive(m, &objects);
        result.bytes = m.size;
        result.truncated = m.truncated;
    } else {
        const auto s = world_->descriptors.find<local_socket>(handle);
        if (!s) return {0, 0, EBADF};
        if (!s->stream()) return {0, 0, ENOTCONN};
        connection& c = *s->stream();
        const transfer_result r = c.receive(s->stream_side(), into.data(), into.size());
        result.bytes = r.bytes;
        result.error = r.error;
        objects = c.take_attached(s->stream_side());
    }
    for (const auto& o : objects) {
        const native_handle fresh = result.handles < handles.size() ? world_->descriptors.add(o) : invalid_handle;
        if (fresh != invalid_handle) {
            handles[result.handles++] = fresh;
        } else {
            result.error = EMSGSIZE;
        }
        o->release();
    }
    return result;
}

int sim_calls::connect_datagrams(native_handle handle, const endpoint* to) noexcept {
    const unfailing no_failures;
    const auto local = world_->descriptors.find<local_datagram_socket>(handle);
    if (local && to == nullptr) {
        local->disconnect();
        return 0;
    }
    const auto s = world_->descriptors.find<datagram_socket>(handle);
    if (!s) return local ? EINVAL : EBADF;
    if (to != nullptr) return s->connect(*to);
    s->disconnect();
    return 0;
}

message_count sim_calls::send_messages(native_handle handle, std::span<const outgoing_message> messages) noexcept {
    const unfailing no_failures;
    const auto inet = world_->descriptors.find<datagram_socket>(handle);
    const auto local = world_->descriptors.find<local_datagram_socket>(handle);
    if (!inet && !local) return {0, EBADF};
    std::size_t sent = 0;
    for (const outgoing_message& m : messages) {
        int error;
        if (local) {
            error = local->send(m.data, m.to ? &m.to->local : nullptr);
        } else if (m.to != nullptr) {
            error = inet->send_to(m.data.data(), m.data.size(), m.to->inet);
        } else {
            error = inet->send(m.data.data(), m.data.size());
        }
        if (error != 0) return {sent, sent == 0 ? error : 0};
        ++sent;
    }
    return {sent, 0};
}

message_count sim_calls::receive_messages(native_handle handle, std::span<incoming_message> messages) noexcept {
    const unfailing no_failures;
    const auto inet = world_->descriptors.find<datagram_socket>(handle);
    const auto local = world_->descriptors.find<local_datagram_socket>(handle);
    if (!inet && !local) return {0, EBADF};
    std::size_t received = 0;
    for (incoming_message& m : messages) {
        int error = 0;
        if (local) {
            error = local->receive(m);
        } else {
            const auto r = inet->receive(m.into.data(), m.into.size());
            error = r.error;
            m.size = std::min(r.bytes, m.into.size());
            m.truncated = r.bytes > m.into.size();
            m.from = message_address(r.from);
        }
        if (error != 0) return {received, received == 0 ? error : 0};
        ++received;
    }
    return {received, 0};
}

int sim_calls::change_membership(native_handle handle, const multicast_group& group, membership m) noexcept {
    const unfailing no_failures;
    const auto s = world_->descriptors.find<datagram_socket>(handle);
    return s ? s->change_membership(group, m) : EBADF;
}

transfer_result sim_calls::send_now(native_handle handle, const_bytes bytes) noexcept {
    const unfailing no_failures;
    const auto s = world_->descriptors.find<stream_object>(handle);
    if (!s) return {0, EBADF};
    return s->stream() ? s->stream()->send(s->stream_side(), &bytes, 1) : transfer_result{0, EPIPE};
}

transfer_result sim_calls::send_file(native_handle to, native_handle file, std::uint64_t offset,
                                     std::size_t count) noexcept {
    const unfailing no_failures;
    constexpr std::size_t most = 64 * 1024;
    const auto s = world_->descriptors.find<stream_object>(to);
    const auto f = world_->descriptors.find<open_file>(file);
    if (!s || !f) return {0, EBADF};
    if (!s->stream()) return {0, EPIPE};
    std::vector<std::byte> bytes(std::min(count, most));
    const transfer_result read = f->read(offset, bytes.data(), bytes.size());
    if (read.error != 0 || read.bytes == 0) return read;
    const const_bytes from(bytes.data(), read.bytes);
    return s->stream()->send(s->stream_side(), &from, 1);
}

std::size_t sim_calls::cached(native_handle, std::uint64_t, std::size_t count) noexcept {
    const unfailing no_failures;
    return world_->strikes(fault::short_file_read) ? 0 : count;
}

int sim_calls::open_relay(relay&) noexcept { return ENOSYS; }

}  // namespace async::inline v0::io::sim
