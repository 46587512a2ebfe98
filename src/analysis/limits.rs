//! The best count that keeps the user's limits, and the price of keeping them.

use super::findings::{Curve, LimitedOptimum, Point};
use super::observation::Observation;
use super::optimum::smallest_within;
use super::round::Rounded;
use crate::plan::{Limits, Objective};
use crate::units::{Quantity, workers};

/// Figures that differ by less count as equal; then the count with more throughput is taken.
const ALIKE: f64 = 0.02;

/// The count of `curve` that keeps `limits` and serves their objective best. `None` if the user set
/// no limits and no objective.
///
/// A count with an unknown figure does not keep the limit. Of the counts that keep all limits the
/// knee is taken, by the usual rule: the smallest that costs at most the tolerance against the best
/// of them.
pub(super) fn choose(
    curve: &Curve,
    limits: &Limits,
    observations: &[Observation],
    tolerance: f64,
) -> Option<LimitedOptimum> {
    if !limits.is_set() {
        return None;
    }
    let mut kept: Vec<&Point> = Vec::new();
    let mut broken = Vec::new();
    for point in &curve.points {
        let reasons = violations(point, limits);
        if reasons.is_empty() {
            kept.push(point);
        } else {
            broken.push(format!("{}: {}", workers(point.workers), reasons.join(", ")));
        }
    }
    let chosen = match limits.objective {
        Objective::Throughput => knee(&kept, observations, tolerance),
        Objective::Latency => least(&kept, Point::p99),
        Objective::Cost => least(&kept, |point| Some(point.cost.as_ref()?.per_unit)),
        Objective::Efficiency => {
            least(&kept, |point| Some(-point.throughput.median / point.workers))
        }
    };
    let most = curve.points.iter().map(|point| point.throughput.median).fold(0.0, f64::max);
    Some(LimitedOptimum {
        asked: asked(limits),
        workers: chosen.map(|point| point.workers),
        cost: chosen
            .filter(|_| most > 0.0)
            .map(|point| (1.0 - point.throughput.median / most).max(0.0).rounded()),
        broken,
    })
}

/// The limits and the objective in words.
fn asked(limits: &Limits) -> Vec<String> {
    let mut asked = Vec::new();
    asked.extend(
        limits.tails().into_iter().map(|(tail, most)| {
            format!("{} <= {}", tail.name(), Quantity::Duration.round_text(most))
        }),
    );
    asked.extend(
        limits.max_memory.map(|most| format!("memory <= {}", Quantity::Memory.round_text(most))),
    );
    asked.extend(limits.min_efficiency.map(|least| format!("efficiency >= {least}")));
    if limits.objective != Objective::Throughput {
        let sign = if limits.objective == Objective::Cost { "least" } else { "best" };
        asked.push(format!("{sign} {}", limits.objective));
    }
    asked
}

/// The limits that a point breaks, with its figures.
fn violations(point: &Point, limits: &Limits) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut judge =
        |name: &str, limit: Option<f64>, figure: Option<f64>, sign: f64, kind: &Quantity| {
            let Some(limit) = limit else { return };
            match figure {
                None => reasons.push(format!("{name} is not known")),
                Some(figure) if sign * figure > sign * limit => {
                    reasons.push(format!("{name} {}", kind.text(figure)));
                }
                Some(_) => {}
            }
        };
    let efficiency = point.efficiency.map(|efficiency| efficiency.median);
    for (tail, most) in limits.tails() {
        judge(tail.name(), Some(most), point.tail(tail), 1.0, &Quantity::Duration);
    }
    judge("memory", limits.max_memory, point.peak_memory, 1.0, &Quantity::Memory);
    judge("efficiency", limits.min_efficiency, efficiency, -1.0, &Quantity::Number);
    reasons
}

/// The knee of the counts that keep the limits. If only other counts were measured to decide, the
/// count with the highest median.
fn knee<'p>(kept: &[&'p Point], observations: &[Observation], tolerance: f64) -> Option<&'p Point> {
    let at = |count: f64| kept.iter().copied().find(|p| (p.workers - count).abs() < 1e-9);
    let found = smallest_within(observations, tolerance, |count| at(count).is_some());
    found.and_then(at).or_else(|| {
        kept.iter().copied().max_by(|a, b| a.throughput.median.total_cmp(&b.throughput.median))
    })
}

/// The point with the smallest figure. Of equal ones, the point with the most throughput.
fn least<'p>(kept: &[&'p Point], figure: impl Fn(&Point) -> Option<f64>) -> Option<&'p Point> {
    let known = || kept.iter().copied().filter_map(|point| Some((figure(point)?, point)));
    let best = known().map(|(figure, _)| figure).min_by(f64::total_cmp)?;
    known()
        .filter(|(figure, _)| figure - best <= ALIKE * best.abs())
        .map(|(_, point)| point)
        .max_by(|a, b| a.throughput.median.total_cmp(&b.throughput.median))
}

#[cfg(test)]
mod tests {
    use super::{Curve, LimitedOptimum, Limits, Objective};
    use crate::analysis::findings::{Cost, Estimate, Latency};
    use crate::analysis::{Input, Observation, analyse_curve};

    /// A curve up to 4 workers, where the 99th percentile of latency grows with the count.
    fn curve() -> Curve {
        let mut curve = analyse_curve(&Input::plain("threads", observations(), 1));
        for point in &mut curve.points {
            let p99 = 0.01 * point.workers;
            point.latency = Some(Latency {
                mean: p99,
                p50: p99,
                p90: p99,
                p95: Some(p99),
                p99,
                p999: p99,
                max: p99,
            });
            point.peak_memory = Some(1e9 * point.workers);
            let each = point.throughput.median / point.workers / 100.0;
            point.efficiency = Some(Estimate { median: each, low: each, high: each });
        }
        curve
    }

    fn observations() -> Vec<Observation> {
        let rates = [(1.0, 100.0), (2.0, 190.0), (4.0, 300.0), (8.0, 280.0)];
        let of_count = |&(workers, rate): &(f64, f64)| {
            (0..6).map(move |i| Observation::plain(workers, rate * (1.0 + 1e-3 * f64::from(i))))
        };
        rates.iter().flat_map(of_count).collect()
    }

    fn choose(curve: &Curve, limits: &Limits) -> Option<LimitedOptimum> {
        super::choose(curve, limits, &observations(), 0.05)
    }

    fn chosen(limits: Limits) -> (Option<f64>, Option<f64>) {
        let chosen = choose(&curve(), &limits).expect("something is asked for");
        (chosen.workers, chosen.cost)
    }

    #[test]
    fn nothing_asked_for_is_nothing_found() {
        assert_eq!(choose(&curve(), &Limits::default()), None);
    }

    #[test]
    fn each_limit_is_kept_at_its_price() {
        let (count, cost) = chosen(Limits { max_p99: Some(0.025), ..Limits::default() });
        assert_eq!(count, Some(2.0));
        assert!((cost.unwrap() - 110.0 / 300.0).abs() < 0.01, "{cost:?}");
        let memory = Limits { max_memory: Some(1.5e9), ..Limits::default() };
        assert_eq!(chosen(memory).0, Some(1.0));
        let efficiency = Limits { min_efficiency: Some(0.7), ..Limits::default() };
        assert_eq!(chosen(efficiency), (Some(4.0), Some(0.0)));
    }

    #[test]
    fn impossible_limits_are_said_to_be_so() {
        let found =
            choose(&curve(), &Limits { max_p99: Some(0.001), ..Limits::default() }).unwrap();
        assert_eq!((found.workers, found.cost), (None, None));
        assert_eq!(found.broken.len(), 4);
        assert_eq!(found.broken[0], "1 worker: p99 10.0 ms");
        assert_eq!(found.asked, ["p99 <= 1 ms"]);
    }

    #[test]
    fn what_is_not_known_is_not_kept() {
        let mut curve = curve();
        curve.points[2].peak_memory = None;
        let found =
            choose(&curve, &Limits { max_memory: Some(1e12), ..Limits::default() }).unwrap();
        assert!(found.broken[0].contains("4 workers: memory is not known"), "{:?}", found.broken);
        assert_eq!(found.workers, Some(8.0));
    }

    #[test]
    fn objectives_choose_among_what_is_kept() {
        let with = |objective| Limits { objective, ..Limits::default() };
        assert_eq!(chosen(with(Objective::Latency)).0, Some(1.0));
        assert_eq!(chosen(with(Objective::Efficiency)).0, Some(1.0));
        assert_eq!(chosen(with(Objective::Cost)).0, None, "no price was named");
        let mut priced = curve();
        for point in &mut priced.points {
            // The machine costs as much as two workers: the prices are 3, 4, 6 and 10 for
            // throughputs of 100, 190, 300 and 280.
            let per_unit = (2.0 + point.workers) / point.throughput.median;
            point.cost = Some(Cost { per_unit, currency: "$".into() });
        }
        let found = choose(&priced, &with(Objective::Cost)).unwrap();
        assert_eq!((found.workers, &found.asked[0][..]), (Some(4.0), "least cost"));
        let both = Limits { min_efficiency: Some(0.9), ..with(Objective::Throughput) };
        assert_eq!(chosen(both).0, Some(2.0));
    }
}
