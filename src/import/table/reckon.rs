//! Turns one figure of a row into a throughput, with the deviation stated beside it.

use super::super::layouts::cell::{self, Beside, Cell};
use super::super::layouts::{Row, Table};
use super::super::words::units::Unit;
use super::super::{Fault, positive};
use super::Layout;
use super::columns::Column;
use super::figures::{Figure, Rule};

/// The result for one figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Reckoned {
    Throughput {
        value: f64,
        /// The deviation, as a share of the figure.
        deviation: Option<f64>,
    },
    /// The cell in this column says that nothing was measured.
    Failed(usize),
}

/// Reads the cells of one table.
#[derive(Debug)]
pub(super) struct Reckoner<'t> {
    pub(super) table: &'t Table,
    pub(super) layout: &'t Layout,
    /// The columns, by their places.
    columns: Vec<&'t Column>,
}

impl<'t> Reckoner<'t> {
    pub(super) fn new(table: &'t Table, layout: &'t Layout) -> Self {
        let mut columns: Vec<&Column> = layout.columns.iter().collect();
        columns.sort_by_key(|column| column.at);
        Self { table, layout, columns }
    }

    pub(super) fn columns(&self) -> &[&'t Column] {
        &self.columns
    }

    pub(super) fn heading(&self, at: usize) -> &'t str {
        &self.columns[at].name
    }

    pub(super) fn cell(&self, row: Row<'_>, at: usize) -> Cell {
        cell::parse(row.field(at), self.columns[at].facts.decimal)
    }

    /// How a figure becomes a throughput, and what it then counts, if a row states this unit.
    pub(super) fn rule(&self, figure: &Figure, stated: Option<&str>) -> (Rule, String) {
        let unit = match &figure.rule {
            Rule::Unit(unit) => with_stated(unit, stated),
            Rule::Stated => stated.map_or_else(plain_units, |text| {
                Unit::parse(text)
                    .unwrap_or_else(|| Unit::Rate { factor: 1.0, what: text.to_owned() })
            }),
            rule => return (rule.clone(), "units".to_owned()),
        };
        let work = figure.work.map(|at| self.columns[at].meaning.subject.clone());
        let counted = match work {
            Some(subject) if subject.is_empty() => "units".to_owned(),
            Some(subject) => subject,
            None => unit.counted(),
        };
        (Rule::Unit(unit), counted)
    }

    /// One figure as a throughput.
    pub(super) fn throughput(
        &self,
        row: Row<'_>,
        figure: &Figure,
        rule: &Rule,
        workers: f64,
    ) -> Result<Reckoned, Fault> {
        let header = self.heading(figure.column);
        let text = row.field(figure.column);
        let found = match self.cell(row, figure.column) {
            Cell::Number(found) => found,
            Cell::Missing => return Ok(Reckoned::Failed(figure.column)),
            Cell::Text => return Err(row.fault(header, format!("{text:?} is not a number"))),
        };
        if !found.value.is_finite() {
            return Err(row.fault(header, format!("{text:?} is not a finite number")));
        }
        // Tools write 0 and -1 if nothing was measured.
        if found.value == 0.0 || found.value.total_cmp(&-1.0).is_eq() {
            return Ok(Reckoned::Failed(figure.column));
        }
        positive(found.value).map_err(|what| row.fault(header, what))?;
        let work = match figure.work.map(|at| (at, self.cell(row, at))) {
            None => 1.0,
            Some((_, Cell::Number(work))) if work.value > 0.0 => work.value,
            Some((at, _)) => return Ok(Reckoned::Failed(at)),
        };
        let by_unit = match (rule, found.unit) {
            // The cell was already converted to seconds.
            (Rule::Unit(Unit::Time { .. }), Beside::Time) => work / found.value,
            (Rule::Unit(Unit::Rate { .. }), Beside::Rate) | (Rule::Speedup | Rule::Stated, _) => {
                found.value
            }
            (Rule::Unit(unit), _) => unit.throughput(found.value, work, 1.0),
            (Rule::PerWorker, _) => found.value * workers,
        };
        let value = if figure.per_worker && matches!(rule, Rule::Unit(_)) {
            by_unit * workers
        } else {
            by_unit
        };
        positive(value).map_err(|what| row.fault(header, format!("as a throughput {what}")))?;
        let deviation = self.deviation(row, figure, found);
        Ok(Reckoned::Throughput { value, deviation })
    }

    /// The deviation of a figure, as a share of it.
    fn deviation(&self, row: Row<'_>, figure: &Figure, found: cell::Figure) -> Option<f64> {
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
            // A deviation without a unit has the unit of its figure.
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
}

fn plain_units() -> Unit {
    Unit::Rate { factor: 1.0, what: "units".to_owned() }
}

/// A rate without a name for what it counts gets that of the unit column.
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
