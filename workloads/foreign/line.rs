//! Command lines: words with placeholders, and the program that the first word means.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// What placeholders stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// `{worker}`: which of the workers runs it, from 0.
    Worker,
    /// `{task}`: the number of the task.
    Task,
    /// The word of `--sweep-arg`: how many workers the program is to use itself.
    Workers,
    /// `{port}`: where a server is to listen.
    Port,
}

/// The values of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values {
    pub(crate) worker: usize,
    pub(crate) workers: usize,
    pub(crate) task: u64,
    /// 0 where the program is no server.
    pub(crate) port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Slot(Slot),
}

/// A command line whose placeholders were found once, before any clock runs.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    program: PathBuf,
    words: Vec<Vec<Piece>>,
}

impl Line {
    /// Finds the program and the placeholders of `argv`, which has at least one word. `sweep` may
    /// be empty.
    pub(crate) fn new(argv: &[String], sweep: &str) -> Result<Self> {
        Self::with(
            argv,
            &[(sweep, Slot::Workers), ("{worker}", Slot::Worker), ("{task}", Slot::Task)],
        )
    }

    /// Like [`new`](Self::new), for a server, which is told a worker count and a port.
    pub(crate) fn of_server(argv: &[String], sweep: &str, port: &str) -> Result<Self> {
        Self::with(argv, &[(sweep, Slot::Workers), (port, Slot::Port)])
    }

    fn with(argv: &[String], known: &[(&str, Slot)]) -> Result<Self> {
        let program = find(&argv[0])?;
        let words = argv.iter().map(|word| pieces(word, known)).collect();
        Ok(Self { program, words })
    }

    /// The program with its directory, so that the system need not search for it at every run.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// The words with the placeholders replaced. The first word is the name that the program sees
    /// as its own.
    pub(crate) fn words(&self, values: Values) -> Vec<String> {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Slot(Slot::Worker) => values.worker.to_string(),
            Piece::Slot(Slot::Task) => values.task.to_string(),
            Piece::Slot(Slot::Workers) => values.workers.to_string(),
            Piece::Slot(Slot::Port) => values.port.to_string(),
        };
        self.words.iter().map(|word| word.iter().map(piece).collect()).collect()
    }

    /// Whether a placeholder occurs anywhere.
    pub(crate) fn has(&self, slot: Slot) -> bool {
        self.words.iter().flatten().any(|piece| *piece == Piece::Slot(slot))
    }
}

/// Cuts a word at the placeholders. If two match at one place, the first of `known` is taken.
fn pieces(word: &str, known: &[(&str, Slot)]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut rest, mut plain) = (word, String::new());
    while let Some(first) = rest.chars().next() {
        let here = known.iter().find(|(name, _)| !name.is_empty() && rest.starts_with(name));
        if let Some((name, slot)) = here {
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Slot(*slot));
            rest = &rest[name.len()..];
        } else {
            plain.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    if !plain.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    pieces
}

/// The file of a program: as named where the name has a slash, otherwise the first executable one
/// on `PATH`.
pub(crate) fn find(program: &str) -> Result<PathBuf> {
    if program.contains('/') {
        let path = PathBuf::from(program);
        return match executable(&path) {
            Ok(()) => Ok(path),
            Err(reason) => Err(Error::usage(format!("{program:?} cannot be run: {reason}"))),
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = std::env::split_paths(&path).map(|directory| directory.join(program));
    candidates.find(|file| executable(file).is_ok()).ok_or_else(|| {
        let here = if executable(Path::new(program)).is_ok() {
            format!("; there is one in this directory: write ./{program}")
        } else if program.contains(char::is_whitespace) {
            "; the program and each argument are words of their own (or use --shell)".to_owned()
        } else {
            String::new()
        };
        Error::usage(format!("no program {program:?} is found on PATH{here}"))
    })
}

/// Whether a file can be executed by us; the error says why not.
fn executable(path: &Path) -> Result<(), String> {
    let meta = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if meta.is_dir() {
        return Err("it is a directory".to_owned());
    }
    let name: &OsStr = path.as_os_str();
    rustix::fs::access(OsStr::from_bytes(name.as_bytes()), rustix::fs::Access::EXEC_OK)
        .map_err(|_| "it is not executable (chmod +x?)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: Values = Values { worker: 1, workers: 4, task: 7, port: 0 };

    fn words(argv: &[&str], sweep: &str) -> Vec<String> {
        let argv: Vec<String> = argv.iter().map(ToString::to_string).collect();
        Line::new(&argv, sweep).expect("sh is there").words(VALUES)
    }

    #[test]
    fn placeholders_are_replaced_wherever_they_stand() {
        let line = ["sh", "-j{n}", "{worker}{task}", "a{task}b", "{none}", ""];
        assert_eq!(words(&line, "{n}"), ["sh", "-j4", "17", "a7b", "{none}", ""]);
        assert_eq!(words(&["sh", "N", "-N"], "N"), ["sh", "4", "-4"]);
    }

    #[test]
    fn what_cannot_be_run_is_told_before_it_is_tried() {
        let says = |name: &str| find(name).unwrap_err().to_string();
        assert!(says("no-such-program-anywhere").contains("PATH"));
        assert!(says("sleep 1").contains("words of their own"));
        assert!(says("/").contains("directory"));
        assert!(says("/etc/passwd").contains("not executable"));
        assert!(says("./no/such/file").contains("No such file"));
    }

    proptest::proptest! {
        #[test]
        fn words_without_braces_stay_as_they_are(word in "[^{]*") {
            proptest::prop_assert_eq!(&words(&["sh", &word], "")[1], &word);
        }
    }
}
