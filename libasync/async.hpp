// The whole of libasync in one include.
#pragma once

#include <libasync/config.hpp>
#include <libasync/coro/run.hpp>
#include <libasync/coro/sleep.hpp>
#include <libasync/coro/task.hpp>
#include <libasync/coro/task_handle.hpp>
#include <libasync/error.hpp>
#include <libasync/loop/log.hpp>
#include <libasync/loop/loop.hpp>
#include <libasync/loop/notifier.hpp>
#include <libasync/loop/timer.hpp>
