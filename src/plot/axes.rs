//! The range of the axes of a chart, and the texts of their ticks.

use super::chart::{Chart, Dot};
use super::label::visible;
use super::scale::{self, Scale, Spacing};
use crate::units::Quantity;

/// The axis ends a little above the highest figure.
const HEAD_ROOM: f64 = 1.06;

/// The range of the counts, with some space on both sides.
pub(super) fn horizontal_range(chart: &Chart) -> [f64; 2] {
    let counts = chart.counts();
    let (low, high) = scale::extent(&counts);
    if counts.len() < 2 {
        return [low - 1.0, high + 1.0];
    }
    match chart.across {
        Spacing::Linear => {
            let air = (high - low) * 0.05;
            [low - air, high + air]
        }
        Spacing::Logarithmic => {
            let air = (high / low).powf(0.05);
            [low / air, high * air]
        }
    }
}

/// A linear axis begins at zero and has head room for the intervals. The law and the references may
/// leave it at the top.
pub(super) fn vertical_range(chart: &Chart) -> ([f64; 2], Spacing) {
    let ends = |dot: &Dot| {
        let [low, high] = dot.interval.unwrap_or([dot.y, dot.y]);
        // An interval much wider than its figure must not squeeze the curve.
        [dot.y, low.max(dot.y / 3.0), high.min(dot.y * 3.0)]
    };
    let values: Vec<f64> = chart.dots().flat_map(ends).collect();
    let (low, high) = scale::extent(&values);
    match chart.up {
        Spacing::Logarithmic if low > 0.0 => ([low / 1.25, high * 1.25], Spacing::Logarithmic),
        _ => ([low.min(0.0), if high > 0.0 { high * HEAD_ROOM } else { 1.0 }], Spacing::Linear),
    }
}

/// The texts of the ticks, and the unit that they share.
pub(super) fn tick_texts(
    quantity: &Quantity,
    up: &Scale,
    ticks: &[f64],
) -> (Vec<(f64, String)>, String) {
    let label =
        |text: &dyn Fn(f64) -> String| ticks.iter().map(|tick| (*tick, text(*tick))).collect();
    if up.lowest() > 0.0 && up.highest() / up.lowest() > 100.0 {
        // One unit for all ticks would need too many zeros, so each tick has its own prefix.
        return match quantity {
            Quantity::Rate(_) => {
                let unit = visible(quantity.scale(0.0).unit());
                (label(&|tick| Quantity::Number.round_text(tick)), unit)
            }
            _ => (label(&|tick| quantity.round_text(tick)), String::new()),
        };
    }
    // A sign that touches its figure stands at every tick, not once above them.
    if matches!(quantity, Quantity::Ratio | Quantity::Share) {
        return (label(&|tick| quantity.round_text(tick)), String::new());
    }
    let scale = quantity.scale(up.highest() / HEAD_ROOM);
    (label(&|tick| scale.round(tick)), visible(scale.unit()))
}
