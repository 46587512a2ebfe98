//! Tests of files without measurements: one clear line, exit code 2, and nothing on standard
//! output.

use std::path::Path;

use super::{fit, path};

/// Asserts that a file is refused, and returns the line that says why.
fn refused(argument: &str, options: &[&str]) -> String {
    for json in [&[][..], &["--json"]] {
        let output = fit(&[json, options, &[argument]].concat(), None);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{argument}: {errors}");
        assert!(output.stdout.is_empty(), "{argument} wrote a result");
        assert_eq!(errors.trim_end().lines().count(), 1, "{argument}: {errors}");
        assert!(errors.starts_with("knee: ") && errors.contains(argument), "{errors}");
        assert!(!errors.contains('\u{1b}') && errors.len() < 1000, "{errors}");
    }
    String::from_utf8_lossy(&fit(&[options, &[argument]].concat(), None).stderr).into_owned()
}

fn content_refused(folder: &Path, name: &str, content: &[u8], words: &str) {
    let file = folder.join(name);
    std::fs::write(&file, content).expect("written");
    let line = refused(file.to_str().expect("text"), &[]);
    assert!(line.contains(words), "{name}: {line}");
}

#[test]
fn what_is_no_measurement_is_refused_in_one_line() {
    let folder = tempfile::tempdir().expect("a directory");
    let folder = folder.path();
    for (name, content, words) in [
        ("empty", &b""[..], "is empty"),
        ("blank", b" \n\n", "is empty"),
        ("comments", b"# nothing\n", "only comments"),
        ("header", b"workers,throughput\n", "no measurement"),
        ("binary", b"\x7fELF\x02\x01\x01\0\0\0", "is binary"),
        ("latin", b"workers,throughput\n1,5\xe9\n", "UTF-8"),
        ("prose", b"Once upon a time\nthere was some benchmark on a machine\n", "fields"),
        ("page", b"<!doctype html><html><body>404</body></html>\n", "no measurement"),
        ("cut.json", b"{\"results\":[{\"command\":\"x\",", "cut off"),
        (
            "foreign.json",
            b"{\"name\":\"left-pad\",\"version\":\"1.0.0\"}",
            "no format that is known",
        ),
        ("none.json", b"{\"results\":[]}", "no measurement"),
        ("list.json", b"[]", "no measurement"),
        (
            "times.json",
            b"{\"results\":[{\"command\":\"x -j2\",\"times\":[1.0,-1.0]}]}",
            "results[0].times[1]: is -1",
        ),
        (
            "text.json",
            b"{\"results\":[{\"command\":\"x -j2\",\"times\":\"fast\"}]}",
            "results[0].times: is not an array",
        ),
        ("lines.jsonl", b"{\"a\":1}\n{\"a\":2}\n", "no format that is known"),
        ("record.jsonl", b"{\"header\":{\"schema_version\":1}}\n{\"sample\":{}}\n", "record"),
        ("cut.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab", "unpacked"),
        ("steering.csv", b"workers,throughput\n1,\x1b[31mred\n", "is not a number"),
        ("three.csv", b"1,2,3\n2,4,6\n", "no header"),
    ] {
        content_refused(folder, name, content, words);
    }
}

#[test]
fn what_is_no_file_is_refused_without_waiting() {
    let folder = tempfile::tempdir().expect("a directory");
    let fifo = folder.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo starts");
    assert!(made.success());
    assert!(refused(fifo.to_str().expect("text"), &[]).contains("not a regular file"));
    assert!(refused("/dev/zero", &[]).contains("not a regular file"));
    assert!(refused(folder.path().to_str().expect("text"), &[]).contains("is a directory"));
    assert!(refused("/nowhere/at/all", &[]).contains("no such file"));
    let huge = folder.path().join("huge.csv");
    let file = std::fs::File::create(&huge).expect("created");
    file.set_len(1 << 40).expect("it is sparse");
    assert!(refused(huge.to_str().expect("text"), &[]).contains("larger than 256 MiB"));
}

#[test]
fn an_ambiguous_axis_names_the_option_that_settles_it() {
    assert!(refused(&path("hyperfine-ambiguous.json"), &[]).contains("--param"));
    assert!(
        refused(&path("hyperfine-1.json"), &["--param", "workers"]).contains("it has \"threads\"")
    );
}

#[test]
fn one_bad_file_among_good_ones_spoils_no_output() {
    let good = path("specsdm91.csv");
    let output = fit(&["--json", &good, "/nowhere/at/all", &good], None);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
}

#[test]
fn options_that_do_not_exist_are_refused() {
    for arguments in [&["--format", "excel", "x"][..], &[], &["--frmat", "csv", "x"]] {
        let output = fit(arguments, None);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
    }
}
