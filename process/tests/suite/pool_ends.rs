//! Tests of tasks, waits and pools that are ended early, and of what is left then.

use std::time::{Duration, Instant};

use knee_process::{Bytes, Depth, Error, Failure, Pool, Transport};

use crate::census::Census;
use crate::pools::{add_two, echo, kinds, nap};
use crate::processes::sleep_for_ever;
use crate::runner::Test;

pub(crate) const TESTS: &[Test] = &[
    Test::new("pool::time_limit_kills_only_the_late", time_limit),
    Test::new("pool::cancel_and_drop_handles", cancel_and_drop),
    Test::new("pool::tasks_behind_cancelled_ones_are_run", behind_cancelled),
    Test::new("pool::closed_and_terminated_pools_refuse", refusals),
    Test::new("pool::terminate_from_any_thread_twice", terminate_anywhere),
    Test::new("pool::bad_settings_are_refused", bad_settings),
    Test::new("pool::nothing_leaks", nothing_leaks),
    Test::new("pool::deadlines_of_waits_are_kept", wait_within),
];

fn time_limit() {
    for transport in [Transport::Ring, Transport::Socket] {
        let limit = Duration::from_millis(200);
        let pool =
            Pool::builder().workers(2).transport(transport).time_limit(limit).build().unwrap();
        pool.wait_ready(Duration::from_secs(30)).unwrap();
        let hanging = pool.apply_async(sleep_for_ever, ()).unwrap();
        let quick: Vec<_> = (0..20).map(|_| pool.apply_async(nap, (1,)).unwrap()).collect();
        assert_eq!(hanging.wait(), Err(Failure::TimedOut { after: limit }));
        for handle in quick {
            let outcome = handle.wait();
            // Over a socket it is unknown whether a task behind the late one had begun.
            assert!(outcome == Ok(1) || transport == Transport::Socket, "{outcome:?}");
        }
        assert_eq!(pool.apply_async(nap, (2,)).unwrap().wait(), Ok(2));
    }
}

fn cancel_and_drop() {
    let pool = Pool::builder().workers(1).queue_depth(Depth::Fixed(1)).build().unwrap();
    pool.wait_ready(Duration::from_secs(30)).unwrap();
    let first = pool.apply_async(nap, (100,)).unwrap();
    let second = pool.apply_async(nap, (0,)).unwrap();
    let third = pool.apply_async(nap, (7,)).unwrap();
    drop(pool.apply_async(nap, (8,)).unwrap());
    assert!(!first.cancel(), "it runs");
    assert!(second.cancel() && !second.cancel());
    assert_eq!(second.wait(), Err(Failure::Cancelled));
    assert_eq!((first.wait(), third.wait()), (Ok(100), Ok(7)));
    while pool.outstanding() > 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn refusals() {
    let pool = Pool::builder().workers(1).build().unwrap();
    let accepted = pool.apply_async(nap, (50,)).unwrap();
    pool.close();
    pool.close();
    assert!(matches!(pool.apply_async(nap, (1,)), Err(Error::PoolClosed)));
    assert_eq!(accepted.wait(), Ok(50), "what was accepted is done");
    assert_eq!(pool.join().len(), 1);
    assert_eq!(pool.join().len(), 1);
    let pool = Pool::builder().workers(1).build().unwrap();
    let running = pool.apply_async(sleep_for_ever, ()).unwrap();
    let waiting = pool.apply_async(nap, (1,)).unwrap();
    let exits = pool.join_within(Duration::from_millis(50));
    assert_eq!(exits[0].status.signal(), Some(9));
    assert_eq!(
        (running.wait(), waiting.wait()),
        (Err(Failure::Cancelled), Err(Failure::Cancelled))
    );
}

fn terminate_anywhere() {
    for (kind, pool) in kinds() {
        let handles: Vec<_> =
            (0..10).map(|_| pool.apply_async(sleep_for_ever, ()).unwrap()).collect();
        std::thread::scope(|scope| {
            // Some threads wait for results while others terminate the pool.
            let waiting = scope
                .spawn(|| handles.into_iter().map(knee_process::Handle::wait).collect::<Vec<_>>());
            for _ in 0..4 {
                scope.spawn(|| {
                    pool.terminate();
                    pool.terminate();
                });
            }
            let outcomes = waiting.join().unwrap();
            assert!(
                outcomes.iter().all(|outcome| *outcome == Err(Failure::Cancelled)),
                "{kind}: {outcomes:?}"
            );
        });
        pool.terminate();
        pool.join();
        pool.terminate();
        drop(pool);
    }
}

fn bad_settings() {
    let refused = |result: Result<Pool, Error>| matches!(result, Err(Error::Setting(_)));
    assert!(refused(Pool::builder().workers(0).build()));
    assert!(refused(Pool::builder().workers(usize::MAX).build()));
    assert!(refused(Pool::builder().queue_depth(Depth::Fixed(0)).build()));
    assert!(refused(Pool::builder().tasks_per_worker(0).build()));
}

fn nothing_leaks() {
    drop(kinds());
    let census = Census::take();
    for (_, pool) in kinds() {
        pool.map(add_two, 0..50).unwrap();
        pool.apply_async(echo, (Bytes(vec![1; 100_000]),)).unwrap().wait().unwrap();
    }
    for (_, pool) in kinds() {
        pool.map(add_two, 0..50).unwrap();
        pool.join();
    }
    census.assert_nothing_more();
}

fn wait_within() {
    let pool = Pool::builder().workers(1).build().unwrap();
    pool.wait_ready(Duration::from_secs(30)).unwrap();
    let handle = pool.apply_async(nap, (300,)).unwrap();
    let begin = Instant::now();
    let handle = handle.wait_within(Duration::from_millis(20)).unwrap_err();
    assert!(begin.elapsed() >= Duration::from_millis(20));
    assert!(!handle.is_done());
    assert_eq!(handle.wait_within(Duration::from_secs(20)).unwrap().outcome, Ok(300));
}

fn behind_cancelled() {
    for transport in [Transport::Ring, Transport::Socket] {
        for cancelled in 1..8_u64 {
            let builder = Pool::builder().workers(2).transport(transport);
            let pool = builder.queue_depth(Depth::Fixed(1)).build().unwrap();
            pool.wait_ready(Duration::from_secs(30)).unwrap();
            let busy =
                [pool.apply_async(nap, (30,)).unwrap(), pool.apply_async(nap, (30,)).unwrap()];
            let doomed: Vec<_> =
                (0..cancelled).map(|_| pool.apply_async(add_two, (0,)).unwrap()).collect();
            let last = pool.apply_async(add_two, (5,)).unwrap();
            assert!(doomed.iter().all(knee_process::Handle::cancel));
            let outcome = last.wait_within(Duration::from_secs(20)).map(|report| report.outcome);
            assert!(
                matches!(outcome, Ok(Ok(7))),
                "behind {cancelled} cancelled tasks: {outcome:?}"
            );
            assert!(doomed.into_iter().all(|handle| handle.wait() == Err(Failure::Cancelled)));
            assert!(busy.into_iter().all(|handle| handle.wait() == Ok(30)));
        }
    }
}
