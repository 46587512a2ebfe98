//! Which worker counts may be measured, by the kind of work and the machine.

use knee_workloads::Kind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Counts, Mode};
use crate::machine::Machine;

/// What the plan needs to know about the machine's CPUs.
#[derive(Debug, Clone, PartialEq)]
pub struct Cores {
    /// CPUs that this process may use. A quota can make it a fraction.
    pub usable: f64,
    /// Counts at which this machine may change its behaviour: physical cores, sockets, NUMA nodes.
    pub hints: Vec<usize>,
    /// The most workers that the limits on processes, descriptors and memory allow.
    pub most_processes: usize,
}

impl Cores {
    /// Reads off a machine what the plan needs.
    pub fn of(machine: &Machine) -> Self {
        let budget = &machine.budget;
        let topology = &machine.topology;
        let hints = [topology.cores, topology.threads, budget.parallelism()];
        // A worker needs three descriptors and two tasks; the rest must fit too.
        let by_files = budget.files_hard_limit.map_or(4096, |files| files.saturating_sub(64) / 3);
        let by_tasks = budget.tasks_limit().map_or(4096, |tasks| tasks.saturating_sub(64) / 2);
        // A worker needs about two megabytes, and workers may use half of the memory.
        let memory = budget.memory_limit.or(machine.memory.available);
        let by_memory = memory.map_or(4096, |bytes| bytes / 2 / (2 << 20));
        Self {
            usable: budget.usable(),
            hints: hints.into_iter().flatten().map(|count| count as usize).collect(),
            most_processes: by_files.min(by_tasks).min(by_memory).clamp(1, 4096) as usize,
        }
    }
}

/// The worker counts that one series may measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "how")]
pub enum Candidates {
    /// Only these counts.
    Exactly {
        /// The counts, ascending, none twice.
        counts: Vec<usize>,
    },
    /// These counts first, then others that the search asks for, up to `most`.
    Search {
        /// The counts of the first pass, ascending.
        first: Vec<usize>,
        /// The largest count that may be tried.
        most: usize,
        /// Whether counts above `first` are tried, growing geometrically, as long as throughput
        /// gains.
        open: bool,
    },
}

impl Candidates {
    /// Chooses the counts of a mode for this kind of work and machine, or those that the user
    /// listed.
    pub fn choose(mode: Mode, kind: Kind, cores: &Cores, counts: &Counts) -> Self {
        if mode == Mode::Serial {
            return Self::Exactly { counts: vec![1] };
        }
        match counts {
            Counts::List(list) => Self::Exactly { counts: list.clone() },
            Counts::Auto if kind == Kind::Io => Self::waiting(mode, cores),
            Counts::Auto => Self::computing(cores),
        }
    }

    /// The counts for work of unknown kind: first those for computing, then larger ones up to
    /// `most` as long as throughput gains.
    pub fn unknown(cores: &Cores, most: usize) -> Self {
        match Self::computing(cores) {
            Self::Search { first, most: computing, .. } => Self::Search {
                first,
                most: most.min(cores.most_processes).max(computing),
                open: true,
            },
            exactly @ Self::Exactly { .. } => exactly,
        }
    }

    /// The counts for a server, which is started anew for each count: powers of two, and the count
    /// that guides recommend (`formula`).
    pub fn server(cores: &Cores, most: usize, formula: Option<f64>) -> Self {
        let Self::Search { most, .. } = Self::unknown(cores, most) else {
            return Self::unknown(cores, most);
        };
        let usable = (cores.usable.ceil() as usize).max(1);
        let mut first = geometric((2 * usable).max(4), 2.0);
        first.extend(formula.map(|count| count.round() as usize));
        Self::Search { first: tidy(first, most), most, open: true }
    }

    /// The counts that are measured in any case.
    pub fn first(&self) -> &[usize] {
        match self {
            Self::Exactly { counts } => counts,
            Self::Search { first, .. } => first,
        }
    }

    /// For computing: up to twice the usable cores, with every count near the cores.
    fn computing(cores: &Cores) -> Self {
        let usable = (cores.usable.ceil() as usize).max(1);
        let most = (2 * usable).max(4);
        let mut first = geometric(most, 2.0);
        first.extend([usable.saturating_sub(1), usable, usable + 1, 2 * usable]);
        first.extend(cores.hints.iter().copied());
        Self::Search { first: tidy(first, most), most, open: false }
    }

    /// For waiting: geometric steps into the hundreds, as long as throughput gains.
    fn waiting(mode: Mode, cores: &Cores) -> Self {
        let most = if mode.in_processes() { 256.min(cores.most_processes) } else { 1024 };
        let usable = (cores.usable.ceil() as usize).max(1);
        // Larger counts are tried only while throughput gains.
        let first = geometric((16 * usable).min(256).min(most), 4.0);
        Self::Search { first: tidy(first, most), most, open: true }
    }
}

/// 1, f, f^2 and so on, up to and including `most`.
fn geometric(most: usize, factor: f64) -> Vec<usize> {
    let steps = (most as f64).log(factor).floor() as i32;
    let mut counts: Vec<usize> = (0..=steps).map(|i| factor.powi(i).round() as usize).collect();
    counts.push(most);
    counts
}

fn tidy(mut counts: Vec<usize>, most: usize) -> Vec<usize> {
    counts.retain(|&count| (1..=most).contains(&count));
    counts.sort_unstable();
    counts.dedup();
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cores(usable: f64) -> Cores {
        Cores { usable, hints: Vec::new(), most_processes: 10_000 }
    }

    #[test]
    fn two_cores_are_tried_completely() {
        let chosen = Candidates::choose(Mode::Threads, Kind::Cpu, &cores(2.0), &Counts::Auto);
        assert_eq!(chosen.first(), [1, 2, 3, 4]);
    }

    #[test]
    fn counts_near_the_cores_of_a_large_machine_are_tried() {
        let chosen = Candidates::choose(Mode::Threads, Kind::Memory, &cores(48.0), &Counts::Auto);
        for count in [1, 2, 47, 48, 49, 96] {
            assert!(chosen.first().contains(&count), "{count} in {:?}", chosen.first());
        }
    }

    #[test]
    fn serial_has_one_worker_whatever_is_asked() {
        let list = Counts::List(vec![2, 8]);
        let chosen = Candidates::choose(Mode::Serial, Kind::Io, &cores(2.0), &list);
        assert_eq!(chosen.first(), [1]);
    }
}
