// The whole of libasync in one include.
#pragma once

#include <libasync/config.hpp>
#include <libasync/coro/cancel_scope.hpp>
#include <libasync/coro/gather.hpp>
#include <libasync/coro/run.hpp>
#include <libasync/coro/sleep.hpp>
#include <libasync/coro/task.hpp>
#include <libasync/coro/task_handle.hpp>
#include <libasync/error.hpp>
#include <libasync/fs/file.hpp>
#include <libasync/loop/log.hpp>
#include <libasync/loop/loop.hpp>
#include <libasync/loop/notifier.hpp>
#include <libasync/loop/timer.hpp>
#include <libasync/net/byte_stream.hpp>
#include <libasync/net/tcp_listener.hpp>
#include <libasync/net/tcp_stream.hpp>
#include <libasync/sim/disk.hpp>
#include <libasync/sim/host.hpp>
#include <libasync/sim/simulation.hpp>
#include <libasync/testing/sequencer.hpp>
#include <libasync/testing/virtual_clock.hpp>
#include <libasync/testing/wait_all_tasks_blocked.hpp>
