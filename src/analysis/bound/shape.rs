//! The shape of a curve, and what the law that describes it says about the cause.

use super::super::findings::Law;
use super::super::laws::Level;
use super::{Evidence, FLAT, NEARLY_ALL};
use crate::units::Quantity;

/// The shape of a curve.
pub(super) struct Shape {
    pub(super) first: f64,
    /// The smallest count with nearly all of the throughput: the curve bends here.
    pub(super) knee: f64,
    pub(super) last: f64,
    /// Throughput at the best count over throughput at the first.
    pub(super) gain: f64,
    /// Throughput at the last count over throughput at the best.
    pub(super) tail: f64,
}

impl Shape {
    pub(super) fn of(levels: &[Level]) -> Option<Self> {
        let (first, last) = (levels.first()?, levels.last()?);
        if levels.len() < 2 {
            return None;
        }
        let best = levels.iter().map(|level| level.log).fold(f64::NEG_INFINITY, f64::max);
        Some(Self {
            first: first.workers,
            knee: levels.iter().find(|level| level.log >= best + (1.0 - NEARLY_ALL).ln())?.workers,
            last: last.workers,
            gain: (best - first.log).exp(),
            tail: (last.log - best).exp(),
        })
    }

    /// The shape in words.
    pub(super) fn sentence(&self, evidence: &Evidence) -> String {
        let knee = self.knee;
        let named = evidence
            .usable_cpus
            .filter(|cpus| (cpus.ceil() - knee).abs() < 1e-9)
            .map_or_else(String::new, |_| " = the usable cores".to_owned());
        if self.gain < FLAT && self.tail > 1.0 - NEARLY_ALL {
            return format!("flat from {} to {} workers", self.first, self.last);
        }
        if self.knee <= self.first && self.tail <= 1.0 - NEARLY_ALL {
            let loss = 100.0 * (1.0 - self.tail);
            return format!("best at {}; {loss:.0} % lost at {} workers", self.first, self.last);
        }
        let gain = self.gain;
        if self.knee >= self.last {
            return format!("{gain:.1} x from {} to {knee}{named}, still rising there", self.first);
        }
        let beyond = if self.tail > 1.0 - NEARLY_ALL {
            format!("flat beyond {knee}{named}")
        } else {
            format!(
                "{:.0} % less at {} than at {knee}{named}",
                100.0 * (1.0 - self.tail),
                self.last
            )
        };
        format!("{gain:.1} x from {} to {knee}; {beyond}", self.first)
    }
}

/// What the law that describes a curve says about the cause. It is only a hint if the workers were
/// not observed.
pub(super) fn meaning(law: &Law) -> Option<String> {
    let of = |name: &str| law.coefficients.get(name).map(|e| e.median);
    Some(match law.name.as_str() {
        "linear" => "grows in proportion: within these counts nothing shared limits it".to_owned(),
        "amdahl" => format!(
            "Amdahl's law describes it: {} of the work goes through something that serves one at a \
             time",
            Quantity::Share.text(of("sigma")?)
        ),
        "usl" => format!(
            "the Universal Scalability Law describes it: {} of the work serves one at a time, and \
             workers get into one another's way beyond that",
            Quantity::Share.text(of("sigma")?)
        ),
        "saturation" => format!(
            "saturation describes it: something is full at {:.1} times the throughput of one, from \
             about that many workers on",
            of("cap")? / of("lambda")?
        ),
        "saturation-decline" => format!(
            "saturation with decline describes it: something is full from about {:.1} workers on, \
             and more workers disturb each other",
            of("cap")? / of("lambda")?
        ),
        "flat" => "one worker already fills what limits it".to_owned(),
        _ => return None,
    })
}
