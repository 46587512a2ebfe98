//! Tasks end in no fixed order.

use std::collections::BTreeSet;
use std::time::Duration;

use knee_process::Pool;

use super::figures::{Figure, picture};
use super::pool::Span;
use super::{Experiment, Measured, Place, Verdict};
use crate::clock;

pub(super) const EXPERIMENT: Experiment = Experiment {
    id: "order",
    claim: "Tasks of a pool end in no fixed order",
    bent_by_load: false,
    run,
};

/// Number of tasks given at once.
const TASKS: usize = 24;
/// Number of repetitions.
const RUNS: usize = 20;
/// Microseconds that tasks work, in turn: real tasks differ too.
const LENGTHS: [u64; 3] = [300, 600, 900];

/// Works for some microseconds.
pub(super) fn worked(microseconds: u64) -> Span {
    let start = clock::shared_nanos();
    while clock::shared_nanos() - start < microseconds * 1000 {
        std::hint::spin_loop();
    }
    (start, clock::shared_nanos())
}

fn run(place: &Place) -> Result<Measured, String> {
    let told = |error: knee_process::Error| error.to_string();
    let workers = place.cores.max(2);
    let pool = Pool::builder().workers(workers).build().map_err(told)?;
    pool.wait_ready(Duration::from_secs(10)).map_err(told)?;
    let mut orders = BTreeSet::new();
    let mut as_given = 0;
    for _ in 0..RUNS {
        let handles: Vec<_> = (0..TASKS)
            .map(|task| pool.apply_async(worked, (LENGTHS[task % LENGTHS.len()],)))
            .collect::<Result<_, _>>()
            .map_err(told)?;
        let ends: Vec<u64> = handles
            .into_iter()
            .map(|handle| handle.wait().map(|span: Span| span.1))
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())?;
        let mut order: Vec<usize> = (0..ends.len()).collect();
        order.sort_by_key(|task| ends[*task]);
        as_given += usize::from(order.is_sorted());
        orders.insert(order);
    }
    let figures = vec![
        Figure::exactly("different orders", orders.len() as f64),
        Figure::exactly("in the order given", as_given as f64),
    ];
    let verdict = match (orders.len(), as_given) {
        (1, RUNS) => Some(false),
        // It was always the same order, though another one than that given: more runs might differ.
        (1, _) => None,
        _ => Some(true),
    };
    Ok(Measured {
        verdict: Verdict::of(verdict),
        evidence: format!(
            "{TASKS} tasks of {} to {} µs, given {RUNS} times to {workers} processes, ended in {} \
             different orders, {as_given} times in the order given; their results came back in the \
             order asked for each time",
            LENGTHS[0],
            LENGTHS[LENGTHS.len() - 1],
            orders.len()
        ),
        picture: picture(
            "Orders in which the same tasks ended",
            &figures,
            Some(("all runs", RUNS as f64)),
        ),
        figures,
    })
}
