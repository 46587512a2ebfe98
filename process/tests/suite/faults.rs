//! Tests of faults: deaths of every kind, at every place.

use std::time::{Duration, Instant};

use knee_process::{
    Bytes, Depth, Entry, Error, ExitStatus, Failure, Output, Pool, Producer, Queue, Transport,
    function,
};

use crate::census::{runs, send, wait_gone};
use crate::misdeeds::{
    allocate, close_all, die, expected, fork_and_return, leave_child, print_much, read_line,
    stop_self,
};
use crate::pools::nap;
use crate::processes::{METHODS, add, sleep_for_ever};
use crate::runner::Test;

pub(crate) const TESTS: &[Test] = &[
    Test::new("faults::every_kind_of_death_is_told_and_costs_one_task", every_kind_of_death),
    Test::new("faults::an_idle_worker_is_replaced", idle_worker_replaced),
    Test::new("faults::a_stopped_worker_is_killed_by_its_limit", stopped_worker),
    Test::new("faults::a_silent_worker_is_ended_when_patience_is", silent_worker),
    Test::new("faults::a_worker_lost_while_idle_is_known_and_hangs_nobody", lost_while_idle),
    Test::new("faults::what_a_lost_worker_had_not_begun_is_done_by_an_idle_one", not_begun),
    Test::new("faults::tasks_behind_a_dead_one_are_done", behind_a_dead_one),
    Test::new(
        "faults::tasks_behind_a_dead_one_are_done_over_sockets",
        behind_a_dead_one_on_a_socket,
    ),
    Test::new("faults::a_worker_without_descriptors_hangs_nobody", without_descriptors),
    Test::new("faults::a_task_that_forks_and_returns_hangs_nobody", forks_and_returns),
    Test::new("faults::death_is_noticed_soon", noticed_soon),
    Test::new("faults::restart_budget_is_kept", restart_budget),
    Test::new("faults::output_and_input_of_tasks_are_harmless", output_is_harmless),
    Test::new("faults::a_workers_own_processes_go_with_it", grandchildren_go),
    Test::new("faults::out_of_memory_is_told", out_of_memory),
];

pub(crate) fn entries() -> Vec<Entry> {
    vec![function(tell_and_sleep), function(length)]
}

fn every_kind_of_death() {
    for method in METHODS {
        for transport in [Transport::Ring, Transport::Socket] {
            let builder = Pool::builder()
                .workers(2)
                .start_method(method)
                .transport(transport)
                .restarts(100, Duration::from_secs(60));
            let pool = builder.queue_depth(Depth::Fixed(1)).output(Output::Null).build().unwrap();
            pool.wait_ready(Duration::from_secs(30)).unwrap();
            for how in 0..=6 {
                let before: Vec<_> =
                    (0..10).map(|number| pool.apply_async(add, (number, 1)).unwrap()).collect();
                let dying = pool.apply_async(die, (how,)).unwrap();
                let after: Vec<_> =
                    (0..10).map(|number| pool.apply_async(add, (number, 2)).unwrap()).collect();
                let report = dying.report();
                let Err(Failure::Died(death)) = &report.outcome else {
                    panic!("{method:?} {transport:?} {how}: {report:?}")
                };
                assert_eq!(death.status, expected(how), "{method:?} {transport:?} {how}");
                assert_eq!(death.pid, report.pid);
                assert!(death.to_string().contains(&death.status.to_string()));
                for (number, handle) in before.into_iter().enumerate() {
                    assert_eq!(handle.wait(), Ok(number as u64 + 1));
                }
                for (number, handle) in after.into_iter().enumerate() {
                    assert_eq!(handle.wait(), Ok(number as u64 + 2));
                }
            }
            pool.wait_ready(Duration::from_secs(30)).unwrap();
        }
    }
}

fn idle_worker_replaced() {
    let pool = Pool::builder().workers(2).build().unwrap();
    pool.wait_ready(Duration::from_secs(30)).unwrap();
    let old = pool.pids()[0].unwrap();
    send(old, libc::SIGKILL);
    wait_gone(&[old]);
    while pool.pids()[0].is_none_or(|pid| pid == old) {
        std::thread::sleep(Duration::from_millis(1));
    }
    pool.wait_ready(Duration::from_secs(30)).unwrap();
    for worker in 0..2 {
        assert_eq!(pool.apply_to(worker, add, (1, 1)).unwrap().wait(), Ok(2));
    }
}

fn stopped_worker() {
    let limit = Duration::from_millis(150);
    let pool = Pool::builder().workers(1).time_limit(limit).build().unwrap();
    assert_eq!(
        pool.apply_async(stop_self, ()).unwrap().wait(),
        Err(Failure::TimedOut { after: limit })
    );
    // The worker is stopped from outside while it is idle.
    pool.wait_ready(Duration::from_secs(30)).unwrap();
    send(pool.pids()[0].unwrap(), libc::SIGSTOP);
    std::thread::sleep(Duration::from_millis(20));
    let stuck = pool.apply_async(add, (1, 1)).unwrap();
    let outcome = stuck.wait();
    // If the task had not begun, the next worker runs it. If it had, it fails.
    assert!(outcome == Ok(2) || outcome == Err(Failure::TimedOut { after: limit }), "{outcome:?}");
}

fn silent_worker() {
    let limit = Duration::from_millis(100);
    let pool = Pool::builder().workers(2).build().unwrap();
    pool.wait_ready(Duration::from_secs(30)).unwrap();
    pool.set_patience(Some(limit));
    let stopped = pool.apply_to(0, stop_self, ()).unwrap();
    // This one takes longer than the limit too, but ends in time.
    let slow = pool.apply_to(1, nap, (1500,)).unwrap();
    assert_eq!(stopped.wait(), Err(Failure::TimedOut { after: limit }));
    assert_eq!(slow.wait(), Ok(1500));
    // The limit has no effect afterwards.
    assert_eq!(pool.apply_to(1, nap, (100,)).unwrap().wait(), Ok(100));
    pool.set_patience(Some(limit));
    pool.set_patience(None);
    assert_eq!(pool.apply_to(1, nap, (2500,)).unwrap().wait(), Ok(2500));
}

fn lost_while_idle() {
    let pool = Pool::builder().workers(2).restarts(0, Duration::from_secs(60)).build().unwrap();
    pool.wait_ready(Duration::from_secs(30)).unwrap();
    assert_eq!(pool.lost_worker(), None);
    let victim = pool.pids()[0].unwrap();
    send(victim, libc::SIGTERM);
    let lost = loop {
        if let Some(lost) = pool.lost_worker() {
            break lost;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    assert!(lost.0 == 0 && lost.1.contains("SIGTERM"), "{lost:?}");
    // The other worker does the work as long as it is active. Then no worker can.
    assert_eq!(pool.apply_async(add, (1, 1)).unwrap().wait(), Ok(2));
    pool.set_active(1);
    assert!(matches!(pool.apply_async(add, (1, 1)), Err(Error::PoolBroken { .. })));
}

fn not_begun() {
    let pool = Pool::builder().workers(2).restarts(0, Duration::from_secs(60)).build().unwrap();
    pool.wait_ready(Duration::from_secs(30)).unwrap();
    let victim = pool.pids()[1].unwrap();
    send(victim, libc::SIGSTOP);
    // One task for each worker. The second waits in the ring of a worker that does not see it.
    let handles = [1, 2].map(|number| pool.apply_async(add, (number, 0)).unwrap());
    let [first, second] = handles;
    assert_eq!(first.wait(), Ok(1));
    send(victim, libc::SIGKILL);
    assert_eq!(second.wait(), Ok(2));
    assert_eq!(pool.lost_worker().map(|(worker, _)| worker), Some(1));
}

fn behind_a_dead_one() {
    let pool = Pool::builder().workers(1).queue_depth(Depth::Fixed(50)).build().unwrap();
    pool.wait_ready(Duration::from_secs(30)).unwrap();
    let handles: Vec<_> = (0..40_u64)
        .map(|number| {
            if number == 10 {
                pool.apply_async(die, (3,)).unwrap()
            } else {
                pool.apply_async(add, (number, 0)).unwrap()
            }
        })
        .collect();
    for (number, handle) in handles.into_iter().enumerate() {
        let outcome = handle.wait();
        if number == 10 {
            assert!(matches!(outcome, Err(Failure::Died(_))), "{outcome:?}");
        } else {
            assert_eq!(outcome, Ok(number as u64), "only the task of the dead worker may be lost");
        }
    }
    // The same for tasks with attachments, which travel another way.
    let pool = Pool::builder().workers(1).queue_depth(Depth::Fixed(50)).build().unwrap();
    pool.wait_ready(Duration::from_secs(30)).unwrap();
    let killer = pool.apply_async(die, (4,)).unwrap();
    let large: Vec<_> = (0..5)
        .map(|number| pool.apply_async(length, (Bytes(vec![1; 50_000 + number]),)).unwrap())
        .collect();
    assert!(matches!(killer.wait(), Err(Failure::Died(_))));
    for (number, handle) in large.into_iter().enumerate() {
        assert_eq!(handle.wait(), Ok(50_000 + number));
    }
}

fn behind_a_dead_one_on_a_socket() {
    let builder = || Pool::builder().workers(1).transport(Transport::Socket);
    let pool = builder().queue_depth(Depth::Fixed(20)).build().unwrap();
    pool.wait_ready(Duration::from_secs(30)).unwrap();
    let killer = pool.apply_async(die, (3,)).unwrap();
    let behind: Vec<_> =
        (0..10).map(|number| pool.apply_async(add, (number, 0)).unwrap()).collect();
    let large = pool.apply_async(length, (Bytes(vec![1; 200_000]),)).unwrap();
    assert!(matches!(killer.wait(), Err(Failure::Died(_))));
    for (number, handle) in behind.into_iter().enumerate() {
        assert_eq!(handle.wait(), Ok(number as u64), "only what ran may be lost");
    }
    assert_eq!(large.wait(), Ok(200_000));
    let limit = Duration::from_millis(200);
    let pool = builder().queue_depth(Depth::Fixed(20)).time_limit(limit).build().unwrap();
    pool.wait_ready(Duration::from_secs(30)).unwrap();
    let stopped = pool.apply_async(stop_self, ()).unwrap();
    let behind = pool.apply_async(add, (1, 1)).unwrap();
    assert_eq!(stopped.wait(), Err(Failure::TimedOut { after: limit }));
    assert_eq!(behind.wait(), Ok(2));
}

fn without_descriptors() {
    for transport in [Transport::Ring, Transport::Socket] {
        for workers in [1, 3] {
            let pool = Pool::builder().workers(workers).transport(transport).build().unwrap();
            pool.wait_ready(Duration::from_secs(30)).unwrap();
            for _ in 0..2 {
                let outcome = pool.apply_async(close_all, ()).unwrap().wait();
                // The result counts if it still came through the ring, although no bell can be
                // rung.
                assert!(outcome.is_err() || outcome == Ok(7), "{outcome:?}");
                assert_eq!(pool.apply_async(add, (1, 1)).unwrap().wait(), Ok(2));
            }
            pool.join();
        }
    }
}

fn forks_and_returns() {
    for transport in [Transport::Ring, Transport::Socket] {
        let pool = Pool::builder().workers(4).transport(transport).build().unwrap();
        pool.wait_ready(Duration::from_secs(30)).unwrap();
        let handles: Vec<_> =
            (0..40).map(|number| pool.apply_async(fork_and_return, (number,)).unwrap()).collect();
        for (number, handle) in handles.into_iter().enumerate() {
            assert_eq!(handle.wait(), Ok(number as u64));
        }
        let lengths = pool.map(length, vec![Bytes(vec![0; 3]); 20]).unwrap();
        assert!(lengths.iter().all(|one| *one == Ok(3)), "{lengths:?}");
        pool.join();
    }
    let alone = knee_process::Process::new(fork_and_return, (5,)).start().unwrap();
    assert_eq!(alone.outcome(), Ok(5));
}

fn length(bytes: Bytes) -> usize {
    bytes.0.len()
}

fn noticed_soon() {
    let pool = Pool::builder().workers(2).restarts(1000, Duration::from_secs(60)).build().unwrap();
    let (producer, mut begun) = Queue::unbounded().unwrap().split();
    let mut times = Vec::new();
    for _ in 0..20 {
        pool.wait_ready(Duration::from_secs(30)).unwrap();
        let task = pool.apply_to(0, tell_and_sleep, (producer.clone(),)).unwrap();
        // Only a task that has begun is lost.
        let pid = begun.get().unwrap();
        let begin = Instant::now();
        send(pid, libc::SIGKILL);
        assert!(matches!(task.wait(), Err(Failure::Died(_))));
        times.push(begin.elapsed());
    }
    times.sort();
    println!("a death is noticed after {:?} (median), {:?} (worst)", times[10], times[19]);
}

fn tell_and_sleep(mut begun: Producer<u32>) {
    begun.put(&std::process::id()).unwrap();
    sleep_for_ever();
}

fn restart_budget() {
    let pool = Pool::builder().workers(1).restarts(3, Duration::from_secs(60)).build().unwrap();
    for _ in 0..4 {
        let task = pool.apply_async(die, (1,));
        let outcome = task.unwrap().wait();
        assert!(matches!(outcome, Err(Failure::Died(_))), "{outcome:?}");
    }
    let error = loop {
        match pool.apply_async(add, (1, 1)) {
            Ok(handle) => assert!(matches!(handle.wait(), Err(Failure::NeverStarted(_)))),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::PoolBroken { .. }));
    assert!(
        error.to_string().contains("too many workers died") && error.to_string().contains("code 7"),
        "{error}"
    );
    assert_eq!(pool.join().len(), 4);
}

fn output_is_harmless() {
    for method in METHODS {
        for transport in [Transport::Ring, Transport::Socket] {
            let pool = Pool::builder()
                .workers(2)
                .start_method(method)
                .transport(transport)
                .output(Output::Null)
                .build()
                .unwrap();
            let printing: Vec<_> =
                (0..20).map(|_| pool.apply_async(print_much, ()).unwrap()).collect();
            let reading = pool.apply_async(read_line, ()).unwrap();
            assert!(printing.into_iter().all(|handle| handle.wait() == Ok(2000)));
            assert_eq!(reading.wait(), Ok(0));
        }
    }
}

fn grandchildren_go() {
    let pool = Pool::builder().workers(1).build().unwrap();
    let left = pool.apply_async(leave_child, ()).unwrap().wait().unwrap();
    assert!(runs(left));
    let worker = pool.pids()[0].unwrap();
    send(worker, libc::SIGKILL);
    wait_gone(&[worker, left]);
    let left = pool.apply_async(leave_child, ()).unwrap().wait().unwrap();
    pool.join();
    wait_gone(&[left]);
}

fn out_of_memory() {
    let pool = Pool::builder().workers(1).build().unwrap();
    let outcome = pool.apply_async(allocate, (256 << 20, 1 << 30)).unwrap().wait();
    let Err(Failure::Died(death)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(death.status, ExitStatus::Signal(libc::SIGABRT));
    assert_eq!(pool.apply_async(nap, (1,)).unwrap().wait(), Ok(1));
}
