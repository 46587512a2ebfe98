//! Plain tables: a row per measurement, a column per series or per repetition, or two bare columns.

use std::collections::{HashMap, HashSet};

use super::axis::{self, Candidate};
use super::plain_columns::{self as columns, Role};
use super::rate::Unit;
use super::table::{Row, Table};
use super::{Fault, Gather, Observation, Request, Series, positive};

/// What a user can write instead of what could not be understood.
const REMEDY: &str = "a table needs a header such as workers,throughput or name,workers,throughput, or --param NAME for the column of the workers";

/// A column of figures.
#[derive(Debug, Clone, PartialEq)]
struct Figure {
    column: usize,
    /// `None` where the unit stands in another column.
    unit: Option<Unit>,
    /// The series it is, where each column is one.
    series: Option<String>,
    repetition: Option<u32>,
}

/// Which column is what.
#[derive(Debug, Clone, PartialEq)]
struct Layout {
    names: Vec<String>,
    /// Rows from this one on are measurements.
    first: usize,
    workers: usize,
    figures: Vec<Figure>,
    /// Columns that make the name of a series: texts, and parameters with their names.
    texts: Vec<usize>,
    parameters: Vec<usize>,
    repetition: Option<usize>,
    unit: Option<usize>,
    work: Option<usize>,
    warnings: Vec<String>,
}

/// Reads a plain table.
pub(super) fn read(table: &Table, request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let layout = match header(table) {
        Some((names, first)) => headed(table, names, first, request.param)?,
        None => bare(table, request.param)?,
    };
    let mut gather = Gather::default();
    for row in &table.rows[layout.first..] {
        take(table, row, &layout, request.stem, &mut gather)?;
    }
    Ok(gather.finish(&layout.warnings))
}

/// The names of the columns and the first row of measurements; `None` where the first row is one already.
fn header(table: &Table) -> Option<(Vec<String>, usize)> {
    let names = |row: &Row| row.fields.iter().map(str::to_owned).collect();
    let first = table.rows.first()?;
    let is_number = |row: &Row, at: usize| table.number(row.field(at)).is_ok();
    let fields = || (0..first.len()).filter(|&at| !first.field(at).is_empty());
    if !fields().any(|at| is_number(first, at)) {
        return Some((names(first), 1));
    }
    // `workers,1,2,3` heads repetitions; `threads,1,20.5` is a measurement of the series `threads`.
    let heads = |at: usize| {
        let below = table.rows.get(1).is_some_and(|row| is_number(row, at));
        below && columns::role(first.field(at)) == Role::Workers
    };
    if fields().any(heads) {
        return Some((names(first), 1));
    }
    let comment = table.comment.as_ref().filter(|row| row.len() == first.len())?;
    let known = comment.fields.iter().any(|name| columns::role(name) == Role::Workers);
    known.then(|| (names(comment), 0))
}

/// Two columns of numbers, or a name before them.
fn bare(table: &Table, param: Option<&str>) -> Result<Layout, Fault> {
    if let Some(param) = param {
        return Err(Fault::whole(format!("has no header line, and so no column {param:?}")));
    }
    let row = &table.rows[0];
    let is_text = |at: &usize| table.number(row.field(*at)).is_err();
    let texts: Vec<usize> = (0..row.len()).filter(is_text).collect();
    let (workers, figure) = match (row.len(), texts.as_slice()) {
        (2, []) => (0, 1),
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
            return Err(Fault::at(format!("line {}", row.line), what));
        }
    };
    let mut names = vec!["name".to_owned(); row.len()];
    names[workers] = "workers".into();
    names[figure] = "throughput".into();
    let unit = Some(Unit::Rate { factor: 1.0, what: "units".to_owned() });
    Ok(Layout {
        names,
        first: 0,
        workers,
        figures: vec![Figure { column: figure, unit, series: None, repetition: None }],
        texts,
        parameters: Vec::new(),
        repetition: None,
        unit: None,
        work: None,
        warnings: Vec::new(),
    })
}

fn headed(
    table: &Table,
    names: Vec<String>,
    first: usize,
    param: Option<&str>,
) -> Result<Layout, Fault> {
    if table.rows.len() <= first {
        return Err(Fault::whole("holds a header, but no measurement"));
    }
    let roles: Vec<Role> = names.iter().map(|name| columns::role(name)).collect();
    let is_long = roles.iter().any(|role| matches!(role, Role::Figure { .. } | Role::Value));
    let workers = workers(table, &names, first, param, is_long)?;
    let find = |wanted: &Role| (0..roles.len()).find(|&at| roles[at] == *wanted && at != workers);
    let mut layout = Layout {
        first,
        workers,
        figures: Vec::new(),
        texts: Vec::new(),
        parameters: Vec::new(),
        repetition: names
            .iter()
            .position(|name| name.eq_ignore_ascii_case("block"))
            .or_else(|| find(&Role::Repetition)),
        unit: find(&Role::Unit),
        work: find(&Role::Work),
        warnings: Vec::new(),
        names,
    };
    let rest: Vec<usize> = (0..roles.len())
        .filter(|&at| at != workers && !layout.names[at].is_empty())
        .filter(|&at| matches!(roles[at], Role::Other | Role::Workers))
        .collect();
    if is_long {
        long(table, &roles, &rest, &mut layout);
    } else {
        wide(table, &rest, &mut layout);
    }
    if layout.figures.is_empty() {
        let names = axis::list(layout.names.iter().map(String::as_str));
        return Err(Fault::whole(format!(
            "has no column of throughputs or times among {names}; {REMEDY}"
        )));
    }
    Ok(layout)
}

/// The column of the workers.
fn workers(
    table: &Table,
    names: &[String],
    first: usize,
    param: Option<&str>,
    is_long: bool,
) -> Result<usize, Fault> {
    let rows = &table.rows[first..];
    let values = |at: usize| rows.iter().map(|row| table.number(row.field(at)).ok()).collect();
    let candidates: Vec<Candidate<'_>> =
        names.iter().enumerate().map(|(at, name)| Candidate { name, values: values(at) }).collect();
    if param.is_none() && !is_long {
        // In a wide table the other columns may be series called `threads` and `processes`.
        let leads = names[0].is_empty() || axis::means_workers(&names[0]);
        if leads && candidates[0].values.iter().all(Option::is_some) {
            return Ok(0);
        }
    }
    axis::choose(&candidates, param, "column")?.ok_or_else(|| {
        let names = axis::list(names.iter().map(String::as_str));
        Fault::whole(format!("has no column for the number of workers among {names}; {REMEDY}"))
    })
}

/// A row per measurement.
fn long(table: &Table, roles: &[Role], rest: &[usize], layout: &mut Layout) {
    layout.figures = figures(roles, layout);
    let mut unused: Vec<&str> = Vec::new();
    for (at, role) in roles.iter().enumerate() {
        let used = layout.figures.iter().any(|figure| figure.column == at);
        if matches!(role, Role::Figure { .. } | Role::Value) && !used {
            unused.push(&layout.names[at]);
        }
    }
    let rows = &table.rows[layout.first..];
    for &at in rest {
        let is_text = |row: &Row| !row.field(at).is_empty() && table.number(row.field(at)).is_err();
        if rows.iter().any(is_text) {
            layout.texts.push(at);
        } else if is_parameter(rows, at, layout.workers) {
            layout.parameters.push(at);
        } else {
            unused.push(&layout.names[at]);
        }
    }
    if !unused.is_empty() {
        let names = axis::list(unused.into_iter());
        layout.warnings.push(format!("not used: column {names}"));
    }
    let unitless = |figure: &&Figure| {
        let is_time = matches!(figure.unit, Some(Unit::Time { .. }));
        is_time && columns::has_no_unit(&layout.names[figure.column])
    };
    if let Some(figure) = layout.figures.iter().find(unitless) {
        let name = &layout.names[figure.column];
        layout.warnings.push(format!("column {name:?} names no unit and is taken as seconds"));
    }
}

/// The columns of figures that count: throughputs before times before values, all repetitions of the same.
fn figures(roles: &[Role], layout: &Layout) -> Vec<Figure> {
    let figure = |at: usize| match &roles[at] {
        Role::Figure { unit, repetition } => Some(Figure {
            column: at,
            unit: Some(unit.clone()),
            series: None,
            repetition: *repetition,
        }),
        Role::Value => Some(Figure { column: at, unit: None, series: None, repetition: None }),
        _ => None,
    };
    let all: Vec<Figure> =
        (0..roles.len()).filter(|&at| at != layout.workers).filter_map(figure).collect();
    let rank = |figure: &Figure| {
        let name = layout.names[figure.column].to_ascii_lowercase();
        let kind = match figure.unit {
            Some(Unit::Rate { .. }) => 0,
            Some(Unit::Time { .. }) => 1,
            None => 2,
        };
        (kind, name != "throughput", !name.contains("median"), figure.column)
    };
    let Some(best) = all.iter().min_by_key(|figure| rank(figure)) else { return Vec::new() };
    if best.repetition.is_none() {
        return vec![best.clone()];
    }
    let same = |figure: &&Figure| figure.unit == best.unit && figure.repetition.is_some();
    all.iter().filter(same).cloned().collect()
}

/// Whether an unknown column of numbers tells experiments apart (a size, a percentage) rather than being measured itself: then each of its values
/// comes back at half of the worker counts or more.
fn is_parameter(rows: &[Row], at: usize, workers: usize) -> bool {
    let mut counts: HashMap<&str, HashSet<&str>> = HashMap::new();
    for row in rows {
        counts.entry(row.field(at)).or_default().insert(row.field(workers));
    }
    let all: HashSet<&str> = rows.iter().map(|row| row.field(workers)).collect();
    let enough = |with: &HashSet<&str>| with.len() > 1 && with.len() * 2 >= all.len();
    counts.len() > 1 && counts.values().all(enough)
}

/// A column per series, or per repetition of one.
fn wide(table: &Table, rest: &[usize], layout: &mut Layout) {
    let rows = &table.rows[layout.first..];
    for &at in rest {
        let filled = rows.iter().filter(|row| !row.field(at).is_empty());
        let numbers = rows.iter().filter(|row| table.number(row.field(at)).is_ok()).count();
        if numbers * 2 > filled.count() {
            let (series, repetition) = columns::series(&layout.names[at]);
            let unit = Some(Unit::Rate { factor: 1.0, what: "units".to_owned() });
            layout.figures.push(Figure {
                column: at,
                unit,
                series: Some(series.to_owned()),
                repetition,
            });
        } else {
            layout.texts.push(at);
        }
    }
}

/// The measurements of one row.
fn take(
    table: &Table,
    row: &Row,
    layout: &Layout,
    stem: &str,
    gather: &mut Gather,
) -> Result<(), Fault> {
    let workers = table.positive(row, layout.workers, &layout.names[layout.workers])?;
    let work = match layout.work {
        Some(at) => table.positive(row, at, &layout.names[at])?,
        None => 1.0,
    };
    let texts = layout.texts.iter().map(|&at| row.field(at).to_owned());
    let parameters =
        layout.parameters.iter().map(|&at| format!("{}={}", layout.names[at], row.field(at)));
    let name: Vec<String> = texts.chain(parameters).filter(|part| !part.is_empty()).collect();
    let stated = layout.unit.map(|at| row.field(at)).filter(|unit| !unit.is_empty());
    let given = layout.repetition.and_then(|at| row.field(at).parse().ok());
    for figure in &layout.figures {
        let header = &layout.names[figure.column];
        // Sweeps of different lengths leave gaps in a wide table.
        let is_gap = row.field(figure.column).is_empty() && layout.figures.len() > 1;
        if is_gap {
            continue;
        }
        let value = table.positive(row, figure.column, header)?;
        let unit = unit(figure, stated);
        let throughput = unit.throughput(value, work, 1.0);
        positive(throughput)
            .map_err(|what| row.fault(header, format!("as a throughput {what}")))?;
        let mut parts = name.clone();
        parts.extend(figure.series.clone());
        let name = if parts.is_empty() { stem.to_owned() } else { parts.join(", ") };
        let repetition = figure.repetition.or(given);
        gather.add(&name, &unit.counted(), Observation { workers, throughput, repetition });
    }
    Ok(())
}

/// The unit of a figure: that of its column, of the unit column, or plainly something per second.
fn unit(figure: &Figure, stated: Option<&str>) -> Unit {
    let plain = |what: &str| Unit::Rate { factor: 1.0, what: what.to_owned() };
    match (&figure.unit, stated) {
        (None, stated) => stated.map_or_else(
            || plain("units"),
            |text| Unit::parse(text).unwrap_or_else(|| plain(text)),
        ),
        (Some(Unit::Rate { factor, what }), Some(text)) if what == "units" => {
            let Some(parsed) = Unit::parse(text) else { return plain(text) };
            match parsed {
                Unit::Rate { .. } => parsed,
                Unit::Time { .. } => Unit::Rate { factor: *factor, what: what.clone() },
            }
        }
        (Some(unit), _) => unit.clone(),
    }
}
