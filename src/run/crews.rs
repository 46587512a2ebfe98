//! The crews that are alive. They are launched when needed, kept while they are used, and dismissed
//! together.
//!
//! Launching takes time from measuring. So the crews of one workload are launched once, at the
//! largest counts wanted; each count is then measured by the first members of its crew. Only one
//! workload has crews at a time, because a sleeping crew still holds memory.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::clock;
use crate::machine::outside::members;
use crate::machine::{cpu_time_of, descendants, listeners, reaped_by};
use crate::mode::{self, Crew, Job, ModeError, Round, Site, Window};
use crate::plan::{Cell, Mode, Outside, Plan};

/// Identifies a crew: by its mode, and also by its count where tasks depend on the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    entry: usize,
    mode: Mode,
    exactly: Option<usize>,
}

/// The crews of one workload, or of several ways to do the same work.
#[derive(Debug)]
pub(super) struct Crews<'s> {
    site: &'s Site,
    /// For each entry, the entries whose crews may be alive at the same time.
    company: Vec<Vec<usize>>,
    /// The first entry of the company whose crews are alive.
    entry: Option<usize>,
    alive: BTreeMap<Key, Alive>,
    /// How many crews this run has launched so far.
    launched: u32,
    /// Seconds that launching the living crews took.
    spent: f64,
    /// When the oldest living crew was launched.
    since: std::time::Instant,
    /// Processes whose use is counted as knee's own: those it started, the servers that the work
    /// calls, and everything that those started.
    family: Vec<u32>,
    /// Process ids of the servers.
    servers: Vec<u32>,
    /// Processes that knee did not start but that belong to the work.
    outside: Outside,
}

#[derive(Debug)]
struct Alive {
    crew: Box<dyn Crew>,
    members: usize,
    number: u32,
    /// Seconds that the launch took. The first round of the crew reports them; then this is `None`.
    launch: Option<f64>,
    rounds: u32,
}

/// The result of a round, and the crew that measured it.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) round: Round,
    pub(super) crew: Provenance,
}

/// The crew that measured a round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Provenance {
    /// The number of its launch in this run, from 0.
    pub(super) number: u32,
    pub(super) members: usize,
    /// Seconds that its launch took. Only its first round has this.
    pub(super) launch: Option<f64>,
}

impl<'s> Crews<'s> {
    /// Starts without crews. `launched` is how many crews an earlier part of this run has launched.
    pub(super) fn new(site: &'s Site, plan: &Plan, launched: u32) -> Self {
        let company = (0..plan.entries.len()).map(|entry| plan.company(entry)).collect();
        let (entry, alive) = (None, BTreeMap::new());
        let (spent, since) = (0.0, clock::now());
        let (family, servers) = (Vec::new(), Vec::new());
        let outside = plan.outside.clone();
        Self { site, company, entry, alive, launched, spent, since, family, servers, outside }
    }

    fn key(&self, cell: Cell, job: &Job) -> Key {
        let workload = self.site.registry.find(&job.workload);
        let exact = workload.is_ok_and(|workload| workload.needs_exact_count(&job.params));
        Key { entry: cell.entry, mode: cell.mode, exactly: exact.then_some(cell.workers) }
    }

    /// Whether a crew for this cell is alive.
    pub(super) fn serve(&self, cell: Cell, job: &Job) -> bool {
        let alive = self.alive.get(&self.key(cell, job));
        alive.is_some_and(|crew| crew.members >= cell.workers)
    }

    /// The workload whose crews are alive, with how long they have lived and how long launching
    /// took.
    pub(super) fn age(&self) -> Option<(usize, Age)> {
        let entry = self.entry.filter(|_| !self.alive.is_empty())?;
        let alive = clock::since(self.since).as_secs_f64();
        Some((entry, Age { alive, launching: self.spent }))
    }

    /// Makes sure that a crew for this cell is alive. A crew that is too small is replaced by a
    /// larger one. Returns the seconds that launching took, or `None` if nothing was launched.
    ///
    /// # Errors
    /// The crew cannot be launched.
    pub(super) fn launch(&mut self, cell: Cell, job: &Job) -> Result<Option<f64>, ModeError> {
        if self.serve(cell, job) {
            return Ok(None);
        }
        let lead = self.company[cell.entry].first().copied();
        if self.entry != lead {
            self.dismiss();
        }
        if self.alive.is_empty() {
            self.servers = Vec::new();
            (self.entry, self.since, self.spent) = (lead, clock::now(), 0.0);
        }
        let workload = self.site.registry.find(&job.workload).ok();
        if let Some((host, port)) = workload.and_then(|workload| workload.server(&job.params)) {
            self.servers.extend(listeners(&host, port));
        }
        let key = self.key(cell, job);
        let start = clock::now();
        if let Some(small) = self.alive.remove(&key) {
            small.crew.dismiss()?;
        }
        let members = NonZeroUsize::new(cell.workers).unwrap_or(NonZeroUsize::MIN);
        let (crew, launch) = mode::launch(cell.mode, self.site, job, members)?;
        let took = clock::since(start).as_secs_f64();
        let number = self.launched;
        self.launched += 1;
        self.spent += took;
        let alive = Alive {
            crew,
            members: cell.workers,
            number,
            launch: Some(launch.as_secs_f64()),
            rounds: 0,
        };
        self.alive.insert(key, alive);
        self.meet_family();
        Ok(Some(took))
    }

    /// Whether the crew of this cell has not worked yet, so that its caches are cold.
    pub(super) fn is_fresh(&self, cell: Cell, job: &Job) -> bool {
        self.alive.get(&self.key(cell, job)).is_none_or(|crew| crew.rounds == 0)
    }

    /// CPU seconds that all living processes of this family have used so far. A workload that
    /// starts programs changes its family all the time: the family is then looked up anew, and the
    /// CPU time of processes that have ended meanwhile counts too.
    pub(super) fn cpu_time(&mut self, job: &Job) -> f64 {
        let is_foreign =
            knee_workloads::FOREIGN.iter().any(|foreign| foreign.meta().name == job.workload);
        if is_foreign || !self.outside.is_empty() {
            self.meet_family();
        }
        let ended = |pid: &u32| is_foreign.then(|| reaped_by(*pid)).flatten().unwrap_or(0.0);
        self.family.iter().filter_map(|pid| Some(cpu_time_of(*pid)? + ended(pid))).sum()
    }

    fn meet_family(&mut self) {
        let mut parents = self.servers.clone();
        parents.push(std::process::id());
        let outside = members(&self.outside.pids, &self.outside.groups).unwrap_or_default();
        parents.extend(&outside);
        self.family = descendants(&parents);
        self.family.extend(&self.servers);
        self.family.extend(outside);
        self.family.sort_unstable();
        self.family.dedup();
    }

    /// Measures a cell once, within `limit`, with the crew that was launched for it. If anything
    /// goes wrong the crew is dismissed; the next use launches a new one.
    ///
    /// # Errors
    /// As [`Crew::round`]; also where the crew is gone since an earlier failure and cannot be
    /// launched.
    pub(super) fn round(
        &mut self,
        cell: Cell,
        job: &Job,
        window: Window,
        limit: Duration,
    ) -> Result<Measured, ModeError> {
        self.launch(cell, job)?;
        let key = self.key(cell, job);
        let Some(alive) = self.alive.get_mut(&key) else { return Err(ModeError::Interrupted) };
        let active = NonZeroUsize::new(cell.workers).unwrap_or(NonZeroUsize::MIN);
        alive.crew.allow(limit);
        let result = alive.crew.round(active, window);
        alive.rounds += 1;
        match result {
            Ok(round) => {
                let Alive { number, members, .. } = *alive;
                let crew = Provenance { number, members, launch: alive.launch.take() };
                Ok(Measured { round, crew })
            }
            Err(error) => {
                self.discard(cell, job);
                Err(error)
            }
        }
    }

    /// Dismisses the crew of this cell, whatever state it is in.
    pub(super) fn discard(&mut self, cell: Cell, job: &Job) {
        if let Some(alive) = self.alive.remove(&self.key(cell, job)) {
            // It has failed already, and the failure was reported.
            let _ = alive.crew.dismiss();
        }
    }

    /// Dismisses all crews. Returns how long that took.
    pub(super) fn dismiss(&mut self) -> Duration {
        let start = clock::now();
        let mut all = std::mem::take(&mut self.alive);
        for alive in all.values_mut() {
            alive.crew.farewell();
        }
        for (_, alive) in all {
            // Its rounds are complete; how its members end changes none of them.
            let _ = alive.crew.dismiss();
        }
        self.entry = None;
        clock::since(start)
    }
}

/// How long crews have been alive, and how long launching them took, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Age {
    pub(super) alive: f64,
    pub(super) launching: f64,
}

impl Age {
    /// Launching may take this share of the time.
    const SHARE: f64 = 0.1;
    /// Where launching is cheap, the crews of a workload are launched this often, so that the
    /// intervals include the differences between launches.
    const LAUNCHES: f64 = 4.0;
    /// Crews that others would replace stay until they have lived this many times as long as their
    /// launch took, and at least this many seconds.
    const WORTH_A_LAUNCH: f64 = 8.0;
    const SHORTEST: f64 = 0.5;
    /// Launching this often may take this share of the time.
    const SHARE_FOR_LAUNCHES: f64 = 0.2;

    /// Whether these crews have been used long enough to be replaced by those of another workload.
    pub(super) fn may_end(self) -> bool {
        self.alive >= (Self::WORTH_A_LAUNCH * self.launching).max(Self::SHORTEST)
    }

    /// Whether it is time for a new launch. `whole` is the workload's time in the whole run, in
    /// seconds.
    pub(super) fn is_due(self, whole: f64) -> bool {
        let affordable = Self::LAUNCHES * self.launching <= Self::SHARE_FOR_LAUNCHES * whole;
        let earned = self.launching / Self::SHARE - self.launching;
        // A crew that is expensive to launch stays until it has earned its launch, but never at the
        // cost of other workloads.
        let stint = if affordable { whole / Self::LAUNCHES } else { earned.min(whole) };
        self.alive >= stint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(alive: f64, launching: f64, whole: f64) -> bool {
        Age { alive, launching }.is_due(whole)
    }

    #[test]
    fn cheap_crews_are_launched_four_times_and_dear_ones_as_often_as_a_tenth_allows() {
        assert!(due(1.3, 0.01, 5.0), "four launches in 5 s");
        assert!(!due(1.2, 0.01, 5.0));
        assert!(due(1.3, 0.25, 5.0), "four launches, though a tenth would be two");
        assert!(due(9.1, 1.0, 60.0 / 12.0 * 2.0), "a dear one after nine times its launch");
        assert!(!due(8.9, 1.0, 60.0 / 12.0 * 2.0));
        assert!(due(5.0, 1.0, 5.0), "it has had its share");
        assert!(
            !due(30.0, 16.0, 40.0),
            "a crew that takes 16 s to start is not started again in 40 s"
        );
    }
}
