//! What a mode itself costs, and from what task length on it pays.

use super::findings::Price;
use super::series::Series;
use crate::run::Sample;

/// What the empty task costs, in seconds per task.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Empty {
    /// In the serial loop.
    serial: Option<f64>,
    /// With one worker of the mode.
    alone: Option<f64>,
    /// At the best count of the mode, with all workers together.
    best: Option<f64>,
    /// Seconds to launch one worker.
    launch: Option<f64>,
    /// Seconds that measuring adds to each task.
    measuring: Option<f64>,
}

impl Empty {
    /// From the series of the empty workload, if it was measured.
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
            launch: mode.and_then(|series| series.median(Sample::launch_per_worker)),
            measuring: None,
        }
    }

    /// From measurements beside the work: seconds per task with one worker, and with all workers
    /// kept busy; and what measuring adds, if that is known.
    pub(super) fn known(alone: f64, best: f64, measuring: Option<f64>) -> Self {
        let (alone, best) = (Some(alone), Some(best));
        Self { serial: Some(0.0), alone, best, launch: None, measuring }
    }

    /// Seconds that handing out a task costs beyond the serial loop.
    pub(super) fn dispatch(&self) -> Option<f64> {
        Some((self.alone? - self.serial.unwrap_or(0.0)).max(0.0))
    }

    /// The task length from which the gain of `parallel` workers exceeds the price of handing out.
    /// 0 if it always does, `None` if it never does.
    ///
    /// A task of t seconds takes t + serial alone, and best + t / parallel in the crew. Both are
    /// equal at t = (best - serial) / (1 - 1 / parallel).
    fn break_even(&self, parallel: f64) -> Option<f64> {
        let (serial, best) = (self.serial?, self.best?);
        (parallel > 1.0).then(|| ((best - serial) / (1.0 - 1.0 / parallel)).max(0.0))
    }
}

/// The price of a mode. `crossing` is the break-even length that was measured. Without it, the
/// length is calculated from `parallel`, the speed-up that long tasks reach.
pub(super) fn price(
    empty: &Empty,
    own_launch: Option<f64>,
    crossing: Option<f64>,
    parallel: f64,
) -> Option<Price> {
    let price = Price {
        launch: empty.launch.or(own_launch),
        dispatch: empty.dispatch(),
        break_even: crossing.or_else(|| empty.break_even(parallel)),
        measuring: empty.measuring,
    };
    let known = [price.launch, price.dispatch, price.break_even, price.measuring];
    known.iter().any(Option::is_some).then_some(price)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_tasks_give_the_break_even_where_no_sweep_does() {
        let empty = Empty {
            serial: Some(1e-7),
            alone: Some(4.1e-6),
            best: Some(2.1e-6),
            launch: Some(0.01),
            measuring: None,
        };
        let price = price(&empty, None, None, 2.0).unwrap();
        assert!((price.dispatch.unwrap() - 4e-6).abs() < 1e-12);
        assert!((price.break_even.unwrap() - 4e-6).abs() < 1e-12);
        assert!(empty.break_even(1.0).is_none());
        let seen = super::price(&empty, None, Some(7e-6), 2.0).unwrap();
        assert!((seen.break_even.unwrap() - 7e-6).abs() < 1e-12, "what was seen counts more");
        assert!(super::price(&Empty::default(), None, None, 2.0).is_none());
    }
}
