//! Tasks at a rate, in words: how each count did.

use crate::analysis::findings::{Point, RateAnswer, RateCell, WorkloadFindings};
use crate::analysis::held;
use crate::plan::Mode;
use crate::units::{ABSENT, Quantity, workers};

/// The cells of a workload that was given tasks at a rate, with their modes.
pub(super) fn cells(workload: &WorkloadFindings) -> impl Iterator<Item = (&str, &Point)> {
    let serial = workload.serial.iter().map(|point| (Mode::Serial.name(), point));
    let curves = workload.curves.iter();
    let others = curves.flat_map(|curve| curve.points.iter().map(|p| (curve.name.as_str(), p)));
    serial.chain(others).filter(|(_, point)| point.at_rate.is_some())
}

/// One line per cell: `threads, 1 worker: held 312/s of 500/s, 94 waiting at the end, p99 410 ms`.
pub(super) fn lines(workload: &WorkloadFindings) -> Vec<String> {
    let line = |(mode, point): (&str, &Point)| {
        let seen = point.at_rate?;
        let time = |seconds: Option<f64>| {
            seconds.map_or_else(|| ABSENT.to_owned(), |value| Quantity::Duration.text(value))
        };
        Some(format!(
            "{mode}, {}: {}, {} waiting at the end, p99 {}, at most {}{}",
            workers(point.workers),
            held(&seen),
            Quantity::Count.text(seen.backlog),
            time(point.p99()),
            time(seen.p99_at_most),
            if seen.holds { ": holds" } else { "" }
        ))
    };
    cells(workload).filter_map(line).collect()
}

/// What is recommended, or that no count is.
pub(super) fn choice(answer: &RateAnswer) -> String {
    match &answer.found {
        Some(cell) => format!("{}, {}", workers(cell.workers), cell.mode),
        None if answer.sure => format!("nothing that was tried holds {}", asked(answer)),
        None => format!("nothing is shown to hold {}", asked(answer)),
    }
}

/// The figures in brackets after the recommendation.
pub(super) fn figures(answer: &RateAnswer) -> Vec<String> {
    match (&answer.found, &answer.most) {
        (Some(cell), _) => {
            let held = Quantity::Count.text(cell.held.round());
            let mut figures = vec![if answer.asked.most {
                format!("takes {held}/s")
            } else {
                format!("holds {}", answer.asked)
            }];
            figures.extend(late(cell, answer.max_p99));
            figures
        }
        (None, Some(cell)) => {
            let most = format!("the most: {}, {}", workers(cell.workers), cell.mode);
            let held = Quantity::Count.text(cell.held.round());
            let mut figures = vec![format!("{most}, held {held}/s of {}", answer.asked)];
            figures.extend(late(cell, None));
            figures
        }
        (None, None) => Vec::new(),
    }
}

fn late(cell: &RateCell, limit: Option<f64>) -> Option<String> {
    let time = |value: f64| Quantity::Duration.text(value);
    let of = limit
        .map_or_else(String::new, |limit| format!(" of {}", Quantity::Duration.round_text(limit)));
    match (cell.p99_at_most, cell.p99) {
        (Some(most), _) => Some(format!("p99 at most {}{of}", time(most))),
        (None, Some(p99)) => Some(format!("p99 {}{of}", time(p99))),
        (None, None) => None,
    }
}

fn asked(answer: &RateAnswer) -> String {
    match answer.max_p99 {
        Some(limit) => {
            format!("{} with a p99 of {}", answer.asked, Quantity::Duration.round_text(limit))
        }
        None => answer.asked.to_string(),
    }
}
