//! Compares the files that a plan names with those on each node.

use std::fmt::Write as _;
use std::path::Path;

use crate::cli::{Failure, exit};
use crate::mode::node::{Cluster, file_hash};
use crate::plan::Plan;

/// Compares the files that a plan names with those on each node, before anything is started.
pub(super) fn compare(plan: &Plan, cluster: &Cluster) -> Result<(), Failure> {
    let here = std::env::current_dir().unwrap_or_default();
    let paths: Vec<String> = files_of(plan);
    let answers = cluster
        .files(&here.to_string_lossy(), &paths)
        .map_err(|error| Failure::new(exit::FAILED, error))?;
    let mut differ = String::new();
    for (node, hashes) in &answers {
        let node = &cluster.nodes()[*node];
        for (path, theirs) in paths.iter().zip(hashes) {
            let what = match (file_hash(Path::new(path)), theirs) {
                (ours, Some(_)) if ours == *theirs => continue,
                (_, None) => "is not there",
                _ => "is a different file there",
            };
            let _ = write!(differ, "\n  node {}: {path} {what}", node.name);
        }
    }
    if differ.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        exit::FAILED,
        format!("all hosts need the same files in the same places:{differ}"),
    ))
}

/// The files that commands, workers and functions consist of, as far as their words show.
fn files_of(plan: &Plan) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for entry in &plan.entries {
        let value = |name: &str| entry.params.iter().find(|(known, _)| *known == name);
        for name in ["argv", "prepare"] {
            let Some((_, text)) = value(name) else { continue };
            let words: Vec<String> = serde_json::from_str(text).unwrap_or_default();
            let program = words.first().and_then(|word| found(word));
            paths.extend(program);
            let files = words.iter().skip(1).filter(|word| Path::new(word).is_file());
            paths.extend(files.cloned());
        }
        for name in ["function", "setup"] {
            let Some((_, text)) = value(name) else { continue };
            let file = text.rsplit_once(':').map(|(file, _)| file.to_owned());
            paths.extend(file.filter(|file| Path::new(file).is_file()));
        }
    }
    paths.sort();
    paths.dedup();
    paths
}

/// The path of a program that is named as on a command line.
fn found(program: &str) -> Option<String> {
    if program.contains('/') {
        return Some(program.to_owned());
    }
    let path = std::env::var_os("PATH")?;
    let places = std::env::split_paths(&path).map(|place| place.join(program));
    let place = places.into_iter().find(|place| place.is_file())?;
    Some(place.to_string_lossy().into_owned())
}
