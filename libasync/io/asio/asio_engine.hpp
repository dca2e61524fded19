// The engine on Boost.Asio: epoll on Linux, kqueue on the BSDs and macOS, completion ports on Windows.
//
// Asio waits for readiness alone. The calls that move bytes are made in the loop's steps, when a wait has
// said that they may succeed: a buffer is touched only then. To cancel an operation is to forget it: its wait
// stays armed, harmlessly, and nothing that arrived is lost.
#pragma once

#include <memory>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include <libasync/io/asio/asio_socket.hpp>
#include <libasync/io/asio/wake_signal.hpp>
#include <libasync/io/buffer_pool.hpp>
#include <libasync/io/engine.hpp>

namespace async::inline v0::io {

class asio_engine final : public engine {
public:
    // Throws std::system_error or std::bad_alloc.
    explicit asio_engine(const engine_settings& settings);
    ~asio_engine() override;

    const char* name() const noexcept override { return "asio"; }
    socket_ptr adopt(native_handle handle, socket_role role) override;
    bool start(operation& op) noexcept override;
    void cancel(operation& op) noexcept override;
    bool is_ready(const wait_op& op) const noexcept override;
    void cancel_and_wait(operation& op) noexcept override;
    native_handle give_away(socket& s) noexcept override;
    bool is_sending(const socket& s) const noexcept override;
    void release(socket& s) noexcept override;
    void shut_down() noexcept override;
    void visit(time_point deadline) noexcept override;
    native_handle wait_handle() override;
    engine_statistics statistics() const noexcept override { return statistics_; }

private:
    struct wait_handler;
    struct foreign_wait;
    struct foreign_handler;
    struct abandon_pool {
        void operator()(hot_pool* pool) const noexcept { pool->abandon(); }
    };

    void wake() noexcept override { wake_signal_.raise(); }
    void wait_until(time_point deadline) noexcept;
    void restart_if_stopped();
    template <class Run>
    std::size_t run_handlers(Run run) noexcept;
    std::size_t poll() noexcept;
    void end_lost_waits() noexcept;

    bool start_on_socket(operation& op) noexcept;
    static bool run_waiter(detail::ready_node* node) noexcept;
    bool proceed(operation& op, asio_socket& s, asio_direction& d) noexcept;
    bool try_or_wait(operation& op, asio_socket& s, asio_direction& d) noexcept;
    void forget(operation& op, int error) noexcept;
    void finish(operation& op, int error) noexcept;
    void finish_foreign(operation& op, int error) noexcept;
    void close(asio_socket& s) noexcept;
    static void shut_down_writing(shut_down_op& op) noexcept;
    void add(asio_socket& s) noexcept;

    // True if the call has ended the operation, false if it has to wait.
    bool attempt(operation& op, asio_socket& s) noexcept;
    bool attempt_receive(receive_op& op, asio_socket& s) noexcept;
    bool attempt_receive_chunk(receive_chunk_op& op, asio_socket& s) noexcept;
    bool attempt_send(send_op& op, asio_socket& s) noexcept;
    bool attempt_accept(accept_op& op, asio_socket& s) noexcept;
    bool attempt_connect(connect_op& op, asio_socket& s) noexcept;
    bool attempt_wait(const wait_op& op, const asio_socket& s) noexcept;
    static void pause(pause_op& op) noexcept;

    // Asks Asio for one wait; an errno value if it refuses.
    int arm(asio_socket& s, asio_direction& d, operation& op) noexcept;
    void start_wait(asio_socket& s, asio_direction& d, operation& op);
    void on_ready(asio_socket& s, asio_direction& d, int error) noexcept;

    // Gives `s` the Asio object for its handle, which belongs to it from then on. Errno values.
    int attach(asio_socket& s, native_handle handle);
    static void detach(asio_socket& s) noexcept;
    // The other way round: the handle stays open.
    static bool part_from(asio_socket& s) noexcept;

    // Waits for handles that are not the engine's. False if the outcome is there at once.
    bool start_foreign_wait(wait_op& op) noexcept;
    void forget_foreign_wait(wait_op& op) noexcept;
    void end_lost_foreign_waits() noexcept;

    boost::asio::io_context context_;
    boost::asio::executor_work_guard<asio_executor> work_{context_.get_executor()};
    detail::list<asio_socket> sockets_;  // until they are released and none of their waits is armed
    detail::list<foreign_wait> foreign_waits_;
    std::size_t armed_waits_ = 0;
    unsigned vain_polls_ = 0;  // in a row
    unsigned skipped_polls_ = 0;
    std::unique_ptr<hot_pool, abandon_pool> chunks_;
    engine_statistics statistics_;
    wake_signal wake_signal_{context_};
};

}  // namespace async::inline v0::io
