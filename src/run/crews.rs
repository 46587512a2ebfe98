//! The crews that are alive: launched when they are wanted, kept while they serve, dismissed
//! together.
//!
//! Launching takes the time of the user, measuring earns it. So the crews of one workload are
//! launched once, at the largest counts wanted, and then measured at every count by their first
//! members. They are of one workload at a time: a crew that sleeps still holds memory.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::clock;
use crate::machine::outside::members;
use crate::machine::{cpu_time_of, descendants, listeners, reaped_by};
use crate::mode::{self, Crew, Job, ModeError, Round, Site, Window};
use crate::plan::{Cell, Mode, Outside, Plan};

/// Which crew: that of a mode, or of a mode at one count where tasks depend on the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    entry: usize,
    mode: Mode,
    exactly: Option<usize>,
}

/// The crews of one workload, or of several that are ways to do the same work.
#[derive(Debug)]
pub(super) struct Crews<'s> {
    site: &'s Site,
    /// The entries whose crews may be alive together, by entry.
    company: Vec<Vec<usize>>,
    /// Whose crews are alive: the first of their company.
    entry: Option<usize>,
    alive: BTreeMap<Key, Alive>,
    /// How many crews were launched so far, in the whole run.
    launched: u32,
    /// Seconds that launching those that are alive took.
    spent: f64,
    /// Since when the oldest of them is alive.
    since: std::time::Instant,
    /// Every process whose use is ours: those that this one has started, the servers that the work
    /// asks, and all that they have started.
    family: Vec<u32>,
    /// The servers.
    servers: Vec<u32>,
    /// Processes outside of this one that belong to the work.
    outside: Outside,
}

#[derive(Debug)]
struct Alive {
    crew: Box<dyn Crew>,
    members: usize,
    number: u32,
    /// Seconds that launching it took, until a round has told it.
    launch: Option<f64>,
    rounds: u32,
}

/// What a round gave, and which crew it was measured with.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) round: Round,
    pub(super) crew: Provenance,
}

/// Which crew a round was measured with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Provenance {
    /// Which launch of the run.
    pub(super) number: u32,
    pub(super) members: usize,
    /// Seconds that its launch took; in its first round alone.
    pub(super) launch: Option<f64>,
}

impl<'s> Crews<'s> {
    /// No crew yet; `launched` were launched in a past that the run goes on from.
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

    /// Which workload's crews are alive, and for how many seconds they are and took to be launched.
    pub(super) fn age(&self) -> Option<(usize, Age)> {
        let entry = self.entry.filter(|_| !self.alive.is_empty())?;
        let alive = clock::since(self.since).as_secs_f64();
        Some((entry, Age { alive, launching: self.spent }))
    }

    /// Makes sure that a crew for this cell is alive. One that is too small makes place for a
    /// larger one. Returns the seconds that launching took, if it did.
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

    /// Whether the crew of this cell has not worked yet: then its caches are cold.
    pub(super) fn is_fresh(&self, cell: Cell, job: &Job) -> bool {
        self.alive.get(&self.key(cell, job)).is_none_or(|crew| crew.rounds == 0)
    }

    /// CPU seconds that all living processes of this one's family have used so far. Where the
    /// workload starts programs they come and go: the family is looked up anew, and what it has
    /// seen end counts too.
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

    /// Measures a cell once, within `limit`, with the crew that was launched for it. A crew in
    /// which something went wrong is dismissed, and launched anew when it is next wanted.
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
            // It has failed already, and that was told.
            let _ = alive.crew.dismiss();
        }
    }

    /// Dismisses all. Returns the seconds that it took.
    pub(super) fn dismiss(&mut self) -> Duration {
        let start = clock::now();
        let mut all = std::mem::take(&mut self.alive);
        for alive in all.values_mut() {
            alive.crew.farewell();
        }
        for (_, alive) in all {
            // Its rounds are measured, and nothing of them depends on how its members end.
            let _ = alive.crew.dismiss();
        }
        self.entry = None;
        clock::since(start)
    }
}

/// Seconds that crews are alive, and seconds that launching them took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Age {
    pub(super) alive: f64,
    pub(super) launching: f64,
}

impl Age {
    /// Launching may take this share of the time.
    const SHARE: f64 = 0.1;
    /// Where launching is not that dear, a workload's crews are launched so many times, so that the
    /// intervals hold what launches differ by.
    const LAUNCHES: f64 = 4.0;
    /// For that launching may take this share of the time.
    const SHARE_FOR_LAUNCHES: f64 = 0.2;

    /// Whether they have served long enough that others may be launched instead, though they would
    /// serve on.
    pub(super) fn may_end(self) -> bool {
        self.alive >= Self::LAUNCHES * self.launching
    }

    /// Whether it is time for a new launch, where the workload has `whole` seconds from the
    /// beginning of the run to its end.
    pub(super) fn is_due(self, whole: f64) -> bool {
        let affordable = Self::LAUNCHES * self.launching <= Self::SHARE_FOR_LAUNCHES * whole;
        let earned = self.launching / Self::SHARE - self.launching;
        // Dear crews stay until they have earned their launch, but not on the time of other
        // workloads.
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
