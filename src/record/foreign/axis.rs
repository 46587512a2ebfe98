//! Which number is the worker count: a parameter by its name, or the one number in which names differ.

use super::{ForeignError, Result};

/// Names of worker counts, the plainest first.
const NAMES: [&str; 30] = [
    "workers",
    "threads",
    "processes",
    "procs",
    "load",
    "n",
    "concurrency",
    "jobs",
    "num_workers",
    "num_threads",
    "num_procs",
    "nthreads",
    "nprocs",
    "nproc",
    "n_threads",
    "n_workers",
    "n_jobs",
    "workers_count",
    "parallelism",
    "cores",
    "cpus",
    "ncpus",
    "processors",
    "clients",
    "users",
    "vusers",
    "connections",
    "tasks",
    "parallel",
    "p",
];

/// How plainly a name says that it is a worker count: 0 is plainest.
pub(super) fn rank(name: &str) -> Option<usize> {
    let name = plain(name);
    NAMES.iter().position(|known| *known == name)
}

/// Lower case, without blanks, with one kind of hyphen.
pub(super) fn plain(name: &str) -> String {
    name.trim().to_lowercase().replace(['-', ' '], "_")
}

/// Chooses among the names of parameters that hold numbers.
///
/// `asked` wins; then the plainest name of a worker count; then the only one there is.
pub(super) fn choose<'n>(names: &[&'n str], asked: Option<&str>) -> Result<Option<&'n str>> {
    if let Some(asked) = asked {
        let found = names.iter().find(|name| plain(name) == plain(asked));
        return match found {
            Some(name) => Ok(Some(name)),
            None if names.is_empty() => Ok(None),
            None => Err(ForeignError::new(format!(
                "there is no numeric parameter {asked:?}; there are {}",
                names.join(", ")
            ))),
        };
    }
    let known = names.iter().filter(|name| rank(name).is_some()).min_by_key(|name| rank(name));
    match (known, names) {
        (Some(name), _) => Ok(Some(name)),
        (None, [only]) => Ok(Some(only)),
        (None, []) => Ok(None),
        (None, _) => Err(ForeignError::new(format!(
            "which of {} is the worker count? Say so with --param NAME",
            names.join(", ")
        ))),
    }
}

/// A name in which one number is the worker count: the name without it, and the count.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Named {
    /// The name with `{}` where the count stood.
    pub(super) rest: String,
    /// The count.
    pub(super) workers: f64,
}

/// Finds in names such as `make -j 4` or `sort/threads:8` the number in which they differ.
///
/// Names that are alike but for their numbers belong together; a number that is labelled as a worker count wins over others.
pub(super) fn differ(names: &[&str]) -> Result<Vec<Named>> {
    let split: Vec<Split> = names.iter().map(|name| Split::of(name)).collect();
    let mut out = Vec::with_capacity(names.len());
    for own in &split {
        let alike: Vec<&Split> = split.iter().filter(|other| other.frame == own.frame).collect();
        let varying: Vec<usize> = (0..own.numbers.len())
            .filter(|&at| alike.iter().any(|other| other.numbers[at] != own.numbers[at]))
            .collect();
        let labelled: Vec<usize> =
            (0..own.numbers.len()).filter(|&at| own.is_labelled(at)).collect();
        let at = match (labelled.as_slice(), varying.as_slice()) {
            ([at], _) | (_, [at]) => *at,
            (_, []) => {
                return Err(ForeignError::new(format!(
                    "nothing in {:?} says how many workers it had; say so with --param NAME",
                    own.whole()
                )));
            }
            _ => {
                return Err(ForeignError::new(format!(
                    "names like {:?} differ in several numbers; none is plainly the worker count",
                    own.whole()
                )));
            }
        };
        out.push(Named { rest: own.without(at), workers: own.numbers[at].parse().unwrap_or(0.0) });
    }
    Ok(out)
}

/// A text with `{}` wherever `value` stands as a number of its own: not within `0.01` or `16` where the value is 1.
pub(super) fn without(text: &str, value: &str) -> String {
    let (mut out, mut rest, mut before) = (String::new(), text, None);
    let joins = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '.');
    while let Some(at) = rest.find(value).filter(|_| !value.is_empty()) {
        let head = &rest[..at];
        let after = rest[at + value.len()..].chars().next();
        let left = head.chars().next_back().or(before);
        // `-j4` is a count behind a letter, `0.4` is no count.
        let whole = !left.is_some_and(|c| c.is_ascii_digit() || c == '.') && !joins(after);
        out.push_str(head);
        out.push_str(if whole { "{}" } else { value });
        before = value.chars().next_back();
        rest = &rest[at + value.len()..];
    }
    out + rest
}

/// A name cut at its whole numbers.
struct Split {
    /// The text around them: one more than there are numbers.
    frame: Vec<String>,
    numbers: Vec<String>,
}

impl Split {
    fn of(name: &str) -> Self {
        let (mut frame, mut numbers) = (vec![String::new()], Vec::new());
        let mut in_number = false;
        for c in name.chars() {
            if c.is_ascii_digit() {
                if !in_number {
                    numbers.push(String::new());
                    frame.push(String::new());
                }
                numbers.last_mut().expect("just pushed").push(c);
            } else {
                frame.last_mut().expect("never empty").push(c);
            }
            in_number = c.is_ascii_digit();
        }
        Self { frame, numbers }
    }

    /// Whether the word before a number says that it counts workers: `threads:4`, `-j4`, `OMP_NUM_THREADS=4`.
    fn is_labelled(&self, at: usize) -> bool {
        let before = self.frame[at].trim_end_matches([':', '=', ' ', '_', '-', '/']);
        let word: String = before
            .chars()
            .rev()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect();
        let word = plain(&word);
        let last = word.rsplit('_').next().unwrap_or_default();
        word == "j" && self.frame[at].contains("-j") || (last.len() > 1 && rank(last).is_some())
    }

    fn whole(&self) -> String {
        self.without(usize::MAX)
    }

    fn without(&self, gap: usize) -> String {
        let mut out = self.frame[0].clone();
        for (at, number) in self.numbers.iter().enumerate() {
            out.push_str(if at == gap { "{}" } else { number });
            out.push_str(&self.frame[at + 1]);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(names: &[&str]) -> Vec<(String, f64)> {
        differ(names).unwrap().into_iter().map(|named| (named.rest, named.workers)).collect()
    }

    #[test]
    fn the_number_that_differs_is_the_count() {
        assert_eq!(
            counts(&["make -j1 all2", "make -j16 all2"]),
            [("make -j{} all2".to_owned(), 1.0), ("make -j{} all2".to_owned(), 16.0)]
        );
        assert_eq!(
            counts(&["sort/1024/threads:2", "sort/2048/threads:4"])[1].0,
            "sort/2048/threads:{}"
        );
        assert_eq!(counts(&["a/1", "a/2", "b/7", "b/9"])[2], ("b/{}".to_owned(), 7.0));
        assert_eq!(counts(&["OMP_NUM_THREADS=8 ./a.out 5"])[0].1, 8.0);
    }

    #[test]
    fn a_value_is_taken_out_where_it_stands_alone() {
        assert_eq!(without("sleep 0.01 -j1 --n=1 16 1", "1"), "sleep 0.01 -j{} --n={} 16 {}");
        assert_eq!(without("abc", ""), "abc");
    }

    #[test]
    fn what_is_not_plain_is_asked_for() {
        assert!(differ(&["a", "b"]).is_err());
        assert!(differ(&["run 1 2", "run 2 3"]).is_err());
        assert!(choose(&["depth", "width"], None).unwrap_err().to_string().contains("--param"));
        assert_eq!(choose(&["depth", "threads"], None).unwrap(), Some("threads"));
        assert_eq!(choose(&["depth"], None).unwrap(), Some("depth"));
        assert_eq!(choose(&["depth", "threads"], Some("depth")).unwrap(), Some("depth"));
        assert!(choose(&["depth"], Some("x")).is_err());
    }
}
