//! Which of a file's names is the number of workers.

use super::Fault;

/// Words for those who work at once, in the plural and in the singular.
const WORKERS: [&str; 39] = [
    "workers",
    "worker",
    "threads",
    "thread",
    "processes",
    "process",
    "procs",
    "proc",
    "processors",
    "processor",
    "jobs",
    "job",
    "load",
    "concurrency",
    "clients",
    "client",
    "users",
    "user",
    "vus",
    "cores",
    "core",
    "cpus",
    "goroutines",
    "tasks",
    "copies",
    "parallelism",
    "connections",
    "instances",
    "ranks",
    "nodes",
    "fibers",
    "coroutines",
    "nthreads",
    "nworkers",
    "nprocs",
    "nproc",
    "njobs",
    "numjobs",
    "gomaxprocs",
];
/// Words beside them that change nothing.
const BESIDE: [&str; 22] = [
    "n",
    "num",
    "number",
    "no",
    "nr",
    "of",
    "count",
    "counts",
    "max",
    "total",
    "the",
    "level",
    "omp",
    "openmp",
    "mkl",
    "openblas",
    "blis",
    "rayon",
    "tokio",
    "concurrent",
    "pool",
    "size",
];
/// Letters that stand for the number of workers where a name is nothing else.
const LETTERS: [&str; 3] = ["n", "p", "j"];

/// Whether a name means the number of workers: `threads`, `OMP_NUM_THREADS`, `# of clients`, `n`.
pub(super) fn means_workers(name: &str) -> bool {
    let words = words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let [letter] = words.as_slice()
        && LETTERS.contains(letter)
    {
        return true;
    }
    let telling: Vec<&&str> = words.iter().filter(|word| !BESIDE.contains(word)).collect();
    matches!(telling.as_slice(), [word] if WORKERS.contains(word))
}

/// The words of a name in lower case: `maxWorkers_2` is `max`, `workers`, `2`.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = ' ';
    for character in name.chars() {
        let kind = |c: char| (c.is_alphabetic(), c.is_numeric());
        let new_word =
            kind(character) != kind(last) || (last.is_lowercase() && character.is_uppercase());
        if character.is_alphanumeric() {
            match words.last_mut().filter(|_| !new_word) {
                Some(word) => word.extend(character.to_lowercase()),
                None => words.push(character.to_lowercase().collect()),
            }
        }
        last = character;
    }
    words
}

/// A name that could be the number of workers, with its values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate<'a> {
    pub(super) name: &'a str,
    /// Its value in each run; `None` where that is missing or not a number.
    pub(super) values: Vec<Option<f64>>,
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

/// The index of the candidate that is the number of workers; `None` where none bears such a name.
///
/// `what` says what they are: `parameter`, `column`.
pub(super) fn choose(
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
        // Our own word says it plainly; otherwise what never changes is not what was swept.
        if let Some(&own) =
            fitting.iter().find(|&&index| words(candidates[index].name) == ["workers"])
        {
            return Ok(Some(own));
        }
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
                "each {what} of {names} could be the number of workers; name the right one with --param"
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

/// Names as a sentence shows them, not too many of them.
pub(super) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("{name:?}")).collect();
    match names.len() {
        0 => "none".to_owned(),
        1..=12 => names.join(", "),
        more => format!("{} and {} more", names[..12].join(", "), more - 12),
    }
}

/// A number of workers found in a text, and the text with `N` in its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) workers: f64,
    pub(super) rest: String,
}

/// The number that stands beside a word for workers: `make -j8`, `BM_Lock/threads:4`, `8 threads`, `--workers=2`.
///
/// With `param`, the number that stands beside that word. The first one counts where there are several.
pub(super) fn in_text(text: &str, param: Option<&str>) -> Option<Found> {
    let numbers = numbers(text);
    let before = |&&(start, _): &&(usize, usize)| leads(&text[..start], param);
    let after = |&&(_, end): &&(usize, usize)| follows(&text[end..], param);
    let &(start, end) = numbers.iter().find(before).or_else(|| numbers.iter().find(after))?;
    let workers = text[start..end].parse().ok()?;
    Some(Found { workers, rest: format!("{}N{}", &text[..start], &text[end..]) })
}

/// Where the whole numbers of a text start and end; digits within a decimal fraction are none.
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

/// Whether what stands before a number says that it counts workers.
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
        return matches!(flag, "j" | "t" | "p" | "P" | "n" | "c");
    }
    words(word).last().is_some_and(|last| WORKERS.contains(&last.as_str()))
}

/// Whether what stands after a number says that it counts workers.
fn follows(after: &str, param: Option<&str>) -> bool {
    let open = after.strip_prefix([' ', '_', '-']).unwrap_or(after);
    let end = open.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(open.len());
    match param {
        Some(param) => words(&open[..end]) == words(param),
        None => WORKERS.contains(&open[..end].to_ascii_lowercase().as_str()),
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
