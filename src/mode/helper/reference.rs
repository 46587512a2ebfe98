//! What a function does serially, and how much its language delays other threads and event loops
//! meanwhile.

use std::time::Duration;

use knee_workloads::{Foreign, Note};

use super::message::{Checked, Trial};
use super::talk::Helper;
use super::{Facts, HelperError, SLACK, check, launch, round, start};
use crate::clock;
use crate::mode::reference::{ENOUGH, MOST_CHECKED, Reference};
use crate::mode::{Ground, Job, ModeError, Site};
use crate::plan::Mode;

/// How long the delay of other threads is observed.
const PROBE: Duration = Duration::from_millis(250);
/// A function that keeps more CPUs busy than this is parallel in itself.
const PARALLEL: f64 = 1.25;

/// Runs the first tasks serially, twice, and keeps the results.
pub(in crate::mode) fn reference(
    site: &Site,
    job: &Job,
    foreign: &Foreign,
) -> Result<Reference, ModeError> {
    let ground = Ground::new(site, job, 1)?;
    let began = clock::now();
    let mut helper = start(foreign, ground.shared(), &ground.cancel)?;
    let ready = launch(&mut helper, foreign, Mode::Serial, 1)?;
    let prepare = clock::since(began).as_secs_f64();
    let within = foreign.limit + SLACK;
    let first = check(&mut helper, MOST_CHECKED, ENOUGH, within)?;
    let again = check(&mut helper, first.checksums.len() as u64, Duration::ZERO, within)?;
    let version = helper.hello().version.clone();
    let has =
        |helper: &Helper, mode: Mode| helper.hello().modes.iter().any(|name| name == mode.name());
    let same = checksums(&first).filter(|sums| checksums(&again).as_ref() == Some(sums));
    let busy = again.cpu_ns as f64 / again.wall_ns.max(1) as f64;
    let mut late = |wanted: bool, mode: Mode| {
        (wanted && has(&helper, mode))
            .then(|| probe(&mut helper, foreign, mode))
            .and_then(Result::ok)
    };
    let function = Facts {
        version,
        lock: ready.lock,
        coroutine: ready.coroutine,
        start: ready.start.clone(),
        knock: late(ready.lock && busy > 0.1, Mode::Threads).flatten(),
        lag: late(ready.coroutine, Mode::Async).flatten(),
    };
    // Everything needed is known by now, however the helper ends.
    let _ = helper.dismiss();
    let task = Duration::from_nanos(again.task_ns.min(first.task_ns).max(1)).as_secs_f64();
    let notes = notes(foreign, same.is_some(), busy);
    Ok(Reference {
        checksums: same.unwrap_or_default(),
        task,
        wall: again.wall_ns as f64 * 1e-9 / again.checksums.len().max(1) as f64,
        busy,
        parallel: false,
        prepare,
        notes,
        ceiling: None,
        function: Some(function),
    })
}

/// The checksums as numbers; `None` if a result does not tell its value.
pub(super) fn checksums(checked: &Checked) -> Option<Vec<u64>> {
    let number = |text: &Option<String>| u64::from_str_radix(text.as_ref()?, 16).ok();
    checked.checksums.iter().map(number).collect()
}

/// Seconds by which other threads or timers are late while two workers of this mode run.
fn probe(helper: &mut Helper, foreign: &Foreign, mode: Mode) -> Result<Option<f64>, HelperError> {
    launch(helper, foreign, mode, 2)?;
    let window_ns = PROBE.as_nanos() as u64;
    let trial = Trial { active: 2, warm_ns: 0, window_ns, tasks: None, probe: true };
    let (laps, _) = round(helper, trial, PROBE + foreign.limit + SLACK)?;
    Ok(laps.knock_ns.map(|nanos| nanos.max(0) as f64 * 1e-9))
}

/// Notes that a reader needs about the function.
fn notes(foreign: &Foreign, comparable: bool, busy: f64) -> Vec<Note> {
    let mut notes = Vec::new();
    if !comparable {
        notes.push(Note {
            warning: false,
            text: format!(
                "what {} returns differs from call to call, or does not tell its value: it is not \
                 compared across modes",
                foreign.function
            ),
            remedy: String::new(),
        });
    }
    if busy > PARALLEL {
        notes.push(Note {
            warning: true,
            text: format!(
                "{} keeps {busy:.1} CPUs busy by itself, so one worker is several threads (NumPy, \
                 torch or another library)",
                foreign.function
            ),
            remedy: "`--also env:OMP_NUM_THREADS=1,2` measures it with one thread of its own as \
                     well, and says which product of workers and threads is best"
                .to_owned(),
        });
    }
    notes
}

#[test]
fn a_function_that_is_parallel_by_itself_is_told_how_to_find_the_product() {
    let foreign = Foreign {
        language: "python".to_owned(),
        program: String::new(),
        function: "work.py:product".to_owned(),
        setup: String::new(),
        chunk: 1,
        start: String::new(),
        env: std::collections::BTreeMap::new(),
        limit: Duration::from_secs(1),
    };
    let parallel = notes(&foreign, true, 1.9);
    assert!(parallel[0].text.starts_with("work.py:product keeps 1.9 CPUs busy"), "{parallel:?}");
    assert!(parallel[0].remedy.contains("--also env:OMP_NUM_THREADS=1,2"), "{parallel:?}");
    assert!(notes(&foreign, true, 1.1).is_empty());
    assert!(notes(&foreign, false, 1.0)[0].text.contains("is not compared"));
}
