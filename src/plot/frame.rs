//! The plotting area: where figures lie in it, and where lines leave it.

use super::chart::Dot;
use super::scale::Scale;
use super::scene::Spot;

/// The plotting area with its two scales.
pub(super) struct Frame {
    pub(super) across: Scale,
    pub(super) up: Scale,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
    pub(super) ticks: Vec<(f64, String)>,
}

impl Frame {
    /// The pixel of a figure, kept within the plotting area.
    pub(super) fn spot(&self, x: f64, y: f64) -> Spot {
        (self.across.place(x), self.up.place(y).clamp(self.top, self.bottom))
    }
}

/// The part of a line inside the plotting area, cut where it crosses the top.
pub(super) fn below_top(line: impl Iterator<Item = (f64, f64)>, frame: &Frame) -> Vec<Spot> {
    let mut path: Vec<Spot> = Vec::new();
    let mut last: Option<Spot> = None;
    for (x, y) in line {
        let here = (frame.across.place(x), frame.up.place(y));
        if !here.1.is_finite() || here.1 > frame.bottom + 0.5 {
            last = None;
            continue;
        }
        if here.1 < frame.top {
            if let Some((x0, y0)) = last {
                let share = (y0 - frame.top) / (y0 - here.1);
                path.push((x0 + share * (here.0 - x0), frame.top));
            }
            break;
        }
        path.push(here);
        last = Some(here);
    }
    // Points on a straight line add nothing to its ends.
    if let [first, middle, .., end] = path[..] {
        let expected = first.1 + (end.1 - first.1) * (middle.0 - first.0) / (end.0 - first.0);
        let straight = path.iter().all(|spot| {
            let on = first.1 + (end.1 - first.1) * (spot.0 - first.0) / (end.0 - first.0);
            (on - spot.1).abs() < 0.05
        });
        if straight && (expected - middle.1).abs() < 0.05 {
            return vec![first, end];
        }
    }
    path
}

/// The interval of a dot with its two caps; `None` if it is smaller than the marker.
pub(super) fn whisker(dot: &Dot, frame: &Frame) -> Option<[Vec<Spot>; 3]> {
    let [low, high] = dot.interval?;
    if !(low.is_finite() && high.is_finite()) {
        return None;
    }
    let (x, bottom) = frame.spot(dot.x, low);
    let (_, top) = frame.spot(dot.x, high);
    let cap = |y: f64| vec![(x - 4.0, y), (x + 4.0, y)];
    (bottom - top > 3.0).then(|| [vec![(x, bottom), (x, top)], cap(bottom), cap(top)])
}
