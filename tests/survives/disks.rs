//! Tests of full disks and of files that may not grow.

use crate::calls::{KNEE, Place, can};

/// Mounts a file system of so many kilobytes on `at`, which only the command `then` sees.
fn small_disk(kilobytes: u32, at: &str, then: &str) -> Vec<String> {
    let script = format!("mount -t tmpfs -o size={kilobytes}k none {at} && {then}");
    ["unshare", "--mount", "sh", "-c", &script].map(str::to_owned).to_vec()
}

fn call(place: &Place, line: &[String]) -> crate::calls::Called {
    let words: Vec<&str> = line.iter().map(String::as_str).collect();
    place.start_by::<&str>(&words, &[]).finish()
}

fn can_mount() -> bool {
    let place = Place::new();
    let line = small_disk(40, &place.tmp().display().to_string(), "true");
    can(&line.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_full_scratch_directory_is_an_error_and_no_crash() {
    if !can_mount() {
        return;
    }
    let place = Place::new();
    let tmp = place.tmp().display().to_string();
    let then = format!(
        "TMPDIR={tmp} exec {KNEE} run lock --modes threads,process-pool --batch 2 --budget 50s \
         --out out; true"
    );
    let called = call(&place, &small_disk(40, &tmp, &then));
    assert!(matches!(called.code, Some(1 | 4)), "{called:?}");
    assert!(called.stderr.contains(&tmp) && called.stderr.contains("TMPDIR"), "{called:?}");
}

#[test]
fn a_disk_that_is_full_in_mid_run_leaves_a_summary() {
    if !can_mount() {
        return;
    }
    let place = Place::new();
    std::fs::create_dir(place.out()).expect("it is ours");
    let out = place.out().display().to_string();
    let then = format!(
        "exec {KNEE} run noop --modes serial,threads --workers 1,2 --budget 40s --out {out}/run; \
         true"
    );
    let called = call(&place, &small_disk(60, &out, &then));
    assert_eq!(called.code, Some(6), "{called:?}");
    assert!(called.stderr.contains("free some space"), "{called:?}");
    assert!(called.stdout.contains("noop"), "no summary: {called:?}");
}

#[test]
fn a_limit_on_files_is_an_error_and_no_silent_end() {
    let place = Place::new();
    let script = format!(
        "ulimit -f 40; exec {KNEE} run queue --modes threads --workers 1 --batch 2 --budget 50s \
         --out out"
    );
    let line = ["sh", "-c", &script].map(str::to_owned);
    let called = call(&place, &line);
    assert!(matches!(called.code, Some(1 | 4 | 6)), "{called:?}");
    assert!(called.stderr.contains("ulimit -f"), "{called:?}");
    // The record itself.
    let place = Place::new();
    let script = format!(
        "ulimit -f 12; exec {KNEE} run noop --modes serial --workers 1 --budget 40s --out out"
    );
    let line = ["sh", "-c", &script].map(str::to_owned);
    let called = call(&place, &line);
    assert_eq!(called.code, Some(6), "{called:?}");
    assert!(called.stderr.contains("ulimit -f"), "{called:?}");
}
