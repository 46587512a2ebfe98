//! What a mode itself costs, and from which task length it pays.

use super::findings::Price;
use super::series::Series;

/// What the empty task costs: seconds per task in the serial loop, and in each mode at one worker and at its most.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Empty {
    /// Of the serial loop.
    serial: Option<f64>,
    /// Of one worker of the mode.
    alone: Option<f64>,
    /// Of the mode at its best count: all workers together.
    best: Option<f64>,
    /// To launch a crew of one.
    launch: Option<f64>,
}

impl Empty {
    /// From the series of the empty workload, where it was measured.
    pub(super) fn of(serial: Option<&Series<'_>>, mode: Option<&Series<'_>>) -> Self {
        let seconds = |series: &Series<'_>, workers: f64| {
            series.median_of(workers, |s| Some(s.tasks as f64 / s.units as f64 / s.throughput))
        };
        let counts = mode.map(|series| {
            let mut counts: Vec<f64> = series.observations().iter().map(|o| o.workers).collect();
            counts.sort_by(f64::total_cmp);
            counts.dedup();
            counts
        });
        let best = mode.zip(counts).and_then(|(series, counts)| {
            counts.into_iter().filter_map(|n| seconds(series, n)).reduce(f64::min)
        });
        Self {
            serial: serial.and_then(|series| seconds(series, 1.0)),
            alone: mode.and_then(|series| seconds(series, 1.0)),
            best,
            launch: mode.and_then(|series| series.median_of(1.0, |s| Some(s.launch))),
        }
    }

    /// Seconds that handing out a task costs beyond the serial loop.
    pub(super) fn dispatch(&self) -> Option<f64> {
        Some((self.alone? - self.serial.unwrap_or(0.0)).max(0.0))
    }

    /// The task length from which `parallel` workers' worth of computing outweighs the handing out: 0 where it always does, `None` where it never does.
    ///
    /// A task of t seconds takes t + serial alone, and the crew needs best + t / parallel for it; equal at t = (best - serial) / (1 - 1 / parallel).
    fn break_even(&self, parallel: f64) -> Option<f64> {
        let (serial, best) = (self.serial?, self.best?);
        (parallel > 1.0).then(|| ((best - serial) / (1.0 - 1.0 / parallel)).max(0.0))
    }
}

/// How a mode did on tasks of one length: seconds of the task, throughput at its knee over that of serial.
pub(super) type Tried = (f64, f64);

/// The price of a mode. `tried` are the lengths at which it was measured, with `parallel` the speed-up that long tasks reach.
pub(super) fn price(
    empty: &Empty,
    own_launch: Option<f64>,
    tried: &[Tried],
    parallel: f64,
) -> Option<Price> {
    let price = Price {
        launch: empty.launch.or(own_launch),
        dispatch: empty.dispatch(),
        break_even: crossing(tried).or_else(|| empty.break_even(parallel)),
    };
    (price != Price { launch: None, dispatch: None, break_even: None }).then_some(price)
}

/// The task length at which the ratio to serial crosses 1 for good, between two measured lengths on logarithmic axes.
///
/// `None` where fewer than three lengths were measured, or where the crossing lies outside of them.
fn crossing(tried: &[Tried]) -> Option<f64> {
    let mut sorted: Vec<Tried> =
        tried.iter().copied().filter(|(task, ratio)| *task > 0.0 && *ratio > 0.0).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    if sorted.len() < 3 {
        return None;
    }
    let at = sorted.windows(2).rposition(|pair| pair[0].1 < 1.0 && pair[1].1 >= 1.0)?;
    let ((short, low), (long, high)) = (sorted[at], sorted[at + 1]);
    // Every longer length must win too, else the lengths do not decide it.
    if sorted[at + 1..].iter().any(|(_, ratio)| *ratio < 1.0) {
        return None;
    }
    let part = -low.ln() / (high.ln() - low.ln());
    Some(short * (long / short).powf(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_of_lengths_gives_the_crossing() {
        let tried = [(1e-6, 0.1), (1e-4, 4.0), (1e-5, 0.5), (1e-3, 1.9)];
        let at = crossing(&tried).unwrap();
        // From 0.5 to 4 on logarithms, 1 is a third of the way from 1e-5 to 1e-4.
        assert!((at / (1e-5 * 10_f64.powf(1.0 / 3.0)) - 1.0).abs() < 1e-9, "{at}");
        assert!(crossing(&tried[..2]).is_none());
        assert!(crossing(&[(1e-6, 2.0), (1e-5, 2.0), (1e-4, 2.0)]).is_none());
    }

    #[test]
    fn empty_tasks_give_the_break_even_where_no_sweep_does() {
        let empty = Empty {
            serial: Some(1e-7),
            alone: Some(4.1e-6),
            best: Some(2.1e-6),
            launch: Some(0.01),
        };
        let price = price(&empty, None, &[], 2.0).unwrap();
        assert!((price.dispatch.unwrap() - 4e-6).abs() < 1e-12);
        assert!((price.break_even.unwrap() - 4e-6).abs() < 1e-12);
        assert!(empty.break_even(1.0).is_none());
        assert!(super::price(&Empty::default(), None, &[], 2.0).is_none());
    }
}
