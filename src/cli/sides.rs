//! Reads the sides of a comparison from the user's paths: `A`, `NAME=A`, or a directory of several
//! runs.

use std::path::{Path, PathBuf};

use super::Failure;
use crate::analysis;
use crate::analysis::compare::{Contender, Run};
use crate::record::{self, FILE_NAME};

/// The most runs of one side. A directory with more holds something else.
const MOST_RUNS: usize = 1000;

/// Reads all sides. Paths with the same name are runs of one side. All are analysed at `tolerance`,
/// if given. Unreadable runs are reported to `skip`, if other runs remain.
pub(super) fn read(
    named: &[String],
    tolerance: Option<f64>,
    skip: &mut dyn FnMut(String),
) -> Result<Vec<Contender>, Failure> {
    let mut sides: Vec<Contender> = Vec::new();
    for text in named {
        let (name, path) = split(text);
        let runs = runs(&path, tolerance, skip)?;
        match sides.iter_mut().find(|side| side.name == name) {
            Some(side) if text.starts_with(&format!("{name}=")) => side.runs.extend(runs),
            Some(_) => {
                return Err(Failure::usage(format!(
                    "two sides are called `{name}`; name them as NAME=PATH"
                )));
            }
            None => sides.push(Contender { name, runs, price: None }),
        }
    }
    Ok(sides)
}

/// Splits `NAME=PATH`; a path alone is its own name. A path that exists as written is never split.
fn split(text: &str) -> (String, PathBuf) {
    let whole = Path::new(text);
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !whole.exists() => (name.to_owned(), path.into()),
        _ => (own_name(whole), whole.to_owned()),
    }
}

/// The name of a run's directory.
fn own_name(path: &Path) -> String {
    if let Some((run, node)) = of_node(path) {
        return format!("{}@{node}", own_name(&run));
    }
    let is_record = path.file_name().is_some_and(|name| name == FILE_NAME);
    let named = if is_record { path.parent().unwrap_or(path) } else { path };
    let named = named.canonicalize().unwrap_or_else(|_| named.to_owned());
    // The dot in a directory's name (`v1.2`) does not begin a file ending.
    let name = if named.is_dir() { named.file_name() } else { named.file_stem() };
    name.map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into())
}

/// Splits `RUN@NODE`, one node of a run. A path that exists as written is never split.
fn of_node(path: &Path) -> Option<(PathBuf, String)> {
    let (run, node) = path.to_str()?.rsplit_once('@')?;
    let run = PathBuf::from(run);
    (!path.exists() && run.exists()).then(|| (run, node.to_owned()))
}

/// The run at a path, or all runs in the directories directly below it.
fn runs(
    path: &Path,
    tolerance: Option<f64>,
    skip: &mut dyn FnMut(String),
) -> Result<Vec<Run>, Failure> {
    let inner = inner_runs(path);
    if inner.is_empty() {
        return Ok(vec![run(path, tolerance)?]);
    }
    let mut runs = Vec::new();
    for path in inner {
        match run(&path, tolerance) {
            Ok(run) => runs.push(run),
            Err(failure) => skip(failure.message),
        }
    }
    if runs.is_empty() {
        return Err(Failure::usage(format!("{}: none of its runs can be read", path.display())));
    }
    Ok(runs)
}

fn run(path: &Path, tolerance: Option<f64>) -> Result<Run, Failure> {
    let mut record = match of_node(path) {
        Some((path, node)) => {
            let whole = record::read(&path).map_err(Failure::usage)?;
            whole.of_node(&node).ok_or_else(|| {
                let nodes = whole.header.nodes.iter().map(|node| node.name.as_str());
                let nodes = nodes.collect::<Vec<_>>().join(", ");
                let has = if nodes.is_empty() {
                    "was measured on one host".to_owned()
                } else {
                    format!("has no node {node}; its nodes are {nodes}")
                };
                Failure::usage(format!("{} {has}", path.display()))
            })?
        }
        None => record::read(path).map_err(Failure::usage)?,
    };
    if let Some(tolerance) = tolerance {
        record.header.plan.tolerance = tolerance;
    }
    let findings = analysis::analyse(&record);
    Ok(Run { record, findings })
}

/// The run directories directly below a directory that is no run itself, sorted by name.
fn inner_runs(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() || path.join(FILE_NAME).exists() {
        return Vec::new();
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut runs: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.join(FILE_NAME).is_file()).collect();
    runs.sort_unstable();
    runs.truncate(MOST_RUNS);
    runs
}
