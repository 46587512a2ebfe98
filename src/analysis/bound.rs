//! The bound of a curve, with evidence in words: CPUs, memory, other workers, waiting, messages, a
//! quota, or the harness itself.
//!
//! Three witnesses decide: the states of the workers (on a CPU, waiting for one, blocked), the CPU
//! time of a unit of work, and the shape of the curve. Sources: Gregg, "Thread State Analysis" and
//! "The USE Method"; Yasin, ISPASS 2014, for telling memory from computing by the cost of a unit.

mod gpu;
mod shape;
#[cfg(test)]
mod tests;
mod witness;

use super::findings::{Bound, Law};
use super::function::Runtime;
use super::laws::Level;
use crate::units::{Quantity, workers};
use shape::{Shape, meaning};
pub use witness::Witness;

/// What is known about a curve besides its throughputs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// What the workload's author claims it is bound by. It only decides between bounds that the
    /// witnesses allow.
    pub claimed: Option<String>,
    /// CPUs that can be used. A quota can make it a fraction.
    pub usable_cpus: Option<f64>,
    /// The physical cores among them.
    pub physical_cores: Option<f64>,
    /// The quota in CPUs, if there is one.
    pub quota: Option<f64>,
    /// Seconds that the mode itself spends on a task.
    pub dispatch: Option<f64>,
    /// Seconds that a task takes alone.
    pub task: Option<f64>,
    /// What the workers share in the runtime of their language.
    pub runtime: Option<Runtime>,
    /// Whether the count is told to a single program, whose workers knee does not start.
    pub swept: bool,
    /// Whether a program printed the throughput itself. The duration of its runs then says nothing.
    pub printed: bool,
    /// What was seen at each count, ascending.
    pub cells: Vec<Witness>,
}

impl Evidence {
    /// The count beyond which workers have less than a CPU each, if a worker alone computes all the
    /// time.
    pub(super) fn crowded_beyond(&self) -> Option<f64> {
        let cpus = self.usable_cpus?;
        let alone = self.cells.first().filter(|cell| cell.workers <= 1.0 && !self.swept)?;
        (alone.blocked(cpus)? <= 1.0 - BUSY).then(|| cpus.ceil())
    }
}

/// A curve bends where only this share of its best throughput is missing.
const NEARLY_ALL: f64 = 0.05;
/// A curve is flat if its best count gains less than this factor over one worker.
const FLAT: f64 = 1.15;
/// A single worker that is blocked for this share of its time is bound by what it waits for.
const WAITS: f64 = 0.3;
/// If workers are blocked for this share of their time together, but not alone, they wait for one
/// another.
const WAITS_TOGETHER: f64 = 0.2;
/// If a unit costs this many times the CPU time with more workers, they share something.
const DEARER: f64 = 1.15;
/// Up to this factor, pure computing can become more expensive too: two hardware threads share a
/// core, or the clock falls under load.
const DEARER_BY_SHARED_CORES: f64 = 1.7;
/// CPUs this busy count as fully busy; the rest is the harness and the resolution of the clock.
const BUSY: f64 = 0.8;
/// If others used this share of the CPUs, they may have shaped the curve.
const DISTURBED: f64 = 0.1;

/// The bound of the curve. `None` if only throughputs are known and there are fewer than two
/// counts.
pub(super) fn classify(levels: &[Level], laws: &[Law], evidence: &Evidence) -> Option<Bound> {
    let shape = Shape::of(levels)?;
    let case = Case { shape, evidence };
    let verdict = case
        .fixed_time()
        .or_else(|| case.disturbed())
        .or_else(|| case.gpu())
        .or_else(|| case.runtime())
        .or_else(|| case.harness())
        .or_else(|| case.quota())
        .or_else(|| case.waiting())
        .or_else(|| case.contention())
        .or_else(|| case.computing());
    let (label, mut sentences) = verdict.unwrap_or_else(|| (UNCLEAR, case.shares()));
    if !evidence.swept || label != UNCLEAR {
        sentences.push(case.shape.sentence(evidence));
    }
    if label == UNCLEAR && evidence.cells.is_empty() {
        sentences.extend(laws.iter().find(|law| law.chosen).and_then(meaning));
    }
    Some(Bound { label: label.to_owned(), evidence: sentences })
}

/// The bound if no cause is shown.
const UNCLEAR: &str = "unclear";

type Label = Option<(&'static str, Vec<String>)>;

struct Case<'e> {
    shape: Shape,
    evidence: &'e Evidence,
}

impl Case<'_> {
    fn cpus(&self) -> f64 {
        self.evidence.usable_cpus.unwrap_or(f64::INFINITY)
    }

    fn first(&self) -> Option<&Witness> {
        self.evidence.cells.first()
    }

    /// The largest crew with a CPU for each worker.
    fn full(&self) -> Option<&Witness> {
        let fits = |cell: &&Witness| cell.workers <= self.cpus() && cell.workers > self.shape.first;
        self.evidence.cells.iter().rev().find(fits)
    }

    fn at(&self, workers: f64) -> Option<&Witness> {
        self.evidence.cells.iter().find(|cell| (cell.workers - workers).abs() < 1e-9)
    }

    fn claims(&self, kind: &str) -> bool {
        self.evidence.claimed.as_deref() == Some(kind)
    }

    /// Workers share something in the runtime of their language, and more of them gain nothing.
    fn runtime(&self) -> Label {
        let runtime = self.evidence.runtime.as_ref().filter(|_| self.shape.gain < FLAT)?;
        let more = |cell: &&Witness| cell.workers > self.shape.first;
        let cell = self.full().or_else(|| self.evidence.cells.iter().find(more))?;
        runtime.holds(cell, self.cpus())
    }

    /// A program takes the same time whatever count it is told.
    fn fixed_time(&self) -> Label {
        let shape = &self.shape;
        let flat = shape.gain < 1.0 + NEARLY_ALL && shape.tail > 1.0 - NEARLY_ALL;
        let text = format!(
            "a run takes as long with {} as with {}: it seems to run for a fixed time, so its \
             time says nothing; read the figure that it prints (--figure)",
            shape.last, shape.first
        );
        (self.evidence.swept && !self.evidence.printed && flat && shape.last >= 2.0 * shape.first)
            .then(|| (UNCLEAR, vec![text]))
    }

    /// Others used so much of the CPUs that they may explain the curve.
    fn disturbed(&self) -> Label {
        let cells = [self.first(), self.full(), self.at(self.shape.knee)];
        let most = cells.into_iter().flatten().max_by(|a, b| {
            let of = |cell: &Witness| cell.disturbed(self.claims("io"));
            of(a).total_cmp(&of(b))
        })?;
        let share = most.disturbed(self.claims("io"));
        (share > DISTURBED).then(|| {
            let text = format!(
                "others had {:.0} % of the CPUs at {}, which may explain what is seen",
                100.0 * share,
                workers(most.workers)
            );
            (UNCLEAR, vec![text])
        })
    }

    /// Tasks are so short that the mode spends more on handing them out than they take.
    fn harness(&self) -> Label {
        if let Some(found) = self.client() {
            return Some(found);
        }
        let (dispatch, task) = (self.evidence.dispatch?, self.evidence.task?);
        let share = dispatch / (dispatch + task);
        (share >= 0.5).then(|| {
            let text = format!(
                "a task takes {}, handing it out {}: {:.0} % of the time is the mode's own",
                Quantity::Duration.text(task),
                Quantity::Duration.text(dispatch),
                100.0 * share
            );
            ("harness", vec![text])
        })
    }

    /// The client is busy all the time, so it cannot ask faster.
    fn client(&self) -> Label {
        const BUSY: f64 = 0.9;
        let cell = self.at(self.shape.knee).or_else(|| self.evidence.cells.last())?;
        let busy = cell.client.filter(|busy| *busy > BUSY)?;
        let text = format!(
            "the client that asks kept its threads {:.0} % busy at {}: it may be the limit, not \
             the server (--client-threads, or a command on another machine)",
            100.0 * busy,
            workers(cell.workers)
        );
        Some(("harness", vec![text]))
    }

    /// A CPU quota is used up.
    fn quota(&self) -> Label {
        let quota = self.evidence.quota?;
        let cell = self.at(self.shape.knee).or_else(|| self.evidence.cells.last())?;
        let cells = self.evidence.cells.iter();
        let throttled = cells.filter_map(|cell| cell.throttled).fold(0.0, f64::max);
        let used = cell.cpu? / quota;
        (used >= 0.85 && (throttled >= 0.02 || self.shape.knee <= quota.ceil())).then(|| {
            let mut out = vec![format!(
                "{:.2} of the {quota:.2} CPUs that the quota allows were used",
                cell.cpu.unwrap_or(0.0)
            )];
            if throttled > 0.0 {
                out.push(format!(
                    "throttled for up to {:.0} % of the CPUs' time",
                    100.0 * throttled
                ));
            }
            ("quota", out)
        })
    }

    /// Work that waits: for a device, for a peer, or for other workers.
    fn waiting(&self) -> Label {
        let first = self.first()?;
        let alone = first.blocked(self.cpus())?;
        let together = self.full().and_then(|cell| cell.blocked(self.cpus()).map(|b| (cell, b)));
        let percent = |share: f64| format!("{:.0} %", 100.0 * share);
        if self.shape.gain < FLAT
            && !self.evidence.swept
            && let Some((cell, blocked)) = together
            && blocked >= WAITS
        {
            let text = format!(
                "one worker keeps the rest waiting: each of {} is blocked {} of the time, and more \
                 workers gain nothing",
                cell.workers,
                percent(blocked)
            );
            return Some((if self.claims("io") { "io" } else { "sync" }, vec![text]));
        }
        if alone >= WAITS {
            let mut out = vec![format!(
                "a worker alone waits {} of the time and uses a core for {}",
                percent(alone),
                percent(first.on_cpu()?)
            )];
            let pressure = self.evidence.cells.iter().filter_map(|cell| cell.io_pressure);
            let pressure = pressure.fold(0.0, f64::max);
            if pressure > 0.3 {
                out.push(format!(
                    "tasks waited for a device in up to {} of the time",
                    percent(pressure)
                ));
            }
            return Some((if self.claims("ipc") { "ipc" } else { "io" }, out));
        }
        let (cell, blocked) = together?;
        let device = cell.io_pressure.unwrap_or(0.0) >= 0.1;
        (alone < 0.15 && blocked >= WAITS_TOGETHER).then(|| {
            let label = match (device, self.claims("ipc")) {
                (true, _) => "io",
                (false, true) => "ipc",
                (false, false) => "sync",
            };
            let text = format!(
                "alone a worker waits {} of the time, each of {} waits {}: {}",
                percent(alone),
                cell.workers,
                percent(blocked),
                if device { "for the device" } else { "for one another" }
            );
            (label, vec![text])
        })
    }

    /// A unit of work costs more CPU time with more workers.
    fn contention(&self) -> Label {
        let first = self.first()?;
        let cost = |cell: &Witness| Some(cell.cpu_per_unit? / first.cpu_per_unit?);
        let full = self.full()?;
        let dearer = cost(full)?;
        let text = |cell: &Witness, dearer: f64| {
            format!(
                "a unit costs {dearer:.2} x the CPU time with {} workers as with {}",
                cell.workers, first.workers
            )
        };
        let messages =
            self.claims("ipc") && first.voluntary.is_some_and(|switches| switches >= 0.5);
        // The cost of a unit rises with memory traffic, with spinning locks and with busy polling
        // of a device. Only further evidence tells which.
        let waits =
            full.voluntary.zip(first.voluntary).is_some_and(|(now, alone)| now > alone + 0.5);
        let sign = if self.claims("memory") {
            Some("memory")
        } else if messages {
            Some("ipc")
        } else if self.claims("sync") || waits {
            Some("sync")
        } else {
            None
        };
        let told = |cell: &Witness, dearer: f64| {
            let mut out = vec![text(cell, dearer)];
            out.extend(sign.is_none().then(|| {
                "that may be memory, a lock that spins, or waiting busily for a device: nothing \
                 seen here tells which"
                    .to_owned()
            }));
            Some((sign.unwrap_or(UNCLEAR), out))
        };
        if dearer >= 2.0 && self.shape.gain < 1.2 {
            return told(full, dearer);
        }
        let last = self.evidence.cells.last()?;
        if self.shape.tail < 0.8
            && let Some(at_last) = cost(last)
            && at_last >= 1.5
        {
            return told(last, at_last);
        }
        let only_computes = self.claims("cpu") && dearer < DEARER_BY_SHARED_CORES;
        (dearer >= DEARER && full.on_cpu()? >= BUSY && !only_computes)
            .then(|| told(full, dearer))
            .flatten()
    }

    /// Work that keeps the CPUs busy.
    fn computing(&self) -> Label {
        let cell = self.full().or_else(|| self.first())?;
        let busy = cell.on_cpu()?;
        let kernel = cell.system.unwrap_or(0.0);
        (busy >= BUSY).then(|| {
            // Work that only passes messages on spends all its CPU time on that.
            let label = if self.claims("ipc") { "ipc" } else { "cpu" };
            let mut out = vec![format!("{:.0} % of each core busy", 100.0 * busy)];
            if kernel >= 0.2 {
                out.push(format!("{:.0} % of that in the kernel", 100.0 * kernel));
            }
            let dearer =
                self.first().and_then(|first| Some(cell.cpu_per_unit? / first.cpu_per_unit?));
            if let Some(dearer) = dearer.filter(|dearer| *dearer >= DEARER) {
                out.push(format!(
                    "a unit costs {dearer:.2} x the CPU time with {} workers as with one: cores \
                     that share a pipeline, or a clock that falls under load",
                    cell.workers
                ));
            } else if self.claims("memory") && dearer.is_some() && cell.workers > self.shape.first {
                out.push(
                    "a unit costs no more CPU time with more workers: memory keeps up with all \
                     cores"
                        .to_owned(),
                );
            }
            (label, out)
        })
    }

    /// The shares of the workers' time, if they decide nothing.
    fn shares(&self) -> Vec<String> {
        let Some(cell) = self.at(self.shape.knee).or_else(|| self.first()) else {
            return vec!["only throughputs are known".to_owned()];
        };
        let Some(busy) = cell.on_cpu() else {
            return vec!["no CPU time was recorded".to_owned()];
        };
        let blocked = cell.blocked(self.cpus()).unwrap_or(0.0);
        vec![format!(
            "each of {} workers: {:.0} % on a CPU, {:.0} % waiting for one, {:.0} % blocked",
            cell.workers,
            100.0 * busy,
            100.0 * (1.0 - busy - blocked).max(0.0),
            100.0 * blocked
        )]
    }
}
