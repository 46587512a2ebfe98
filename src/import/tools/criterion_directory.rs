//! criterion's own directory: `target/criterion/GROUP/FUNCTION/VALUE/new/` with `benchmark.json`
//! and `sample.json`.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::gather::Gather;
use super::super::layouts::json::{self, Node};
use super::super::words::units as rate;
use super::super::{Fault, Observation, Options, Series, positive};
use super::criterion;

/// Group, function and value, and one further level.
const DEEPEST: usize = 6;
/// Directories with more benchmarks are refused.
const MOST: usize = 10_000;
/// The largest size of such a file.
const LARGEST: u64 = 16 << 20;

/// Reads every benchmark below; `None` if the directory is not criterion's.
pub(super) fn read(path: &Path, options: &Options) -> Option<Result<Vec<Series>, Fault>> {
    let mut found = Vec::new();
    look(path, 0, &mut found);
    if found.is_empty() {
        return None;
    }
    found.sort();
    Some(all(path, &found, options))
}

/// The directories that hold the newest sample of a benchmark.
fn look(path: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    if path.join("sample.json").is_file() && path.join("benchmark.json").is_file() {
        found.push(path.to_owned());
        return;
    }
    let Ok(inside) = fs::read_dir(path) else { return };
    for entry in inside.flatten() {
        // `base` holds the run that the last one was compared with, and `report` holds its pages.
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = entry.file_name();
        let passed = ["base", "report", "change"].iter().any(|other| name == *other);
        if is_directory && !passed && depth < DEEPEST && found.len() <= MOST {
            look(&entry.path(), depth + 1, found);
        }
    }
}

fn all(root: &Path, found: &[PathBuf], options: &Options) -> Result<Vec<Series>, Fault> {
    if found.len() > MOST {
        return Err(Fault::whole(format!("holds more than {MOST} benchmarks")));
    }
    let mut gather = Gather::default();
    let mut warnings = Vec::new();
    for path in found {
        let shown = path.strip_prefix(root).unwrap_or(path).display().to_string();
        benchmark(path, options.param.as_deref(), &mut gather, &mut warnings)
            .map_err(|fault| Fault::at(shown, fault.to_string()))?;
    }
    Ok(gather.finish(&warnings))
}

fn document(path: &Path) -> Result<serde_json::Value, Fault> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let size = fs::metadata(path).map_or(0, |meta| meta.len());
    if size > LARGEST {
        return Err(Fault::at(name, "is too large for a sample"));
    }
    let text = fs::read_to_string(path)
        .map_err(|error| Fault::at(name.clone(), format!("cannot be read: {error}")))?;
    json::parse(&text).map_err(|fault| Fault::at(name, fault.to_string()))
}

fn benchmark(
    path: &Path,
    param: Option<&str>,
    gather: &mut Gather,
    warnings: &mut Vec<String>,
) -> Result<(), Fault> {
    let (about, sample) =
        (document(&path.join("benchmark.json"))?, document(&path.join("sample.json"))?);
    let about = Node::root(&about);
    let id = about.get("full_id")?;
    let (workers, name) =
        criterion::workers(id.text()?, param, warnings).map_err(|what| id.fault(what))?;
    let (work, counted) = match about.find("throughput").and_then(|node| {
        let (kind, per) = node.fields().next()?;
        Some((kind.to_lowercase(), per.positive()))
    }) {
        Some((kind, per)) => (per?, kind),
        None => (1.0, "iterations".to_owned()),
    };
    let sample = Node::root(&sample);
    let (counts, times) = (sample.get("iters")?.positives()?, sample.get("times")?.positives()?);
    if counts.len() != times.len() {
        return Err(sample.fault("\"times\" has another length than \"iters\""));
    }
    for (nanoseconds, count) in times.iter().zip(&counts) {
        let throughput = rate::throughput(work, 1.0, nanoseconds * 1e-9 / count);
        positive(throughput).map_err(|what| sample.fault(format!("as a throughput {what}")))?;
        gather.add(&name, &counted, Observation { workers, throughput, repetition: None });
    }
    Ok(())
}
