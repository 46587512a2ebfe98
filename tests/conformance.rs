//! Tests that every workload returns the checksums of serial in every mode.

use std::num::NonZeroUsize;
use std::time::Duration;

use knee::mode::{Extent, Job, Site, Window, launch, reference};
use knee::plan::{Mode, Registry};
use knee::workloads::Params;

fn site(scratch: &tempfile::TempDir) -> Site {
    Site { cores: 2, ..Site::new(Registry::new(&[]), scratch.path()) }
}

fn job(registry: Registry, name: &str, checked: u64) -> Job {
    let params = Params::small(registry.find(name).expect("it is built in").meta().params);
    Job { workload: name.to_owned(), params, seed: 7, checked, nodes: None }
}

/// Runs the workload in the mode with 1 and 3 workers, by time and as a batch, and compares all
/// checksums. One crew of three serves both counts.
fn conforms(name: &str, mode: Mode) {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let site = site(&scratch);
    let expected =
        reference(&site, &job(site.registry, name, 0), 1).expect("serial works").checksums;
    let job = job(site.registry, name, expected.len() as u64);
    let members = NonZeroUsize::new(if mode == Mode::Serial { 1 } else { 3 }).expect("not zero");
    let (mut crew, _) = launch(mode, &site, &job, members).expect("the crew gets ready");
    for active in [3, 1, 2] {
        let active = NonZeroUsize::new(active).expect("not zero").min(members);
        let timed = Window {
            extent: Extent::Time(Duration::from_millis(10)),
            warm_up: Duration::from_millis(5),
        };
        let batch = Window { extent: Extent::Tasks(5), warm_up: Duration::ZERO };
        for window in [timed, batch] {
            let round =
                crew.round(active, window).unwrap_or_else(|error| panic!("{name} {mode}: {error}"));
            assert_eq!(round.laps.len(), active.get(), "{name} {mode}: the others sleep");
            let checks: Vec<_> =
                round.laps.iter().flat_map(|lap| lap.checks.iter().copied()).collect();
            assert!(!checks.is_empty(), "{name} {mode}: nothing was compared");
            for (number, checksum) in checks {
                assert_eq!(checksum, expected[number as usize], "{name} {mode}: task {number}");
            }
            let tasks: u64 = round.laps.iter().map(|lap| lap.tasks).sum();
            match window.extent {
                Extent::Tasks(wanted) => {
                    assert_eq!(tasks, wanted, "{name} {mode}: tasks of a batch");
                }
                Extent::Time(_) | Extent::Arrivals { .. } => {
                    assert!(
                        round.laps.iter().all(|lap| lap.tasks > 0),
                        "{name} {mode}: an idle worker"
                    );
                }
            }
        }
    }
    crew.dismiss().expect("the crew ends");
    let left: Vec<_> = std::fs::read_dir(scratch.path()).expect("readable").collect();
    assert!(left.is_empty(), "{name} {mode} left {left:?}");
}

fn all(mode: Mode) {
    for workload in Registry::new(&[]).iter() {
        let meta = workload.meta();
        if workload.supported(&Params::small(meta.params)).is_ok() {
            conforms(meta.name, mode);
        }
    }
}

#[test]
fn serial() {
    all(Mode::Serial);
}

#[test]
fn threads() {
    all(Mode::Threads);
}

#[test]
fn thread_per_task() {
    all(Mode::ThreadPerTask);
}

#[test]
fn asynchronous() {
    all(Mode::Async);
}

#[test]
fn process_pool() {
    knee::process::set_program(env!("CARGO_BIN_EXE_knee"));
    all(Mode::ProcessPool);
}

#[test]
fn process_per_task() {
    knee::process::set_program(env!("CARGO_BIN_EXE_knee"));
    all(Mode::ProcessPerTask);
}
