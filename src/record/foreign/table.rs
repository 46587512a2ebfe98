//! Columns of numbers: a header or none, long or wide, whatever separates them.

use super::axis;
use super::text::{number, shown};
use super::{ForeignError, Result, Row, Series};

/// Names of columns that hold throughputs, the plainest first.
const THROUGHPUT: [&str; 18] = [
    "throughput",
    "x",
    "ops",
    "ops/s",
    "ops_per_second",
    "ops_per_sec",
    "operations_per_second",
    "requests_per_second",
    "events_per_second",
    "items_per_second",
    "rate",
    "rps",
    "qps",
    "tps",
    "speed",
    "score",
    "tput",
    "value",
];
/// Names of columns that hold times of a run, without their unit.
const TIME: [&str; 9] =
    ["time", "seconds", "elapsed", "duration", "runtime", "wall", "wall_time", "real", "real_time"];
/// Names of columns that tell series apart.
const NAME: [&str; 9] =
    ["name", "workload", "mode", "series", "config", "benchmark", "system", "kind", "label"];
/// Names of columns that tell repetitions apart.
const REPETITION: [&str; 8] =
    ["repetition", "replicate", "rep", "block", "run", "trial", "iteration", "sample"];

/// The rows of a file, cut into cells.
struct Table<'t> {
    /// With the number of its line.
    rows: Vec<(usize, Vec<&'t str>)>,
    /// Whether a comma stands for the decimal point.
    comma: bool,
}

/// What each column holds.
#[derive(Debug, Default)]
struct Columns {
    workers: usize,
    /// Columns of throughputs, each with the name of its series; several where the table is wide.
    values: Vec<(usize, String)>,
    /// Seconds of one unit where the values are times.
    times: Option<f64>,
    names: Vec<usize>,
    repetition: Option<usize>,
    notes: Vec<String>,
}

pub(super) fn read(text: &str, param: Option<&str>) -> Result<Vec<Series>> {
    let table = Table::cut(text)?;
    let (first_line, first) = &table.rows[0];
    let numeric = |cell: &&str| cell.is_empty() || number(cell, table.comma).is_some();
    let has_header = !first.iter().all(numeric);
    let columns = if has_header {
        if table.rows.len() < 2 {
            return Err(ForeignError::at(*first_line, "there is a header and nothing below it"));
        }
        Columns::named(&table, param)?
    } else {
        Columns::bare(first.len(), *first_line)?
    };
    table.series(&columns, usize::from(has_header))
}

impl<'t> Table<'t> {
    fn cut(text: &'t str) -> Result<Self> {
        let lines: Vec<(usize, &str)> = text
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line.trim_end_matches('\r')))
            .filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
            .collect();
        let Some((_, first)) = lines.first() else {
            return Err(ForeignError::new("it holds nothing but comments"));
        };
        let separator = ['\t', ';', ','].into_iter().find(|&c| first.contains(c));
        let rows: Vec<(usize, Vec<&str>)> =
            lines.iter().map(|&(at, line)| (at, cells(line, separator))).collect();
        Ok(Self { rows, comma: separator != Some(',') })
    }

    fn series(&self, columns: &Columns, skip: usize) -> Result<Vec<Series>> {
        let mut all: Vec<Series> = Vec::new();
        for (line, row) in &self.rows[skip..] {
            let cell = |at: usize| row.get(at).copied().unwrap_or_default();
            let workers = self.number(*line, "worker count", cell(columns.workers))?;
            if workers < 0.0 {
                return Err(ForeignError::at(
                    *line,
                    format!("{workers} workers are less than none"),
                ));
            }
            let repetition =
                columns.repetition.and_then(|at| number(cell(at), false)).map(|value| value as u32);
            let prefix: Vec<&str> =
                columns.names.iter().map(|&at| cell(at)).filter(|name| !name.is_empty()).collect();
            for (at, own) in &columns.values {
                // A wide table may have holes.
                if cell(*at).is_empty() && columns.values.len() > 1 {
                    continue;
                }
                let value = self.number(*line, "throughput", cell(*at))?;
                let throughput = columns.rate(value, *line)?;
                let mut name = prefix.clone();
                name.extend(Some(own.as_str()).filter(|own| !own.is_empty()));
                let row = Row { workers, throughput, repetition };
                place(&mut all, &name.join(" "), columns).rows.push(row);
            }
        }
        Ok(all)
    }

    fn number(&self, line: usize, what: &str, cell: &str) -> Result<f64> {
        number(cell, self.comma).ok_or_else(|| {
            let cell = if cell.is_empty() { "nothing".to_owned() } else { shown(cell) };
            ForeignError::at(line, format!("the {what} is {cell}, no number"))
        })
    }
}

/// The series of a name, in the order in which names appear.
fn place<'s>(all: &'s mut Vec<Series>, name: &str, columns: &Columns) -> &'s mut Series {
    let at = all.iter().position(|series| series.name == name).unwrap_or_else(|| {
        all.push(Series {
            name: name.to_owned(),
            unit: if columns.times.is_some() { "runs" } else { "units" }.to_owned(),
            rows: Vec::new(),
            notes: columns.notes.clone(),
        });
        all.len() - 1
    });
    &mut all[at]
}

impl Columns {
    /// By the names in the first row.
    fn named(table: &Table<'_>, param: Option<&str>) -> Result<Self> {
        let (line, header) = &table.rows[0];
        let plain: Vec<String> = header.iter().map(|name| axis::plain(name)).collect();
        let find = |known: &[&str]| {
            known.iter().find_map(|name| plain.iter().position(|head| head == name))
        };
        let known: Vec<usize> = {
            let mut known: Vec<usize> =
                (0..plain.len()).filter(|&at| axis::rank(&plain[at]).is_some()).collect();
            known.sort_by_key(|&at| axis::rank(&plain[at]));
            known
        };
        let workers = match param {
            Some(param) => Some(
                plain.iter().position(|head| *head == axis::plain(param)).ok_or_else(|| {
                    ForeignError::at(
                        *line,
                        format!("there is no column {param:?} in {}", shown(&header.join(","))),
                    )
                })?,
            ),
            None => known.first().copied(),
        };
        let mut columns = Self {
            // A header that names no worker count has it first, unless the first column is a name.
            workers: workers.unwrap_or(0),
            names: (0..plain.len()).filter(|&at| NAME.contains(&plain[at].as_str())).collect(),
            repetition: find(&REPETITION),
            ..Self::default()
        };
        if workers.is_none() {
            columns.check_first(table)?;
        }
        if let Some(at) = find(&THROUGHPUT).filter(|&at| at != columns.workers) {
            columns.values = vec![(at, String::new())];
        } else if let Some((at, seconds)) = time_column(&plain) {
            columns.values = vec![(at, String::new())];
            columns.times = Some(seconds);
            columns.notes.push("throughput = 1 / time of a run".to_owned());
        } else {
            columns.wide(table)?;
        }
        Ok(columns)
    }

    /// Without a known name for the worker count, the first column must at least hold numbers.
    fn check_first(&self, table: &Table<'_>) -> Result<()> {
        let (line, row) = &table.rows[1];
        let first = row.first().copied().unwrap_or_default();
        if number(first, table.comma).is_some() && !self.names.contains(&0) {
            return Ok(());
        }
        Err(ForeignError::at(
            *line - 1,
            "no column is called workers (or threads, processes, load, n); name it with --param NAME",
        ))
    }

    /// Every other column of numbers is a series, or a repetition where its name says so.
    fn wide(&mut self, table: &Table<'_>) -> Result<()> {
        let header = &table.rows[0].1;
        let taken = |at: usize| {
            at == self.workers || self.names.contains(&at) || self.repetition == Some(at)
        };
        let holds_numbers = |at: usize| {
            let mut cells =
                table.rows[1..].iter().filter_map(|(_, row)| row.get(at)).filter(|c| !c.is_empty());
            cells.next().is_some_and(|cell| number(cell, table.comma).is_some())
        };
        let free: Vec<usize> = (0..header.len())
            .filter(|&at| !taken(at) && !header[at].trim().is_empty() && holds_numbers(at))
            .collect();
        if free.is_empty() {
            return Err(ForeignError::at(
                table.rows[0].0,
                "no column holds throughputs; call one throughput (or time, for seconds per run)",
            ));
        }
        let repetitions = free.len() > 1 && free.iter().all(|&at| is_repetition(header[at]));
        let lone = free.len() == 1;
        self.values = free
            .into_iter()
            .map(|at| {
                (at, if repetitions || lone { String::new() } else { header[at].trim().to_owned() })
            })
            .collect();
        Ok(())
    }

    /// The first column is the worker count, every other one a measurement of it.
    fn bare(width: usize, line: usize) -> Result<Self> {
        if width < 2 {
            return Err(ForeignError::at(
                line,
                "one column is not enough: worker counts and throughputs are wanted",
            ));
        }
        let notes = if width > 2 {
            vec![format!("the {} columns after the first are read as repetitions", width - 1)]
        } else {
            Vec::new()
        };
        let values = (1..width).map(|at| (at, String::new())).collect();
        Ok(Self { values, notes, ..Self::default() })
    }

    /// A value as a throughput.
    fn rate(&self, value: f64, line: usize) -> Result<f64> {
        if value < 0.0 {
            return Err(ForeignError::at(line, format!("the throughput {value} is negative")));
        }
        match self.times {
            None => Ok(value),
            Some(seconds) if value > 0.0 => Ok(1.0 / (value * seconds)),
            Some(_) => Err(ForeignError::at(line, "a time of 0 gives no throughput")),
        }
    }
}

/// A column of times, and the seconds of its unit: `time`, `time_ms`, `elapsed (us)`.
fn time_column(plain: &[String]) -> Option<(usize, f64)> {
    let units =
        [("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("sec", 1.0), ("seconds", 1.0)];
    plain.iter().enumerate().find_map(|(at, head)| {
        let parts: Vec<&str> =
            head.split(|c: char| !c.is_ascii_alphanumeric()).filter(|p| !p.is_empty()).collect();
        let (last, rest) = parts.split_last()?;
        let unit = units.iter().find(|(unit, _)| unit == last).map(|(_, seconds)| *seconds);
        if TIME.contains(&head.as_str()) {
            return Some((at, 1.0));
        }
        let stem = rest.join("_");
        unit.filter(|_| TIME.contains(&stem.as_str())).map(|seconds| (at, seconds))
    })
}

/// `r1`, `rep_2`, `3`.
fn is_repetition(name: &str) -> bool {
    let plain = axis::plain(name);
    let stem = plain.trim_end_matches(|c: char| c.is_ascii_digit());
    let word = stem.trim_end_matches('_');
    stem.len() < plain.len() && (word.is_empty() || word == "r" || REPETITION.contains(&word))
}

/// Cuts a line at a separator outside of quotes, or at blanks where there is none.
fn cells(line: &str, separator: Option<char>) -> Vec<&str> {
    let Some(separator) = separator else { return line.split_whitespace().collect() };
    let (mut out, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, c) in line.char_indices() {
        if c == '"' {
            quoted = !quoted;
        } else if c == separator && !quoted {
            out.push(unquoted(&line[start..at]));
            start = at + c.len_utf8();
        }
    }
    out.push(unquoted(&line[start..]));
    out
}

fn unquoted(cell: &str) -> &str {
    let cell = cell.trim();
    cell.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(cell).trim()
}
