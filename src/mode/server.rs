//! `server`: a server of the user's own is the crew. It is told its number of workers, and is kept
//! under load.
//!
//! | before the clock | inside it |
//! |---|---|
//! | the server started, ready and warm | ask, wait for the answer |
//!
//! Each connection of the client has a lane: it sends the next request as soon as it has its
//! answer. The crew's usage is that of the server's processes; the client's usage is reported
//! beside it.

mod known;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use knee_workloads::server::client::Target;
use knee_workloads::server::{Settings, process::Running};
use knee_workloads::{Params, Task, Workload as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::asking::{Asking, Calls};
use super::{
    Crew, Extent, Ground, Job, Lap, Meter, ModeError, Reference, Round, Site, Whom, Window, drive,
    gather,
};
use crate::clock;
use crate::machine::{cpu_time_of, descendants};

pub use known::Known;

/// How the load of a round was made.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Load {
    /// Open connections; 0 where the user's own command made the load.
    pub connections: usize,
    /// Threads of the client.
    pub threads: usize,
    /// CPU seconds per second that the client used.
    pub cpu: f64,
    /// Requests without a good answer, counted by reason.
    pub failed: BTreeMap<String, u64>,
}

impl Load {
    /// How many requests had no good answer.
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }
}

/// A server under load.
#[derive(Debug)]
pub(super) struct Hosted {
    settings: Settings,
    server: Running,
    by: By,
    ground: Ground,
    /// How many connections keep it busy, once that is known.
    connections: Option<usize>,
    limit: Duration,
}

/// What makes the load.
enum By {
    Client(Arc<Target>),
    Command(Box<dyn Task>),
}

/// Length of the window in which a number of connections is tried.
const LOOK: Duration = Duration::from_millis(200);
/// Load before the window opens. Requests that are running at the end of the window count in part,
/// and only requests that were running at its beginning balance that.
const SETTLING: Duration = Duration::from_millis(50);
/// Twice the connections must multiply the throughput by this to be worth using.
const GAIN: f64 = 1.15;
/// The most connections that are tried unless the user asks for more.
const MOST_CONNECTIONS: usize = 1024;
/// A round with a larger share of failed requests is void: it would measure the failures.
const MOST_FAILED: f64 = 0.05;

impl Hosted {
    pub(super) fn launch(ground: Ground) -> Result<Self, ModeError> {
        let failed = |error: knee_workloads::Error| ModeError::Launch {
            what: "the server could not be brought up",
            reason: error.to_string(),
        };
        let settings = Settings::read(&ground.job.params).map_err(failed)?;
        let server = Running::start(&settings, ground.count, &ground.cancel).map_err(failed)?;
        let by = match settings.load(server.port()) {
            Some(params) => By::Command(command(&params, &ground).map_err(failed)?),
            None => By::Client(Arc::new(settings.target(server.port()).map_err(failed)?)),
        };
        let connections = Some(settings.connections).filter(|count| *count > 0);
        let limit = settings.limit;
        Ok(Self { settings, server, by, ground, connections, limit })
    }

    /// Threads of the client: one for two CPUs, because the server needs the others.
    fn threads(&self) -> usize {
        match self.settings.threads {
            0 => self.ground.cores.div_ceil(2).clamp(1, 8),
            given => given,
        }
    }

    /// Finds a number of connections that keeps the server busy: twice as many would gain almost
    /// nothing.
    fn find_connections(&mut self) -> Result<usize, ModeError> {
        if let Some(known) = self.connections {
            return Ok(known);
        }
        let (name, workers) = (format!("{:?}", self.ground.job.params), self.ground.count);
        // A later launch uses as many as the first: looking again takes longer than a round, and
        // rounds with other numbers could not be compared.
        if let Some(found) = self.ground.connections.found(&name, workers) {
            self.connections = Some(found);
            return Ok(found);
        }
        let known = self.ground.connections.beginning(&name, workers);
        let mut count = known.unwrap_or(2 * workers).clamp(1, MOST_CONNECTIONS);
        let look = Window { extent: Extent::Time(LOOK), warm_up: Duration::ZERO };
        let mut seen = self.load(count, look)?;
        while count < MOST_CONNECTIONS {
            let more = self.load(2 * count, look)?;
            // With few answers, their number depends on chance.
            let chance = 1.0 / (seen.laps[0].tasks.max(1) as f64).sqrt();
            if more.rate() < (GAIN + chance) * seen.rate() {
                break;
            }
            (count, seen) = (2 * count, more);
        }
        self.ground.connections.learn(&name, workers, count);
        self.connections = Some(count);
        Ok(count)
    }

    /// Measures one window with this many connections.
    fn load(&self, connections: usize, window: Window) -> Result<Round, ModeError> {
        let By::Client(target) = &self.by else { return Err(ModeError::Interrupted) };
        let window = Window { warm_up: window.warm_up.max(SETTLING), ..window };
        let threads = self.threads().min(connections);
        let gate = self.ground.gate(window, connections);
        let meter = Arc::new(Meter::new(Whom::Workers(vec![self.server.id()])));
        let failed: Arc<Mutex<BTreeMap<String, u64>>> = Arc::default();
        let job = Asking {
            target: Arc::clone(target),
            request: self.settings.request().clone(),
            gate: Arc::clone(&gate),
            meter: Arc::clone(&meter),
            failed: Arc::clone(&failed),
            calls: Calls::of(&gate),
        };
        if gate.is_open_from_start() {
            meter.open(&gate);
        }
        let start = clock::now();
        let own = cpu_time_of(std::process::id());
        let laps: Vec<Result<Lap, ModeError>> = thread::scope(|scope| {
            let ask = |thread: usize| {
                let members = (thread..connections).step_by(threads).collect::<Vec<_>>();
                let lanes =
                    members.into_iter().map(|member| self.ground.lane(&gate, member, connections));
                let (lanes, job, limit) = (lanes.collect::<Vec<_>>(), job.clone(), self.limit);
                let body = move || job.on_this_thread(lanes, limit);
                thread::Builder::new().name(format!("client-{thread}")).spawn_scoped(scope, body)
            };
            let asking: Vec<_> = (0..threads).map(ask).collect();
            if let Some(calls) = job.calls.as_deref() {
                calls.call(&gate);
            }
            let joined = asking.into_iter().flat_map(|thread| match thread {
                Ok(thread) => {
                    thread.join().unwrap_or_else(|panic| vec![Err(super::panicked(0, &*panic))])
                }
                Err(error) => vec![Err(ModeError::Launch {
                    what: "a thread could not be started",
                    reason: error.to_string(),
                })],
            });
            joined.collect()
        });
        let (span, usage) = (clock::since(start), meter.end());
        let failed = failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let laps = gather(&gate, laps).map_err(|error| self.explained(error, &failed))?;
        let cpu =
            own.zip(cpu_time_of(std::process::id())).map_or(0.0, |(before, after)| after - before);
        let cpu = cpu / span.as_secs_f64().max(1e-9);
        let load = Load { connections, threads, cpu, failed };
        let lap = merged(laps);
        let all = lap.tasks.max(1) as f64;
        if load.failures() as f64 > MOST_FAILED * all {
            return Err(self.failing(&load, lap.tasks));
        }
        let round = Round::new(vec![lap], usage, span).after(&gate);
        Ok(Round { load: Some(load), ..round })
    }

    /// The error for too many failed requests.
    fn failing(&self, load: &Load, all: u64) -> ModeError {
        let reason = format!(
            "{} of {all} requests failed: {}; {}",
            load.failures(),
            reasons(&load.failed),
            self.server.told()
        );
        ModeError::Launch { what: "the server does not answer as it should", reason }
    }

    /// Adds to a failure what happened to the server.
    fn explained(&self, error: ModeError, failed: &BTreeMap<String, u64>) -> ModeError {
        if matches!(error, ModeError::Interrupted) && !self.ground.is_cancelled() {
            let what = if self.server.is_over() { "the server ended" } else { "the server hangs" };
            let why = if failed.is_empty() {
                format!("no answer within {:?}", self.limit)
            } else {
                reasons(failed)
            };
            return ModeError::Launch { what, reason: format!("{why}; {}", self.server.told()) };
        }
        error
    }

    /// Measures one window under the user's own command.
    fn by_command(&mut self, window: Window) -> Result<Round, ModeError> {
        let gate = self.ground.gate(window, 1);
        let meter = Meter::new(Whom::Workers(vec![self.server.id()]));
        let By::Command(task) = &mut self.by else { return Err(ModeError::Interrupted) };
        if gate.is_open_from_start() {
            meter.open(&gate);
        }
        let start = clock::now();
        let mut lane = self.ground.lane(&gate, 0, 1);
        lane.start();
        let driven = drive(&mut lane, &mut **task, &gate, &meter);
        let (span, usage) = (clock::since(start), meter.end());
        let laps = gather(&gate, vec![driven.map(|()| lane.finish())]);
        if self.server.is_over() {
            return Err(ModeError::Launch {
                what: "the server ended",
                reason: self.server.obituary(),
            });
        }
        let laps = laps?.into_iter().map(|lap| Lap { peak_memory: 0, ..lap }).collect();
        Ok(Round { load: Some(Load::default()), ..Round::new(laps, usage, span) })
    }
}

/// The command that makes the load, ready to be run.
fn command(params: &Params, ground: &Ground) -> knee_workloads::Result<Box<dyn Task>> {
    let context = ground.context(0);
    knee_workloads::Command.prepare(&knee_workloads::Context { params, ..context })
}

/// `12 x status 503, 3 x connection refused`.
pub(crate) fn reasons(failed: &BTreeMap<String, u64>) -> String {
    let all: Vec<String> =
        failed.iter().map(|(reason, count)| format!("{count} x {reason}")).collect();
    all.join(", ")
}

/// Merges the laps of all connections into the lap of the client.
fn merged(laps: Vec<Lap>) -> Lap {
    let first = |mut all: Lap, one: Lap| {
        all.tasks += one.tasks;
        all.units += one.units;
        all.rate += one.rate;
        all.wall = all.wall.max(one.wall);
        all.ended = all.ended.max(one.ended);
        all.warm_up = all.warm_up.max(one.warm_up);
        all.served_squares += one.served_squares;
        all.served = (all.served.0 + one.served.0, all.served.1 + one.served.1);
        all.waited = [all.waited[0] + one.waited[0], all.waited[1] + one.waited[1]];
        let _ = all.latency.add(&one.latency);
        all
    };
    laps.into_iter().reduce(first).unwrap_or_else(Lap::nothing)
}

impl Crew for Hosted {
    fn round(&mut self, _: NonZeroUsize, window: Window) -> Result<Round, ModeError> {
        let mut round = if matches!(self.by, By::Command(_)) {
            self.by_command(window)?
        } else {
            let mut connections = self.find_connections()?;
            // In a burst requests must wait for the server, not for a free connection.
            if matches!(window.extent, Extent::Arrivals { .. }) && self.settings.connections == 0 {
                connections *= 2;
            }
            self.load(connections, window)?
        };
        let shared = proportional(&self.server.processes());
        round.usage.peak_memory = shared.or(round.usage.peak_memory);
        Ok(round)
    }

    fn processes(&self) -> Vec<u32> {
        self.server.processes()
    }

    fn farewell(&mut self) {
        self.server.farewell();
    }

    fn dismiss(self: Box<Self>) -> Result<(), ModeError> {
        Ok(())
    }
}

impl std::fmt::Debug for By {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Client(_) => "Client",
            Self::Command(_) => "Command",
        })
    }
}

/// The memory of processes in bytes. Memory that several of them share counts once. `None` where
/// the system does not say.
pub(crate) fn proportional(pids: &[u32]) -> Option<u64> {
    let of = |pid: &u32| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? << 10)
    };
    let known: Vec<u64> = pids.iter().filter_map(of).collect();
    (!known.is_empty()).then(|| known.iter().sum())
}

/// The time of a request when requests are sent one after another, and the time that starting the
/// server takes.
pub(super) fn reference(site: &Site, job: &Job, workers: usize) -> Result<Reference, ModeError> {
    let ground = Ground::new(site, job, workers)?;
    let start = clock::now();
    let mut hosted = Hosted::launch(ground)?;
    let prepare = clock::since(start).as_secs_f64();
    let window =
        Window { extent: Extent::Time(Duration::from_millis(40)), warm_up: Duration::ZERO };
    let round = match hosted.by {
        By::Client(_) => hosted.load(1, window)?,
        By::Command(_) => hosted.by_command(window)?,
    };
    let lap = &round.laps[0];
    let task = lap.wall.as_secs_f64() / lap.tasks.max(1) as f64;
    let used = round.usage.user + round.usage.system;
    let family = descendants(&[hosted.server.id()]).len();
    let notes = knee_workloads::Note {
        warning: false,
        text: format!(
            "with {} the server had {} below its first one; it ran on the same CPUs as the client, \
             which takes from what it can do",
            crate::units::workers(workers as f64),
            crate::units::plural(family as u64, "process", "processes")
        ),
        remedy: String::new(),
    };
    Ok(Reference {
        checksums: Vec::new(),
        task,
        wall: task,
        busy: (used / round.usage.span.max(1e-9)).max(0.0),
        parallel: true,
        prepare,
        notes: vec![notes],
        ceiling: None,
        function: None,
    })
}

#[test]
fn the_search_for_connections_begins_at_what_is_known() {
    let known = Known::default();
    assert_eq!(known.beginning("a", 4), None);
    known.learn("a", 4, 12);
    assert_eq!(known.beginning("a", 4), Some(12));
    assert_eq!(known.beginning("a", 10), Some(30), "in proportion");
    assert_eq!(known.beginning("a", 2), None, "a larger count says nothing");
    assert_eq!(known.beginning("b", 8), None);
}
