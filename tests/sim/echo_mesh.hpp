// A mesh of echo servers and clients on several machines, under whatever faults a seed draws: every client gets
// through in the end, no byte is lost, doubled or changed on a connection, and nothing is left behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <libasync/async.hpp>
#include <libasync/sim/host.hpp>

namespace async_tests {

using namespace async;
using namespace std::chrono_literals;

struct mesh_result {
    std::uint64_t messages = 0;
    std::uint64_t connections = 0;
    std::uint64_t failures = 0;  // of connections, by faults
    std::uint64_t timeouts = 0;
    std::uint64_t cut_short = 0;  // reads that were cancelled, and lost nothing
    std::uint64_t wrong = 0;      // what no fault explains
};

class echo_mesh {
public:
    static constexpr int machines = 3;
    static constexpr int clients = 4;
    static constexpr int messages = 6;
    static constexpr std::uint16_t port = 7;

    mesh_result result;

    task<void> main() {
        this_loop().set_exception_handler([this](const exception_context& c) { judge(c.exception); });
        std::vector<task_handle<void>> servers;
        for (int i = 0; i < machines; ++i) {
            servers.push_back(create_task(sim::on_host(machine(i), serve()), "server " + std::to_string(i)));
        }
        std::vector<task<void>> all;
        for (int i = 0; i < clients; ++i) all.push_back(sim::on_host(machine(i % machines), client()));
        co_await gather(std::move(all));
        for (auto& server : servers) server.cancel();
        for (auto& server : servers) co_await server.wait();
    }

private:
    static std::string machine(int i) { return "10.0.0." + std::to_string(i + 1); }

    // Failures that nobody waited for: of an echo, or a second one of an exchange that had failed already.
    void judge(const std::exception_ptr& failure) {
        try {
            std::rethrow_exception(failure);
        } catch (const std::system_error&) {
        } catch (...) {
            ++result.wrong;
        }
    }

    // What stands at one place of the stream of a connection.
    static std::byte content(std::uint64_t connection, std::uint64_t offset) {
        return static_cast<std::byte>((connection * 131 + offset * 7 + (offset >> 8)) & 0xFF);
    }

    static std::string text_of(std::uint64_t connection, std::uint64_t offset, std::size_t size) {
        std::string text(size, '\0');
        for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(content(connection, offset + i));
        return text;
    }

    static task<void> echo(tcp_stream stream) {
        try {
            std::byte buffer[300];
            for (bool chunks = false;; chunks = !chunks) {
                if (chunks) {
                    const chunk data = co_await stream.read();
                    if (data.empty()) break;
                    co_await stream.write(data);
                } else {
                    const std::size_t count = co_await stream.read_some(buffer);
                    if (count == 0) break;
                    co_await stream.write(const_bytes(buffer, count));
                }
            }
            co_await stream.close();
        } catch (const std::system_error&) {
            // The connection broke; its client will come again.
        }
    }

    // Where a listener cannot be had, or breaks, it is tried again.
    static task<void> serve() {
        for (;;) {
            try {
                tcp_listener listener = tcp_listener::bind(endpoint::any(port), {.backlog = 2});
                for (;;) create_task(echo(co_await listener.accept()), "echo");
            } catch (const std::system_error&) {
            }
            co_await sleep(100ms);
        }
    }

    task<void> client() {
        int done = 0;
        while (done < messages) {
            try {
                const std::string server = machine(static_cast<int>(sim::random_below(machines)));
                co_await timeout(20min, converse(endpoint(server, port), done));
            } catch (const std::system_error&) {
                ++result.failures;
            } catch (const timeout_error&) {
                ++result.timeouts;
            }
            if (done < messages) co_await sleep(std::chrono::milliseconds(sim::random_below(2000)));
        }
    }

    // Sends messages until all are done, or the connection breaks.
    task<void> converse(endpoint server, int& done) {
        tcp_stream stream = co_await connect(server);
        const std::uint64_t connection = ++result.connections;
        std::uint64_t offset = 0;
        while (done < messages) {
            const std::size_t size = 1 + sim::random_below(done == 3 ? 400'000 : 2'000);
            const std::string text = text_of(connection, offset, size);
            co_await gather(send(stream, text), expect(stream, connection, offset, size));
            offset += size;
            ++done;
            ++result.messages;
        }
        co_await stream.shutdown_write();
        const chunk end = co_await stream.read();
        if (!end.empty()) throw std::logic_error("bytes after the end");
    }

    static task<void> send(tcp_stream& stream, const std::string& text) { co_await stream.write(text); }

    // Reads that are cut short by chance lose nothing.
    task<void> expect(tcp_stream& stream, std::uint64_t connection, std::uint64_t offset, std::size_t size) {
        std::byte buffer[4096];
        while (size != 0) {
            const std::span<std::byte> room(buffer, std::min(size, sizeof buffer));
            std::size_t count = 0;
            if (sim::random_below(4) == 0) {
                const auto patience = std::chrono::microseconds(sim::random_below(3000));
                const std::optional<std::size_t> got = co_await move_on_after(patience, stream.read_some(room));
                if (!got) {
                    ++result.cut_short;
                    continue;
                }
                count = *got;
            } else {
                count = co_await stream.read_some(room);
            }
            if (count == 0) throw std::system_error(std::make_error_code(std::errc::connection_aborted), "answer");
            for (std::size_t i = 0; i < count; ++i) {
                if (buffer[i] != content(connection, offset + i)) throw std::logic_error("a byte is wrong");
            }
            offset += count;
            size -= count;
        }
    }
};

}  // namespace async_tests
