//! Tests of command lines that hold secrets: which users may read the files of such a run.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::calls::{LITTLE, Place, files};

fn modes(place: &Place) -> Vec<(String, u32)> {
    let mode = |path: &std::path::PathBuf| {
        fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    };
    files(&place.out()).iter().map(|path| (path.display().to_string(), mode(path))).collect()
}

#[test]
fn what_is_made_of_a_command_line_is_for_its_owner() {
    let place = Place::new();
    let called =
        place.run(&["--batch", "2", "--budget", "50s", "--workers", "1", "--", "true", "password"]);
    assert!(called.ran(), "{called:?}");
    let found = modes(&place);
    assert!(found.len() > 5 && found.iter().all(|(_, mode)| *mode == 0o600), "{found:?}");
    let called = place.call(&["report", "out"]);
    assert!(called.ran(), "{called:?}");
    assert!(modes(&place).iter().all(|(_, mode)| *mode == 0o600), "{:?}", modes(&place));
}

#[test]
fn without_a_command_files_are_as_readable_as_others() {
    let place = Place::new();
    let called = place.run(&LITTLE);
    assert!(called.ran(), "{called:?}");
    let other = place.out().join("other");
    fs::write(&other, "").expect("it is ours");
    let usual = fs::metadata(&other).expect("it is there").permissions().mode() & 0o777;
    assert!(modes(&place).iter().all(|(_, mode)| *mode == usual), "{:?}", modes(&place));
}

#[test]
fn a_hidden_command_is_in_no_file() {
    let place = Place::new();
    let args = [
        "--hide-command",
        "--batch",
        "2",
        "--budget",
        "50s",
        "--workers",
        "1",
        "--prepare",
        "true sesame",
    ];
    let called = place.run(&[&args[..], &["--", "true", "open", "sesame"]].concat());
    assert!(called.ran(), "{called:?}");
    for path in files(&place.out()) {
        let bytes = fs::read(&path).expect("readable");
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("sesame"), "{}", path.display());
    }
    assert!(!called.stdout.contains("sesame") && !called.stderr.contains("sesame"), "{called:?}");
    assert!(called.stdout.contains("true"), "{called:?}");
    // A hidden command line cannot be run again.
    let record = place.out().join("record.jsonl");
    let text = fs::read_to_string(&record).expect("readable");
    let without_end: Vec<&str> =
        text.lines().filter(|line| !line.starts_with("{\"end\"")).collect();
    fs::write(&record, without_end.join("\n") + "\n").expect("it is ours");
    let called = place.call(&["run", "--resume", "out"]);
    assert_eq!(called.code, Some(2), "{called:?}");
    assert!(called.stderr.contains("--hide-command"), "{called:?}");
}
