//! Tests of `knee fit` as users call it.

use std::io::Read;
use std::path::Path;

use super::{file, finish, fit, json, knee, path};

fn stdout(arguments: &[&str], input: Option<&Path>) -> String {
    let output = fit(arguments, input);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
    assert!(errors.is_empty(), "{errors}");
    String::from_utf8(output.stdout).expect("it is text")
}

#[test]
fn a_terminal_shows_the_answer_and_the_curve() {
    let text = stdout(&[&path("specsdm91.csv")], None);
    assert!(text.contains("specsdm91") && text.contains("units/s"), "{text}");
    assert!(
        text.contains("sigma 0.02773, kappa 1.044e-4; peak 1.88 k units/s at 96.52 workers"),
        "{text}"
    );
    assert!(
        text.contains("95 % intervals: lambda 59.11 to 144.5, sigma 0.006149 to 0.0641"),
        "{text}"
    );
    assert!(stdout(&[&path("raytracer.csv")], None).contains("kappa 0; no peak"));
    assert!(!text.contains('\u{1b}'), "NO_COLOR is kept");
    let quiet = stdout(&["--quiet", &path("specsdm91.csv")], None);
    assert_eq!(quiet, text, "there are no remarks to leave out");
}

#[test]
fn standard_input_is_read_plain_and_compressed() {
    let plain = stdout(&["--json", "-"], Some(&file("specsdm91.csv")));
    assert!(plain.contains("\"name\": \"standard input\""), "{plain}");
    let packed = stdout(&["--json", "-"], Some(&file("pyperf.json.gz")));
    assert!(packed.contains("\"name\": \"pool-N-threads\""), "{packed}");
    let descriptor = stdout(&["--json", "/dev/stdin"], Some(&file("specsdm91.csv")));
    assert!(descriptor.contains("89.99"), "{descriptor}");
    let twice = fit(&["-", "-"], Some(&file("specsdm91.csv")));
    assert_eq!(twice.status.code(), Some(2));
}

#[test]
fn several_files_stay_apart_unless_they_are_pieces() {
    let pieces = json(&[&path("jmh-1.json"), &path("jmh-2.json")]);
    assert_eq!(pieces["curves"].as_array().map(Vec::len), Some(1));
    assert_eq!(pieces["curves"][0]["points"].as_array().map(Vec::len), Some(2));
    assert_eq!(pieces["curves"][0]["files"].as_array().map(Vec::len), Some(2));
    let folder = tempfile::tempdir().expect("a directory");
    let copy = folder.path().join("other.csv");
    std::fs::copy(file("will-it-scale.csv"), &copy).expect("copied");
    let apart = json(&[&path("will-it-scale.csv"), copy.to_str().expect("text")]);
    let names: Vec<&str> = apart["curves"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|curve| curve["name"].as_str())
        .collect();
    assert_eq!(names.len(), 4);
    assert!(
        names.contains(&"other.csv: threads") && names.contains(&"will-it-scale.csv: threads"),
        "{names:?}"
    );
}

#[test]
fn a_report_is_written_as_for_a_run() {
    let folder = tempfile::tempdir().expect("a directory");
    let out = folder.path().join("new/report");
    let text = stdout(
        &["--out", out.to_str().expect("text"), &path("wide.csv"), &path("times.csv")],
        None,
    );
    assert!(text.contains("report.html"), "{text}");
    for name in ["report.html", "summary.md", "findings.json"] {
        let written = std::fs::read_to_string(out.join(name)).expect("it was written");
        assert!(written.contains("process-pool") && written.contains("large"), "{name}");
    }
    let plots: Vec<String> = std::fs::read_dir(out.join("plots"))
        .expect("plots")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    assert!(plots.iter().any(|name| name == "wide-csv-throughput.svg"), "{plots:?}");
    assert!(plots.iter().any(|name| name == "times-csv-throughput.png"), "{plots:?}");
}

#[test]
fn a_report_that_cannot_be_written_is_said() {
    let output = fit(&["--out", "/proc/knee", &path("wide.csv")], None);
    assert_eq!(output.status.code(), Some(6));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("/proc/knee cannot be written"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = knee(&["fit", "--json", &path("specsdm91.csv")]).spawn().expect("knee starts");
    drop(child.stdout.take());
    let mut errors = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut errors).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "{errors}");
    assert!(errors.is_empty(), "{errors}");
}

#[test]
fn the_rule_for_times_is_in_the_help() {
    let help = stdout(&["--help"], None);
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("throughput = work of a run x runs made at once / time per run"),
        "{help}"
    );
    for format in [
        "csv",
        "records",
        "go-bench",
        "sysbench",
        "hyperfine",
        "google-benchmark",
        "jmh",
        "pyperf",
        "will-it-scale",
        "criterion",
        "knee",
    ] {
        assert!(help.contains(format), "{format}");
    }
}

#[test]
fn a_run_of_our_own_is_read_as_record_rows_and_findings() {
    let folder = tempfile::tempdir().expect("a directory");
    let out = folder.path().join("run");
    let out_text = out.to_str().expect("text");
    let words =
        ["run", "noop", "--modes", "serial,threads", "--workers", "1,2,3", "--budget", "2s"];
    let run = finish(knee(&words).args(["--out", out_text]));
    assert!(run.status.code().is_some_and(|code| code == 0 || code == 5), "{run:?}");
    let record = json(&[out_text]);
    let curve = &record["curves"][0];
    assert_eq!(curve["name"], "noop, threads");
    assert_eq!(curve["points"].as_array().map(Vec::len), Some(3));
    assert_eq!(curve["points"][2]["workers"], 3);
    // The number of rounds depends on the machine. Each round is a row, and a sample unless a later
    // one has replaced it.
    let rows = std::fs::read_to_string(out.join("samples.csv")).expect("it is there");
    let alone = |row: &&str| row.contains("noop,threads,1,");
    let most = rows.lines().filter(alone).count() as u64;
    let samples = curve["points"][0]["samples"].as_u64().unwrap_or_default();
    assert!((1..=most).contains(&samples), "{samples} of {most}: {rows}");
    // The directory, the record in it and its rows give the same answer.
    for name in ["record.jsonl", "samples.csv"] {
        let again = json(&[out.join(name).to_str().expect("text")]);
        assert_eq!(again["curves"][0]["points"], curve["points"], "{name}");
    }
    let findings = json(&[out.join("findings.json").to_str().expect("text")]);
    assert_eq!(findings["curves"][0]["points"].as_array().map(Vec::len), Some(3));
}
