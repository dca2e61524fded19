use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::time::Sleep;

fn report(what: &str, operations: usize, start: Instant) {
    let nanoseconds = start.elapsed().as_nanos() as f64 / operations as f64;
    println!("{{\"bench\":\"micro\",\"peer\":\"tokio\",\"what\":\"{what}\",\"ns\":{nanoseconds:.2}}}");
}

#[inline(never)]
fn child(value: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move { value })
}

/// A child future in a heap box, as a coroutine frame is; inlined futures cost nothing to await.
async fn await_child() {
    const OPERATIONS: usize = 5_000_000;
    let start = Instant::now();
    let mut sum = 0;
    for i in 0..OPERATIONS {
        sum += child(i as u64).await;
    }
    assert_eq!(sum, (OPERATIONS * (OPERATIONS - 1) / 2) as u64);
    report("await_child", OPERATIONS, start);
}

async fn yield_now() {
    const OPERATIONS: usize = 1_000_000;
    let start = Instant::now();
    for _ in 0..OPERATIONS {
        tokio::task::yield_now().await;
    }
    report("yield", OPERATIONS, start);
}

async fn create_task_join() {
    const OPERATIONS: usize = 500_000;
    let start = Instant::now();
    for i in 0..OPERATIONS {
        assert_eq!(tokio::spawn(async move { i }).await.unwrap(), i);
    }
    report("create_task_join", OPERATIONS, start);
}

async fn gather() {
    const CHILDREN: usize = 100_000;
    const ROUNDS: usize = 10;
    let start = Instant::now();
    for _ in 0..ROUNDS {
        let handles: Vec<_> = (0..CHILDREN).map(|i| tokio::spawn(async move { i })).collect();
        let mut sum = 0;
        for handle in handles {
            sum += handle.await.unwrap();
        }
        assert_eq!(sum, CHILDREN * (CHILDREN - 1) / 2);
    }
    report("gather_100k", ROUNDS * CHILDREN, start);
}

/// One of 1,000,000 sleeps, chosen at random, is set again. Each is polled once, so that the wheel holds it.
async fn timer_rearm() {
    const TIMERS: usize = 1_000_000;
    const OPERATIONS: usize = 1_000_000;
    let mut state = 1u32;
    let mut random = move || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        state >> 8
    };
    let origin = tokio::time::Instant::now() + Duration::from_secs(3600);
    let mut timers = Vec::with_capacity(TIMERS);
    for _ in 0..TIMERS {
        let when = origin + Duration::from_millis((random() % 3_600_000) as u64);
        let mut sleep = Box::pin(tokio::time::sleep_until(when));
        PollOnce(&mut sleep).await;
        timers.push(sleep);
    }
    let start = Instant::now();
    for _ in 0..OPERATIONS {
        let when = origin + Duration::from_millis((random() % 3_600_000) as u64);
        timers[random() as usize % TIMERS].as_mut().reset(when);
    }
    report("timer_rearm_1m", OPERATIONS, start);
}

struct PollOnce<'a>(&'a mut Pin<Box<Sleep>>);

impl Future for PollOnce<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let _ = self.0.as_mut().poll(context);
        Poll::Ready(())
    }
}

/// Another thread sends to the waiting loop and spins until the loop has taken it.
fn post_round_trip(runtime: &Runtime) {
    const OPERATIONS: usize = 20_000;
    let (jobs, mut inbox) = tokio::sync::mpsc::unbounded_channel::<()>();
    let done = Arc::new(AtomicUsize::new(0));
    let seen = done.clone();
    let poster = std::thread::spawn(move || {
        let start = Instant::now();
        for i in 1..=OPERATIONS {
            jobs.send(()).unwrap();
            while seen.load(Ordering::Acquire) < i {}
        }
        report("post_round_trip", OPERATIONS, start);
    });
    runtime.block_on(async {
        while inbox.recv().await.is_some() {
            done.fetch_add(1, Ordering::Release);
        }
    });
    poster.join().unwrap();
}

/// In a spawned task: the root future of `block_on` would visit the operating system at each yield.
fn in_task(runtime: &Runtime, question: impl Future<Output = ()> + Send + 'static) {
    runtime.block_on(async { tokio::spawn(question).await.unwrap() });
}

pub fn run(runtime: &Runtime) {
    for _ in 0..3 {
        in_task(runtime, await_child());
        in_task(runtime, yield_now());
        in_task(runtime, create_task_join());
        in_task(runtime, gather());
        in_task(runtime, timer_rearm());
        post_round_trip(runtime);
    }
}
