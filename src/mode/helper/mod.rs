//! Crews that live in a helper: a program of another language that runs the user's function in its
//! own threads or processes.
//!
//! The crew protocol tells a helper to launch a crew, to measure rounds and to end. The helper
//! measures with its own clock. What its processes use is read here, as for any other crew. A
//! helper that dies, falls silent or breaks the protocol is killed.

mod conformance;
mod languages;
mod message;
mod reference;
mod talk;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use hdrhistogram::Histogram;
use knee_workloads::Foreign;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Crew, Extent, Ground, Lap, ModeError, Probe, Round, Whom, Window};
use crate::folder::Nest;
use crate::plan::Mode;
pub use conformance::{Candidate, conformance};
pub use languages::{LANGUAGES, Language};
use message::{Checked, Laps, Launch, Message, Order, PROTOCOL, Ready, Trial};
pub(super) use reference::reference;
use talk::Helper;

/// The longest that a crew may take to get ready.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// Time that a helper gets beyond the time of its tasks.
const SLACK: Duration = Duration::from_secs(10);

/// What went wrong with a helper.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HelperError {
    /// Its program could not be started.
    #[error("{program} cannot be started: {error}")]
    Start {
        /// The program.
        program: String,
        /// The reason.
        error: std::io::Error,
    },
    /// It reported why an order failed.
    #[error("{text}")]
    Failed {
        /// The cause: `user`, `import`, `setup`, `pickle`, `crash`, `unsupported` or `order`.
        kind: String,
        /// The reason, for the user.
        text: String,
    },
    /// It ended, or closed its socket.
    #[error("the helper is gone: {how}{}", last_words(printed))]
    Gone {
        /// How it ended.
        how: String,
        /// The end of what it printed.
        printed: String,
    },
    /// It did not answer in time.
    #[error("no answer to {what} within {seconds:.0} s: a task never ended, or the helper hangs")]
    Silent {
        /// The order that it did not answer.
        what: &'static str,
        /// How long knee waited, in seconds.
        seconds: f64,
    },
    /// It broke the crew protocol.
    #[error("the helper does not keep to the crew protocol: {what}")]
    Odd {
        /// In what way.
        what: String,
    },
    /// The user interrupted.
    #[error("interrupted")]
    Interrupted,
}

fn last_words(printed: &str) -> String {
    if printed.is_empty() { String::new() } else { format!("; it printed:\n{printed}") }
}

impl From<HelperError> for ModeError {
    fn from(error: HelperError) -> Self {
        match error {
            HelperError::Interrupted => Self::Interrupted,
            other => Self::Helper(other),
        }
    }
}

/// What is known about a function, besides measurements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Facts {
    /// The version of the language.
    pub version: String,
    /// Whether a lock, such as Python's, lets only one thread at a time run code of the language.
    pub lock: bool,
    /// Whether the function is a coroutine.
    pub coroutine: bool,
    /// The default way to start processes, in a language that has several ways.
    pub start: Option<String>,
    /// Seconds that a further thread waits for its turn while two threads run the function.
    pub knock: Option<f64>,
    /// Seconds by which an event loop wakes too late while two calls of the function run.
    pub lag: Option<f64>,
}

/// The cost of handing over an empty task, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Handover {
    /// From the submit of a task to its result, one task at a time.
    pub alone: f64,
    /// Per task, with all members kept busy.
    pub busy: f64,
    /// What measuring adds to each task inside its worker, if the helper says so. Every figure
    /// includes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measuring: Option<f64>,
}

/// What can be run of a function.
#[derive(Debug, Clone)]
pub struct Abilities {
    /// The version of the language.
    pub version: String,
    /// The modes that the helper has here and that make sense for the function.
    pub modes: Vec<Mode>,
    /// Whether the function is a coroutine.
    pub coroutine: bool,
}

/// Inspects a function. It starts the function's helper, which imports the function but does not
/// call it. The helper's file lies in a private directory below `scratch`.
///
/// # Errors
/// There is no such interpreter, file or function; it has a wrong signature; its setup fails.
pub fn look(
    foreign: &Foreign,
    scratch: &std::path::Path,
    cancel: &Arc<AtomicBool>,
) -> Result<Abilities, HelperError> {
    let directory = Nest::make_in(scratch, "look-")
        .map_err(|error| HelperError::Start { program: foreign.language.clone(), error })?;
    let mut helper = start(foreign, directory.path(), cancel)?;
    let ready = launch(&mut helper, foreign, Mode::Serial, 1)?;
    let modes = helper.hello().modes.iter().filter_map(|name| Mode::named(name));
    let modes = modes.filter(|mode| ready.coroutine || *mode != Mode::Async).collect();
    let version = helper.hello().version.clone();
    helper.dismiss()?;
    Ok(Abilities { version, modes, coroutine: ready.coroutine })
}

/// Starts the helper of a function.
fn start(
    foreign: &Foreign,
    directory: &std::path::Path,
    cancel: &Arc<AtomicBool>,
) -> Result<Helper, HelperError> {
    let unknown = || HelperError::Odd { what: format!("there is none for {}", foreign.language) };
    let language = Language::named(&foreign.language).ok_or_else(unknown)?;
    let mut command = language
        .command(&foreign.program, directory)
        .map_err(|error| HelperError::Start { program: language.program.to_owned(), error })?;
    command.envs(&foreign.env);
    Helper::start(command, cancel)
}

/// Makes a helper launch its crew.
fn launch(
    helper: &mut Helper,
    foreign: &Foreign,
    mode: Mode,
    members: usize,
) -> Result<Ready, HelperError> {
    let order = Order::Launch(Launch {
        crew: PROTOCOL,
        mode: mode.name(),
        members,
        function: &foreign.function,
        setup: &foreign.setup,
        chunk: foreign.chunk,
        start: &foreign.start,
    });
    let answer = helper.order(&order, READY_WITHIN, &mut |_| {})?;
    answer.ready.ok_or_else(|| Helper::odd("launch was not answered by ready"))
}

/// Runs the first tasks of a crew for their checksums.
fn check(
    helper: &mut Helper,
    count: u64,
    limit: Duration,
    within: Duration,
) -> Result<Checked, HelperError> {
    let order = Order::Check { count, limit_ns: limit.as_nanos() as u64 };
    let answer = helper.order(&order, within, &mut |_| {})?;
    answer.checked.ok_or_else(|| Helper::odd("check was not answered by checked"))
}

/// Measures a round, and what the helper's processes use in its window.
fn round(
    helper: &mut Helper,
    trial: Trial,
    within: Duration,
) -> Result<(Laps, super::Usage), HelperError> {
    let whom = Whom::Workers(vec![helper.pid()]);
    let (mut probe, mut usage) = (None, None);
    let mut meanwhile = |message: &Message| {
        if message.open.is_some() {
            probe = Some(Probe::begin(whom.clone()));
        } else {
            usage = probe.as_ref().map(Probe::end);
        }
    };
    let answer = helper.order(&Order::Round(trial), within, &mut meanwhile)?;
    let laps = answer.laps.ok_or_else(|| Helper::odd("round was not answered by laps"))?;
    let usage = usage.ok_or_else(|| Helper::odd("a round did not say open and close"))?;
    let sane = |member: &message::Member| member.rate.is_finite() && member.rate >= 0.0;
    if laps.members.len() != trial.active || !laps.members.iter().all(sane) {
        return Err(Helper::odd("a round needs one valid lap for each active member"));
    }
    Ok((laps, usage))
}

/// A crew in a helper.
#[derive(Debug)]
pub(super) struct Remote {
    helper: Option<Helper>,
    handover: Option<Handover>,
    checks: Vec<(u64, u64)>,
    limit: Duration,
    /// The longest that a round may take.
    allowed: Duration,
    ground: Ground,
}

impl Remote {
    /// Starts a helper and lets it launch its crew. The first results of the crew are compared with
    /// serial's after each round.
    pub(super) fn launch(ground: Ground, foreign: &Foreign, mode: Mode) -> Result<Self, ModeError> {
        let mut helper = start(foreign, ground.shared(), &ground.cancel)?;
        let ready = launch(&mut helper, foreign, mode, ground.members)?;
        let seconds = |nanos: u64| Duration::from_nanos(nanos).as_secs_f64();
        let handover = ready.handover_ns.zip(ready.busy_handover_ns);
        let handover = handover.map(|(alone, busy)| Handover {
            alone: seconds(alone),
            busy: seconds(busy),
            measuring: ready.measuring_ns.map(seconds),
        });
        let checks = match ground.job.checked {
            0 => Vec::new(),
            count => {
                let within = foreign.limit + SLACK;
                let checked = check(&mut helper, count, Duration::ZERO, within)?;
                (0..).zip(reference::checksums(&checked).unwrap_or_default()).collect()
            }
        };
        Ok(Self {
            helper: Some(helper),
            handover,
            checks,
            limit: foreign.limit,
            allowed: Duration::MAX,
            ground,
        })
    }
}

impl Crew for Remote {
    fn round(&mut self, active: NonZeroUsize, window: Window) -> Result<Round, ModeError> {
        let Some(helper) = &mut self.helper else { return Err(ModeError::Interrupted) };
        let (length, tasks) = match window.extent {
            Extent::Time(length) => (length, None),
            Extent::Tasks(tasks) => (Duration::ZERO, Some(tasks)),
            Extent::Arrivals { .. } => {
                return Err(ModeError::Launch {
                    what: "the round could not be begun",
                    reason: "a helper cannot be given tasks at a rate".to_owned(),
                });
            }
        };
        let trial = Trial {
            active: self.ground.active(active),
            warm_ns: window.warm_up.as_nanos() as u64,
            window_ns: length.as_nanos() as u64,
            tasks,
            probe: false,
        };
        // A batch may take the time of all of its tasks.
        let within = (window.warm_up + length + self.limit + SLACK).min(self.allowed);
        let (laps, usage) = match round(helper, trial, within) {
            Ok(measured) => measured,
            Err(error) => {
                // The helper is dropped: whatever it still does is useless.
                self.helper = None;
                return Err(error.into());
            }
        };
        let span = Duration::from_nanos(laps.span_ns);
        let warm_up = Duration::from_nanos(laps.warm_ns);
        let mut members: Vec<Lap> =
            laps.members.iter().map(|member| lap(member, span, warm_up)).collect();
        if let Some(first) = members.first_mut() {
            first.checks.clone_from(&self.checks);
        }
        Ok(Round { handover: self.handover, ..Round::new(members, usage, span) })
    }

    fn allow(&mut self, limit: Duration) {
        self.allowed = limit;
    }

    fn processes(&self) -> Vec<u32> {
        self.helper.iter().map(Helper::pid).collect()
    }

    fn dismiss(mut self: Box<Self>) -> Result<(), ModeError> {
        Ok(self.helper.take().map_or(Ok(()), Helper::dismiss)?)
    }
}

/// Turns a member's lap into the lap of an ordinary crew.
fn lap(member: &message::Member, span: Duration, warm_up: Duration) -> Lap {
    let mut latency: Histogram<u64> = Lap::histogram();
    for &(nanos, count) in &member.latency {
        latency.saturating_record_n(nanos.max(1), count);
    }
    Lap {
        tasks: member.tasks,
        units: member.units,
        wall: span,
        rate: member.rate,
        ended: warm_up + span,
        latency,
        warm_up,
        ..Lap::nothing()
    }
}
