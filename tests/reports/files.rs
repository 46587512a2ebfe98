//! Tests of the files of a report: either all are written completely, or the old ones stay and an
//! error names the file and the reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use knee::analysis::findings::Findings;
use knee::record::Readers;
use knee::report::{self, WriteError, csv, json, markdown};

use super::{every_shape, fake};

fn names(dir: &Path) -> BTreeSet<String> {
    fs::read_dir(dir)
        .expect("it is there")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8"))
        .collect()
}

#[test]
fn everything_is_written_and_nothing_else() {
    let dir = tempfile::tempdir().expect("a directory");
    let paths = report::write_all(dir.path(), &fake::broken(), &[], Readers::All)
        .expect("it can be written");
    let expected: BTreeSet<PathBuf> = ["report.html", "summary.md", "findings.json"]
        .iter()
        .map(|name| dir.path().join(name))
        .chain(
            names(&dir.path().join("plots")).iter().map(|name| dir.path().join("plots").join(name)),
        )
        .collect();
    assert_eq!(paths.iter().cloned().collect::<BTreeSet<_>>(), expected);
    // The workload whose cells all failed has no plots; the other has four, each twice.
    assert_eq!(names(&dir.path().join("plots")).len(), 8);
    for path in &paths {
        assert!(fs::metadata(path).expect("it is there").len() > 100, "{}", path.display());
    }
}

#[test]
fn names_of_files_are_harmless_whatever_the_labels_are() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut findings = fake::single();
    let template = findings.workloads[0].clone();
    findings.workloads = fake::HOSTILE
        .iter()
        .chain(&["pi", "Pi", "pi:"])
        .map(|label| knee::analysis::findings::WorkloadFindings {
            label: (*label).to_owned(),
            ..template.clone()
        })
        .collect();
    let paths =
        report::write_all(dir.path(), &findings, &[], Readers::All).expect("it can be written");
    let unique: BTreeSet<&PathBuf> = paths.iter().collect();
    assert_eq!(unique.len(), paths.len(), "two plots share a file");
    for name in names(&dir.path().join("plots")) {
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c)), "{name}");
    }
}

#[test]
fn the_old_file_stands_until_the_new_one_is_whole() {
    let dir = tempfile::tempdir().expect("a directory");
    report::write_all(dir.path(), &fake::single(), &[], Readers::All).expect("it can be written");
    let before = fs::read(dir.path().join("findings.json")).expect("it is there");
    // A directory in the place of a file cannot be replaced by one.
    fs::remove_file(dir.path().join("summary.md")).expect("it is there");
    fs::create_dir(dir.path().join("summary.md")).expect("it is free");
    let error = report::write_all(dir.path(), &fake::broken(), &[], Readers::All)
        .expect_err("it cannot be written");
    let WriteError::File { path, source } = &error else { panic!("{error}") };
    assert_eq!(path, &dir.path().join("summary.md"));
    assert!(error.to_string().contains(&source.to_string()), "{error}");
    assert!(!error.to_string().contains(".knee-"), "{error}");
    assert_eq!(fs::read(dir.path().join("findings.json")).expect("it stands"), before);
    let left: Vec<String> =
        names(dir.path()).into_iter().filter(|name| name.starts_with('.')).collect();
    assert!(left.is_empty(), "temporary files are left: {left:?}");
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    fs::write(&file, "in the way").expect("it can be written");
    let error = report::write_all(&file, &fake::single(), &[], Readers::All)
        .expect_err("a file is in the way");
    assert!(error.to_string().starts_with(&format!("cannot write {}", file.display())), "{error}");
    assert_eq!(fs::read_to_string(&file).expect("it stands"), "in the way");
}

#[test]
fn a_full_device_is_named_with_a_remedy() {
    // Writing through a link to /dev/full would replace the link, so the error is made directly.
    let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
    let error = WriteError::File { path: "report.html".into(), source };
    assert!(error.to_string().contains("free some space"), "{error}");
}

#[test]
fn findings_survive_json() {
    for (name, findings) in every_shape().into_iter().filter(|(name, _)| *name != "absurd") {
        let text = json::findings(&findings).expect("it can be serialized");
        assert!(text.ends_with("}\n"), "{name}");
        let back: Findings = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(back, findings, "{name}");
    }
    let absurd = json::findings(&fake::absurd()).expect("it can be serialized");
    assert!(!absurd.contains("NaN") && !absurd.contains("inf"));
    let schema = serde_json::to_string(&json::schema()).expect("a schema is JSON");
    assert!(schema.contains("schema_version") && schema.contains("knee"));
}

#[test]
fn csv_is_read_back_as_it_was_written() {
    let findings = fake::hostile();
    let mut out = Vec::new();
    csv::cells(&mut out, &findings).expect("a vector takes everything");
    let mut reader = ::csv::Reader::from_reader(out.as_slice());
    let rows: Vec<::csv::StringRecord> =
        reader.records().map(|row| row.expect("it is CSV")).collect();
    let points = |workload: &knee::analysis::findings::WorkloadFindings| {
        usize::from(workload.serial.is_some())
            + workload.curves.iter().map(|curve| curve.points.len()).sum::<usize>()
    };
    assert_eq!(rows.len(), findings.workloads.iter().map(points).sum::<usize>());
    assert_eq!(rows[0][0], knee::plot::label::visible(&findings.workloads[0].label));
    let throughput: f64 = rows[1][4].parse().expect("a number");
    assert!(
        (throughput - findings.workloads[0].curves[0].points[0].throughput.median).abs() < 1e-6
    );
}

#[test]
fn markdown_tables_keep_their_columns_whatever_the_names_are() {
    for (name, findings) in every_shape() {
        let text = markdown::summary(&findings);
        assert!(!text.contains("<script") && !text.contains("<img"), "{name}");
        for row in text.lines().filter(|line| line.starts_with('|')) {
            let bars = row.replace("\\\\", "").replace("\\|", "").matches('|').count();
            assert_eq!(bars, 10, "{name}: {row}");
        }
    }
    let text = markdown::summary(&fake::small());
    assert!(
        text.contains(
            "- **frames**: 2 workers, threads (1.9x, at most 3.1 % better elsewhere); process-pool \
             3 % behind\n"
        ),
        "{text}"
    );
    assert!(text.contains("```sh\nknee run --seed 42\n```"), "{text}");
}
