//! The ledger of a round: what else the machine did meanwhile.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CpuSet;
use super::gpu::GpuUse;
use super::watch::Snapshot;

/// What the machine did besides the round, as shares of the CPUs that the round could use.
///
/// What cannot be seen is `None`. Shares lie between 0 and 1, except for rounding.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ledger {
    /// Length of the round in seconds.
    pub wall: f64,
    /// The number of CPUs that the shares refer to.
    pub cpus: Option<u32>,
    /// CPU seconds that the round itself used, as reported by the caller.
    pub own_cpu: f64,
    /// Share that others used: all CPU time except the round's own.
    pub foreign: Option<f64>,
    /// The possible error of that share, from the resolution of its source.
    pub foreign_resolution: Option<f64>,
    /// Share that the hypervisor gave to other machines while this one wanted to run.
    pub steal: Option<f64>,
    /// The possible error of that share.
    pub steal_resolution: Option<f64>,
    /// Share idle while a task waited for IO.
    pub iowait: Option<f64>,
    /// Share in which a quota kept tasks from running.
    pub throttled: Option<f64>,
    /// Periods in which the quota was used up.
    pub throttled_periods: Option<u64>,
    /// Share of the time in which some task of the machine waited for a CPU, including those of the
    /// round.
    pub cpu_pressure: Option<f64>,
    /// Share of the time in which some task waited for memory.
    pub memory_pressure: Option<f64>,
    /// Share of the time in which some task waited for IO.
    pub io_pressure: Option<f64>,
    /// Mean frequency of the cores directly after the round, Hz.
    pub frequency: Option<f64>,
    /// How often a core was slowed because it was too hot.
    pub thermal_events: Option<u64>,
    /// Tasks that ran or were ready to run when the round began, including the task that counted
    /// them.
    pub running: Option<u32>,
    /// The load average of one minute at the end.
    pub load: Option<f64>,
    /// By how many seconds the wall clock was set during the round.
    pub clock_jump: Option<f64>,
    /// How many seconds the machine was suspended.
    pub suspended: Option<f64>,
    /// How often knee itself was stopped and continued during the round.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stopped: usize,
    /// The quota at the end, in CPUs; `None` where there is none.
    pub quota: Option<f64>,
    /// The CPUs that this process could run on at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<CpuSet>,
    /// What was changed during the round in the CPUs or the quota of this process, in words.
    pub budget_change: Option<String>,
    /// What each GPU did, in the order of the drivers; empty if there are no figures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<GpuUse>,
}

impl Ledger {
    /// The difference of two snapshots of the machine, taken before and after the round.
    ///
    /// `own_cpu` is the CPU time, in seconds, that the round used between the two: all workers,
    /// wherever they run, and knee itself ([`process_cpu_time`](super::process_cpu_time)).
    pub fn between(before: &Snapshot, after: &Snapshot, own_cpu: f64) -> Self {
        let wall = after.monotonic.duration_since(before.monotonic).as_secs_f64();
        let cpus = before.cpus.or(after.cpus);
        let capacity = cpus.map(|cpus| f64::from(cpus) * wall).filter(|seconds| *seconds > 0.0);
        let of_capacity = |seconds: f64| capacity.map(|capacity| seconds / capacity);
        let times = before.times.zip(after.times);
        let used = before
            .accounted
            .zip(after.accounted)
            .map(|(b, a)| (a.seconds - b.seconds, a.resolution))
            .or(times.map(|(b, a)| (a.busy - b.busy, a.resolution)));
        let pressure = |resource: usize| {
            let difference = after.pressure[resource]? - before.pressure[resource]?;
            (wall > 0.0).then(|| (difference / wall).clamp(0.0, 1.0))
        };
        let throttled = before.throttled.zip(after.throttled);
        Self {
            wall,
            cpus,
            own_cpu,
            foreign: used.and_then(|(used, _)| of_capacity((used - own_cpu).max(0.0))),
            foreign_resolution: used.and_then(|(_, resolution)| of_capacity(resolution)),
            steal: times.and_then(|(b, a)| of_capacity((a.steal - b.steal).max(0.0))),
            steal_resolution: times.and_then(|(_, a)| of_capacity(a.resolution / 1.5)),
            iowait: times.and_then(|(b, a)| of_capacity((a.iowait - b.iowait).max(0.0))),
            throttled: throttled.and_then(|(b, a)| of_capacity((a.1 - b.1).max(0.0))),
            throttled_periods: throttled.map(|(b, a)| a.0.saturating_sub(b.0)),
            cpu_pressure: pressure(0),
            memory_pressure: pressure(1),
            io_pressure: pressure(2),
            frequency: after.frequency,
            thermal_events: before.thermal.zip(after.thermal).map(|(b, a)| a.saturating_sub(b)),
            running: before.running,
            load: after.load,
            clock_jump: Some(clock_jump(before, after)),
            suspended: suspended(before, after),
            stopped: after.continued.saturating_sub(before.continued),
            quota: after.quota,
            allowed: after.affinity.clone(),
            budget_change: budget_change(before, after),
            gpus: after.gpus.iter().flat_map(|seen| seen.since(before.monotonic)).collect(),
        }
    }

    /// The combined ledger of several rounds, such as a block: shares weighted by time, counts
    /// summed.
    ///
    /// Its resolution is finer than that of each round. So it shows disturbances that are too small
    /// to be seen in one short round.
    pub fn total<'a>(ledgers: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        ledgers.into_iter().cloned().reduce(Self::and)
    }

    fn and(self, other: Self) -> Self {
        let wall = self.wall + other.wall;
        let weight = if wall > 0.0 { self.wall / wall } else { 0.5 };
        let mean = |a: Option<f64>, b: Option<f64>| {
            a.zip(b).map(|(a, b)| a * weight + b * (1.0 - weight)).or(a).or(b)
        };
        // Independent errors add up by their squares.
        let grain = |a: Option<f64>, b: Option<f64>| {
            a.zip(b).map(|(a, b)| (a * weight).hypot(b * (1.0 - weight))).or(a).or(b)
        };
        let sum = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a + b).or(a).or(b);
        let count = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a + b).or(a).or(b);
        Self {
            wall,
            cpus: self.cpus.or(other.cpus),
            own_cpu: self.own_cpu + other.own_cpu,
            foreign: mean(self.foreign, other.foreign),
            foreign_resolution: grain(self.foreign_resolution, other.foreign_resolution),
            steal: mean(self.steal, other.steal),
            steal_resolution: grain(self.steal_resolution, other.steal_resolution),
            iowait: mean(self.iowait, other.iowait),
            throttled: mean(self.throttled, other.throttled),
            throttled_periods: count(self.throttled_periods, other.throttled_periods),
            cpu_pressure: mean(self.cpu_pressure, other.cpu_pressure),
            memory_pressure: mean(self.memory_pressure, other.memory_pressure),
            io_pressure: mean(self.io_pressure, other.io_pressure),
            frequency: mean(self.frequency, other.frequency),
            thermal_events: count(self.thermal_events, other.thermal_events),
            running: self.running.max(other.running),
            load: other.load.or(self.load),
            clock_jump: sum(self.clock_jump, other.clock_jump),
            suspended: sum(self.suspended, other.suspended),
            stopped: self.stopped + other.stopped,
            quota: other.quota.or(self.quota),
            allowed: other.allowed.or(self.allowed),
            budget_change: self.budget_change.or(other.budget_change),
            gpus: gpus_of_both(self.gpus, &other.gpus, weight),
        }
    }
}

fn gpus_of_both(mut first: Vec<GpuUse>, second: &[GpuUse], weight: f64) -> Vec<GpuUse> {
    if first.is_empty() {
        return second.to_vec();
    }
    for (one, other) in first.iter_mut().zip(second) {
        *one = one.clone().and(other, weight);
    }
    first
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// By how many seconds the wall clock moved against the monotonic clock.
fn clock_jump(before: &Snapshot, after: &Snapshot) -> f64 {
    let real = match after.realtime.duration_since(before.realtime) {
        Ok(forward) => forward.as_secs_f64(),
        Err(backward) => -backward.duration().as_secs_f64(),
    };
    let elapsed = after.monotonic.duration_since(before.monotonic).as_secs_f64();
    let suspended = suspended(before, after).unwrap_or(0.0);
    real - elapsed - suspended
}

/// By how many seconds the clock that runs during suspension gained on the other one.
fn suspended(before: &Snapshot, after: &Snapshot) -> Option<f64> {
    let with = after.boottime?.checked_sub(before.boottime?)?.as_secs_f64();
    let without = after.uptime?.checked_sub(before.uptime?)?.as_secs_f64();
    Some((with - without).max(0.0))
}

/// What changed in the mask or the quota, in words.
fn budget_change(before: &Snapshot, after: &Snapshot) -> Option<String> {
    let mut changes = Vec::new();
    if let (Some(b), Some(a)) = (&before.affinity, &after.affinity)
        && b != a
    {
        changes.push(format!("the allowed CPUs changed from {b} to {a}"));
    }
    if before.quota != after.quota {
        let words = |quota: Option<f64>| quota.map_or("none".into(), |cpus| format!("{cpus} CPUs"));
        let (b, a) = (words(before.quota), words(after.quota));
        changes.push(format!("the CPU quota changed from {b} to {a}"));
    }
    (!changes.is_empty()).then(|| changes.join("; "))
}
