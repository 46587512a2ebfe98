//! The figures at each worker count, shown at the pointer.

use super::chart::{Chart, Dot, Series};
use super::frame::Frame;
use super::label::visible;
use super::scene::{Probe, ProbeRow};

/// One probe per worker count, ascending.
pub(super) fn probes(chart: &Chart, frame: &Frame) -> Vec<Probe> {
    let row = |series: &Series, dot: &Dot| ProbeRow {
        slot: series.place,
        name: visible(&series.name),
        y: frame.spot(dot.x, dot.y).1,
        text: visible(&match dot.interval {
            Some([low, high]) => chart.quantity.interval(dot.y, low, high),
            None => chart.quantity.text(dot.y),
        }),
    };
    let probe = |count: f64| Probe {
        x: frame.across.place(count),
        title: chart.along.place(count),
        rows: chart
            .series
            .iter()
            .filter_map(|series| {
                let dot = series.dots.iter().find(|dot| dot.x.total_cmp(&count).is_eq())?;
                dot.y.is_finite().then(|| row(series, dot))
            })
            .collect(),
    };
    chart.counts().into_iter().map(probe).collect()
}
