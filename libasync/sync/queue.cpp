#include <libasync/sync/queue.hpp>

namespace async::inline v0 {

queue_empty::queue_empty() : std::runtime_error("queue::get_nowait: the queue is empty") {}
queue_empty::~queue_empty() = default;

queue_full::queue_full() : std::runtime_error("queue::put_nowait: the queue is full") {}
queue_full::~queue_full() = default;

queue_shut_down::queue_shut_down() : std::runtime_error("the queue was shut down") {}
queue_shut_down::~queue_shut_down() = default;

}  // namespace async::inline v0
