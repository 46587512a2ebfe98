//! Tests of exclusion between threads and processes, and of a death in the section.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::*;

/// Goes through the section once.
fn section(area: &Area) -> Result<()> {
    area.locked(|lines| lines.change())?
}

/// Runs `work` on another thread and fails where it hangs.
fn within_a_minute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = mpsc::channel();
    thread::spawn(move || done.send(work()));
    result.recv_timeout(Duration::from_secs(60)).expect("it hangs or has panicked")
}

fn count(area: &Area) -> u64 {
    area.locked(|lines| lines.0[0].count.load(Ordering::Relaxed)).unwrap()
}

#[test]
fn one_at_a_time_and_every_section_counts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    within_a_minute(move || {
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let path = path.clone();
                thread::spawn(move || {
                    // All join at once: one of them makes the file.
                    let area = Area::join(&path, 64).unwrap();
                    for _ in 0..2000 {
                        section(&area).unwrap();
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(count(&Area::join(&path, 64).unwrap()), 8000);
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 1, "a draft was left behind");
    });
}

#[test]
fn the_lines_are_one_cycle() {
    let directory = tempfile::tempdir().unwrap();
    for lines in [0, 1, 2, 128, MAX_LINES] {
        let crew = directory.path().join(lines.to_string());
        std::fs::create_dir(&crew).unwrap();
        let area = Area::join(&crew, lines).unwrap();
        section(&area).unwrap();
        let counts =
            area.shared().lines[..lines].iter().map(|line| line.count.load(Ordering::Relaxed));
        assert_eq!(counts.filter(|count| *count == 1).count(), lines);
    }
}

#[test]
fn a_broken_exclusion_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let area = Area::join(directory.path(), 8).unwrap();
    area.shared().lines[5].count.store(1, Ordering::Relaxed);
    let error = section(&area).unwrap_err().to_string();
    assert!(error.starts_with("wrong result"), "{error}");
}

#[test]
fn a_panic_in_the_section_unlocks_it() {
    let directory = tempfile::tempdir().unwrap();
    let area = Area::join(directory.path(), 8).unwrap();
    let other = Area::join(directory.path(), 8).unwrap();
    let panicked = thread::spawn(move || area.locked(|_| panic!("on purpose"))).join();
    assert!(panicked.is_err());
    within_a_minute(move || section(&other).unwrap());
}

/// Not a test of its own. The test below runs it as another process, which is killed in the
/// section.
#[test]
fn dies_in_the_section() {
    let Some(directory) = std::env::var_os("KNEE_TEST_LOCK") else { return };
    let area = Area::join(Path::new(&directory), 8).unwrap();
    area.locked(|lines| {
        lines.0[3].count.fetch_add(1, Ordering::Relaxed); // Half-way through.
        println!("\nin the section");
        thread::sleep(Duration::from_secs(60));
    })
    .unwrap();
}

#[test]
fn a_worker_killed_in_the_section_does_not_stop_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let area = Area::join(directory.path(), 8).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "lock::area::tests::dies_in_the_section"])
        .env("KNEE_TEST_LOCK", directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let entered = output.lines().map_while(io::Result::ok).any(|line| line == "in the section");
    assert!(entered, "the other process never got into the section");
    child.kill().unwrap();
    child.wait().unwrap();
    within_a_minute(move || {
        section(&area).unwrap();
        assert_eq!(count(&area), 2);
        section(&area).unwrap();
    });
}
