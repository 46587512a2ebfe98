//! Judges whether a round was disturbed, by how much, and whether it should be measured again.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Ledger;

/// A larger share of steal is reported.
pub const STEAL_MARK: f64 = 0.02;
/// A larger share of steal makes a round disturbed.
pub const STEAL_REPEAT: f64 = 0.05;
/// A round is disturbed if others use more than this share of its CPUs.
pub const FOREIGN_REPEAT: f64 = 0.05;
/// A round is disturbed if tasks wait for memory for more than this share of the time.
pub const MEMORY_PRESSURE_REPEAT: f64 = 0.05;
/// A larger step of the wall clock, in seconds, is reported. Durations do not depend on that clock.
pub const CLOCK_JUMP_MARK: f64 = 0.5;
/// A round is disturbed if the machine was suspended for longer than this, in seconds.
pub const SUSPENDED_REPEAT: f64 = 0.001;

/// What disturbed a round.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cause {
    /// The hypervisor gave the CPU to other machines.
    Steal,
    /// Other processes used the CPUs.
    Foreign,
    /// A quota that is not visible here kept tasks from running.
    Throttled,
    /// Tasks waited for memory.
    MemoryPressure,
    /// A core was too hot and was slowed.
    Thermal,
    /// The wall clock was set.
    ClockJump,
    /// The machine was suspended.
    Suspended,
    /// knee itself was stopped, frozen or paused.
    Stopped,
    /// The allowed CPUs or the quota changed.
    BudgetChanged,
}

impl Cause {
    /// A stable word for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Steal => "oversubscribed-host",
            Self::Foreign => "foreign-load",
            Self::Throttled => "throttled",
            Self::MemoryPressure => "memory-pressure",
            Self::Thermal => "thermal",
            Self::ClockJump => "clock-jump",
            Self::Suspended => "suspended",
            Self::Stopped => "stopped",
            Self::BudgetChanged => "budget-changed",
        }
    }

    /// What happened. It completes a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Self::Steal => "the hypervisor gave CPU time to other machines",
            Self::Foreign => "other processes used the CPUs",
            Self::Throttled => "a quota that is not visible here kept tasks waiting",
            Self::MemoryPressure => "tasks waited for memory",
            Self::Thermal => "cores were slowed because they were too hot",
            Self::ClockJump => "the wall clock was set; durations do not depend on it",
            Self::Suspended => "the machine was suspended",
            Self::Stopped => "knee itself stood still and went on later",
            Self::BudgetChanged => "the allowed CPUs or the quota changed",
        }
    }

    /// What to do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Steal => {
                "measure at another time or on a host of your own; until then trust ratios more \
                 than the figures themselves"
            }
            Self::Foreign => "stop the other programs, or keep to CPUs they do not use with --cpus",
            Self::Throttled => {
                "ask who runs this container for its CPU limit, and take that for the usable CPUs"
            }
            Self::MemoryPressure => "free memory, plan fewer workers, or give --max-memory",
            Self::Thermal => "let the machine cool, and measure with less load or better cooling",
            Self::ClockJump => "nothing: only the times of day in the record are off",
            Self::Suspended => "measure again, with suspension switched off",
            Self::Stopped => "measure again without stopping it (Ctrl-Z)",
            Self::BudgetChanged => "measure again once nobody changes the limits any more",
        }
    }
}

/// What a disturbance means for the round.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The figure counts, with a remark.
    Mark,
    /// The figure is too low to be trusted. The round is measured again, or marked if that is not
    /// possible.
    Repeat,
}

/// One thing that disturbed a round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Disturbance {
    /// The cause.
    pub cause: Cause,
    /// What it means for the round.
    pub severity: Severity,
    /// The amount: a share of the CPUs or of the time, seconds, or a count, as
    /// [`Disturbance::text`] says.
    pub amount: f64,
    /// In words, with the figure.
    pub text: String,
}

impl Ledger {
    /// What disturbed the round, worst first; empty for a quiet round.
    ///
    /// A share counts only as far as it is certain: the resolution of its source is subtracted
    /// before it is compared with its limit. So a short round is never blamed for one tick of the
    /// clock. Small disturbances show in the [`total`](Ledger::total) of a block.
    pub fn disturbances(&self) -> Vec<Disturbance> {
        let mut found: Vec<Disturbance> = [
            self.stolen(),
            self.used_by_others(),
            self.throttled_by_surprise(),
            self.short_of_memory(),
            self.too_hot(),
            self.clock_was_set(),
            self.was_suspended(),
            self.was_stopped(),
            self.budget_changed(),
        ]
        .into_iter()
        .flatten()
        .collect();
        found.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.cause.cmp(&b.cause)));
        found
    }

    /// Whether the round should be measured again.
    pub fn is_disturbed(&self) -> bool {
        self.disturbances().iter().any(|found| found.severity == Severity::Repeat)
    }

    /// Share of the CPUs that others used, as far as it is certain. It may be negative.
    pub fn certain_foreign(&self) -> Option<f64> {
        Some(self.foreign? - self.foreign_resolution.unwrap_or(0.0))
    }

    /// Share of the CPUs that the hypervisor gave to other machines, as far as it is certain. It
    /// may be negative.
    pub fn certain_steal(&self) -> Option<f64> {
        Some(self.steal? - self.steal_resolution.unwrap_or(0.0))
    }

    fn stolen(&self) -> Option<Disturbance> {
        let (share, certain) = (self.steal?, self.certain_steal()?);
        let severity = graded(certain, Some(STEAL_MARK), STEAL_REPEAT)?;
        let text =
            format!("the hypervisor gave {} of the CPU time to other machines", Percent(share));
        Some(Disturbance { cause: Cause::Steal, severity, amount: share, text })
    }

    fn used_by_others(&self) -> Option<Disturbance> {
        let (share, certain) = (self.foreign?, self.certain_foreign()?);
        let severity = graded(certain, None, FOREIGN_REPEAT)?;
        let text = format!("other processes used {} of the CPUs", Percent(share));
        Some(Disturbance { cause: Cause::Foreign, severity, amount: share, text })
    }

    /// Throttling without a known quota. Under a known quota, throttling is expected: it explains
    /// the curve and disturbs nothing.
    fn throttled_by_surprise(&self) -> Option<Disturbance> {
        let share = self.throttled.filter(|share| *share > 0.0 && self.quota.is_none())?;
        let text =
            format!("a quota that is not visible here kept tasks waiting for {}", Percent(share));
        Some(Disturbance {
            cause: Cause::Throttled,
            severity: Severity::Repeat,
            amount: share,
            text,
        })
    }

    fn short_of_memory(&self) -> Option<Disturbance> {
        let share = self.memory_pressure?;
        let severity = graded(share, None, MEMORY_PRESSURE_REPEAT)?;
        let text = format!("tasks waited for memory {} of the time", Percent(share));
        Some(Disturbance { cause: Cause::MemoryPressure, severity, amount: share, text })
    }

    fn too_hot(&self) -> Option<Disturbance> {
        let events = self.thermal_events.filter(|events| *events > 0)?;
        let text = format!("cores were slowed {events} times because they were too hot");
        let severity = Severity::Repeat;
        Some(Disturbance { cause: Cause::Thermal, severity, amount: events as f64, text })
    }

    fn clock_was_set(&self) -> Option<Disturbance> {
        let jump = self.clock_jump.filter(|jump| jump.abs() > CLOCK_JUMP_MARK)?;
        let text = format!("the wall clock was set by {jump:+.1} s; durations do not depend on it");
        Some(Disturbance { cause: Cause::ClockJump, severity: Severity::Mark, amount: jump, text })
    }

    fn was_suspended(&self) -> Option<Disturbance> {
        let seconds = self.suspended.filter(|seconds| *seconds > SUSPENDED_REPEAT)?;
        let text = format!("the machine was suspended for {seconds:.3} s");
        let severity = Severity::Repeat;
        Some(Disturbance { cause: Cause::Suspended, severity, amount: seconds, text })
    }

    fn was_stopped(&self) -> Option<Disturbance> {
        let times = Some(self.stopped).filter(|times| *times > 0)?;
        let text = format!(
            "knee itself stood still {times} times and went on later: it was stopped, frozen with \
             its container or paused with its machine"
        );
        let severity = Severity::Repeat;
        Some(Disturbance { cause: Cause::Stopped, severity, amount: times as f64, text })
    }

    fn budget_changed(&self) -> Option<Disturbance> {
        let text = self.budget_change.clone()?;
        let severity = Severity::Repeat;
        Some(Disturbance { cause: Cause::BudgetChanged, severity, amount: 1.0, text })
    }
}

/// The severity of a share, by its limits.
fn graded(share: f64, mark: Option<f64>, repeat: f64) -> Option<Severity> {
    if share > repeat {
        Some(Severity::Repeat)
    } else {
        mark.filter(|mark| share > *mark).map(|_| Severity::Mark)
    }
}

/// A share, printed for people.
struct Percent(f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} %", self.0 * 100.0)
    }
}
