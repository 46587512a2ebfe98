//! "Threads are concurrent, processes are parallel" is true of Python's threads. The threads
//! measured here are parallel too.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::figures::{Figure, picture, ratio};
use super::lanes::Sweep;
use super::{Experiment, Measured, Place, Verdict};
use crate::clock;
use crate::plan::Mode;

pub(super) const EXPERIMENT: Experiment = Experiment {
    id: "parallel",
    claim: "Threads are concurrent, only processes are parallel",
    bent_by_load: true,
    run,
};

/// Threads are parallel if they do this many times the work of one.
const GAIN: f64 = 1.3;
/// The longest that Python may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Computes in one thread and then in two at once, several times. Prints the ratio of their
/// throughputs.
const PYTHON: &str = "
import threading, time
def spin(n=400000):
    while n: n -= 1
def timed(count):
    threads = [threading.Thread(target=spin) for _ in range(count)]
    start = time.perf_counter()
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return time.perf_counter() - start
timed(1)
for _ in range(6): print(2 * timed(1) / timed(2))
";

fn run(place: &Place) -> Result<Measured, String> {
    let cores = place.cores;
    if cores < 2 {
        return Err("one core does one thing at a time, whatever runs on it".to_owned());
    }
    let threads = gain(place, Mode::Threads)?;
    let processes = gain(place, Mode::ProcessPool)?;
    let python = python();
    let aside = python.as_ref().map_or_else(String::new, |figure| {
        let meaning = match figure.is_above(GAIN) {
            Some(true) => "this Python's threads are parallel too",
            Some(false) => "of Python's threads, with their common lock, the claim is true",
            None => "too little to tell",
        };
        format!("; two threads of Python did {} of what one does: {meaning}", figure.text())
    });
    let verdict = verdict(&threads, &processes);
    let evidence = format!(
        "{cores} threads computed {} as much as one, {cores} processes {}{aside}",
        threads.text(),
        processes.text()
    );
    let figures: Vec<Figure> = [threads, processes].into_iter().chain(python).collect();
    let picture =
        picture("Computing at once over computing alone", &figures, Some(("one at a time", 1.0)));
    Ok(Measured { verdict, evidence, figures, picture })
}

/// Processes are compared as well: on a machine that is busy with something else, nothing is
/// parallel.
fn verdict(threads: &Figure, processes: &Figure) -> Verdict {
    Verdict::of(match (threads.is_above(GAIN), processes.is_above(GAIN)) {
        (Some(true), _) => Some(false),
        (Some(false), Some(true)) => Some(true),
        _ => None,
    })
}

/// Throughput of a mode with as many workers as cores, over that with one worker.
fn gain(place: &Place, mode: Mode) -> Result<Figure, String> {
    let counts = vec![1, place.cores];
    let sweep = Sweep { workload: "pi", given: &[("digits", "1000")], mode, counts, rounds: 7 };
    let swept = sweep.run(place)?;
    Ok(ratio(format!("{} {mode}", place.cores), &swept.rates[1], &swept.rates[0]))
}

/// Throughput of two Python threads over that of one; `None` without Python.
fn python() -> Option<Figure> {
    let mut child = Command::new("python3")
        .args(["-I", "-c", PYTHON])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let start = clock::now();
    while child.try_wait().ok()?.is_none() {
        if clock::since(start) > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut text = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take()?, &mut text).ok()?;
    let ratios: Vec<f64> = text.lines().filter_map(|line| line.parse().ok()).collect();
    (ratios.len() >= 5).then(|| Figure::of("2 threads of Python", "x", &ratios))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_on_the_machine_can_do_is_not_held_against_threads() {
        let verdict = |threads: f64, processes: f64| {
            let gain = |value| Figure::exactly("gain", value);
            super::verdict(&gain(threads), &gain(processes))
        };
        assert_eq!(verdict(1.9, 1.9), Verdict::DoesNotHold);
        assert_eq!(verdict(1.0, 1.9), Verdict::Holds);
        assert_eq!(verdict(0.9, 1.0), Verdict::CannotTell);
    }
}
