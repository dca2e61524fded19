"""The micro benchmarks on asyncio or uvloop."""
import argparse
import asyncio
import random
import threading
import time

TIMERS = 1_000_000


class Questions:
    def __init__(self, peer):
        self.peer = peer

    def report(self, what, operations, start):
        nanoseconds = (time.perf_counter_ns() - start) / operations
        print(f'{{"bench":"micro","peer":"{self.peer}","what":"{what}","ns":{nanoseconds:.2f}}}', flush=True)

    @staticmethod
    async def child():
        return 1

    async def await_child(self, operations=500_000):
        start = time.perf_counter_ns()
        for _ in range(operations):
            await self.child()
        self.report("await_child", operations, start)

    async def yield_(self, operations=100_000):
        start = time.perf_counter_ns()
        for _ in range(operations):
            await asyncio.sleep(0)
        self.report("yield", operations, start)

    async def create_task_join(self, operations=50_000):
        start = time.perf_counter_ns()
        for _ in range(operations):
            await asyncio.create_task(self.child())
        self.report("create_task_join", operations, start)

    async def gather(self, children=100_000, rounds=10):
        start = time.perf_counter_ns()
        for _ in range(rounds):
            results = await asyncio.gather(*(self.child() for _ in range(children)))
            assert sum(results) == children
        self.report("gather_100k", rounds * children, start)

    async def lock(self, operations=200_000):
        door = asyncio.Lock()
        start = time.perf_counter_ns()
        for _ in range(operations):
            await door.acquire()
            door.release()
        self.report("lock_release", operations, start)

    async def queue(self, operations=100_000):
        items = asyncio.Queue(1)
        start = time.perf_counter_ns()
        for i in range(operations):
            await items.put(i)
            await items.get()
        self.report("queue_put_or_get", 2 * operations, start)

    async def queue_ping_pong(self, operations=50_000):
        """Both tasks wait in each round."""
        there, back = asyncio.Queue(1), asyncio.Queue(1)

        async def echo():
            for _ in range(operations):
                await back.put(await there.get())

        other = asyncio.create_task(echo())
        start = time.perf_counter_ns()
        for i in range(operations):
            await there.put(i)
            await back.get()
        self.report("queue_ping_pong", operations, start)
        await other

    async def timer_rearm(self, operations=100_000):
        """The loop runs now and then, for it drops cancelled timers only there."""
        loop = asyncio.get_running_loop()
        delays = [3600 + random.random() * 3600 for _ in range(1000)]
        places = [random.randrange(TIMERS) for _ in range(operations)]
        timers = [loop.call_later(delays[i % 1000], print) for i in range(TIMERS)]
        start = time.perf_counter_ns()
        for i, place in enumerate(places):
            timers[place].cancel()
            timers[place] = loop.call_later(delays[i % 1000], print)
            if i % 1000 == 0:
                await asyncio.sleep(0)
        self.report("timer_rearm_1m", operations, start)
        for timer in timers:
            timer.cancel()

    async def post_round_trip(self, operations=5_000):
        """The posting thread waits for an event: with one interpreter lock it cannot spin."""
        loop = asyncio.get_running_loop()

        def post():
            done = threading.Event()
            start = time.perf_counter_ns()
            for _ in range(operations):
                done.clear()
                loop.call_soon_threadsafe(done.set)
                done.wait()
            self.report("post_round_trip", operations, start)

        await asyncio.to_thread(post)

    async def run(self):
        await self.await_child()
        await self.yield_()
        await self.create_task_join()
        await self.gather()
        await self.lock()
        await self.queue()
        await self.queue_ping_pong()
        await self.post_round_trip()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    parser.add_argument("--passes", type=int, default=3)
    options = parser.parse_args()
    if options.loop == "uvloop":
        import uvloop
        uvloop.install()
    questions = Questions(options.loop)
    for _ in range(options.passes):
        asyncio.run(questions.run())
    asyncio.run(questions.timer_rearm())


if __name__ == "__main__":
    main()
