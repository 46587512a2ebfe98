//! The measurements of a table, row by row, with everything that is left out and why.

use std::collections::{HashMap, HashSet};

use super::super::layouts::cell::{self, Beside, Cell};
use super::super::layouts::{Row, Table};
use super::super::words::units::Unit;
use super::super::words::{axis, words};
use super::super::{
    Fault, Gather, MOST_OBSERVATIONS, Noise, Observation, Request, Series, positive,
};
use super::columns::Column;
use super::figures::{Figure, Rule};
use super::{Layout, settle};

/// Rows that bear these words instead of a number of workers are no part of a sweep.
const NO_COUNTS: [&str; 18] = [
    "serial",
    "sequential",
    "seq",
    "baseline",
    "base",
    "reference",
    "ref",
    "total",
    "sum",
    "mean",
    "average",
    "avg",
    "median",
    "geomean",
    "min",
    "max",
    "std",
    "speedup",
];

/// A deviation of this share of its figure says that the figure says little.
const WILD: f64 = 0.8;

/// What is left out of a table.
#[derive(Debug, Default)]
struct LeftOut {
    zeros: usize,
    /// Numbers of workers without a figure, and what stands there instead.
    failed: Vec<(String, String)>,
    /// Rows without a number of workers.
    rows: Vec<String>,
    first: Option<Fault>,
}

/// Batches of measurements where a file holds more than any analysis needs.
#[derive(Debug)]
struct Batches {
    size: u32,
    open: HashMap<(usize, u64), (f64, u32)>,
}

/// The spread that a file states, by series.
type Spreads = HashMap<usize, (f64, f64, f64)>;

struct Taking<'a> {
    table: &'a Table,
    layout: &'a Layout,
    stem: &'a str,
    columns: Vec<&'a Column>,
    gather: Gather,
    left_out: LeftOut,
    batches: Batches,
    spreads: Spreads,
    /// Series with deviations as large as their figures.
    wild: HashSet<usize>,
}

/// All curves of a table.
pub(super) fn all(
    table: &Table,
    layout: &Layout,
    request: Request<'_>,
) -> Result<Vec<Series>, Fault> {
    let rows = (table.len() - layout.first) * layout.figures.list.len();
    // Where batches are needed, a tenth of what could be analysed says as much.
    let wanted = if rows > MOST_OBSERVATIONS { MOST_OBSERVATIONS / 10 } else { MOST_OBSERVATIONS };
    let size = rows.div_ceil(wanted).max(1) as u32;
    let mut columns: Vec<&Column> = layout.columns.iter().collect();
    columns.sort_by_key(|column| column.at);
    let mut taking = Taking {
        table,
        layout,
        stem: request.stem,
        columns,
        gather: Gather::default(),
        left_out: LeftOut::default(),
        batches: Batches { size, open: HashMap::new() },
        spreads: HashMap::new(),
        wild: HashSet::new(),
    };
    for row in table.rows_from(layout.first) {
        taking.row(row)?;
    }
    taking.finish(request)
}

impl Taking<'_> {
    fn cell(&self, row: Row<'_>, at: usize) -> Cell {
        cell::parse(row.field(at), self.columns[at].facts.decimal)
    }

    fn row(&mut self, row: Row<'_>) -> Result<(), Fault> {
        let layout = self.layout;
        let Some(workers) = self.workers(row)? else { return Ok(()) };
        let name = self.name(row);
        let stated = layout.unit.map(|at| row.field(at)).filter(|unit| !unit.is_empty());
        let given = layout.repetition.and_then(|at| row.field(at).parse().ok());
        for figure in &layout.figures.list {
            // Sweeps of different lengths leave gaps in a wide table.
            let is_gap = row.field(figure.column).is_empty() && layout.figures.list.len() > 1;
            if is_gap {
                continue;
            }
            let Some((throughput, relative, unit)) =
                self.throughput(row, figure, workers, stated)?
            else {
                continue;
            };
            let header = &self.columns[figure.column].name;
            positive(throughput)
                .map_err(|what| row.fault(header, format!("as a throughput {what}")))?;
            let full = match (&figure.series, name.is_empty()) {
                (Some(series), true) => series.clone(),
                (Some(series), false) => format!("{name}, {series}"),
                (None, true) => self.stem.to_owned(),
                (None, false) => name.clone(),
            };
            let place = self.gather.place(&full, &unit);
            if let Some(relative) = relative {
                let runs = layout.samples.and_then(|at| self.table.number(row.field(at)).ok());
                let runs = runs.filter(|runs| *runs >= 2.0);
                let spread = self.spreads.entry(place).or_default();
                spread.0 += relative.powi(2) / runs.unwrap_or(1.0);
                spread.1 += 1.0;
                if relative >= WILD {
                    self.wild.insert(place);
                }
                spread.2 += runs.map_or(4.0, |runs| runs - 1.0);
            }
            let repetition = figure.repetition.or(given);
            self.add(place, Observation { workers, throughput, repetition });
        }
        Ok(())
    }

    /// The number of workers; `None` where the row is left out.
    fn workers(&mut self, row: Row<'_>) -> Result<Option<f64>, Fault> {
        let at = self.layout.axis.workers;
        let text = row.field(at);
        let header = &self.columns[at].name;
        match self.cell(row, at) {
            Cell::Number(figure) if figure.value == 0.0 => {
                self.left_out.zeros += 1;
                let fault = || row.fault(header, "is 0, but must be above 0");
                self.left_out.first.get_or_insert_with(fault);
                Ok(None)
            }
            Cell::Number(figure) => {
                positive(figure.value).map_err(|what| {
                    let what =
                        if figure.value.is_finite() { what } else { format!("{text:?} {what}") };
                    row.fault(header, what)
                })?;
                Ok(Some(figure.value))
            }
            Cell::Missing => {
                self.left_out.rows.push(format!("line {}", row.line()));
                Ok(None)
            }
            Cell::Text => {
                let is_header =
                    row.fields().zip(&self.columns).all(|(cell, column)| cell == column.name);
                let first = words(text).first().cloned().unwrap_or_default();
                if !is_header && !NO_COUNTS.contains(&first.as_str()) {
                    return Err(row.fault(header, format!("{text:?} is not a number")));
                }
                if !is_header {
                    self.left_out.rows.push(format!("{text:?}"));
                }
                Ok(None)
            }
        }
    }

    /// Texts and parameters of a row.
    fn name(&self, row: Row<'_>) -> String {
        let layout = self.layout;
        if layout.texts.is_empty() && layout.parameters.is_empty() {
            return String::new();
        }
        let texts = layout.texts.iter().map(|&at| row.field(at).trim_matches('`').to_owned());
        let parameters = layout
            .parameters
            .iter()
            .map(|&at| format!("{}={}", self.columns[at].name, row.field(at)));
        texts.chain(parameters).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }

    /// One figure as a throughput, with its relative deviation and what it counts; `None` where it is left out.
    fn throughput(
        &mut self,
        row: Row<'_>,
        figure: &Figure,
        workers: f64,
        stated: Option<&str>,
    ) -> Result<Option<(f64, Option<f64>, String)>, Fault> {
        let header = &self.columns[figure.column].name;
        let text = row.field(figure.column);
        let found = match self.cell(row, figure.column) {
            Cell::Number(found) => found,
            Cell::Missing => {
                self.fail(row, header, text);
                return Ok(None);
            }
            Cell::Text => {
                let what = if text.is_empty() {
                    "is empty".to_owned()
                } else {
                    format!("{text:?} is not a number")
                };
                return Err(row.fault(header, what));
            }
        };
        if !found.value.is_finite() {
            return Err(row.fault(header, format!("{text:?} is not a finite number")));
        }
        // Tools write 0 and -1 where nothing was measured.
        if found.value == 0.0 || found.value.total_cmp(&-1.0).is_eq() {
            self.fail(row, header, text);
            return Ok(None);
        }
        positive(found.value).map_err(|what| row.fault(header, what))?;
        let work = match figure.work {
            Some(at) => match self.cell(row, at) {
                Cell::Number(work) if work.value > 0.0 => work.value,
                _ => {
                    self.fail(row, &self.columns[at].name, row.field(at));
                    return Ok(None);
                }
            },
            None => 1.0,
        };
        let relative = self.relative(row, figure, found);
        let unit = match &figure.rule {
            Rule::Unit(unit) => with_stated(unit, stated),
            Rule::Stated => stated.map_or_else(plain_units, |text| {
                Unit::parse(text)
                    .unwrap_or_else(|| Unit::Rate { factor: 1.0, what: text.to_owned() })
            }),
            Rule::Speedup => return Ok(Some((found.value, relative, "units".to_owned()))),
            Rule::PerWorker => {
                return Ok(Some((found.value * workers, relative, "units".to_owned())));
            }
        };
        let unit = match (unit, found.unit) {
            // The cell has been brought to seconds already.
            (Unit::Time { what, .. }, Beside::Time) => Unit::Time { seconds: 1.0, what },
            (Unit::Rate { what, .. }, Beside::Rate) => Unit::Rate { factor: 1.0, what },
            (unit, _) => unit,
        };
        let mut throughput = unit.throughput(found.value, work, 1.0);
        if figure.per_worker {
            throughput *= workers;
        }
        let counted = match figure.work {
            Some(at) => {
                let subject = &self.columns[at].meaning.subject;
                if subject.is_empty() { "units".to_owned() } else { subject.clone() }
            }
            None => unit.counted(),
        };
        Ok(Some((throughput, relative, counted)))
    }

    /// The deviation of a figure as a share of it.
    fn relative(&self, row: Row<'_>, figure: &Figure, found: cell::Figure) -> Option<f64> {
        if let Some(deviation) = found.deviation {
            return Some(deviation / found.value).filter(|share| share.is_finite() && *share > 0.0);
        }
        let at = figure.deviation?;
        let Cell::Number(spread) = self.cell(row, at) else { return None };
        let seconds = |unit: &Option<Unit>| match unit {
            Some(Unit::Time { seconds, .. }) => *seconds,
            _ => 1.0,
        };
        let scale = |column: &Column, beside: Beside| {
            if beside == Beside::Time { 1.0 } else { seconds(&column.meaning.unit) }
        };
        let share = if spread.unit == Beside::Percent {
            spread.value
        } else {
            // A deviation without a unit is in that of its figure.
            let own = &self.columns[at];
            let of_figure = scale(self.columns[figure.column], found.unit);
            let of_spread = if own.meaning.unit.is_none() && spread.unit == Beside::Nothing {
                of_figure
            } else {
                scale(own, spread.unit)
            };
            spread.value * of_spread / (found.value * of_figure)
        };
        (share.is_finite() && share > 0.0).then_some(share)
    }

    fn fail(&mut self, row: Row<'_>, header: &str, text: &str) {
        let workers = row.field(self.layout.axis.workers).to_owned();
        if self.left_out.failed.len() < 1000 {
            self.left_out.failed.push((workers, text.to_owned()));
        }
        let what = match text {
            "" => "is empty, and no other row has a figure".to_owned(),
            text => format!("{text:?} is no measurement, and no other row has one"),
        };
        self.left_out.first.get_or_insert_with(|| row.fault(header, what));
    }

    fn add(&mut self, place: usize, one: Observation) {
        if self.batches.size == 1 {
            self.gather.push(place, one);
            return;
        }
        let key = (place, one.workers.to_bits());
        let open = self.batches.open.entry(key).or_default();
        *open = (open.0 + one.throughput, open.1 + 1);
        if open.1 == self.batches.size {
            let throughput = open.0 / f64::from(open.1);
            *open = (0.0, 0);
            self.gather.push(place, Observation { throughput, repetition: None, ..one });
        }
    }

    fn finish(mut self, request: Request<'_>) -> Result<Vec<Series>, Fault> {
        let layout = self.layout;
        let mut rest: Vec<_> = self.batches.open.drain().filter(|(_, open)| open.1 > 0).collect();
        rest.sort_by_key(|(key, _)| *key);
        for ((place, workers), (sum, count)) in rest {
            let (workers, throughput) = (f64::from_bits(workers), sum / f64::from(count));
            self.gather.push(place, Observation { workers, throughput, repetition: None });
        }
        let mut warnings = layout.warnings.clone();
        self.left_out.say(&mut warnings);
        if self.batches.size > 1 {
            let (rows, size) = (self.table.len(), self.batches.size);
            warnings.push(format!("the file has {rows} rows: each measurement here is the mean of up to {size} in a row"));
        }
        let spreads = self.spreads;
        let mut series = self.gather.finish(&warnings);
        if series.iter().all(|one| one.observations.is_empty()) {
            return Err(self
                .left_out
                .first
                .unwrap_or_else(|| Fault::whole("holds no measurement")));
        }
        for (place, (squares, many, df)) in spreads {
            series[place].noise = Some(Noise { sd: (squares / many).sqrt(), df });
            if self.wild.contains(&place) {
                series[place].warnings.push(
                    "the deviation in the file is as large as the figures themselves; little can be told apart".to_owned(),
                );
            }
        }
        settle::guess(&mut series, self.table, layout, &self.columns, request)?;
        if !layout.axis.by.is_empty() {
            settle::best_pair(&mut series, &self.columns[layout.axis.workers].name);
        }
        Ok(series)
    }
}

impl LeftOut {
    /// What is left out, in words.
    fn say(&self, warnings: &mut Vec<String>) {
        if self.zeros > 0 {
            warnings.push("0 workers is left out: it means that the main program works alone, which is no number of workers".to_owned());
        }
        if !self.failed.is_empty() {
            let mut counts: Vec<&str> =
                self.failed.iter().map(|(workers, _)| workers.as_str()).collect();
            counts.dedup();
            let mut said: Vec<&str> = self.failed.iter().map(|(_, text)| text.as_str()).collect();
            said.sort_unstable();
            said.dedup();
            let (more, shown) = (counts.len().saturating_sub(8), counts.iter().take(8).copied());
            let mut shown: Vec<String> = shown.map(str::to_owned).collect();
            if more > 0 {
                shown.push(format!("{more} more"));
            }
            let last = shown.pop().unwrap_or_default();
            let counts =
                if shown.is_empty() { last } else { format!("{} and {last}", shown.join(", ")) };
            let said = axis::list(said.into_iter());
            warnings
                .push(format!("{counts} workers failed and are left out: the file says {said}"));
        }
        if !self.rows.is_empty() {
            let mut rows = self.rows.clone();
            rows.dedup();
            rows.truncate(5);
            warnings.push(format!(
                "rows without a number of workers are left out: {}",
                rows.join(", ")
            ));
        }
    }
}

fn plain_units() -> Unit {
    Unit::Rate { factor: 1.0, what: "units".to_owned() }
}

/// A rate of nothing in particular is of what the unit column says.
fn with_stated(unit: &Unit, stated: Option<&str>) -> Unit {
    match (unit, stated) {
        (Unit::Rate { factor, what }, Some(text)) if what == "units" => match Unit::parse(text) {
            Some(parsed @ Unit::Rate { .. }) => parsed,
            Some(Unit::Time { .. }) => Unit::Rate { factor: *factor, what: what.clone() },
            None => Unit::Rate { factor: 1.0, what: text.to_owned() },
        },
        (unit, _) => unit.clone(),
    }
}
