//! Tests of the user's own functions in other languages, from outside through the command line.

#[path = "../own/calls.rs"]
#[expect(dead_code, reason = "what only other tests use of it")]
mod calls;
mod crew_test;
mod hints;
mod node;
mod python;

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use knee::mode::{self, Crew, Extent, Job, ModeError, Reference, Round, Site, Window};
use knee::plan::{Mode, Registry};
use knee::workloads::{Function, Params, Workload};

/// Whether a program exists. If not, prints that, and the test passes without a check.
fn have(program: &str) -> bool {
    let mut command = Command::new(program);
    let quiet = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    let have = quiet.status().is_ok_and(|status| status.success());
    if !have {
        println!("skipped: {program} is not here");
    }
    have
}

/// Writes a file of functions into a directory; returns a function that makes the address of one of
/// them.
fn functions(directory: &Path, file: &str, text: &str) -> impl Fn(&str) -> String {
    let path = directory.join(file);
    std::fs::write(&path, text).expect("the directory is writable");
    move |name| format!("{}:{name}", path.display())
}

/// A function and the site of its crews. It is measured without a budget, so that no test depends
/// on the speed of the machine.
struct Subject {
    site: Site,
    job: Job,
}

impl Subject {
    fn new(directory: &Path, params: &[(&str, &str)]) -> Self {
        let params = Params::resolve("function", Function.meta().params, params.iter().copied());
        let params = params.expect("the parameters are right");
        let job = Job { workload: "function".to_owned(), params, seed: 1, checked: 0, nodes: None };
        Self { site: Site::new(Registry::new(&[]), directory), job }
    }

    /// Runs it serially, to compare crews with the result.
    fn reference(&mut self) -> Reference {
        let reference = mode::reference(&self.site, &self.job, 1).expect("it runs serially");
        self.job.checked = reference.checksums.len() as u64;
        reference
    }

    fn launch(&self, mode: Mode, members: usize) -> Result<Box<dyn Crew>, ModeError> {
        let members = NonZeroUsize::new(members).expect("not zero");
        mode::launch(mode, &self.site, &self.job, members).map(|(crew, _)| crew)
    }
}

fn round(crew: &mut dyn Crew, active: usize, extent: Extent) -> Result<Round, ModeError> {
    let active = NonZeroUsize::new(active).expect("not zero");
    crew.round(active, Window { extent, warm_up: Duration::from_millis(20) })
}

/// The best rate of three windows of a tenth of a second.
fn best(crew: &mut dyn Crew, active: usize) -> f64 {
    let window = Extent::Time(Duration::from_millis(100));
    let rate = |_| round(crew, active, window).expect("it is measured").rate();
    (0..3).map(rate).fold(0.0, f64::max)
}

/// Asserts that in each of these modes every member works, uses CPU time, and returns the checksums
/// of serial.
fn measures_in(subject: &mut Subject, modes: &[Mode]) {
    let reference = subject.reference();
    assert!(reference.task > 0.0 && reference.checksums.len() > 1, "{reference:?}");
    for &mode in modes {
        let mut crew = subject.launch(mode, 2).unwrap_or_else(|error| panic!("{mode}: {error}"));
        let most = if mode == Mode::Serial { 1 } else { 2 };
        for active in 1..=most {
            let window = Extent::Time(Duration::from_millis(100));
            let round = round(&mut *crew, active, window).expect("it is measured");
            assert_eq!(round.laps.len(), active, "{mode}");
            assert!(round.laps.iter().map(|lap| lap.tasks).sum::<u64>() > 0, "{mode}: {round:?}");
            assert!(round.rate() > 0.0 && round.usage.cpu() > 0.0, "{mode}: {round:?}");
            assert!(round.usage.peak_memory > Some(1 << 20), "{mode}: {round:?}");
            assert_eq!(round.handover.is_some(), mode != Mode::Serial, "{mode}: {round:?}");
            let sums: Vec<u64> = round.laps[0].checks.iter().map(|(_, sum)| *sum).collect();
            assert_eq!(sums, reference.checksums, "{mode}");
        }
        crew.dismiss().unwrap_or_else(|error| panic!("{mode}: {error}"));
    }
}

/// Asserts that a batch is done to its last task, and counts the units that the function returns.
fn counts_a_batch(subject: &Subject, mode: Mode) {
    let mut crew = subject.launch(mode, 2).unwrap_or_else(|error| panic!("{mode}: {error}"));
    let round = round(&mut *crew, 2, Extent::Tasks(100)).expect("it is measured");
    let sum = |of: fn(&knee::mode::Lap) -> u64| round.laps.iter().map(of).sum::<u64>();
    assert_eq!((sum(|lap| lap.tasks), sum(|lap| lap.units)), (100, 700), "{mode}");
    assert!(round.span > Duration::ZERO);
    crew.dismiss().unwrap_or_else(|error| panic!("{mode}: {error}"));
}

/// The error of a crew that cannot measure the function.
fn refuses(subject: &Subject, mode: Mode) -> String {
    let measured = subject
        .launch(mode, 2)
        .and_then(|mut crew| round(&mut *crew, 2, Extent::Time(Duration::from_millis(100))));
    measured.expect_err("it cannot be measured").to_string()
}
