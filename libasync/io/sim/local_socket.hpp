// Stream sockets within a machine, under a name or as a pair, and pipes (unix(7), pipe(7)). What is written is there at
// once.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <libasync/io/sim/stream_object.hpp>

namespace async::inline v0::io::sim {

class local_socket;

// Who listens under which name. A name that begins with a zero byte is an abstract one; the others are names of files
// only in so far as a second one of the same name is refused.
class local_names {
public:
    int bind(std::string_view name, std::shared_ptr<object> s) noexcept;
    // The name is free again, as after unlink(2).
    bool remove(std::string_view name) noexcept;
    // The number of what stands there, as that of an inode; 0 if there is nothing.
    std::uint64_t number_of(std::string_view name) const noexcept;
    std::shared_ptr<local_socket> find(std::string_view name) const noexcept;
    std::shared_ptr<object> find_any(std::string_view name) const noexcept;
    // An abstract name that nobody has, as the system chooses them.
    std::string free_name() noexcept;

private:
    struct entry {
        std::weak_ptr<object> socket;
        std::uint64_t number = 0;
    };
    std::map<std::string, entry, std::less<>> names_;
    std::uint64_t last_number_ = 0;
    std::uint32_t last_chosen_ = 0;
};

class local_socket final : public stream_object, public std::enable_shared_from_this<local_socket> {
public:
    explicit local_socket(world& w) noexcept : world_(w) {}
    local_socket(world& w, std::shared_ptr<connection> c, sim::side s) noexcept
        : stream_object(std::move(c), s),
          world_(w) {}

    // As the system calls of these names, without waiting; errno values. EAGAIN while the listener's queue is full.
    int bind(std::string_view name) noexcept;
    int listen(int backlog) noexcept;
    int connect_to(std::string_view name) noexcept;
    bool acceptable() const noexcept override { return !listening_ || !queue_.empty(); }
    std::shared_ptr<stream_object> accept(int& error) noexcept override;
    void closed() noexcept override;

    std::string_view name() const noexcept { return name_; }
    std::string_view peer_name() const noexcept { return peer_name_; }

private:
    world& world_;
    std::string name_;
    std::string peer_name_;
    bool bound_ = false;
    bool listening_ = false;
    std::size_t backlog_ = 0;
    std::deque<std::shared_ptr<local_socket>> queue_;
};

struct local_pair {
    std::shared_ptr<stream_object> a;
    std::shared_ptr<stream_object> b;
};

// As socketpair(2), for streams.
local_pair make_local_pair(world& w);
// As pipe(2): what is written to `b` is read from `a`.
local_pair make_pipe(world& w);

}  // namespace async::inline v0::io::sim
