//! What was measured of one entry of the plan: its serial cell, a curve for each other mode, and a
//! contender for each of them.

use super::findings::{Cost, Curve, Point};
use super::limits;
use super::round::Rounded;
use super::run::Context;
use super::series::Series;
use super::verdict::Contender;
use crate::plan::{Candidates, Entry, Mode, Tariff};

/// CPUs are full if the work uses this share of them: at most a ninth more is left to gain, about
/// what a settled answer may miss.
const FULL: f64 = 0.9;

/// The measurements of one entry.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) serial: Option<Point>,
    pub(super) curves: Vec<Curve>,
    /// Serial first, then one contender for each curve that has a knee.
    pub(super) contenders: Vec<Contender>,
}

impl Context<'_> {
    /// Collects the measurements of an entry.
    pub(super) fn measured(&self, at: usize, entry: &Entry) -> Measured {
        let plan = &self.record.header.plan;
        let serial = Series::of(self.record, at, Mode::Serial);
        let baseline = serial.observations();
        let seed = self.seed(at, Mode::Serial);
        let evidence = self.evidence(at, entry, &serial);
        let alone = serial.curve(Vec::new(), evidence, plan.tolerance, seed);
        let mut alone = alone.points.into_iter().next();
        let tariff = plan.tariff_of(entry);
        if let Some(point) = &mut alone {
            point.cost = cost(point, tariff.as_ref());
        }
        let mut contenders: Vec<Contender> =
            Contender::serial(baseline.clone()).into_iter().collect();
        let mut curves = Vec::new();
        for planned in entry.series.iter().filter(|series| series.mode != Mode::Serial) {
            let mode = planned.mode;
            let series = Series::of(self.record, at, mode);
            if series.rounds.is_empty() {
                continue;
            }
            let (base, seed) = (baseline.clone(), self.seed(at, mode));
            let evidence = self.evidence(at, entry, &series);
            let crowded = evidence.crowded_beyond();
            let mut curve = series.curve(base, evidence, plan.tolerance, seed);
            let (asked, own) = (&planned.candidates, series.observations());
            // A user who lists counts asks about these alone. Where the CPUs are full, no other
            // count can gain much.
            let usable = self.record.header.machine.budget.usable();
            let full = series.cpus_used_at_the_largest().is_some_and(|used| used >= FULL * usable);
            if let Some(found) = curve.optimum.as_mut()
                && (full || matches!(asked, Candidates::Exactly { .. }))
            {
                found.rising = false;
            }
            for point in &mut curve.points {
                point.cost = cost(point, tariff.as_ref());
            }
            curve.limits = limits::choose(&curve, &plan.limits, &own, plan.tolerance);
            contenders.extend(Contender::of(mode, &curve, &own, (asked, crowded)));
            curves.push(curve);
        }
        Measured { serial: alone, curves, contenders }
    }
}

/// The price of a unit at this count.
fn cost(point: &Point, tariff: Option<&Tariff>) -> Option<Cost> {
    let tariff = tariff?;
    let per_unit = tariff.per_unit(point.workers, point.throughput.median)?.rounded();
    Some(Cost { per_unit, currency: tariff.currency.clone() })
}
