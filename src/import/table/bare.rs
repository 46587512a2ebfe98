//! Tables without headings: two columns of numbers, possibly with a name before them.

use super::super::guess::{About, Guess};
use super::super::layouts::Table;
use super::super::words::units::Unit;
use super::super::{Fault, Request};
use super::axis::Axis;
use super::columns;
use super::figures::{Figure, Figures, Rule};
use super::{Layout, REMEDY};

/// The layout of two columns, or of three with a name.
pub(super) fn layout(table: &Table, request: Request<'_>) -> Result<Layout, Fault> {
    if let Some(param) = request.param {
        return Err(Fault::whole(format!("has no header line, and so no column {param:?}")));
    }
    let row = table.row(0);
    let is_text = |at: &usize| table.number(row.field(*at)).is_err();
    let texts: Vec<usize> = (0..row.len()).filter(is_text).collect();
    let (workers, figure) = match (row.len(), texts.as_slice()) {
        (2, [] | [1]) | (3, [2]) => (0, 1),
        (3, [0]) => (1, 2),
        (3, [1]) => (0, 2),
        (2, [text]) => {
            let what = table.number(row.field(*text)).err().unwrap_or_default();
            return Err(row.fault(["workers", "throughput"][*text], what));
        }
        (wide, _) => {
            let columns =
                if wide == 1 { "one column".to_owned() } else { format!("{wide} columns") };
            let what = format!("has {columns} and no header that says what they are; {REMEDY}");
            return Err(Fault::at(format!("line {}", row.line()), what));
        }
    };
    let mut names = vec!["name".to_owned(); row.len()];
    names[workers] = "workers".into();
    names[figure] = "throughput".into();
    let columns = columns::columns(table, &names, 0);
    let unit = match (request.unit.map(super::given), request.lower_is_better) {
        (Some(None), _) => {
            return Err(Fault::whole("--unit is not a unit; write s, ms or ops/s"));
        }
        (Some(Some(unit)), _) => unit,
        (None, true) => Unit::Time { seconds: 1.0, what: String::new() },
        (None, false) => columns[figure]
            .meaning
            .unit
            .clone()
            .unwrap_or(Unit::Rate { factor: 1.0, what: "units".to_owned() }),
    };
    let open =
        request.unit.is_none() && !request.lower_is_better && !matches!(unit, Unit::Time { .. });
    let text = "no heading says what the second column is; it is taken as a throughput";
    let guess = Guess::new(About::Direction, text, "--unit ops/s or --unit s");
    let one = Figure {
        column: figure,
        rule: Rule::Unit(unit),
        series: None,
        repetition: None,
        deviation: None,
        work: None,
        per_worker: false,
    };
    let layout = Layout {
        columns,
        first: 0,
        axis: Axis { workers, by: Vec::new(), guess: None },
        figures: Figures {
            list: vec![one],
            guesses: if open { vec![guess] } else { Vec::new() },
            is_open: open,
        },
        texts: if row.len() == 3 { texts } else { Vec::new() },
        parameters: Vec::new(),
        repetition: None,
        unit: None,
        samples: None,
        status: None,
        efficiency: None,
        is_bare: true,
        warnings: table.remarks.clone(),
    };
    Ok(layout)
}
