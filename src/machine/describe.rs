//! The machine in words: a list of facts, and one line that names it.

use std::fmt::Write;

use super::{Accelerator, Budget, Machine};
use crate::units::{Quantity, plural};

/// A label, and what is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// One or two words.
    pub label: &'static str,
    /// The text after the label.
    pub value: String,
}

impl Machine {
    /// One line that names the machine: model, cores, memory, what it runs in.
    pub fn summary(&self) -> String {
        let model = self.cpu_model.clone().or_else(|| self.architecture.clone());
        let memory = self.memory.total.map(|bytes| Quantity::Memory.text(bytes as f64));
        let inside = self.virtualisation.clone().filter(|name| name != "none");
        let parts = [model, self.cores(), memory, inside, self.container.clone()];
        let known: Vec<String> = parts.into_iter().flatten().collect();
        if known.is_empty() { "unknown machine".to_owned() } else { known.join(", ") }
    }

    /// What is known about the machine, one fact per line. Unknown facts have no line.
    pub fn facts(&self) -> Vec<Fact> {
        let host = [
            self.hostname.clone(),
            self.board.clone(),
            self.os.clone(),
            self.kernel.as_ref().map(|release| format!("kernel {release}")),
            self.architecture.clone(),
        ];
        let rows = [
            ("host", joined(host)),
            ("inside", self.inside()),
            ("CPU", self.cpu_model.clone().or_else(|| self.cpu_vendor.clone())),
            ("cores", self.cores()),
            ("kinds", self.classes()),
            ("NUMA", self.nodes()),
            ("caches", self.cache_list()),
            ("frequency", self.frequency_rules()),
            ("clock", self.clock_source.clone()),
            ("memory", self.memory_sizes()),
            ("GPU", self.accelerator_list()),
        ];
        facts(rows)
    }

    /// `2 x NVIDIA H200 (nvidia 570.86.15)`.
    fn accelerator_list(&self) -> Option<String> {
        let name = |one: &Accelerator| {
            let driver = [Some(one.driver.as_str()), one.version.as_deref()];
            let driver: Vec<&str> = driver.into_iter().flatten().collect();
            let memory = one.memory.map(|bytes| Quantity::Memory.text(bytes as f64));
            let memory = memory.map_or_else(String::new, |text| format!(", {text}"));
            format!("{} ({}{memory})", one.name, driver.join(" "))
        };
        let mut kinds: Vec<(String, usize)> = Vec::new();
        for text in self.accelerators.iter().map(name) {
            match kinds.iter_mut().find(|(known, _)| *known == text) {
                Some((_, count)) => *count += 1,
                None => kinds.push((text, 1)),
            }
        }
        let told = |(text, count): &(String, usize)| {
            if *count == 1 { text.clone() } else { format!("{count} x {text}") }
        };
        let list: Vec<String> = kinds.iter().map(told).collect();
        (!list.is_empty()).then(|| list.join(", "))
    }

    fn inside(&self) -> Option<String> {
        let machine = self.virtualisation.as_ref().map(|name| match name.as_str() {
            "none" => "bare metal".to_owned(),
            name => format!("{name} virtual machine"),
        });
        joined([machine, self.container.as_ref().map(|name| format!("{name} container"))])
    }

    /// `8 cores with 16 hardware threads in 1 socket`.
    fn cores(&self) -> Option<String> {
        let topology = &self.topology;
        let threads = topology.threads.map(u64::from);
        let threads = threads.map(|count| plural(count, "hardware thread", "hardware threads"));
        let sockets = topology.sockets.map(|count| plural(count.into(), "socket", "sockets"));
        let cores = topology.cores.map(|count| plural(count.into(), "core", "cores"));
        let mut text = match (cores, threads) {
            (Some(cores), Some(threads)) if topology.smt == Some(true) => {
                format!("{cores} with {threads}")
            }
            (Some(cores), _) => format!("{cores} without SMT"),
            (None, Some(threads)) => threads,
            (None, None) => return None,
        };
        if let Some(sockets) = sockets {
            let _ = write!(text, " in {sockets}");
        }
        Some(text)
    }

    fn classes(&self) -> Option<String> {
        let class = |class: &super::CoreClass| {
            let cores = class.cores.map(|count| plural(count.into(), "core", "cores"));
            let cores = cores.unwrap_or_else(|| format!("{} CPUs", class.cpus.len()));
            let speed = class
                .max_frequency
                .map_or_else(String::new, |hertz| format!(" to {}", gigahertz(hertz)));
            format!("{cores} for {}{speed} (CPUs {})", class.name, class.cpus)
        };
        let all: Vec<String> = self.topology.classes.iter().map(class).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// A single NUMA node is not shown.
    fn nodes(&self) -> Option<String> {
        let node = |node: &super::NumaNode| {
            let memory = node.memory.map(|bytes| Quantity::Memory.text(bytes as f64));
            let cpus =
                if node.cpus.is_empty() { "no CPUs".into() } else { format!("CPUs {}", node.cpus) };
            format!("node {}: {}", node.node, joined([Some(cpus), memory]).unwrap_or_default())
        };
        let all: Vec<String> = self.topology.nodes.iter().map(node).collect();
        (all.len() > 1).then(|| all.join("; "))
    }

    fn cache_list(&self) -> Option<String> {
        let cache = |cache: &super::Cache| {
            let kind = match cache.kind.as_str() {
                "data" => "d",
                "instruction" => "i",
                _ => "",
            };
            let size = cache.size.map(|bytes| format!(" {}", Quantity::Memory.text(bytes as f64)));
            let shared = match cache.shared_by {
                1 => String::new(),
                many => format!(" for {many} CPUs"),
            };
            format!("{} x L{}{kind}{}{shared}", cache.count, cache.level, size.unwrap_or_default())
        };
        let all: Vec<String> = self.caches.iter().map(cache).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    fn frequency_rules(&self) -> Option<String> {
        let rules = &self.frequency;
        let governors = rules.governors.join(" + ");
        let range = match (rules.min, rules.max) {
            (Some(min), Some(max)) => Some(format!("{} to {}", gigahertz(min), gigahertz(max))),
            (None, max) => max.map(|max| format!("to {}", gigahertz(max))),
            (min, None) => min.map(|min| format!("from {}", gigahertz(min))),
        };
        let held = rules.limit.zip(rules.max).filter(|(limit, max)| limit < max);
        joined([
            range,
            held.map(|(limit, _)| format!("held to {}", gigahertz(limit))),
            rules.boost.map(|on| format!("boost {}", if on { "on" } else { "off" })),
            (!governors.is_empty()).then(|| format!("governor {governors}")),
            rules.preference.as_ref().map(|name| format!("preference {name}")),
            rules.driver.as_ref().map(|name| format!("driver {name}")),
        ])
    }

    fn memory_sizes(&self) -> Option<String> {
        let size = |bytes: Option<u64>, what: &str| {
            bytes.map(|bytes| format!("{}{what}", Quantity::Memory.text(bytes as f64)))
        };
        let swap = self.memory.swap.filter(|bytes| *bytes > 0);
        joined([
            size(self.memory.total, ""),
            size(self.memory.available, " available"),
            size(swap, " swap"),
        ])
    }
}

impl Budget {
    /// How much of the machine this process may use, one fact per line.
    pub fn facts(&self) -> Vec<Fact> {
        let count =
            |number: Option<u64>, what: &str| number.map(|number| format!("{number} {what}"));
        let none = if self.quota_hidden { "unknown" } else { "none" };
        let quota = self.quota.as_ref().map_or(none.to_owned(), |quota| {
            let period = Quantity::Duration.text(quota.period);
            let cpus = Quantity::Count.text(quota.cpus);
            let version = quota.version;
            format!(
                "{cpus} CPUs ({cpus} CPU seconds per second, in periods of {period}; cgroup \
                 v{version})"
            )
        });
        let limits = joined([
            self.memory_limit
                .map(|bytes| format!("memory {}", Quantity::Memory.text(bytes as f64))),
            count(self.pids_limit, "processes and threads (cgroup)"),
            count(self.processes_limit, "processes (user)"),
            count(self.files_limit, "open files"),
        ]);
        facts([
            ("usable", Some(cpus(self.usable()))),
            ("online", self.online.map(|count| count.to_string())),
            (
                "affinity",
                self.affinity.as_ref().map(|cpus| format!("{} (CPUs {cpus})", cpus.len())),
            ),
            ("isolated", self.isolated.as_ref().map(|cpus| format!("CPUs {cpus}"))),
            ("quota", Some(quota)),
            ("limits", limits),
        ])
    }
}

fn facts<const N: usize>(rows: [(&'static str, Option<String>); N]) -> Vec<Fact> {
    let known = rows.into_iter().filter_map(|(label, value)| Some(Fact { label, value: value? }));
    known.collect()
}

/// Joins what is known of several things into one line.
fn joined<const N: usize>(parts: [Option<String>; N]) -> Option<String> {
    let known: Vec<String> = parts.into_iter().flatten().collect();
    (!known.is_empty()).then(|| known.join(", "))
}

fn cpus(count: f64) -> String {
    let noun = if (count - 1.0).abs() < 1e-9 { "CPU" } else { "CPUs" };
    format!("{} {noun}", Quantity::Count.text(count))
}

fn gigahertz(hertz: f64) -> String {
    format!("{:.1} GHz", hertz / 1e9)
}

#[cfg(test)]
mod tests {
    use super::super::tests::machine;
    use super::*;

    fn value(facts: &[Fact], label: &str) -> String {
        facts
            .iter()
            .find(|fact| fact.label == label)
            .map_or_else(String::new, |fact| fact.value.clone())
    }

    #[test]
    fn one_line_names_each_machine() {
        assert_eq!(
            machine!("hybrid-laptop").summary(),
            "12th Gen Intel(R) Core(TM) i7-1260P, 12 cores with 16 hardware threads in 1 socket, \
             31.0 GiB"
        );
        assert_eq!(
            machine!("container-v2").summary(),
            "Intel(R) Xeon(R) Platinum 8488C, 8 cores with 16 hardware threads in 1 socket, 61.8 \
             GiB, amazon, kubernetes"
        );
        assert_eq!(
            machine!("arm-board").summary(),
            "Cortex-A55 + Cortex-A76, 8 cores without SMT, 7.75 GiB"
        );
        assert_eq!(Machine::default().summary(), "unknown machine");
    }

    #[test]
    fn facts_say_what_is_known_and_nothing_else() {
        let laptop = machine!("hybrid-laptop").facts();
        assert_eq!(
            value(&laptop, "kinds"),
            "4 cores for performance to 4.7 GHz (CPUs 0-7); 8 cores for efficiency to 3.4 GHz \
             (CPUs 8-15)"
        );
        assert_eq!(
            value(&laptop, "frequency"),
            "0.4 GHz to 4.7 GHz, boost on, governor powersave, preference balance_performance, \
             driver intel_pstate"
        );
        assert_eq!(value(&laptop, "NUMA"), "", "one node is no news");
        let server = machine!("smt-server");
        assert_eq!(
            value(&server.facts(), "NUMA"),
            "node 0: CPUs 0-7,16-23, 126 GiB; node 1: CPUs 8-15,24-31, 126 GiB"
        );
        assert!(value(&server.facts(), "caches").ends_with("16 x L3 32.0 MiB for 2 CPUs"));
        assert_eq!(Machine::default().facts(), []);
    }

    #[test]
    fn the_budget_tells_the_quota_as_a_fraction() {
        let pod = machine!("container-v2").budget.facts();
        assert_eq!(value(&pod, "usable"), "1.5 CPUs");
        assert_eq!(value(&pod, "affinity"), "8 (CPUs 4-11)");
        assert_eq!(
            value(&pod, "quota"),
            "1.5 CPUs (1.5 CPU seconds per second, in periods of 100 ms; cgroup v2)"
        );
    }
}
