//! Which of a file's names is the number of workers.

use super::super::Fault;
use super::counts_workers as means_workers;
use super::split::words;
use super::vocabulary::is_worker;

/// A name that may be the number of workers, with its values.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::import) struct Candidate<'a> {
    pub(in crate::import) name: &'a str,
    /// Its value in each run; `None` if it is missing or not a number.
    pub(in crate::import) values: Vec<Option<f64>>,
}

impl Candidate<'_> {
    fn is_numeric(&self) -> bool {
        self.values.iter().any(Option::is_some)
    }

    fn varies(&self) -> bool {
        let mut values = self.values.iter().flatten();
        values.next().is_some_and(|first| values.any(|value| value.total_cmp(first).is_ne()))
    }
}

/// The index of the candidate that is the number of workers; `None` if none has such a name.
///
/// `what` says what the candidates are: `parameter`, `column`.
pub(in crate::import) fn choose(
    candidates: &[Candidate<'_>],
    param: Option<&str>,
    what: &str,
) -> Result<Option<usize>, Fault> {
    if let Some(param) = param {
        return asked(candidates, param, what);
    }
    let named =
        |index: &usize| means_workers(candidates[*index].name) && candidates[*index].is_numeric();
    let mut fitting: Vec<usize> = (0..candidates.len()).filter(named).collect();
    if fitting.len() > 1 {
        // A value that never changes was not swept.
        let varying: Vec<usize> =
            fitting.iter().copied().filter(|&index| candidates[index].varies()).collect();
        if varying.len() == 1 {
            fitting = varying;
        }
    }
    match fitting.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        several => {
            let names = list(several.iter().map(|&index| candidates[index].name));
            Err(Fault::whole(format!(
                "each {what} of {names} could be the number of workers; name the right one with \
                 --param"
            )))
        }
    }
}

fn asked(candidates: &[Candidate<'_>], param: &str, what: &str) -> Result<Option<usize>, Fault> {
    let exact = candidates.iter().position(|candidate| candidate.name == param);
    let alike = || candidates.iter().position(|candidate| words(candidate.name) == words(param));
    match exact.or_else(alike) {
        Some(found) if candidates[found].is_numeric() => Ok(Some(found)),
        Some(_) => Err(Fault::whole(format!("{what} {param:?} holds no numbers"))),
        None => Err(Fault::whole(match candidates {
            [] => format!("has no {what} {param:?}; it has none at all"),
            some => {
                let names = list(some.iter().map(|candidate| candidate.name));
                format!("has no {what} {param:?}; it has {names}")
            }
        })),
    }
}

/// Names for a sentence; a long list is cut.
pub(in crate::import) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("{name:?}")).collect();
    match names.len() {
        0 => "none".to_owned(),
        1..=12 => names.join(", "),
        more => format!("{} and {} more", names[..12].join(", "), more - 12),
    }
}

/// A number of workers found in a text, and the text with `N` in its place.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::import) struct Found {
    pub(in crate::import) workers: f64,
    pub(in crate::import) rest: String,
}

/// The number beside a word for workers: `make -j8`, `BM_Lock/threads:4`, `8 threads`,
/// `--workers=2`.
///
/// With `param`, the number beside that word. If there are several, the first is used.
pub(in crate::import) fn in_text(text: &str, param: Option<&str>) -> Option<Found> {
    let numbers = numbers(text);
    let before = |&&(start, _): &&(usize, usize)| leads(&text[..start], param);
    let after = |&&(_, end): &&(usize, usize)| follows(&text[end..], param);
    // `nthreads() = 8`, `OMP_NUM_THREADS = 8`.
    let assigned = |&&(start, _): &&(usize, usize)| {
        let name = text[..start].trim_end_matches(['=', ':', ' ', '(', ')', '"', '\'']);
        name.len() < start && leads(name, param)
    };
    let found = numbers.iter().find(before).or_else(|| numbers.iter().find(after));
    let &(start, end) = found.or_else(|| numbers.iter().find(assigned))?;
    let workers = text[start..end].parse().ok()?;
    Some(Found { workers, rest: format!("{}N{}", &text[..start], &text[end..]) })
}

/// `n=8: 1.98 s`, `p = 4 -> ..`: a letter at the start of a line, which has this meaning only in
/// such lines.
pub(in crate::import) fn in_letter(line: &str) -> Option<Found> {
    // `8T: 1900 fps`.
    let start = line.trim_start();
    let digits = start.bytes().take_while(u8::is_ascii_digit).count();
    let behind = start[digits..].strip_prefix(['T', 't']).filter(|_| digits > 0);
    if behind.is_some_and(|after| after.starts_with([':', ' ', '='])) {
        let workers = start[..digits].parse().ok()?;
        return Some(Found { workers, rest: format!("N{}", &start[digits..]) });
    }
    let after = start.strip_prefix(|c: char| "nNpPtTcCjJ".contains(c))?;
    let after = after.strip_prefix(|c: char| c == 'p' || c == 't').unwrap_or(after);
    let digits = after.trim_start_matches([' ', '=', ':']);
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let ends = !digits[length..].starts_with(|c: char| c == '.' || c.is_alphanumeric());
    if length == 0 || !ends || digits.len() == after.len() {
        return None;
    }
    let start = line.len() - digits.len();
    let workers = digits[..length].parse().ok()?;
    Some(Found { workers, rest: format!("{}N{}", &line[..start], &digits[length..]) })
}

/// The number of workers in a file's name: `run-8-threads`, `hey-c50`, or the only number in the
/// name, `run-8`.
pub(in crate::import) fn in_name(stem: &str, param: Option<&str>) -> Option<f64> {
    if let Some(found) = in_text(stem, param) {
        return Some(found.workers);
    }
    if param.is_some() {
        return None;
    }
    let lettered = stem.split(|c: char| !c.is_ascii_alphanumeric()).find_map(|part| {
        let digits = part.strip_prefix(|c: char| "ctpjnwuCTPJNWU".contains(c))?;
        digits.parse::<u32>().ok()
    });
    let all = numbers(stem);
    let only = || match all.as_slice() {
        // A year is not a number of workers.
        [(start, end)] => {
            stem[*start..*end].parse::<u32>().ok().filter(|n| !(1990..2100).contains(n))
        }
        _ => None,
    };
    lettered.or_else(only).map(f64::from)
}

/// Where the whole numbers of a text start and end. Digits of a decimal fraction are not whole
/// numbers.
fn numbers(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && (bytes[at].is_ascii_digit() || bytes[at] == b'.') {
            at += 1;
        }
        if !bytes[start..at].contains(&b'.') && (start == 0 || bytes[start - 1] != b'.') {
            found.push((start, at));
        }
    }
    found
}

/// Whether the text before a number says that it counts workers.
fn leads(before: &str, param: Option<&str>) -> bool {
    let open = before.strip_suffix(['=', ':', ' ', '_', '-', '/', '(']).unwrap_or(before);
    let word_start = open
        .rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
        .map_or(0, |at| at + open[at..].chars().next().map_or(1, char::len_utf8));
    let word = &open[word_start..];
    if let Some(param) = param {
        return ends_with_words(word, param);
    }
    if let Some(flag) = word.strip_prefix('-').filter(|flag| !flag.starts_with('-')) {
        return matches!(
            flag,
            "j" | "t" | "T" | "p" | "P" | "n" | "N" | "c" | "w" | "np" | "nt" | "J"
        );
    }
    let long = word.strip_prefix("--").unwrap_or_default();
    let assigned = before.ends_with('=') && ["j", "np", "nt"].contains(&word);
    let said = ["concurrent", "simultaneous"].contains(&word.to_ascii_lowercase().as_str());
    if assigned || said || ["transfers", "checkers", "parallel"].contains(&long) {
        return true;
    }
    if words(word).last().is_some_and(|last| is_worker(last)) {
        return true;
    }
    // As in `Pool size 8`.
    let two = open[..word_start].trim_end();
    let before = two
        .rfind(|c: char| !c.is_ascii_alphanumeric())
        .map_or(0, |at| at + two[at..].chars().next().map_or(1, char::len_utf8));
    TWO_WORDS.iter().any(|(first, second)| {
        two[before..].eq_ignore_ascii_case(first) && word.eq_ignore_ascii_case(second)
    })
}

/// Pairs of words that count workers.
const TWO_WORDS: [(&str, &str); 6] = [
    ("pool", "size"),
    ("world", "size"),
    ("team", "size"),
    ("queue", "depth"),
    ("concurrency", "level"),
    ("parallel", "level"),
];

/// Whether the text after a number says that it counts workers.
fn follows(after: &str, param: Option<&str>) -> bool {
    let open = after.strip_prefix([' ', '_', '-']).unwrap_or(after);
    let end = open.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(open.len());
    match param {
        Some(param) => words(&open[..end]) == words(param),
        None => is_worker(&open[..end].to_ascii_lowercase()),
    }
}

fn ends_with_words(text: &str, ending: &str) -> bool {
    let (text, ending) = (words(text), words(ending));
    !ending.is_empty() && text.ends_with(&ending)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Candidate, choose, in_text, means_workers};

    #[test]
    fn names_of_workers_are_known_whatever_they_are_dressed_in() {
        for name in [
            "workers",
            "Threads",
            "OMP_NUM_THREADS",
            "# of clients",
            "num_jobs",
            "nThreads",
            "thread count",
            "N",
            "load",
            "Processors",
            "GOMAXPROCS",
        ] {
            assert!(means_workers(name), "{name}");
        }
        for name in [
            "threads_idle",
            "thread_id",
            "time",
            "cpu_count",
            "size",
            "pid",
            "",
            "t",
            "per_thread_rate",
        ] {
            assert!(!means_workers(name), "{name}");
        }
    }

    #[test]
    fn counts_are_found_beside_their_word() {
        let cases = [
            ("make -j8 all2", Some((8.0, "make -jN all2"))),
            ("sleep 0.5 --threads 4", Some((4.0, "sleep 0.5 --threads N"))),
            ("OMP_NUM_THREADS=16 ./run 3", Some((16.0, "OMP_NUM_THREADS=N ./run 3"))),
            ("BM_Lock/1024/threads:2", Some((2.0, "BM_Lock/1024/threads:N"))),
            ("8 threads", Some((8.0, "N threads"))),
            ("pool_4_workers", Some((4.0, "pool_N_workers"))),
            ("sort 1000", None),
            ("threads 1.5", None),
        ];
        for (text, expected) in cases {
            let found = in_text(text, None).map(|found| (found.workers, found.rest));
            assert_eq!(found, expected.map(|(n, rest)| (n, rest.to_owned())), "{text}");
        }
        assert_eq!(in_text("f --lanes 3", Some("lanes")).map(|found| found.workers), Some(3.0));
        assert_eq!(in_text("f --threads 3", Some("lanes")), None);
    }

    #[test]
    fn an_ambiguous_axis_is_an_error_that_names_the_choice() {
        let values = |values: &[f64]| values.iter().map(|value| Some(*value)).collect();
        let both = [
            Candidate { name: "threads", values: values(&[1.0, 2.0]) },
            Candidate { name: "clients", values: values(&[3.0, 4.0]) },
        ];
        let error = choose(&both, None, "parameter").expect_err("it is ambiguous").to_string();
        assert!(error.contains("\"threads\", \"clients\"") && error.contains("--param"), "{error}");
        assert_eq!(choose(&both, Some("clients"), "parameter"), Ok(Some(1)));
        let fixed = [
            Candidate { name: "threads", values: values(&[1.0, 2.0]) },
            Candidate { name: "clients", values: values(&[3.0, 3.0]) },
        ];
        assert_eq!(choose(&fixed, None, "parameter"), Ok(Some(0)));
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_search(text in any::<String>(), param in any::<Option<String>>()) {
            let _ = in_text(&text, param.as_deref());
            let _ = means_workers(&text);
        }
    }
}
