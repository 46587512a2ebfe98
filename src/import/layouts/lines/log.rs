//! Logs of several runs. One line states the number of workers, and lines below it hold the figures
//! with their labels: `real 0m1.98s`, `Finished in 1.98 s`.

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::words::{self, Kind, axis};
use super::super::Table;
use super::{MOST_NAMES, figure, filled, is_measured};

/// The most numbers of a line that are tried.
const TRIED: usize = 8;
/// Longer lines do not hold figures.
const LONGEST: usize = 400;

/// A line of a log.
struct Line<'t> {
    number: u32,
    count: Option<axis::Found>,
    /// The label of its figure, and the figure.
    figure: Option<(String, &'t str)>,
}

/// What was measured in one run.
struct Run {
    line: u32,
    name: String,
    workers: f64,
    figures: BTreeMap<String, String>,
}

/// The table from a log; `None` if the text is not a log.
pub(super) fn table(text: &str) -> Option<Table> {
    let lines: Vec<Line<'_>> =
        filled(text).filter(|(_, text)| text.len() <= LONGEST).map(line).collect();
    let runs = runs(&lines);
    let counts: BTreeSet<u64> = runs.iter().map(|run| run.workers.to_bits()).collect();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for label in runs.iter().flat_map(|run| run.figures.keys()) {
        *seen.entry(label).or_default() += 1;
    }
    let labels: Vec<&str> =
        seen.iter().filter(|(_, many)| **many * 2 > runs.len()).map(|(label, _)| *label).collect();
    if counts.len() < 2 || labels.is_empty() || seen.len() > MOST_NAMES {
        return None;
    }
    let mut table = Table::empty(2 + labels.len());
    let headings: Vec<&str> = ["name", "workers"].into_iter().chain(labels.clone()).collect();
    table.push(1, &headings);
    for run in &runs {
        let workers = run.workers.to_string();
        let figures = labels.iter().map(|label| run.figures.get(*label).map_or("", |f| f));
        let cells: Vec<&str> =
            [run.name.as_str(), workers.as_str()].into_iter().chain(figures).collect();
        table.push(run.line, &cells);
    }
    let (first, shown) = (&runs[0], axis::list(labels.into_iter()));
    table.remarks.push(format!(
        "read as a log: the number of workers is taken from lines such as {:?}, the figures from \
         lines with {shown}",
        first.name
    ));
    Some(table)
}

/// The runs of a log. A run begins where a count is stated, or where a figure is repeated.
fn runs(lines: &[Line<'_>]) -> Vec<Run> {
    let apart = |line: &&Line<'_>| line.count.is_some() && line.figure.is_none();
    let own: BTreeSet<u64> = lines
        .iter()
        .filter(apart)
        .filter_map(|line| Some(line.count.as_ref()?.workers.to_bits()))
        .collect();
    // If counts have their own lines, `4 tasks done in 2 s` does not state one.
    let by_own = own.len() > 1;
    let mut runs: Vec<Run> = Vec::new();
    for line in lines {
        if let Some(found) = line.count.as_ref().filter(|_| !by_own || line.figure.is_none()) {
            runs.retain(|run| !run.figures.is_empty());
            runs.push(begun(line.number, &found.rest, found.workers));
        }
        let Some((label, value)) = &line.figure else { continue };
        let Some(last) = runs.last() else { continue };
        if last.figures.contains_key(label) {
            let again = begun(line.number, &last.name, last.workers);
            runs.push(again);
        }
        if let Some(run) = runs.last_mut() {
            run.figures.insert(label.clone(), (*value).to_owned());
        }
    }
    runs.retain(|run| !run.figures.is_empty());
    runs
}

fn begun(line: u32, name: &str, workers: f64) -> Run {
    // `1 thread` and `2 threads` have the same name.
    let telling = name.split_whitespace().filter(|word| !words::counts_workers(word));
    let name = telling.collect::<Vec<_>>().join(" ");
    Run { line, name, workers, figures: BTreeMap::new() }
}

fn line((number, text): (u32, &str)) -> Line<'_> {
    let text = without_stamp(text);
    let count = axis::in_text(text, None).filter(|found| found.workers >= 1.0);
    // Text before the count does not belong to this run.
    let after = count.as_ref().map_or(text, |found| {
        let shared = text.bytes().zip(found.rest.bytes()).position(|(a, b)| a != b);
        let behind = shared.map_or("", |at| &text[at..]);
        behind.trim_start_matches(|c: char| c.is_ascii_digit())
    });
    Line { number, count, figure: labelled(after) }
}

/// The text without the time at which the line was written.
fn without_stamp(line: &str) -> &str {
    let mut rest = line;
    for _ in 0..2 {
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let bare = word.trim_matches(['[', ']', '(', ')', ',']);
        let is_stamp = bare.chars().all(|c| c.is_ascii_digit() || "-:.,+/TZ".contains(c))
            && (bare.matches(':').count() == 2 || bare.matches(['-', '/']).count() == 2);
        if !is_stamp || after.is_empty() {
            break;
        }
        rest = after.trim_start();
    }
    rest
}

/// The first figure of a line, with its label.
fn labelled(line: &str) -> Option<(String, &str)> {
    if let Some(elapsed) = of_a_shell(line) {
        return Some(("elapsed".to_owned(), elapsed));
    }
    let bytes = line.as_bytes();
    let starts = (0..bytes.len()).filter(|&at| {
        let before = at.checked_sub(1).map(|at| bytes[at]);
        bytes[at].is_ascii_digit()
            && !before.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    });
    for at in starts.take(TRIED) {
        let Some(value) = figure(&line[at..]) else { continue };
        let before = label(&line[..at]);
        let label = if before.is_empty() { label(&line[at + value.len()..]) } else { before };
        let is_known = || {
            let meaning = words::meaning(&label);
            matches!(meaning.kind, Kind::Time | Kind::Rate) && line[..at].contains([':', '='])
        };
        if is_measured(value) || is_known() {
            let ended = words::words(&label).iter().any(|word| ENDED.contains(&word.as_str()));
            let label = if ended || label.is_empty() { "time".to_owned() } else { label };
            return Some((label, value));
        }
    }
    None
}

/// Reads `8.10s user 0.01s system 99% cpu 2.120 total` or `8.10user 0.01system 0:02.12elapsed
/// 99%CPU`.
pub(super) fn of_a_shell(line: &str) -> Option<&str> {
    if line.contains(" cpu ") && line.contains("user") {
        let before = line.trim_end().strip_suffix("total")?.trim_end();
        return before.rsplit(' ').next();
    }
    let word = line.split_whitespace().find(|word| word.ends_with("elapsed"))?;
    word.strip_suffix("elapsed").filter(|number| number.contains(':'))
}

/// Words that show that a figure is the time of a run.
const ENDED: [&str; 8] =
    ["finished", "finish", "done", "completed", "complete", "ended", "took", "ran"];

/// The words beside a figure, which are the same for every run.
fn label(text: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() { c } else { ' ' };
    let words: String = text.chars().map(plain).collect();
    let words =
        words.split_whitespace().filter(|word| !word.starts_with(|c: char| c.is_ascii_digit()));
    words.take(6).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::table;

    fn rows(text: &str) -> Vec<String> {
        let table = table(text).unwrap_or_else(|| panic!("no log: {text}"));
        table.rows().skip(1).map(|row| row.fields().skip(1).collect::<Vec<_>>().join("|")).collect()
    }

    #[test]
    fn counts_and_figures_stand_in_lines_of_their_own() {
        for text in [
            "Running with 1 thread...\nTime: 8.1 s\nRunning with 2 threads...\nTime: 4.2 s\n",
            "OMP_NUM_THREADS=1\nreal 8.1 s\nOMP_NUM_THREADS=2\nreal 4.2 s\n",
            "10:00:01 start, -t 1\n10:00:09 Finished in 8.1 s\n10:01:01 start, -t 2\nFinished in \
             4.2 s\n",
            "+ mpirun -np 1 ./a 100\nsum 5\n8.1 s elapsed\n+ mpirun -np 2 ./a 100\nsum 5\n4.2 s \
             elapsed\n",
            "4 cores here\nprocs 1: did 5 tasks in 8.1 s\nbye\nprocs 2: did 5 tasks in 4.2 s\n",
        ] {
            assert_eq!(rows(text), ["1|8.1 s", "2|4.2 s"], "{text}");
        }
        let zsh =
            |n: u32, s: &str| format!("./a -j{n}  8.10s user 0.01s system 99% cpu {s} total\n");
        assert_eq!(rows(&[zsh(1, "8.1"), zsh(2, "4.2")].concat()), ["1|8.1", "2|4.2"]);
        let gnu =
            |n: u32, s: &str| format!("threads {n}\n8.10user 0.01system 0:{s}elapsed 99%CPU\n");
        assert_eq!(rows(&[gnu(1, "08.10"), gnu(2, "04.20")].concat()), ["1|0:08.10", "2|0:04.20"]);
        let repeated = "threads=1\nreal 8 s\nreal 9 s\nthreads=2\nreal 4 s\nreal 5 s\n";
        assert_eq!(rows(repeated), ["1|8 s", "1|9 s", "2|4 s", "2|5 s"]);
        for text in ["", "threads=1\nthreads=2\n", "threads=1\nreal 8 s\n", "8 s\n4 s\n"] {
            assert_eq!(table(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_log_breaks_it(text in "((threads|-j|real|é|[0-9]{1,2}(ms|s)?)[:= \
            .,]{0,2}|\n){0,30}") {
            let _ = table(&text);
        }
    }
}
