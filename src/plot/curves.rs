//! Turns curves into charts: throughput, speed-up, efficiency and latency over workers, for the
//! modes of one workload or for several machines.

use super::chart::{Along, Band, Chart, Dot, Mark, Range, Reference, Series};
use super::palette;
use super::scale::{self, Spacing};
use super::scene::Dash;
use crate::analysis::findings::{Curve, Estimate, Optimum, Point, TaskLength};
use crate::units::{Quantity, count_set, workers};

/// Curves that share their axes.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// The workload and its parameters.
    pub subject: &'a str,
    /// What is counted, in the plural.
    pub unit_many: &'a str,
    /// Each curve with its name here: its mode, its file or its machine.
    pub curves: Vec<(&'a str, &'a Curve)>,
    /// The serial cell.
    pub serial: Option<&'a Point>,
    /// Usable CPUs, if they are the same for all curves.
    pub usable_cpus: Option<f64>,
    /// The best worker count by the textbook.
    pub textbook: Option<f64>,
    /// The curve whose optimum, knee and law are drawn.
    pub leading: Option<usize>,
    /// The same work in tasks of other lengths.
    pub lengths: &'a [TaskLength],
}

impl<'a> View<'a> {
    /// A view of curves without anything else: measurements from elsewhere, or several machines.
    pub fn plain(subject: &'a str, unit_many: &'a str, curves: Vec<(&'a str, &'a Curve)>) -> Self {
        let leading = (curves.len() == 1).then_some(0);
        Self {
            subject,
            unit_many,
            curves,
            serial: None,
            usable_cpus: None,
            textbook: None,
            leading,
            lengths: &[],
        }
    }

    /// The palette index of each curve.
    pub fn places(&self) -> Vec<usize> {
        palette::places(self.curves.iter().map(|(name, _)| *name))
    }

    /// The leading curve, with its palette index.
    fn leader(&self) -> Option<(&'a Curve, usize)> {
        let index = self.leading?;
        Some((self.curves.get(index)?.1, self.places()[index]))
    }

    /// Throughput over workers, with everything that is known about it.
    pub fn throughput(&self) -> Chart {
        let mut chart = self.chart("Throughput over workers", Quantity::rate(self.unit_many));
        if let Some(serial) = self.serial {
            let place = palette::SERIAL;
            chart.series.push(line("serial", place, vec![dot(serial, &serial.throughput, None)]));
        }
        self.fill(&mut chart, |point| Some(point.throughput));
        if let Some(slope) = self.ideal_rate() {
            let name = "ideal (linear)".to_owned();
            chart.references.push(Reference { name, slope, intercept: 0.0 });
        }
        self.answer(&mut chart);
        chart
    }

    /// Several machines or runs: without an ideal line, and with a ring at every knee.
    pub fn comparison(&self) -> Chart {
        let mut chart =
            self.chart("Throughput over workers, compared", Quantity::rate(self.unit_many));
        self.fill(&mut chart, |point| Some(point.throughput));
        chart
    }

    /// Speed-up against serial, with the line of perfect scaling.
    pub fn speedup(&self) -> Chart {
        let mut chart = self.chart("Speed-up over workers", Quantity::Ratio);
        self.fill(&mut chart, |point| point.speedup);
        chart.references.push(Reference { name: "ideal".to_owned(), slope: 1.0, intercept: 0.0 });
        self.cores(&mut chart);
        chart
    }

    /// Speed-up per worker.
    pub fn efficiency(&self) -> Chart {
        let mut chart = self.chart("Efficiency over workers", Quantity::Share);
        self.fill(&mut chart, |point| point.efficiency);
        chart.up = Spacing::Linear;
        chart.references.push(Reference { name: "ideal".to_owned(), slope: 0.0, intercept: 1.0 });
        self.cores(&mut chart);
        if let Some((curve, place)) = self.leader() {
            Self::kept(&mut chart, curve, place);
        }
        chart
    }

    /// The price of this many units, where known.
    pub fn cost(&self, title: &str, units: f64) -> Chart {
        let mut chart = self.chart(title, Quantity::Number);
        self.fill(&mut chart, |point| {
            let median = point.cost.as_ref()?.per_unit * units;
            // Prices are exact, so the cost is as uncertain as the throughput.
            let Estimate { median: rate, low, high } = point.throughput;
            let end = |end: f64| if end > 0.0 { median * rate / end } else { median };
            Some(Estimate { median, low: end(high), high: end(low) })
        });
        self.cores(&mut chart);
        chart
    }

    /// Median and 99th percentile of the task latency.
    pub fn latency(&self) -> Chart {
        let mut chart = self.chart("Task latency over workers", Quantity::Duration);
        for ((name, curve), place) in self.curves.iter().zip(self.places()) {
            for (percentile, dash) in [("p50", Dash::Solid), ("p99", Dash::Dashed)] {
                let figure = |point: &Point| {
                    let y = match dash {
                        Dash::Solid => point.latency?.p50,
                        _ => point.p99()?,
                    };
                    Some(Dot { x: point.workers, y, interval: None, ringed: false })
                };
                let dots: Vec<Dot> = curve.points.iter().filter_map(figure).collect();
                if !dots.is_empty() {
                    chart.series.push(Series {
                        dash,
                        ..line(&format!("{name} {percentile}"), place, dots)
                    });
                }
            }
        }
        space(&mut chart);
        self.cores(&mut chart);
        if let Some((curve, place)) = self.leader() {
            Self::kept(&mut chart, curve, place);
        }
        chart
    }

    /// Speed-up against serial over the length of a task. Below 1, a mode costs more than it gains.
    pub fn lengths(&self) -> Chart {
        let mut chart = self.chart("Speed-up over the length of a task", Quantity::Ratio);
        chart.along = Along::TaskLength;
        for ((name, _), place) in self.curves.iter().zip(self.places()) {
            let result = |length: &TaskLength| {
                let result = length.modes.iter().find(|result| result.mode == *name)?;
                let Estimate { median, low, high } = result.speedup;
                Some(Dot { x: length.task, y: median, interval: Some([low, high]), ringed: false })
            };
            let dots: Vec<Dot> = self.lengths.iter().filter_map(result).collect();
            if !dots.is_empty() {
                chart.series.push(line(name, place, dots));
            }
        }
        chart.across = Spacing::Logarithmic;
        chart.references.push(Reference { name: "serial".to_owned(), slope: 0.0, intercept: 1.0 });
        chart
    }

    fn chart(&self, title: &str, quantity: Quantity) -> Chart {
        Chart::new(title, self.subject, quantity)
    }

    /// One series per curve, with one figure per point.
    fn fill(&self, chart: &mut Chart, figure: impl Fn(&Point) -> Option<Estimate>) {
        for ((name, curve), place) in self.curves.iter().zip(self.places()) {
            let knee = curve.knee.as_ref().map(|knee| knee.workers);
            let dots: Vec<Dot> = curve
                .points
                .iter()
                .filter_map(|point| Some(dot(point, &figure(point)?, knee)))
                .collect();
            if !dots.is_empty() {
                chart.series.push(line(name, place, dots));
            }
        }
        space(chart);
    }

    /// The rate of a single worker: that of the serial cell, or of the smallest count of the
    /// leading curve (or else of the first).
    fn ideal_rate(&self) -> Option<f64> {
        let first = || {
            let (_, curve) = self.curves.get(self.leading.unwrap_or(0))?;
            let point = curve.points.first().filter(|point| point.workers > 0.0)?;
            Some(point.throughput.median / point.workers)
        };
        let serial = self.serial.map(|serial| serial.throughput.median);
        serial.or_else(first).filter(|rate| rate.is_finite())
    }

    /// The set, the knee and the law of the leading curve; the machine's cores; the textbook's
    /// count.
    fn answer(&self, chart: &mut Chart) {
        self.cores(chart);
        if let Some(x) = self.textbook {
            let name = format!("textbook: {}", workers(x));
            chart.marks.push(Mark { name, x, place: None });
        }
        let Some((curve, place)) = self.leader() else { return };
        chart.range = curve.optimum.as_ref().and_then(|optimum| {
            let name = format!("as good: {}", set_text(curve)?);
            let set = as_good(curve, optimum);
            let (from, to) = (*set.first()?, *set.last()?);
            Some(Range { name, place, from, to })
        });
        if let Some(knee) = &curve.knee {
            let name = format!("knee: {}", workers(knee.workers));
            chart.marks.push(Mark { name, x: knee.workers, place: Some(place) });
        }
        Self::kept(chart, curve, place);
        let chosen = curve.laws.iter().find(|law| law.chosen && !law.band.is_empty());
        chart.band = chosen.map(|law| Band {
            name: format!("{}, 95 % band", law_name(&law.name)),
            place,
            points: law.band.clone(),
        });
    }

    /// The count that keeps the user's limits.
    fn kept(chart: &mut Chart, curve: &Curve, place: usize) {
        let Some(limits) = &curve.limits else { return };
        if let Some(x) = limits.workers {
            let name = format!("{}: {}", limits.asked.join(", "), workers(x));
            chart.marks.push(Mark { name, x, place: Some(place) });
        }
    }

    fn cores(&self, chart: &mut Chart) {
        let (low, high) = scale::extent(&chart.counts());
        if let Some(x) = self.usable_cpus.filter(|cpus| (low..=high).contains(cpus)) {
            let noun = if (x - 1.0).abs() < 1e-9 { "core" } else { "cores" };
            let name = format!("{} usable {noun}", Quantity::Count.text(x));
            chart.marks.push(Mark { name, x, place: None });
        }
    }
}

/// The counts that are as good as any, as text. Neighbouring measured counts are joined to ranges.
pub fn set_text(curve: &Curve) -> Option<String> {
    let measured: Vec<f64> = curve.points.iter().map(|point| point.workers).collect();
    curve.optimum.as_ref().map(|optimum| count_set(as_good(curve, optimum), &measured))
}

/// Every count that is not shown to cost more than the tolerance. Older findings know only the
/// counts that cannot be told apart.
fn as_good<'c>(curve: &'c Curve, optimum: &'c Optimum) -> &'c [f64] {
    let known = curve.knee.as_ref().map(|knee| knee.as_good.as_slice());
    known.filter(|known| !known.is_empty()).unwrap_or(&optimum.set)
}

/// The usual name of a law.
pub fn law_name(name: &str) -> String {
    match name {
        "usl" => "USL".to_owned(),
        "amdahl" => "Amdahl's law".to_owned(),
        "linear" => "Linear law".to_owned(),
        "flat" => "Flat law".to_owned(),
        "saturation" => "Saturation law".to_owned(),
        "saturation-decline" => "Saturation with decline".to_owned(),
        other => other.to_owned(),
    }
}

/// Chooses the spacing of both axes from the figures.
fn space(chart: &mut Chart) {
    chart.across = scale::spacing_of_counts(&chart.counts());
    // If counts are spaced by factors, figures that grow with them are too, so that proportion
    // stays a straight line.
    let figures: Vec<f64> = chart.dots().map(|dot| dot.y).collect();
    let wide = scale::spacing_of_values(&figures);
    chart.up = if chart.across == Spacing::Logarithmic { wide } else { Spacing::Linear };
}

fn line(name: &str, place: usize, dots: Vec<Dot>) -> Series {
    Series { name: name.to_owned(), place, dash: Dash::Solid, named: true, dots }
}

fn dot(point: &Point, figure: &Estimate, knee: Option<f64>) -> Dot {
    Dot {
        x: point.workers,
        y: figure.median,
        interval: Some([figure.low, figure.high]),
        ringed: knee.is_some_and(|knee| (knee - point.workers).abs() < 1e-9),
    }
}
