//! The part of one node of a run as a record of its own, to be compared with another node's.

use super::Record;
use crate::mode::Usage;
use crate::run::Sample;

impl Record {
    /// The rounds on the largest number of nodes of each workload, as node `name` measured them.
    /// `None` if no node has this name.
    ///
    /// The latency of tasks is kept only for all nodes together, so this record has none.
    #[must_use]
    pub fn of_node(&self, name: &str) -> Option<Self> {
        let node = self.header.nodes.iter().position(|node| node.name == name)?;
        let mut one = self.clone();
        one.header.machine = self.header.nodes[node].machine.clone();
        one.header.nodes.clear();
        let entries = &self.header.plan.entries;
        let same = |a: usize, b: usize| {
            (&entries[a].workload, &entries[a].params) == (&entries[b].workload, &entries[b].params)
        };
        let largest = |at: usize| {
            let others = (0..entries.len()).filter(|other| same(at, *other));
            others.filter_map(|other| entries[other].nodes).max()
        };
        let kept: Vec<usize> =
            (0..entries.len()).filter(|at| entries[*at].nodes == largest(*at)).collect();
        let place = |entry: usize| kept.iter().position(|at| *at == entry);
        one.header.plan.entries = kept.iter().map(|at| entries[*at].clone()).collect();
        for entry in &mut one.header.plan.entries {
            (entry.nodes, entry.also) = (None, None);
            entry.shorter_of = entry.shorter_of.and_then(place);
        }
        one.surveys.retain_mut(|survey| moved(&mut survey.entry, place));
        one.failures.retain_mut(|failure| {
            let stays = moved(&mut failure.entry, place);
            if let Some(cell) = failure.cell.as_mut().filter(|_| stays) {
                cell.entry = failure.entry;
            }
            stays
        });
        one.samples.retain_mut(|sample| moved(&mut sample.cell.entry, place));
        one.samples = one.samples.iter().filter_map(|sample| of_sample(sample, node)).collect();
        one.burns.retain_mut(|burn| burn.node.take() == Some(node));
        Some(one)
    }
}

/// Gives an entry its new index; false if it has none.
fn moved(entry: &mut usize, place: impl Fn(usize) -> Option<usize>) -> bool {
    let new = place(*entry);
    *entry = new.unwrap_or(*entry);
    new.is_some()
}

/// The part of one node in a round; `None` if it had none.
fn of_sample(sample: &Sample, node: usize) -> Option<Sample> {
    let at = sample.nodes.iter().position(|one| one.node == node)?;
    let own = &sample.nodes[at];
    let share = own.tasks as f64 / sample.tasks.max(1) as f64;
    let units = (sample.units as f64 * share).round();
    let each = sample.rates.len() / sample.nodes.len();
    let span = sample.usage.span;
    Some(Sample {
        throughput: own.throughput,
        tasks: own.tasks,
        units: units as u64,
        rates: sample.rates.get(at * each..(at + 1) * each).unwrap_or_default().to_vec(),
        latency: Vec::new(),
        printed_p99: None,
        usage: own.usage.unwrap_or(Usage { span, ..Usage::default() }),
        makespan: sample.makespan.map(|_| units / own.throughput.max(f64::MIN_POSITIVE)),
        ledger: own.ledger.clone(),
        nodes: Vec::new(),
        ..sample.clone()
    })
}
