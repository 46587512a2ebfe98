//! Queueing theory beside the measurement, where tasks arrive at a rate.

use super::findings::{Bounds, Point, Remark, Waiting};
use super::round::Rounded;
use crate::plan::Arrivals;
use crate::stats::queueing;
use crate::units::{Quantity, workers};

/// Waits that differ by fewer seconds are equal: no clock and no thread is more exact.
const ALIKE: f64 = 200e-6;
/// Waits are also equal if their ratio lies within this range.
const ABOUT: std::ops::RangeInclusive<f64> = 0.7..=1.4;

/// How long tasks wait in theory if this many workers take them as they arrive. Each task takes
/// `service` seconds. `variation` is how much these times vary, if known.
pub(super) fn theory(
    workers: f64,
    asked: Arrivals,
    service: f64,
    variation: Option<f64>,
) -> Option<Waiting> {
    let (count, load) = (workers.round() as u32, asked.rate * service);
    let probability = queueing::erlang_c(count, load)?;
    let mean = queueing::mean_wait(count, load, service)?;
    // A time shorter than a clock can measure is 0.
    let told = |seconds: f64| if seconds < 1e-9 { 0.0 } else { seconds.rounded() };
    let general = variation.and_then(|variation| {
        let gaps = if asked.even { 0.0 } else { 1.0 };
        let [low, high] = queueing::bounds(count, load, service, gaps, variation)?;
        let about = mean * f64::midpoint(gaps, variation);
        Some(Bounds { low: told(low), about: told(about.clamp(low, high)), high: told(high) })
    });
    let busy = (load / f64::from(count)).rounded();
    Some(Waiting { busy, probability: probability.rounded(), mean: told(mean), general })
}

/// A remark on the recommended cell: theory beside measurement.
pub(super) fn remark(point: &Point, asked: Arrivals) -> Option<Remark> {
    let seen = point.at_rate?;
    let (time, share) = (&Quantity::Duration, &Quantity::Share);
    let tasks =
        format!("{} and tasks of {} at {asked}", workers(point.workers), time.text(seen.service));
    let Some(theory) = seen.theory else {
        let text =
            format!("by theory (M/M/n) {tasks} cannot keep up, and the queue grows for ever");
        return Some(Remark { warning: false, text, remedy: String::new() });
    };
    let waited = seen.waited?;
    let general = theory.general.map_or_else(String::new, |bounds| {
        let variation = seen.service_variation.unwrap_or(1.0);
        format!(
            "; times of service vary by {:.2} (1 is exponential), and for such (M/G/n) the mean \
             lies between {} and {}, at about {}",
            variation.sqrt(),
            time.text(bounds.low),
            time.text(bounds.high),
            time.text(bounds.about),
        )
    });
    let text = format!(
        "by theory (M/M/n: Erlang C) with {tasks} workers are busy {} of their time, {} of the \
         tasks wait, and all wait {} on average{general}; measured: {}, {}",
        share.text(theory.busy),
        share.text(theory.probability),
        time.text(theory.mean),
        time.text(waited),
        deviation(waited, &theory, asked),
    );
    Some(Remark { warning: false, text, remedy: String::new() })
}

/// Whether the measurement agrees with theory; if not, what may cause the difference.
fn deviation(waited: f64, theory: &Waiting, asked: Arrivals) -> &'static str {
    let is_like =
        |mean: f64| (waited - mean).abs() < ALIKE || ABOUT.contains(&(waited / mean.max(1e-9)));
    if is_like(theory.mean) {
        return "about as M/M/n says";
    }
    if let Some(general) = theory.general {
        if is_like(general.about) {
            return "about as M/G/n says: the times of service are not exponential";
        }
        if waited > general.high + ALIKE {
            return "more than any times of service explain: workers share CPUs or something else, \
                    or tasks take longer while others run";
        }
        if (general.low..=general.high).contains(&waited) {
            return "within the bounds of M/G/n";
        }
    }
    if waited < theory.mean && asked.even {
        "less: it takes exponential gaps, and these were even"
    } else if waited < theory.mean {
        "less: it takes exponential times of service, and these differ less"
    } else {
        "more: workers share CPUs or something else, or tasks take more unequal times than it takes"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Arrivals = Arrivals { rate: 80.0, even: false, most: false };

    #[test]
    fn equal_times_of_service_wait_about_half() {
        let waiting = theory(1.0, ASKED, 0.01, Some(0.0)).expect("it keeps up");
        let general = waiting.general.expect("the variation is known");
        // M/M/1 at a load of 0.8 waits 4 service times; M/D/1 waits 2.
        assert!((waiting.mean - 0.04).abs() < 1e-6, "{waiting:?}");
        assert!((general.about - 0.02).abs() < 1e-6, "{general:?}");
        assert!(general.low <= general.about && general.about <= general.high, "{general:?}");
    }

    #[test]
    fn what_deviates_is_named() {
        let waiting = theory(1.0, ASKED, 0.01, Some(0.0)).expect("it keeps up");
        assert!(deviation(0.041, &waiting, ASKED).contains("as M/M/n"));
        assert!(deviation(0.021, &waiting, ASKED).contains("as M/G/n"));
        assert!(deviation(0.5, &waiting, ASKED).contains("share CPUs"));
        let unknown = theory(1.0, ASKED, 0.01, None).expect("it keeps up");
        assert!(deviation(0.005, &unknown, ASKED).contains("differ less"));
        assert!(deviation(0.005, &unknown, Arrivals { even: true, ..ASKED }).contains("even"));
        assert_eq!(theory(1.0, Arrivals { rate: 200.0, ..ASKED }, 0.01, None), None);
    }
}
