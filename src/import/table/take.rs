//! Reads the measurements of a table, row by row, into curves.

use std::collections::{HashMap, HashSet};

use super::super::layouts::cell::Cell;
use super::super::layouts::{Row, Table};
use super::super::{
    Fault, Gather, MOST_OBSERVATIONS, Noise, Observation, Request, Series, positive,
};
use super::figures::{Figure, Rule};
use super::left_out::{self, LeftOut};
use super::reckon::{Reckoned, Reckoner};
use super::{Layout, settle};

/// If a deviation is this share of its figure, the figure says little.
const WILD: f64 = 0.8;

/// Batches of measurements, for a file with more than any analysis needs.
#[derive(Debug)]
struct Batches {
    size: u32,
    /// The first batches, which are found without a hash.
    first: Vec<(Key, Sum)>,
    rest: HashMap<Key, Sum>,
}

/// The index of a series, and the bits of a number of workers.
type Key = (usize, u64);
/// A sum of throughputs, and their number.
type Sum = (f64, u32);

/// This many batches are searched one by one.
const FEW: usize = 16;

impl Batches {
    fn new(size: u32) -> Self {
        Self { size, first: Vec::with_capacity(FEW), rest: HashMap::new() }
    }

    /// The open batch with this key.
    fn open(&mut self, key: Key) -> &mut Sum {
        let at = self.first.iter().position(|(own, _)| *own == key).or_else(|| {
            let is_new = self.first.len() < FEW;
            is_new.then(|| {
                self.first.push((key, Sum::default()));
                self.first.len() - 1
            })
        });
        match at {
            Some(at) => &mut self.first[at].1,
            None => self.rest.entry(key).or_default(),
        }
    }
}

/// The spread that a file states, by series.
type Spreads = HashMap<usize, (f64, f64, f64)>;

/// Where the figures of a row belong. Kept as long as rows have the same names.
#[derive(Debug, Default)]
struct Kept<'t> {
    /// The texts in the columns that separate series, and in that of the unit.
    fields: Vec<&'t str>,
    name: String,
    /// The unit that the rows state.
    stated: Option<&'t str>,
    /// The target of each figure, once it has one.
    targets: Vec<Option<Target>>,
}

#[derive(Debug)]
struct Target {
    rule: Rule,
    /// The index of its series.
    place: usize,
}

impl<'t> Kept<'t> {
    /// Nothing changes if a row has the same names as the one before.
    fn keep(&mut self, row: Row<'t>, reckoner: &Reckoner<'_>) {
        let layout = reckoner.layout;
        let telling = || layout.texts.iter().chain(&layout.parameters).chain(&layout.unit).copied();
        let is_same = !self.targets.is_empty()
            && telling().zip(&self.fields).all(|(at, field)| row.field(at) == *field);
        if is_same {
            return;
        }
        self.fields.clear();
        self.fields.extend(telling().map(|at| row.field(at)));
        self.targets.clear();
        self.targets.resize_with(layout.figures.list.len(), || None);
        self.stated = layout.unit.map(|at| row.field(at)).filter(|unit| !unit.is_empty());
        let texts = layout.texts.iter().map(|&at| row.field(at).trim_matches('`').to_owned());
        let parameters = layout
            .parameters
            .iter()
            .map(|&at| format!("{}={}", reckoner.heading(at), row.field(at)));
        let parts = texts.chain(parameters).filter(|part| !part.is_empty());
        self.name = parts.collect::<Vec<_>>().join(", ");
    }
}

struct Taking<'t> {
    reckoner: Reckoner<'t>,
    stem: &'t str,
    kept: Kept<'t>,
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
    // If batches are needed, a tenth of what could be analysed is enough.
    let wanted = if rows > MOST_OBSERVATIONS { MOST_OBSERVATIONS / 10 } else { MOST_OBSERVATIONS };
    let size = rows.div_ceil(wanted).max(1) as u32;
    let mut taking = Taking {
        reckoner: Reckoner::new(table, layout),
        stem: request.stem,
        kept: Kept::default(),
        gather: Gather::default(),
        left_out: LeftOut::default(),
        batches: Batches::new(size),
        spreads: HashMap::new(),
        wild: HashSet::new(),
    };
    for row in table.rows_from(layout.first) {
        taking.row(row)?;
    }
    taking.finish(request)
}

impl<'t> Taking<'t> {
    fn row(&mut self, row: Row<'t>) -> Result<(), Fault> {
        let layout = self.reckoner.layout;
        let Some(workers) = self.workers(row)? else { return Ok(()) };
        if let Some(at) = layout.status.filter(|at| self.has_failed(row, *at)) {
            let (count, header) = (row.field(layout.axis.workers), self.reckoner.heading(at));
            self.left_out.figure(row, header, row.field(at), count);
            return Ok(());
        }
        self.kept.keep(row, &self.reckoner);
        let given = layout.repetition.and_then(|at| row.field(at).parse().ok());
        for (at, figure) in layout.figures.list.iter().enumerate() {
            // Sweeps of different lengths leave gaps in a wide table.
            let is_gap = row.field(figure.column).is_empty() && layout.figures.list.len() > 1;
            if is_gap {
                continue;
            }
            let target = self.kept.targets[at].get_or_insert_with(|| {
                let (rule, counted) = self.reckoner.rule(figure, self.kept.stated);
                let name = full_name(&self.kept.name, figure, self.stem);
                Target { rule, place: self.gather.place(&name, &counted) }
            });
            let place = target.place;
            let found = self.reckoner.throughput(row, figure, &target.rule, workers)?;
            let (throughput, deviation) = match found {
                Reckoned::Throughput { value, deviation } => (value, deviation),
                Reckoned::Failed(at) => {
                    let count = row.field(layout.axis.workers);
                    let header = self.reckoner.heading(at);
                    self.left_out.figure(row, header, row.field(at), count);
                    continue;
                }
            };
            if let Some(deviation) = deviation {
                self.spread(row, place, deviation);
            }
            let repetition = figure.repetition.or(given);
            self.add(place, Observation { workers, throughput, repetition });
        }
        Ok(())
    }

    /// Whether the row says that its run failed.
    fn has_failed(&self, row: Row<'_>, status: usize) -> bool {
        !row.field(status).is_empty() && self.reckoner.cell(row, status) == Cell::Missing
    }

    /// The number of workers; `None` if the row is left out.
    fn workers(&mut self, row: Row<'_>) -> Result<Option<f64>, Fault> {
        let at = self.reckoner.layout.axis.workers;
        let text = row.field(at);
        let header = self.reckoner.heading(at);
        match self.reckoner.cell(row, at) {
            Cell::Number(figure) if figure.value == 0.0 => {
                self.left_out.zero(row, header);
                Ok(None)
            }
            // `n_jobs=-1` means as many workers as cores.
            Cell::Number(figure) if text == "-1" && figure.value < 0.0 => {
                self.left_out.row(|| format!("{text:?} (as many as there are cores)"));
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
                self.left_out.row(|| format!("line {}", row.line()));
                Ok(None)
            }
            Cell::Text => {
                let columns = self.reckoner.columns();
                let is_header = row.fields().zip(columns).all(|(cell, column)| cell == column.name);
                if !is_header && !left_out::is_no_count(text) {
                    return Err(row.fault(header, format!("{text:?} is not a number")));
                }
                if !is_header {
                    self.left_out.row(|| format!("{text:?}"));
                }
                Ok(None)
            }
        }
    }

    /// Adds a deviation that the file states.
    fn spread(&mut self, row: Row<'_>, place: usize, deviation: f64) {
        let Reckoner { layout, table, .. } = self.reckoner;
        let runs = layout.samples.and_then(|at| table.number(row.field(at)).ok());
        let runs = runs.filter(|runs| *runs >= 2.0);
        let spread = self.spreads.entry(place).or_default();
        spread.0 += deviation.powi(2) / runs.unwrap_or(1.0);
        spread.1 += 1.0;
        spread.2 += runs.map_or(4.0, |runs| runs - 1.0);
        if deviation >= WILD {
            self.wild.insert(place);
        }
    }

    fn add(&mut self, place: usize, one: Observation) {
        if self.batches.size == 1 {
            self.gather.push(place, one);
            return;
        }
        let key = (place, one.workers.to_bits());
        let size = self.batches.size;
        let open = self.batches.open(key);
        *open = (open.0 + one.throughput, open.1 + 1);
        if open.1 == size {
            let throughput = open.0 / f64::from(open.1);
            *open = (0.0, 0);
            self.gather.push(place, Observation { throughput, repetition: None, ..one });
        }
    }

    fn finish(mut self, request: Request<'_>) -> Result<Vec<Series>, Fault> {
        let Reckoner { layout, table, .. } = self.reckoner;
        let mut rest: Vec<_> =
            self.batches.first.drain(..).chain(self.batches.rest.drain()).collect();
        rest.retain(|(_, open)| open.1 > 0);
        rest.sort_by_key(|(key, _)| *key);
        for ((place, workers), (sum, count)) in rest {
            let (workers, throughput) = (f64::from_bits(workers), sum / f64::from(count));
            self.gather.push(place, Observation { workers, throughput, repetition: None });
        }
        let mut warnings = layout.warnings.clone();
        self.left_out.say(&mut warnings);
        if self.batches.size > 1 {
            let (rows, size) = (table.len(), self.batches.size);
            warnings.push(format!(
                "the file has {rows} rows: each measurement here is the mean of up to {size} in a \
                 row"
            ));
        }
        let spreads = self.spreads;
        let mut series = self.gather.finish(&warnings);
        if series.iter().all(|one| one.observations.is_empty()) {
            return Err(self.left_out.fault());
        }
        for (place, (squares, many, df)) in spreads {
            series[place].noise = Some(Noise { sd: (squares / many).sqrt(), df });
            if self.wild.contains(&place) {
                series[place].warnings.push(
                    "the deviation in the file is as large as the figures themselves; little can \
                     be told apart"
                        .to_owned(),
                );
            }
        }
        let columns = self.reckoner.columns();
        settle::guess(&mut series, table, layout, columns, request)?;
        if !layout.axis.by.is_empty() {
            settle::best_pair(&mut series, &columns[layout.axis.workers].name);
        }
        Ok(series)
    }
}

/// The name of a curve: whose figures they are and which of them; without a name, that of the file.
fn full_name(name: &str, figure: &Figure, stem: &str) -> String {
    match (&figure.series, name.is_empty()) {
        (Some(series), true) => series.clone(),
        (Some(series), false) => format!("{name}, {series}"),
        (None, true) => stem.to_owned(),
        (None, false) => name.to_owned(),
    }
}
