//! Writes the files of a report. Each is either the old file or the new one, complete.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rustix::fs::{FlockOperation, flock};

use super::{axes, compared, html, json, markdown, money, words};
use crate::analysis::comparison::Comparison;
use crate::analysis::findings::Findings;
use crate::plot::heat::Heat;
use crate::plot::{self, Chart, Format, PaintError, Scene};
use crate::record::Readers;

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A file or directory could not be written. The old file is still there.
    #[error("cannot write {}: {source}{}", path.display(), advice(source))]
    File {
        /// The file or directory.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A plot could not be painted.
    #[error("cannot paint {}: {source}", path.display())]
    Plot {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: PaintError,
    },
    /// Findings could not be serialized.
    #[error("cannot serialize the findings: {0}")]
    Json(#[from] serde_json::Error),
}

/// Advice for the usual causes of a failed write.
pub fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            " (free some space, or give another directory with --out)"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            " (give a directory that you may write to with --out)"
        }
        io::ErrorKind::FileTooLarge => " (a limit on the size of files is set: see ulimit -f)",
        _ => "",
    }
}

/// Writes `report.html`, `summary.md`, `findings.json` and `plots/` into `dir`, and returns their
/// paths in this order. `machine` describes the machine for the page, as pairs of a name and a
/// value. Drafts that a killed process left there are removed.
///
/// # Errors
/// The first file that cannot be written, painted or serialized. Files that were written before it
/// are complete; those after it are as they were.
pub fn write_all(
    dir: &Path,
    findings: &Findings,
    machine: &[(String, String)],
    readers: Readers,
) -> Result<Vec<PathBuf>, WriteError> {
    let plots = dir.join("plots");
    std::fs::create_dir_all(&plots).map_err(|source| failed(&plots, source))?;
    [dir, &plots].into_iter().for_each(sweep);
    let texts = [
        ("report.html", html::page(findings, machine)),
        ("summary.md", markdown::summary(findings)),
        ("findings.json", json::findings(findings)?),
    ];
    let mut paths = Vec::new();
    for (name, text) in texts {
        let path = dir.join(name);
        write_file(&path, text.as_bytes(), readers)?;
        paths.push(path);
    }
    let jobs = jobs(findings, &plots);
    let paint = |(stem, scene): &(PathBuf, Scene)| paint(stem, scene, readers);
    // Painting takes longer than everything else together. If no thread can be started, this thread
    // paints.
    let painted: Vec<[PathBuf; 2]> = match rayon::ThreadPoolBuilder::new().build() {
        Ok(threads) => threads.install(|| jobs.par_iter().map(paint).collect::<Result<_, _>>())?,
        Err(_) => jobs.iter().map(paint).collect::<Result<_, _>>()?,
    };
    paths.extend(painted.into_iter().flatten());
    sync_dir(&plots)?;
    sync_dir(dir)?;
    Ok(paths)
}

/// Writes `comparison.html`, `comparison.md`, `comparison.json` and `plots/` into `dir`, and
/// returns their paths in this order.
///
/// # Errors
/// As [`write_all`].
pub fn write_comparison(
    dir: &Path,
    comparison: &Comparison,
    readers: Readers,
) -> Result<Vec<PathBuf>, WriteError> {
    let plots = dir.join("plots");
    std::fs::create_dir_all(&plots).map_err(|source| failed(&plots, source))?;
    [dir, &plots].into_iter().for_each(sweep);
    let texts = [
        ("comparison.html", html::comparison(comparison)),
        ("comparison.md", markdown::comparison(comparison)),
        ("comparison.json", json::comparison(comparison)?),
    ];
    let mut paths = Vec::new();
    for (name, text) in texts {
        let path = dir.join(name);
        write_file(&path, text.as_bytes(), readers)?;
        paths.push(path);
    }
    let labels = comparison.workloads.iter().map(|workload| workload.label.as_str());
    for (workload, stem) in comparison.workloads.iter().zip(stems(labels)) {
        if let Some(chart) = compared::chart(workload) {
            paths.extend(paint(
                &plots.join(format!("{stem}-compared")),
                &lay_out(&chart),
                readers,
            )?);
        }
    }
    sync_dir(&plots)?;
    sync_dir(dir)?;
    Ok(paths)
}

/// Replaces a file as a whole: writes a draft beside it, flushes it to the disk, and renames it.
///
/// # Errors
/// The path and the cause; what stood there before still stands.
pub fn write_file(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), WriteError> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let replace = || -> io::Result<()> {
        if nameless(dir, path, bytes, readers)? {
            return Ok(());
        }
        let permissions = Permissions::from_mode(readers.mode());
        let mut file =
            tempfile::Builder::new().prefix(DRAFT).permissions(permissions).tempfile_in(dir)?;
        hold(file.as_file());
        file.as_file_mut().write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    replace().map_err(|source| failed(path, source))
}

/// The beginning of the name of an incomplete file.
const DRAFT: &str = ".knee-";

/// Locks a draft, so that others do not take it for one that was left behind.
fn hold(file: &File) {
    let _ = flock(file, FlockOperation::NonBlockingLockExclusive);
}

/// Removes the drafts of killed processes: nobody holds their lock any more.
fn sweep(dir: &Path) {
    for path in std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let open = || OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(&path);
        if name.starts_with(DRAFT)
            && path.symlink_metadata().is_ok_and(|meta| meta.is_file())
            && open().is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared).is_ok())
        {
            let _ = std::fs::remove_file(&path);
        }
    }
}

/// Replaces a file through a draft that has no name until it is complete. Returns false if this
/// file system, or a missing `/proc`, does not allow that.
#[cfg(target_os = "linux")]
fn nameless(dir: &Path, path: &Path, bytes: &[u8], readers: Readers) -> io::Result<bool> {
    use std::os::fd::AsRawFd;
    use std::sync::atomic::{AtomicU32, Ordering};

    use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let Ok(file) = open(dir, flags, Mode::from_raw_mode(readers.mode())) else { return Ok(false) };
    let mut file = File::from(file);
    hold(&file);
    file.write_all(bytes)?;
    file.sync_all()?;
    // A file without a name cannot replace an existing one. So it gets a name of its own until it
    // is renamed.
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let beside = dir.join(format!("{DRAFT}{}-{number}", std::process::id()));
    let own = format!("/proc/self/fd/{}", file.as_raw_fd());
    if linkat(CWD, &own, CWD, &beside, AtFlags::SYMLINK_FOLLOW).is_err() {
        return Ok(false);
    }
    std::fs::rename(&beside, path).inspect_err(|_| _ = std::fs::remove_file(&beside))?;
    Ok(true)
}

#[cfg(not(target_os = "linux"))]
fn nameless(_: &Path, _: &Path, _: &[u8], _: Readers) -> io::Result<bool> {
    Ok(false)
}

/// A rename is on the disk once its directory is.
fn sync_dir(dir: &Path) -> Result<(), WriteError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|source| failed(dir, source))
}

/// The error of the named file. tempfile adds the name of the draft, which would only confuse.
fn failed(path: &Path, source: io::Error) -> WriteError {
    let named = source.raw_os_error().is_some() || source.kind() == io::ErrorKind::Other;
    let source = if named { source } else { io::Error::from(source.kind()) };
    WriteError::File { path: path.to_owned(), source }
}

/// Every plot, with the path of its files without their ending.
fn jobs(findings: &Findings, plots: &Path) -> Vec<(PathBuf, Scene)> {
    let names = stems(findings.workloads.iter().map(|workload| workload.label.as_str()));
    let mut jobs = Vec::new();
    for (workload, stem) in findings.workloads.iter().zip(names) {
        let view = words::view(workload, findings.run.usable_cpus);
        let charts = [
            ("throughput", view.throughput()),
            ("speedup", view.speedup()),
            ("efficiency", view.efficiency()),
            ("latency", view.latency()),
            ("lengths", view.lengths()),
            ("cost", money::chart(workload, &view)),
        ];
        for (name, chart) in charts {
            if chart.dots().next().is_some() {
                jobs.push((plots.join(format!("{stem}-{name}")), lay_out(&chart)));
            }
        }
    }
    let axes = findings.axes.iter();
    let maps = axes.filter_map(|axis| Some((axis.of.as_str(), axes::map(findings, axis)?)));
    let (of, maps): (Vec<&str>, Vec<Heat>) = maps.unzip();
    for (map, stem) in maps.iter().zip(stems(of.into_iter())) {
        let scene = plot::heat::heat(map, Format::FILE.width, true);
        jobs.push((plots.join(format!("{stem}-pairs")), scene));
    }
    jobs
}

fn lay_out(chart: &Chart) -> Scene {
    plot::lay_out(chart, &Format::FILE)
}

/// Paints one scene into its two files.
fn paint(stem: &Path, scene: &Scene, readers: Readers) -> Result<[PathBuf; 2], WriteError> {
    let [svg, png] = ["svg", "png"].map(|ending| {
        let mut name = stem.as_os_str().to_owned();
        name.push(".");
        name.push(ending);
        PathBuf::from(name)
    });
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| WriteError::Plot { path, source }
    };
    write_file(&svg, plot::svg(scene).map_err(failed(&svg))?.as_bytes(), readers)?;
    write_file(&png, &plot::png(scene).map_err(failed(&png))?, readers)?;
    Ok([svg, png])
}

/// A file name for each workload, of letters, digits and hyphens only. Each is unique.
fn stems<'a>(labels: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken: Vec<String> = Vec::new();
    for label in labels {
        let stem = safe_name(label);
        let mut free = stem.clone();
        let mut number = 2;
        while taken.contains(&free) {
            free = format!("{stem}-{number}");
            number += 1;
        }
        taken.push(free);
    }
    taken
}

/// A name that is safe in every file system and shell.
pub(super) fn safe_name(label: &str) -> String {
    let mut name = String::new();
    for character in label.chars() {
        if character.is_ascii_alphanumeric() {
            name.push(character.to_ascii_lowercase());
        } else if !name.ends_with('-') && !name.is_empty() {
            name.push('-');
        }
        if name.len() >= 60 {
            break;
        }
    }
    let name = name.trim_end_matches('-');
    if name.is_empty() { "workload".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::safe_name;

    #[test]
    fn names_stay_readable() {
        assert_eq!(safe_name("file:op=sync,size=4k"), "file-op-sync-size-4k");
        assert_eq!(safe_name("../../etc/passwd"), "etc-passwd");
        assert_eq!(safe_name("日本"), "workload");
    }

    proptest! {
        #[test]
        fn any_label_becomes_a_harmless_name(label in any::<String>()) {
            let name = safe_name(&label);
            prop_assert!((1..=60).contains(&name.len()));
            prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
            prop_assert!(!name.starts_with('-'));
        }
    }
}
