//! Many tasks on one core take turns: N of them take N times as long, and the core switches between
//! them.

use std::thread;

use super::figures::{Figure, picture};
use super::{Experiment, Measured, Place, Verdict};
use crate::clock;
use crate::machine::placement;
use crate::mode::{Probe, Whom};

pub(super) const EXPERIMENT: Experiment = Experiment {
    id: "turns",
    claim: "Many tasks on one core take turns: N tasks take N times as long",
    bent_by_load: true,
    run,
};

const ROUNDS: usize = 7;
/// Numbers of tasks that share the core.
const COUNTS: [usize; 4] = [1, 2, 4, 8];
/// Seconds that a task takes alone.
const LENGTH: f64 = 0.015;
/// The allowed range of the time of N tasks over N times that of one.
const BETWEEN: (f64, f64) = (0.85, 1.25);

fn run(_: &Place) -> Result<Measured, String> {
    let allowed = placement::allowed_cpus().map_err(|error| error.to_string())?;
    let cpu = allowed.iter().next().ok_or("no CPU is allowed")?;
    let steps = alone(cpu)?;
    let mut times = vec![Vec::new(); COUNTS.len()];
    let mut switches = vec![Vec::new(); COUNTS.len()];
    for _ in 0..ROUNDS {
        for (at, count) in COUNTS.into_iter().enumerate() {
            let (seconds, switched) = together(count, cpu, steps)?;
            times[at].push(seconds);
            switches[at].push(switched);
        }
    }
    let figures: Vec<Figure> = COUNTS
        .iter()
        .zip(&times)
        .map(|(count, seconds)| {
            let ratios: Vec<f64> =
                seconds.iter().zip(&times[0]).map(|(many, one)| many / one).collect();
            Figure::of(format!("time of {count} over that of 1"), "x", &ratios)
        })
        .collect();
    let last = &figures[COUNTS.len() - 1];
    let most = COUNTS[COUNTS.len() - 1] as f64;
    let verdict = match (last.is_above(BETWEEN.0 * most), last.is_above(BETWEEN.1 * most)) {
        (Some(true), Some(false)) => Some(true),
        (Some(false), _) | (_, Some(true)) => Some(false),
        _ => None,
    };
    let switched: Vec<Figure> = COUNTS
        .iter()
        .zip(&switches)
        .map(|(count, counts)| Figure::of(format!("switches with {count} tasks"), "", counts))
        .collect();
    let evidence = format!(
        "on CPU {cpu}, {} tasks took {} as long as one, {} tasks {}; there were {} switches from \
         one to another that waited with {} tasks, {} with one",
        COUNTS[1],
        figures[1].text(),
        COUNTS[3],
        last.text(),
        switched[3].text(),
        COUNTS[3],
        switched[0].text()
    );
    let picture = picture("Time of N tasks on one core", &figures, Some(("N = 8", most)));
    let figures = figures.into_iter().chain(switched).collect();
    Ok(Measured { verdict: Verdict::of(verdict), evidence, figures, picture })
}

fn work(steps: u64) -> u64 {
    (0..steps).fold(1, |value: u64, _| {
        std::hint::black_box(value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1))
    })
}

/// The number of steps that take the wanted time alone on the core.
fn alone(cpu: u32) -> Result<u64, String> {
    let steps = 1_000_000;
    let mut fastest = f64::INFINITY;
    for _ in 0..3 {
        fastest = fastest.min(together(1, cpu, steps)?.0);
    }
    Ok((steps as f64 * LENGTH / fastest) as u64)
}

/// Seconds until this many tasks on one CPU have ended, and how often one had to give way to
/// another.
fn together(count: usize, cpu: u32, steps: u64) -> Result<(f64, f64), String> {
    let barrier = std::sync::Barrier::new(count + 1);
    thread::scope(|scope| {
        let tasks: Vec<_> = (0..count)
            .map(|_| {
                scope.spawn(|| {
                    let pinned = placement::pin_current_thread(cpu).map_err(|e| e.to_string());
                    barrier.wait();
                    pinned.map(|()| std::hint::black_box(work(steps)))
                })
            })
            .collect();
        let probe = Probe::begin(Whom::Ourselves);
        let start = clock::now();
        barrier.wait();
        for task in tasks {
            task.join().map_err(|_| "a thread panicked")??;
        }
        let seconds = clock::since(start).as_secs_f64();
        let switched = probe.end().involuntary.ok_or("the system does not count switches")?;
        Ok((seconds, switched as f64))
    })
}
