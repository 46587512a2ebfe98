//! Lines that say what they hold: `threads: 8, time: 1.98 s`, or `8 threads took 1.98 s`.

mod log;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::super::words::{self, Kind, axis};
use super::cell::{self, Cell, Decimal};
use super::{MOST_ROWS, Table};

/// Lines that are examined to recognise such a text.
const LOOKED_AT: usize = 60;
/// The most figures of a sentence that are examined.
const MOST_FIGURES: usize = 6;
/// A text with more names does not consist of such lines.
const MOST_NAMES: usize = 1000;

/// A way in which lines say what they hold, as listed by `knee fit --formats`.
#[derive(Debug, Clone, Copy)]
pub(in crate::import) struct Says {
    pub(in crate::import) name: &'static str,
    pub(in crate::import) example: &'static str,
    table: fn(&str) -> Option<Table>,
}

/// All ways; the first that fits is used.
pub(in crate::import) const SAYS: [Says; 3] = [
    Says { name: "pairs", example: "threads: 8, time: 1.98 s", table: of_pairs },
    Says { name: "sentences", example: "8 threads took 1.98 s", table: of_sentences },
    Says {
        name: "logs",
        example: "OMP_NUM_THREADS=8 ./run, and below: real 0m1.98s",
        table: log::table,
    },
];

/// The table from the lines of a text; `None` if they are no such lines.
pub(in crate::import) fn table(text: &str) -> Option<Table> {
    let mut table = SAYS.iter().find_map(|way| (way.table)(text))?;
    table.is_headed = true;
    Some(table)
}

/// Lines that are neither blank nor drawn, with their numbers.
fn filled(text: &str) -> impl Iterator<Item = (u32, &str)> {
    let lines = (1..).zip(text.lines().map(|line| line.trim_start_matches(['>', ' ']).trim()));
    lines.filter(|(_, line)| !line.is_empty() && !super::split::is_rule(line)).take(MOST_ROWS)
}

/// Whether most of the first lines fit.
fn are_most(text: &str, fits: impl Fn(&str) -> bool) -> bool {
    let all = filled(text).take(LOOKED_AT).count();
    let fitting = filled(text).take(LOOKED_AT).filter(|(_, line)| fits(line)).count();
    fitting >= 2 && fitting * 3 >= all * 2
}

fn is_number(text: &str) -> bool {
    [Decimal::Point, Decimal::Comma]
        .iter()
        .any(|decimal| matches!(cell::parse(text, *decimal), Cell::Number(_)))
}

/// Reads `threads: 8, time: 1.98 s`, `threads=8 time=1.98s`, or one pair on each line. A repeated
/// name begins the next row.
fn of_pairs(text: &str) -> Option<Table> {
    if !are_most(text, |line| !pairs(line).is_empty()) {
        return None;
    }
    let mut names: Vec<String> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut rows: Vec<(u32, BTreeMap<usize, String>)> = Vec::new();
    for (number, line) in filled(text) {
        for (name, value) in pairs(line) {
            let at = *places.entry(name.clone()).or_insert_with(|| {
                names.push(name);
                names.len() - 1
            });
            if names.len() > MOST_NAMES {
                return None;
            }
            if rows.last().is_none_or(|(_, row)| row.contains_key(&at)) {
                rows.push((number, BTreeMap::new()));
            }
            rows.last_mut().map(|(_, row)| row.insert(at, value));
        }
    }
    // A name that appears in few rows is about the whole file.
    let in_rows = |at: &usize| rows.iter().filter(|(_, row)| row.contains_key(at)).count();
    let kept: Vec<usize> = (0..names.len()).filter(|at| in_rows(at) * 2 > rows.len()).collect();
    let is_sweep = kept.iter().any(|at| words::counts_workers(&names[*at]));
    if rows.len() < 2 || kept.len() < 2 || !is_sweep {
        return None;
    }
    let mut table = Table::empty(kept.len());
    table.push(1, &kept.iter().map(|at| names[*at].as_str()).collect::<Vec<_>>());
    for (number, row) in &rows {
        let cells: Vec<&str> = kept.iter().map(|at| row.get(at).map_or("", |v| v)).collect();
        table.push(*number, &cells);
    }
    Some(table)
}

/// The names and values of a line.
fn pairs(line: &str) -> Vec<(String, String)> {
    // A remark for people may end the line.
    let line = line.split_once(" #").map_or(line, |(before, _)| before);
    // `psql -x` puts a bar between each name and its value.
    if let Some((name, value)) = line.split_once(" | ").filter(|(_, value)| !value.contains('|'))
        && !line.contains(['=', ':'])
    {
        let pair = (name.trim().to_owned(), value.trim().to_owned());
        return Some(pair).into_iter().filter(is_pair).collect();
    }
    let mark = if line.contains('=') { '=' } else { ':' };
    let mut pairs: Vec<(String, String)> = Vec::new();
    for part in line.split([',', ';', '|', '\t']) {
        if !part.contains(mark) {
            // A decimal comma is inside a number and does not separate two pairs.
            let joins = part.starts_with(|c: char| c.is_ascii_digit());
            if let Some((_, value)) = pairs.last_mut().filter(|_| joins) {
                *value = format!("{value},{}", part.trim_end());
            }
            continue;
        }
        of_part(part, mark, &mut pairs);
    }
    pairs.retain(is_pair);
    pairs
}

fn is_pair((name, value): &(String, String)) -> bool {
    name.len() <= 60
        && name.chars().any(char::is_alphabetic)
        && name.split_whitespace().count() <= 5
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !value.is_empty()
}

/// Reads `threads: 8`, or several pairs separated by blanks: `threads=8 time=1.98 s`.
fn of_part(part: &str, mark: char, pairs: &mut Vec<(String, String)>) {
    // A colon inside a word belongs to a time of day or a path.
    let is_mark = |at: usize| mark == '=' || part[at + 1..].chars().next().is_none_or(|c| c == ' ');
    let all: Vec<usize> = part.match_indices(mark).map(|(at, _)| at).collect();
    let spaced: Vec<usize> = all.iter().copied().filter(|at| is_mark(*at)).collect();
    let marks = if spaced.is_empty() { all[..1].to_vec() } else { spaced };
    let start_of_name = |at: usize| {
        let before = part[..at].trim_end();
        // After a wide gap, a name may have several words: `s = 8.1  Mop/s total = 812`.
        if let Some(gap) = before.rfind("  ").filter(|gap| before[..*gap].contains(mark)) {
            return gap + 2;
        }
        let blank = before.char_indices().rfind(|(_, c)| c.is_whitespace());
        blank.map_or(0, |(at, c)| at + c.len_utf8())
    };
    for (index, &at) in marks.iter().enumerate() {
        let is_alone = marks.len() == 1 && (mark == ':' || part[..at].ends_with(' '));
        let from = if is_alone { 0 } else { start_of_name(at) };
        let to = marks.get(index + 1).map_or(part.len(), |next| start_of_name(*next));
        let name = part[from..at].trim().trim_start_matches(['-', '*', '#', ' ']).trim();
        let value = part.get(at + 1..to).unwrap_or_default().trim();
        pairs.push((name.to_owned(), value.trim_matches(['"', '\'']).to_owned()));
    }
}

/// Reads `1 thread: 8.1s`, `4 workers took 2.2 s` or `threads 8 -> 120 req/s`.
fn of_sentences(text: &str) -> Option<Table> {
    if !are_most(text, |line| sentence(line).is_some()) {
        return None;
    }
    let said: Vec<(u32, Sentence)> =
        filled(text).filter_map(|(number, line)| Some((number, sentence(line)?))).collect();
    let counts: BTreeSet<&str> = said.iter().map(|(_, one)| one.workers.as_str()).collect();
    if counts.len() < 2 {
        return None;
    }
    let verb = &said[0].1.verb;
    let is_measured = matches!(words::meaning(verb).kind, Kind::Time | Kind::Rate);
    let mut table = Table::empty(3);
    table.push(1, &["name", "workers", if is_measured { verb } else { "value" }]);
    for (number, one) in &said {
        table.push(*number, &[&one.name, &one.workers, &one.value]);
    }
    Some(table)
}

/// What a line says.
struct Sentence {
    /// The text before the number of workers.
    name: String,
    workers: String,
    /// The text between that number and the figure.
    verb: String,
    value: String,
}

fn sentence(line: &str) -> Option<Sentence> {
    let line = line.trim_start_matches(['-', '*', '\u{2022}', ' ']);
    if line.len() > 400 {
        return None;
    }
    // A shell prints several times for a command. The reader of logs knows the right one.
    if log::of_a_shell(line).is_some() {
        return None;
    }
    let line = &with_digits(line);
    let found = axis::in_text(line, None).or_else(|| axis::in_letter(line))?;
    // The count is where the two texts begin to differ.
    let at = line.bytes().zip(found.rest.bytes()).position(|(a, b)| a != b)?;
    let workers = line[at..].chars().take_while(char::is_ascii_digit).collect::<String>();
    let (before, after) = (&line[..at], &line[at + workers.len()..]);
    let (behind, ahead) = (figures(after), figures(before));
    // `8.1 s with 4 threads` says the same as `4 threads took 8.1 s`. Of several equally certain
    // figures, the first is used.
    let all = behind.iter().map(|said| (true, said)).chain(ahead.iter().map(|said| (false, said)));
    let sure = all.filter(|(_, said)| said.sureness > 0).rev();
    let surest = sure.max_by_key(|(_, said)| said.sureness);
    let (is_behind, said) = surest.or_else(|| Some((true, behind.first()?)))?;
    let telling = |word: &&str| !words::counts_workers(word);
    let verb: Vec<&str> = said.label.split_whitespace().filter(telling).collect();
    if verb.len() > 6 || said.is_joined {
        return None;
    }
    let name = if is_behind { before } else { "" }.trim_matches(|c: char| !c.is_alphanumeric());
    // `Threads (4 workers)` has the name "threads"; `threads 4` has no name.
    let next = after.trim_start().split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    let is_named = is_behind && words::counts_workers(next);
    let name = name.split_whitespace().filter(|word| is_named || telling(word));
    let name = name.collect::<Vec<_>>().join(" ");
    let verb = verb.join(" ");
    Some(Sentence { name, workers, verb, value: said.value.to_owned() })
}

/// Numbers of workers as words, and words that imply a number.
const IN_WORDS: [(&str, &str); 12] = [
    ("serial", "1 thread"),
    ("sequential", "1 thread"),
    ("single-threaded", "1 thread"),
    ("single", "1"),
    ("one", "1"),
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("six", "6"),
    ("eight", "8"),
    ("twelve", "12"),
    ("sixteen", "16"),
];

/// `Two threads: 4.2 s` with its count in digits. `Serial: 8.1 s` means one worker.
fn with_digits(line: &str) -> Cow<'_, str> {
    let end = line.find(|c: char| !c.is_ascii_alphabetic() && c != '-').unwrap_or(line.len());
    let first = &line[..end];
    let known = IN_WORDS.iter().find(|(word, _)| first.eq_ignore_ascii_case(word));
    match known {
        Some((_, digits)) => Cow::Owned(format!("{digits}{}", &line[end..])),
        None => Cow::Borrowed(line),
    }
}

/// A figure in a sentence.
#[derive(Debug, PartialEq)]
struct Said<'t> {
    value: &'t str,
    /// The words before it.
    label: &'t str,
    /// 2 if its unit says what it is, 1 if the words before it do.
    sureness: u8,
    /// Whether a dash joins it to a word, as in `sha-256`.
    is_joined: bool,
}

/// The first figures of a text.
fn figures(text: &str) -> Vec<Said<'_>> {
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(start) = text[from..].find(|c: char| c.is_ascii_digit()).map(|at| from + at) {
        if found.len() == MOST_FIGURES {
            break;
        }
        let label = text[from..start].trim_matches(|c: char| !c.is_alphanumeric());
        let Some(value) = figure(&text[start..]) else {
            from = start + text[start..].bytes().take_while(u8::is_ascii_digit).count();
            continue;
        };
        let says = matches!(words::meaning(label).kind, Kind::Time | Kind::Rate);
        let sureness = if is_measured(value) { 2 } else { u8::from(says) };
        let is_joined = text[..start].ends_with('-');
        found.push(Said { value, label, sureness, is_joined });
        from = start + value.len();
    }
    found
}

/// Whether the unit of a figure is one of a time or a rate.
fn is_measured(text: &str) -> bool {
    [Decimal::Point, Decimal::Comma].iter().any(|decimal| {
        matches!(cell::parse(text, *decimal), Cell::Number(figure)
            if matches!(figure.unit, cell::Beside::Time | cell::Beside::Rate))
    })
}

/// The longest beginning of a text that is a figure: `2.2 s` in `2.2 s on my machine`.
fn figure(text: &str) -> Option<&str> {
    let ends = text.match_indices([' ', ',', ';', '(']).map(|(at, _)| at).chain([text.len()]);
    let ends: Vec<usize> = ends.take(8).collect();
    let plain = |end: usize| text[..end].trim_end_matches(['.', ',', ';', ':', '!']).trim();
    let longest = || ends.iter().rev().map(|end| plain(*end));
    longest().find(|text| is_measured(text)).or_else(|| longest().find(|text| is_number(text)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::table;

    fn rows(text: &str) -> Vec<String> {
        let table = table(text).unwrap_or_else(|| panic!("no such lines: {text}"));
        table.rows().map(|row| row.fields().collect::<Vec<_>>().join("|")).collect()
    }

    #[test]
    fn pairs_make_rows() {
        for text in [
            "threads: 1, time: 8.1 s\nthreads: 2, time: 4,2 s\n",
            "threads=1 time=8.1 s\nthreads=2 time=4,2 s\n",
            "threads: 1 time: 8.1 s\nthreads: 2 time: 4,2 s\n",
            "- threads: 1\n  time: 8.1 s\n- threads: 2\n  time: 4,2 s\n",
            "host: a\nthreads = 1; time = 8.1 s\nthreads = 2; time = 4,2 s\n",
        ] {
            assert_eq!(rows(text), ["threads|time", "1|8.1 s", "2|4,2 s"], "{text}");
        }
    }

    #[test]
    fn sentences_make_rows() {
        let cases = [
            ("1 thread: 8.1s\n2 threads: 4.2s\n", ["|1|8.1s", "|2|4.2s"]),
            ("1 worker took 8.1 s.\n2 workers took 4.2 s.\n", ["|1|8.1 s", "|2|4.2 s"]),
            (
                "with 1 job -> 90 req/s\nwith 2 jobs -> 170 req/s\n",
                ["with|1|90 req/s", "with|2|170 req/s"],
            ),
            ("threads 1: 8.1 s now\nthreads 2: 4.2 s now\n", ["|1|8.1 s", "|2|4.2 s"]),
        ];
        for (text, wanted) in cases {
            assert_eq!(rows(text)[1..], wanted, "{text}");
        }
        for text in ["", "1 thread\n2 threads\n", "a,b\n1,2\n3,4\n", "time: 1\ntime: 2\n"] {
            assert_eq!(table(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_lines(
            text in any::<String>(),
            lines in "((threads|time|[0-9é]{1,2})[:= ,;.-]{0,2}){0,8}\n",
        ) {
            let _ = table(&text);
            let _ = table(&lines.repeat(3));
        }
    }
}
