//! Plain tables: a row per measurement, a column per series or per repetition, or two bare columns.

mod axis;
mod bare;
mod columns;
mod direction;
mod figures;
mod left_out;
mod reckon;
mod settle;
mod shape;
mod take;

use std::collections::{HashMap, HashSet};

use super::guess::{About, Guess};
use super::layouts::Table;
use super::words::units::Unit;
use super::words::{self, Kind, Statistic};
use super::{Fault, Request, Series};
use axis::Axis;
use columns::Column;
use figures::{Figure, Figures, Rule};

/// What a user can write if a table was not understood.
const REMEDY: &str = "a table needs a header such as workers,throughput or \
    name,workers,throughput, or --param NAME for the column of the workers";

/// The meaning of each column.
#[derive(Debug, Clone, PartialEq)]
struct Layout {
    columns: Vec<Column>,
    /// The first row with measurements.
    first: usize,
    axis: Axis,
    figures: Figures,
    /// Columns that make the name of a series: texts, and parameters with their names.
    texts: Vec<usize>,
    parameters: Vec<usize>,
    repetition: Option<usize>,
    unit: Option<usize>,
    samples: Option<usize>,
    /// The column that says whether the run of a row succeeded: `State`, `status`.
    status: Option<usize>,
    /// The column of speed-up per worker, which shows whether the work grows with the workers.
    efficiency: Option<usize>,
    /// Whether there are no headings. A figure is then a throughput, unless it falls.
    is_bare: bool,
    warnings: Vec<String>,
}

/// Reads a plain table.
pub(super) fn read(table: &Table, request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let Some(headed) = shape::headed(table) else {
        return take::all(table, &bare::layout(table, request)?, request);
    };
    let headed = shape::with_grid(headed);
    let table = headed.table.as_ref();
    if table.len() <= headed.first {
        return Err(Fault::whole("holds a header, but no measurement"));
    }
    let attempt = laid_out(table, &headed.names, headed.first, request);
    let counted = |name: &String| words::counts_workers(name);
    if attempt.is_err()
        && !headed.names.iter().any(counted)
        && let Some((stated, names, said)) = shape::stated_in_texts(table, &headed, request.param)
    {
        let mut layout = laid_out(&stated, &names, 0, Request { param: None, ..request })?;
        layout.warnings.push(said);
        return take::all(&stated, &layout, request);
    }
    let mut layout = attempt?;
    if let Some(text) = headed.turned {
        layout.figures.guesses.push(Guess::new(About::Column, text, "a column of workers"));
    }
    layout.warnings.extend(table.remarks.iter().cloned());
    take::all(table, &layout, request)
}

fn laid_out(
    table: &Table,
    names: &[String],
    first: usize,
    request: Request<'_>,
) -> Result<Layout, Fault> {
    let columns = columns::columns(table, names, first);
    let is_long = figures::is_long(&columns, request);
    let axis = axis::choose(table, &columns, first, is_long, request)?;
    let mut taken = vec![axis.workers];
    taken.extend(&axis.by);
    let mut figures = figures::find(&columns, &taken, is_long, request)?;
    if figures.list.is_empty() {
        no_numbers(table, &columns, first)?;
        return Err(figures::asked(&columns, axis.workers));
    }
    forced(&mut figures, request)?;
    figures.guesses.extend(axis.guess.clone());
    let free = |column: &&Column| {
        !taken.contains(&column.at) && figures.list.iter().all(|figure| figure.column != column.at)
    };
    let find =
        |kind: Kind| columns.iter().filter(free).find(|column| column.is(kind)).map(|c| c.at);
    let block = columns.iter().find(|column| column.name.eq_ignore_ascii_case("block"));
    let mut layout = Layout {
        first,
        repetition: block.map(|column| column.at).or_else(|| find(Kind::Repetition)),
        unit: find(Kind::Unit),
        samples: columns.iter().filter(free).find(|c| c.measures(Kind::Samples)).map(|c| c.at),
        efficiency: columns
            .iter()
            .filter(free)
            .find(|c| c.measures(Kind::Efficiency))
            .map(|c| c.at),
        status: columns.iter().find(|c| is_status(c)).map(|column| column.at),
        texts: Vec::new(),
        parameters: Vec::new(),
        warnings: Vec::new(),
        is_bare: false,
        columns: columns.clone(),
        figures: figures.clone(),
        axis,
    };
    layout.parameters.extend(&layout.axis.by);
    work(&mut layout, &taken, table);
    names_of_series(table, &mut layout, &taken, is_long);
    remarks(&mut layout);
    Ok(layout)
}

fn is_status(column: &Column) -> bool {
    let says = |word: &String| ["state", "status"].contains(&word.as_str());
    !column.facts.is_numeric() && words::words(&column.name).iter().any(says)
}

/// Reports a column whose heading says that it is measured, but whose cells are not numbers.
fn no_numbers(table: &Table, columns: &[Column], first: usize) -> Result<(), Fault> {
    let measured = |column: &&Column| {
        let kind = words::meaning(&column.name).kind;
        column.facts.numbers == 0 && matches!(kind, Kind::Rate | Kind::Time | Kind::Value)
    };
    let Some(column) = columns.iter().find(measured) else { return Ok(()) };
    let filled = table.rows_from(first).find(|row| !row.field(column.at).is_empty());
    filled.map_or(Ok(()), |row| {
        let text = row.field(column.at);
        Err(row.fault(&column.name, format!("{text:?} is not a number")))
    })
}

/// Applies what the user said about the figures, whatever the headings say.
fn forced(figures: &mut Figures, request: Request<'_>) -> Result<(), Fault> {
    if let Some(text) = request.unit {
        let unit = given(text).ok_or_else(|| {
            Fault::whole(format!(
                "--unit {text:?} is not a unit; write s, ms, us, min, ops/s or MB/s"
            ))
        })?;
        for figure in &mut figures.list {
            figure.rule = Rule::Unit(unit.clone());
        }
        figures.is_open = false;
        figures.guesses.clear();
    } else if request.lower_is_better {
        for figure in &mut figures.list {
            let is_time = matches!(figure.rule, Rule::Unit(Unit::Time { .. }));
            if !is_time {
                figure.rule = Rule::Unit(Unit::Time { seconds: 1.0, what: String::new() });
            }
        }
        figures.is_open = false;
        figures.guesses.retain(|guess| guess.about != About::Direction);
    }
    Ok(())
}

/// Reads a unit as users write it.
fn given(text: &str) -> Option<Unit> {
    let plain = |what: &str| Unit::Rate { factor: 1.0, what: what.to_owned() };
    Unit::parse(text).or_else(|| match text.trim() {
        "x" => Some(plain("x")),
        "ops" | "items" | "units" | "requests" => Some(plain(text.trim())),
        _ => None,
    })
}

/// A total of work beside a time: their quotient is the throughput, whichever of the two is fixed.
fn work(layout: &mut Layout, taken: &[usize], table: &Table) {
    let times = layout.figures.list.iter().all(|f| matches!(f.rule, Rule::Unit(Unit::Time { .. })));
    if !times || layout.figures.list.len() != 1 {
        return;
    }
    let works: Vec<&Column> = layout
        .columns
        .iter()
        .filter(|c| {
            c.measures(Kind::Work)
                && !taken.contains(&c.at)
                && c.meaning.statistic == Statistic::Plain
        })
        .collect();
    let varying = works.iter().find(|column| column.facts.varies());
    let Some(work) = varying.or(works.first()) else { return };
    let figure = &mut layout.figures.list[0];
    let unit = Unit::Rate { factor: 1.0, what: work.meaning.subject.clone() };
    // `ops` that already are per second fall as the time rises.
    if is_quotient(table, layout.first, figure.column, work.at) {
        figure.column = work.at;
        figure.rule = Rule::Unit(unit);
        return;
    }
    figure.work = Some(work.at);
}

/// Whether one column is a constant divided by the other.
fn is_quotient(table: &Table, first: usize, time: usize, rate: usize) -> bool {
    let number = |text: &str| table.number(text).ok().filter(|value| *value > 0.0);
    let rows = table.rows_from(first).take(1000);
    let pairs: Vec<(f64, f64)> =
        rows.filter_map(|row| Some((number(row.field(time))?, number(row.field(rate))?))).collect();
    let spread = |values: &mut dyn Iterator<Item = f64>| {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        values.for_each(|value| (least, most) = (least.min(value), most.max(value)));
        most / least
    };
    pairs.len() > 1
        && spread(&mut pairs.iter().map(|(time, _)| *time)) > 1.2
        && spread(&mut pairs.iter().map(|(time, rate)| time * rate)) < 1.03
}

/// Finds columns that separate series, and columns that are not used.
fn names_of_series(table: &Table, layout: &mut Layout, taken: &[usize], is_long: bool) {
    let mut unused: Vec<&str> = Vec::new();
    let mut constant: Vec<usize> = Vec::new();
    let figures = &layout.figures.list;
    for column in &layout.columns {
        let at = column.at;
        let used = figures.iter().any(|f| f.column == at || f.deviation == Some(at))
            || [layout.repetition, layout.unit, layout.samples, layout.status].contains(&Some(at));
        if used || taken.contains(&at) || column.name.is_empty() && column.facts.is_numeric() {
            continue;
        }
        let is_work = figures.iter().any(|figure| figure.work == Some(at));
        if column.is(Kind::Aside) && (column.facts.is_numeric() || is_dated(&column.name)) {
            continue;
        }
        if column.facts.filled == 0 {
            continue;
        }
        if !column.facts.is_numeric() {
            match tells_apart(table, layout, at) {
                Telling::Constant => constant.push(at),
                Telling::Series => layout.texts.push(at),
                Telling::Rows => unused.push(&column.name),
            }
        } else if matches!(column.meaning.kind, Kind::Unknown | Kind::Work)
            && (is_long || column.is(Kind::Unknown))
            && is_parameter(table, layout, at)
        {
            layout.parameters.push(at);
        } else if is_measured(column) && !is_work && column.facts.varies() {
            unused.push(&column.name);
        }
    }
    // A value that is the same in all rows is no name, unless there is no other.
    if layout.texts.is_empty() && layout.parameters.is_empty() {
        layout.texts.extend(constant.first());
    }
    if !unused.is_empty() {
        let names = words::axis::list(unused.into_iter());
        layout.warnings.push(format!("not used: column {names}"));
    }
}

fn is_dated(name: &str) -> bool {
    let dated = [
        "date",
        "timestamp",
        "datetime",
        "datum",
        "fecha",
        "time",
        "comment",
        "note",
        "notes",
        "remark",
        "description",
        "commit",
        "hash",
        "label",
        "started",
    ];
    words::words(name).iter().any(|word| dated.contains(&word.as_str()))
}

/// Whether a reader would expect the column to be used.
fn is_measured(column: &Column) -> bool {
    let by_kind = matches!(
        column.meaning.kind,
        Kind::Time | Kind::Rate | Kind::Speedup | Kind::Value | Kind::Unknown | Kind::Work
    );
    by_kind
        && !matches!(
            column.meaning.statistic,
            Statistic::Deviation | Statistic::Minimum | Statistic::Maximum
        )
}

/// What a column of texts distinguishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Telling {
    Constant,
    Series,
    /// Every row has another text.
    Rows,
}

fn tells_apart(table: &Table, layout: &Layout, at: usize) -> Telling {
    let mut counts: HashMap<&str, HashSet<&str>> = HashMap::new();
    let mut all: HashSet<&str> = HashSet::new();
    for row in table.rows_from(layout.first) {
        let workers = row.field(layout.axis.workers);
        counts.entry(row.field(at)).or_default().insert(workers);
        all.insert(workers);
        if counts.len() > super::MOST_SERIES {
            return Telling::Rows;
        }
    }
    let several = counts.values().filter(|with| with.len() > 1).count();
    match counts.len() {
        0 | 1 => Telling::Constant,
        // A name that is repeated at other counts is a series. With only one count, names are the
        // only thing to go by.
        _ if all.len() == 1 || several > 0 => Telling::Series,
        _ => Telling::Rows,
    }
}

/// Whether a column of numbers with unknown meaning is a parameter (a size, a percentage) rather
/// than a measurement. Each of its values must then appear at half of the worker counts or more.
fn is_parameter(table: &Table, layout: &Layout, at: usize) -> bool {
    let few = layout
        .columns
        .iter()
        .any(|c| c.at == at && c.facts.distinct.is_some_and(|n| n <= super::MOST_SERIES));
    if !few {
        return false;
    }
    let mut counts: HashMap<&str, HashSet<&str>> = HashMap::new();
    let mut all: HashSet<&str> = HashSet::new();
    for row in table.rows_from(layout.first) {
        let workers = row.field(layout.axis.workers);
        counts.entry(row.field(at)).or_default().insert(workers);
        all.insert(workers);
    }
    let enough = |with: &HashSet<&str>| with.len() > 1 && with.len() * 2 >= all.len();
    counts.len() > 1 && counts.values().all(enough)
}

/// Adds remarks about units.
fn remarks(layout: &mut Layout) {
    let name = |figure: &Figure| {
        let found = layout.columns.iter().find(|column| column.at == figure.column);
        found.map(|column| column.name.clone()).unwrap_or_default()
    };
    let mut guesses = Vec::new();
    for figure in &layout.figures.list {
        let column = layout.columns.iter().find(|column| column.at == figure.column);
        let unitless =
            column.is_some_and(|column| column.meaning.unit.is_none() && column.is(Kind::Time));
        if unitless && guesses.is_empty() && matches!(figure.rule, Rule::Unit(Unit::Time { .. })) {
            let text = format!("column {:?} names no unit and is taken as seconds", name(figure));
            guesses.push(Guess::new(About::Unit, text, "--unit ms or the like"));
        }
        if let Some(marks) = column.and_then(|column| column.facts.marks) {
            let text = format!("in column {:?} {marks}", name(figure));
            guesses.push(Guess::new(About::Numbers, text, "numbers without them"));
        }
        if figure.per_worker {
            let text = format!(
                "column {:?} is of one worker; it is multiplied by their number",
                name(figure)
            );
            layout.warnings.push(text);
        }
    }
    layout.figures.guesses.extend(guesses);
}
