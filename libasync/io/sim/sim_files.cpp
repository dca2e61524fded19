// The operations on files: each takes its time on the disk, and happens at the end of it.
#include <cerrno>

#include <libasync/io/sim/sim_engine.hpp>

namespace async::inline v0::io {

namespace {

using namespace std::chrono_literals;
using sim::fault;

constexpr auto usual_latency = 20us;
constexpr auto longest_latency = 2ms;

native_handle file_of(operation& op) noexcept {
    switch (op.kind) {
        case op_kind::open_file: return invalid_handle;
        case op_kind::read_at:
        case op_kind::write_at: return static_cast<transfer_op&>(op).file;
        default: return static_cast<file_op&>(op).file;
    }
}

}  // namespace

bool sim_engine::start_on_file(operation& op) noexcept {
    op.state = op_state::pending;
    op.phase = 0;
    const bool in_order = world_->steps == sim::order::fifo;
    auto file = world_->descriptors.find<sim::open_file>(file_of(op));
    set_timer(op, world_->delay(usual_latency, in_order ? usual_latency : longest_latency),
              [this, &op, f = std::move(file)] {
                  execute(op, f.get());
                  tell(op);
              });
    return false;
}

// What a disk has begun it finishes. Where steps come in order it has always begun; else by chance.
void sim_engine::cancel_on_file(operation& op) noexcept {
    if (op.kind == op_kind::close_file || world_->steps == sim::order::fifo) return;
    if (world_->outcomes.chance(500'000)) return;
    forget_timer(op);
    op.error = error_cancelled;
    tell(op);
}

void sim_engine::abandon_on_file(operation& op) noexcept {
    execute(op, world_->descriptors.find<sim::open_file>(file_of(op)).get());
}

void sim_engine::execute(operation& op, sim::open_file* file) noexcept {
    if (op.kind == op_kind::open_file) return execute_open(static_cast<open_file_op&>(op));
    if (file == nullptr) {
        op.error = EBADF;
        return;
    }
    switch (op.kind) {
        case op_kind::read_at: return execute_read(static_cast<transfer_op&>(op), *file);
        case op_kind::write_at: return execute_write(static_cast<transfer_op&>(op), *file);
        case op_kind::file_size: op.result = static_cast<std::int64_t>(file->size()); break;
        case op_kind::sync_file:
            op.error = world_->strikes(fault::sync_error) ? world_->error_of(fault::sync_error) : file->sync();
            break;
        default:
            calls_->close_file(static_cast<file_op&>(op).file);
            if (world_->strikes(fault::close_error)) op.error = world_->error_of(fault::close_error);
            break;
    }
}

void sim_engine::execute_open(open_file_op& op) noexcept {
    if (world_->strikes(fault::open_error)) {
        op.error = world_->error_of(fault::open_error);
        return;
    }
    if (world_->descriptors.full()) {
        op.error = EMFILE;
        return;
    }
    if (auto file = world_->files.open(op.path, op.mode, op.error)) {
        op.opened = file_handle(world_->descriptors.add(std::move(file)), calls_);
    }
}

void sim_engine::execute_read(transfer_op& op, sim::open_file& file) noexcept {
    if (world_->strikes(fault::file_read_error)) {
        op.error = world_->error_of(fault::file_read_error);
        return;
    }
    std::size_t size = op.size;
    if (size != 0 && world_->strikes(fault::short_file_read)) size = world_->shortened(size);
    const transfer_result r = file.read(op.offset, op.data, size);
    op.error = r.error;
    op.result = static_cast<std::int64_t>(r.bytes);
}

void sim_engine::execute_write(transfer_op& op, sim::open_file& file) noexcept {
    if (world_->strikes(fault::file_write_error)) {
        op.error = world_->error_of(fault::file_write_error);
        return;
    }
    std::size_t size = op.size;
    if (size != 0 && world_->strikes(fault::short_file_write)) size = world_->shortened(size);
    const transfer_result r = file.write(op.offset, op.data, size);
    op.error = r.error;
    op.result = static_cast<std::int64_t>(r.bytes);
}

}  // namespace async::inline v0::io
