//! Tests of pools.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use knee_process::{
    Bytes, Depth, Entry, Error, Failure, Pool, Transport, Worker, function, worker, worker_index,
};

use crate::processes::{METHODS, add};
use crate::runner::Test;

pub(crate) const TESTS: &[Test] = &[
    Test::new("pool::results_are_right_in_every_way", results_are_right),
    Test::new("pool::never_more_than_n_at_once", never_more_than_n),
    Test::new("pool::errors_and_panics_leave_the_worker_alive", errors_and_panics),
    Test::new("pool::initialiser_runs_in_every_worker", initialiser_runs),
    Test::new("pool::failing_start_is_told_and_not_repeated", failing_start),
    Test::new("pool::state_is_kept_in_the_worker", state_is_kept),
    Test::new("pool::tasks_per_worker_replaces_workers", tasks_per_worker),
    Test::new("pool::closed_loop_runs_every_task_once", closed_loop),
    Test::new("pool::only_the_active_workers_run_tasks", only_the_active),
    Test::new("pool::iterators_are_lazy_and_bounded", iterators_are_lazy),
    Test::new("pool::many_threads_share_a_pool", many_threads),
    Test::new("pool::short_tasks_do_not_wait_behind_a_long_one", not_behind_a_long_one),
    Test::new("pool::busy_polling_works", busy_polling),
];

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        function(add_two),
        function(nap),
        function(crowd),
        function(complain),
        function(set_number),
        function(get_number),
        function(panic_at_start),
        function(echo),
        worker::<Counter>(),
    ]
}

/// Every way to carry tasks and every way to start, with every depth that matters.
pub(crate) fn kinds() -> Vec<(String, Pool)> {
    let mut pools = Vec::new();
    for method in METHODS {
        for transport in [Transport::Ring, Transport::Socket] {
            for depth in [Depth::ByTaskLength, Depth::Fixed(1), Depth::Fixed(64)] {
                let builder = Pool::builder().workers(3).start_method(method);
                let pool = builder.transport(transport).queue_depth(depth).build().unwrap();
                pools.push((format!("{method:?} {transport:?} {depth:?}"), pool));
            }
        }
    }
    pools
}

pub(crate) fn add_two(number: u64) -> u64 {
    number + 2
}

pub(crate) fn nap(milliseconds: u64) -> u64 {
    std::thread::sleep(Duration::from_millis(milliseconds));
    milliseconds
}

fn complain(word: String) -> u64 {
    panic!("{word}")
}

pub(crate) fn echo(bytes: Bytes) -> Bytes {
    bytes
}

static NUMBER: AtomicU64 = AtomicU64::new(0);

fn set_number(number: u64) {
    NUMBER.store(number, Ordering::SeqCst);
}

fn get_number(pause: u64) -> (Option<usize>, u64) {
    std::thread::sleep(Duration::from_millis(pause));
    (worker_index(), NUMBER.fetch_add(1, Ordering::SeqCst))
}

fn panic_at_start() {
    panic!("no disk in drive A")
}

/// Makes a file in a folder while it runs; returns how many tasks did so at the same time.
fn crowd(folder: String, number: u64) -> usize {
    let own = std::path::Path::new(&folder).join(number.to_string());
    std::fs::write(&own, "").unwrap();
    std::thread::sleep(Duration::from_millis(5));
    let count = std::fs::read_dir(&folder).unwrap().count();
    std::fs::remove_file(own).unwrap();
    count
}

/// Counts in steps; a step of 0 is an error, and a task of 0 too.
struct Counter {
    step: u64,
    sum: u64,
}

impl Worker for Counter {
    type Init = u64;
    type Task = u64;
    type Reply = u64;

    fn start(step: u64) -> Result<Self, String> {
        if step == 0 { Err("a step of 0 leads nowhere".into()) } else { Ok(Self { step, sum: 0 }) }
    }

    fn run(&mut self, times: u64) -> Result<u64, String> {
        if times == 0 {
            return Err("zero times".into());
        }
        self.sum += times * self.step;
        Ok(self.sum)
    }
}

fn results_are_right() {
    for (kind, pool) in kinds() {
        assert_eq!(pool.apply_async(add, (1, 2)).unwrap().wait(), Ok(3), "{kind}");
        let all: Result<Vec<u64>, _> = pool.map(add_two, 0..500).unwrap().into_iter().collect();
        assert_eq!(all.unwrap(), (2..502).collect::<Vec<_>>(), "{kind}");
        let ordered: Result<Vec<u64>, _> = pool.imap(add_two, 0..2000).unwrap().collect();
        assert_eq!(ordered.unwrap(), (2..2002).collect::<Vec<_>>(), "{kind}");
        let mut numbers = HashSet::new();
        for (number, outcome) in pool.imap_unordered(add_two, 0..500_u64).unwrap() {
            assert_eq!(outcome.unwrap(), number as u64 + 2);
            assert!(numbers.insert(number), "{kind}: {number} came twice");
        }
        assert_eq!(numbers.len(), 500);
        let handles: Vec<_> =
            (0..300).map(|number| pool.apply_async(add, (number, 1)).unwrap()).collect();
        for (number, handle) in handles.into_iter().enumerate().rev() {
            assert_eq!(handle.wait(), Ok(number as u64 + 1), "{kind}");
        }
        for index in 0..3 {
            let report = pool.apply_to(index, add, (1, 1)).unwrap().report();
            assert_eq!((report.worker, report.outcome), (index, Ok(2)), "{kind}");
            assert_eq!(pool.pids()[index], Some(report.pid));
        }
        let exits = pool.join();
        assert!(
            exits.len() == 3 && exits.iter().all(|exit| exit.status.success()),
            "{kind}: {exits:?}"
        );
    }
}

fn never_more_than_n() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_string_lossy().into_owned();
    let pool = Pool::builder().workers(3).build().unwrap();
    let handles: Vec<_> =
        (0..60).map(|number| pool.apply_async(crowd, (path.clone(), number)).unwrap()).collect();
    let most = handles.into_iter().map(|handle| handle.wait().unwrap()).max().unwrap();
    assert!((2..=3).contains(&most), "{most} at once");
}

fn errors_and_panics() {
    for (kind, pool) in kinds() {
        pool.wait_ready(Duration::from_secs(30)).unwrap();
        let pids = pool.pids();
        for round in 0..20 {
            let outcome = pool.apply_async(complain, (format!("word {round}"),)).unwrap().wait();
            let Err(Failure::Panicked(text)) = outcome else { panic!("{kind}: {outcome:?}") };
            assert!(
                text.starts_with(&format!("word {round}, at ")) && text.contains("pools.rs"),
                "{text}"
            );
        }
        assert_eq!(pool.pids(), pids, "{kind}: a panic must not cost the worker");
    }
    let pool = Pool::<Counter>::of(&1).workers(1).build().unwrap();
    assert_eq!(pool.submit(&0).unwrap().wait(), Err(Failure::Failed("zero times".into())));
    assert_eq!(pool.submit(&3).unwrap().wait(), Ok(3));
}

fn initialiser_runs() {
    for method in METHODS {
        let pool = Pool::builder()
            .workers(2)
            .start_method(method)
            .initialiser(set_number, (70,))
            .build()
            .unwrap();
        for index in [0, 1] {
            assert_eq!(
                pool.apply_to(index, get_number, (0,)).unwrap().wait().unwrap(),
                (Some(index), 70)
            );
            assert_eq!(
                pool.apply_to(index, get_number, (0,)).unwrap().wait().unwrap(),
                (Some(index), 71)
            );
        }
    }
    assert_eq!(worker_index(), None);
}

fn failing_start() {
    let pool = Pool::<Counter>::of(&0).workers(2).build().unwrap();
    // This task is accepted before the start fails.
    let early = pool.submit(&1);
    let error = pool.wait_ready(Duration::from_secs(30)).unwrap_err();
    assert!(error.to_string().contains("a step of 0 leads nowhere"), "{error}");
    if let Ok(handle) = early {
        let outcome = handle.wait();
        assert!(
            matches!(&outcome, Err(Failure::NeverStarted(text)) if text.contains("leads nowhere")),
            "{outcome:?}"
        );
    }
    while pool.submit(&1).is_ok() {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(matches!(pool.submit(&1), Err(Error::PoolBroken { .. })));
    assert_eq!(pool.join().len(), 2, "a start that fails by itself is not tried again");

    let pool = Pool::builder().workers(1).initialiser(panic_at_start, ()).build().unwrap();
    let error = pool.wait_ready(Duration::from_secs(30)).unwrap_err();
    assert!(error.to_string().contains("no disk in drive A"), "{error}");
}

fn state_is_kept() {
    for method in METHODS {
        let pool = Pool::<Counter>::of(&10).workers(2).start_method(method).build().unwrap();
        for round in 1..=50 {
            assert_eq!(pool.submit_to(0, &1).unwrap().wait(), Ok(10 * round));
        }
        assert_eq!(pool.submit_to(1, &1).unwrap().wait(), Ok(10));
        assert!(matches!(pool.submit_to(2, &1), Err(Error::Setting(_))));
    }
}

fn tasks_per_worker() {
    for transport in [Transport::Ring, Transport::Socket] {
        let pool =
            Pool::builder().workers(2).tasks_per_worker(10).transport(transport).build().unwrap();
        let mut pids = std::collections::HashMap::new();
        let handles: Vec<_> =
            (0..100).map(|number| pool.apply_async(add, (number, 0)).unwrap()).collect();
        for (number, handle) in handles.into_iter().enumerate() {
            let report = handle.report();
            assert_eq!(report.outcome, Ok(number as u64));
            *pids.entry(report.pid).or_insert(0) += 1;
        }
        assert!(pids.len() >= 10 && pids.values().all(|tasks| *tasks <= 10), "{pids:?}");
        assert!(pool.join().iter().all(|exit| exit.status.success()));
    }
}

fn closed_loop() {
    for depth in [Depth::ByTaskLength, Depth::Fixed(1)] {
        let pool = Pool::<Counter>::of(&1).workers(3).queue_depth(depth).build().unwrap();
        let (mut given, mut sums, mut counts) = (0, [0_u64; 3], [0_u64; 3]);
        pool.run_closed_loop(
            || {
                given += 1;
                (given <= 20_000).then_some(1)
            },
            |report| {
                counts[report.worker] += 1;
                sums[report.worker] = sums[report.worker].max(report.outcome.unwrap());
            },
        )
        .unwrap();
        assert_eq!(counts.iter().sum::<u64>(), 20_000);
        assert_eq!(counts, sums, "each worker has counted its own tasks");
    }
}

fn only_the_active() {
    for transport in [Transport::Ring, Transport::Socket] {
        let pool = Pool::<Counter>::of(&1).workers(4).transport(transport).build().unwrap();
        for active in [1, 3, 2, 4, 9] {
            pool.set_active(active);
            let (mut given, mut counts) = (0, [0_u64; 4]);
            pool.run_closed_loop(
                || {
                    given += 1;
                    (given <= 4000).then_some(1)
                },
                |report| {
                    assert!(report.outcome.is_ok());
                    counts[report.worker] += 1;
                },
            )
            .unwrap();
            assert_eq!(counts.iter().sum::<u64>(), 4000);
            assert!(counts.iter().skip(active).all(|count| *count == 0), "{active}: {counts:?}");
        }
        pool.set_active(1);
        // A task directed to a sleeping worker reaches it, and tasks for any worker do not.
        let before = pool.submit_to(3, &1).unwrap().wait().unwrap();
        for _ in 0..100 {
            pool.submit(&1).unwrap().wait().unwrap();
        }
        assert_eq!(pool.submit_to(3, &1).unwrap().wait(), Ok(before + 1));
    }
}

fn iterators_are_lazy() {
    let pool = Pool::builder().workers(2).build().unwrap();
    let taken = std::cell::Cell::new(0);
    let endless = std::iter::from_fn(|| {
        taken.set(taken.get() + 1);
        Some(taken.get())
    });
    let first: Vec<_> = pool.imap(add_two, endless).unwrap().take(10).collect();
    assert_eq!(first, (3..13).map(Ok).collect::<Vec<_>>());
    assert!(taken.get() <= 4096, "{} items were taken for 10 results", taken.get());
    // The outcomes left over are forgotten.
    assert_eq!(pool.apply_async(add, (1, 1)).unwrap().wait(), Ok(2));
}

fn many_threads() {
    for transport in [Transport::Ring, Transport::Socket] {
        let pool = Pool::builder().workers(2).transport(transport).build().unwrap();
        std::thread::scope(|scope| {
            for thread in 0..6_u64 {
                let pool = &pool;
                scope.spawn(move || {
                    for number in 0..300 {
                        let handle = pool.apply_async(add, (thread * 1000, number)).unwrap();
                        assert_eq!(handle.wait(), Ok(thread * 1000 + number));
                    }
                });
            }
        });
    }
}

fn not_behind_a_long_one() {
    let pool = Pool::builder().workers(2).build().unwrap();
    // Short ones first, so that many at once are given to each worker.
    pool.map(nap, std::iter::repeat_n(0, 2000)).unwrap();
    let long = pool.apply_async(nap, (3000,)).unwrap();
    let short: Vec<_> = (0..200).map(|_| pool.apply_async(nap, (0,)).unwrap()).collect();
    for handle in short {
        assert_eq!(handle.wait(), Ok(0));
    }
    assert!(!long.is_done(), "a short task has waited for the long one");
}

fn busy_polling() {
    let pool = Pool::builder().workers(1).busy_poll(Duration::from_millis(2)).build().unwrap();
    for number in 0..2000 {
        assert_eq!(pool.apply_async(add, (number, 1)).unwrap().wait(), Ok(number + 1));
    }
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(
        pool.apply_async(add, (1, 1)).unwrap().wait(),
        Ok(2),
        "after the polling has stopped"
    );
}
