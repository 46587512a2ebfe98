//! Tests of what every workload must do: give the same checksum for the same task number, in every
//! worker and in every way of running it.

use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use knee_workloads::{BUILTIN, Context, FOREIGN, Host, Kind, Params, Task, Work, Workload};

const NUMBERS: [u64; 4] = [0, 1, 7, u64::MAX];

/// The small parameters, and the same with every other choice of each parameter that has choices.
fn variants(workload: &'static dyn Workload) -> Vec<Params> {
    use knee_workloads::Form::Choice;
    let declared = workload.meta().params;
    let small: Vec<(&str, &str)> = declared.iter().map(|param| (param.name, param.small)).collect();
    let resolve = |given: Vec<(&'static str, &'static str)>| {
        Params::resolve(workload.meta().name, declared, given).unwrap()
    };
    let mut variants = vec![resolve(small.clone())];
    for (index, param) in declared.iter().enumerate() {
        let Choice(words) = param.form else { continue };
        for word in words.iter().filter(|word| **word != param.small) {
            let mut given = small.clone();
            given[index].1 = word;
            variants.push(resolve(given));
        }
    }
    variants
}

/// Everything that a crew of this workload needs.
struct Crew {
    workload: &'static dyn Workload,
    params: Params,
    seed: u64,
    shared: tempfile::TempDir,
    host: Option<Host>,
}

impl Crew {
    fn new(workload: &'static dyn Workload, params: Params, seed: u64) -> Self {
        let mut crew =
            Self { workload, params, seed, shared: tempfile::tempdir().unwrap(), host: None };
        crew.host = workload.host(&crew.context(0)).unwrap();
        crew
    }

    fn context(&self, worker: usize) -> Context<'_> {
        let host = self.host.as_ref().map(|host| host.address.as_str());
        let shared: &Path = self.shared.path();
        Context { params: &self.params, seed: self.seed, worker, workers: 2, shared, host }
    }

    fn worker(&self, worker: usize) -> Box<dyn Task> {
        self.workload.prepare(&self.context(worker)).unwrap()
    }
}

/// Runs `check` for every workload and its variants; fails where one of them hangs.
fn for_all(check: fn(&'static dyn Workload, Params)) {
    // Workloads that start processes need a program that can become such a process.
    knee_process::set_program(env!("CARGO_BIN_EXE_knee-workloads-peers"));
    // A function of another language runs in a helper only, and a server has no tasks.
    let here = |workload: &&&dyn Workload| {
        workload.foreign(&Params::small(workload.meta().params)).is_none()
            && workload.meta().name != "server"
    };
    for workload in BUILTIN.iter().chain(FOREIGN).filter(here) {
        for params in variants(*workload) {
            let what = format!("{}:{params}", workload.meta().name);
            let (done, result) = mpsc::channel();
            let thread = thread::spawn(move || {
                check(*workload, params);
                let _ = done.send(());
            });
            let hangs = result.recv_timeout(Duration::from_secs(60))
                == Err(mpsc::RecvTimeoutError::Timeout);
            assert!(!hangs, "{what} hangs");
            assert!(thread.join().is_ok(), "{what} failed, see above");
        }
    }
}

fn run(task: &mut dyn Task) -> Vec<Work> {
    NUMBERS.iter().map(|number| task.run(*number).unwrap()).collect()
}

#[test]
fn two_workers_agree_on_every_task() {
    for_all(|workload, params| {
        let crew = Crew::new(workload, params, 1);
        let (mut first, mut second) = (crew.worker(0), crew.worker(1));
        let work = run(&mut *first);
        assert_eq!(work, run(&mut *second), "two workers");
        assert_eq!(work, run(&mut *first), "the same worker once more");
        assert!(work.iter().all(|work| work.units > 0));
        let mut backwards: Vec<Work> =
            NUMBERS.iter().rev().map(|n| second.run(*n).unwrap()).collect();
        backwards.reverse();
        assert_eq!(work, backwards, "another order");
    });
}

#[test]
fn two_crews_agree_and_seeds_and_numbers_differ() {
    for_all(|workload, params| {
        let of_seed = |seed| run(&mut *Crew::new(workload, params.clone(), seed).worker(0));
        let (work, same, other) = (of_seed(1), of_seed(1), of_seed(2));
        assert_eq!(work, same, "two crews");
        // The answers of a user's own program are not checked here.
        if FOREIGN.iter().any(|foreign| foreign.meta().name == workload.meta().name) {
            return;
        }
        for (index, work) in work.iter().enumerate() {
            assert_ne!(work.checksum, other[index].checksum, "another seed");
            assert!(same[..index].iter().all(|s| s.checksum != work.checksum), "another number");
        }
    });
}

#[test]
fn awaited_work_is_the_same_work() {
    for_all(|workload, params| {
        let crew = Crew::new(workload, params, 1);
        let (mut waits, mut awaits) = (crew.worker(0), crew.worker(1));
        let work = run(&mut *waits);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let awaited = runtime.block_on(async {
            let mut done = Vec::new();
            for number in NUMBERS {
                done.push(awaits.run_async(number).await.unwrap());
            }
            done
        });
        assert_eq!(work, awaited);
        let guard = runtime.enter(); // Sockets must be dropped within their runtime.
        assert_eq!(work, run(&mut *awaits), "waiting after awaiting");
        drop(guard);
    });
}

#[test]
fn workers_at_once_do_not_disturb_each_other() {
    for_all(|workload, params| {
        let crew = Crew::new(workload, params, 1);
        let expected = run(&mut *crew.worker(0));
        thread::scope(|scope| {
            for worker in 0..2 {
                let (context, expected) = (crew.context(worker), &expected);
                scope.spawn(move || {
                    let mut task = workload.prepare(&context).unwrap();
                    assert_eq!(run(&mut *task), *expected);
                });
            }
        });
    });
}

#[test]
fn waiting_work_lets_its_thread_go() {
    // Many tasks on one thread. If a task held the thread while it waits, no other could begin.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (name, given) in [("sleep", "ms"), ("network", "delay"), ("mixed", "wait")] {
        let workload = *BUILTIN.iter().find(|w| w.meta().name == name).unwrap();
        assert_eq!(workload.meta().kind, Kind::Io);
        let waits = if name == "mixed" { "300000" } else { "300" };
        let params = Params::resolve(name, workload.meta().params, [(given, waits)]).unwrap();
        let crew = Crew::new(workload, params, 1);
        let start = std::time::Instant::now();
        runtime.block_on(async {
            let tasks: Vec<_> = (0..100)
                .map(|number| {
                    let mut task = crew.worker(0);
                    tokio::spawn(async move { task.run_async(number).await.unwrap() })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        // One after another they would take half a minute. Even on a busy machine, half of that is
        // enough.
        assert!(start.elapsed() < Duration::from_secs(15), "{name}: {:?}", start.elapsed());
    }
}

#[test]
fn notes_and_ceilings_can_be_shown() {
    for_all(|workload, params| {
        let crew = Crew::new(workload, params, 1);
        for note in workload.notes(&crew.context(0)) {
            assert!(!note.text.is_empty() && !note.text.contains('\n'), "{note:?}");
            assert!(
                !note.warning || !note.remedy.is_empty(),
                "a warning without a remedy: {note:?}"
            );
        }
        if let Some(ceiling) = workload.ceiling(&crew.params) {
            assert!(ceiling.units_per_second.is_finite() && ceiling.units_per_second > 0.0);
            assert!(!ceiling.source.is_empty());
        }
        if let Some(optimum) = workload.textbook_optimum(&crew.params, 2.0) {
            assert!(optimum.is_finite() && optimum >= 1.0, "{optimum}");
        }
    });
}
