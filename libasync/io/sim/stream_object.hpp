// What a descriptor shows of one end of a connection, or of a listener: the base of the stream sockets and pipes.
#pragma once

#include <cerrno>
#include <memory>

#include <libasync/io/sim/connection.hpp>

namespace async::inline v0::io::sim {

class stream_object : public object {
public:
    stream_object() = default;
    stream_object(std::shared_ptr<connection> c, side s) noexcept : connection_(std::move(c)), side_(s) {}

    // Null before there is one.
    connection* stream() const noexcept { return connection_.get(); }
    sim::side stream_side() const noexcept { return side_; }

    bool readable() const noexcept override { return connection_ ? connection_->readable(side_) : acceptable(); }
    bool writable() const noexcept override { return !connection_ || connection_->writable(side_); }
    void watch(readiness* w) noexcept override {
        watcher = w;
        if (connection_) connection_->watch(side_, w);
    }

    // An accept would find something: a connection, or that this is no listener.
    virtual bool acceptable() const noexcept { return true; }
    // The next connection, or null: `error` is EAGAIN or says why not.
    virtual std::shared_ptr<stream_object> accept(int& error) noexcept {
        error = EINVAL;
        return nullptr;
    }
    // EINPROGRESS until it is decided; then the outcome, once.
    virtual int connect(const endpoint&) noexcept { return EAFNOSUPPORT; }

    void closed() noexcept override {
        watcher = nullptr;
        if (connection_) connection_->close(side_, connection::how::gracefully);
    }

protected:
    std::shared_ptr<connection> connection_;
    sim::side side_ = sim::side::a;
};

}  // namespace async::inline v0::io::sim
