//! Short tasks are slower in processes than alone; from some length on they are not.

use std::time::Duration;

use knee_process::{Entry, Pool, Process, Worker, function, worker};

use super::figures::{Figure, picture, ratio};
use super::{Experiment, Measured, Place, Verdict};
use crate::clock;
use crate::units::Quantity;

pub(super) const EXPERIMENT: Experiment = Experiment {
    id: "short",
    claim: "Short tasks are slower in processes than one after another without them",
    bent_by_load: true,
    run,
};

/// The task lengths tried, in seconds.
const LENGTHS: [f64; 5] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2];
const ROUNDS: usize = 6;
/// Seconds of each measurement.
const WINDOW: f64 = 0.02;

pub(super) fn entries() -> Vec<Entry> {
    vec![worker::<Spinner>(), function(spin)]
}

/// Computes for this many steps; each takes about a nanosecond.
fn spin(steps: u64) -> u64 {
    (0..steps).fold(1, |value: u64, _| {
        std::hint::black_box(value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1))
    })
}

/// A worker that spins.
struct Spinner;

impl Worker for Spinner {
    type Init = ();
    type Task = u64;
    type Reply = u64;

    fn start((): ()) -> Result<Self, String> {
        Ok(Self)
    }

    fn run(&mut self, steps: u64) -> Result<u64, String> {
        Ok(spin(steps))
    }
}

fn run(place: &Place) -> Result<Measured, String> {
    let told = |error: knee_process::Error| error.to_string();
    let pool = Pool::<Spinner>::of(&()).workers(place.cores).build().map_err(told)?;
    pool.wait_ready(Duration::from_secs(10)).map_err(told)?;
    let per_second = calibrated();
    // The cost of a task beside its work, measured with an empty task.
    let mut prices = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        prices.0.push(1.0 / pool_rate(&pool, 0)?);
        prices.1.push(1.0 / process_rate(place.cores, 0)?);
    }
    let (mut pooled, mut anew) = (Vec::new(), Vec::new());
    for length in LENGTHS {
        let steps = (length * per_second) as u64;
        let (mut alone, mut in_pool, mut in_processes) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            alone.push(rate(|| {
                std::hint::black_box(spin(steps));
            }));
            in_pool.push(pool_rate(&pool, steps)?);
            in_processes.push(process_rate(place.cores, steps)?);
        }
        let name = Quantity::Duration.round_text(length);
        pooled.push(ratio(format!("{name}, pool"), &in_pool, &alone));
        anew.push(ratio(format!("{name}, a process each"), &in_processes, &alone));
    }
    let prices = [
        Figure::of("an empty task through a pool", "s", &prices.0),
        Figure::of("an empty task in a process of its own", "s", &prices.1),
    ];
    let cores = place.cores;
    let evidence = format!(
        "an empty task costs {} where {cores} processes at once are started for one task each, {} \
         through a pool of {cores}; against one after another without them a process for each task \
         is {}, a pool {}",
        prices[1].text(),
        prices[0].text(),
        worth(&anew),
        worth(&pooled)
    );
    let verdict = verdict(&anew[0]);
    let drawn: Vec<Figure> = pooled.into_iter().chain(anew).collect();
    let picture =
        picture("Throughput in processes over alone, by task length", &drawn, Some(("alone", 1.0)));
    let figures = prices.into_iter().chain(drawn).collect();
    Ok(Measured { verdict, evidence, figures, picture })
}

/// The claim is about a process for each task, so the shortest tasks in processes of their own
/// decide. The figures of a pool stand beside them.
fn verdict(anew: &Figure) -> Verdict {
    Verdict::of(anew.is_above(1.0).map(|gains| !gains))
}

/// From what task length on processes gain, in words.
fn worth(figures: &[Figure]) -> String {
    match break_even(figures) {
        Some(length) if length <= LENGTHS[0] => {
            format!("worth it even for tasks of {}", Quantity::Duration.round_text(LENGTHS[0]))
        }
        Some(length) => format!("worth it from about {} on", Quantity::Duration.text(length)),
        None => {
            let longest = LENGTHS[LENGTHS.len() - 1];
            format!("not worth it up to {}", Quantity::Duration.round_text(longest))
        }
    }
}

/// Steps per second of one core.
fn calibrated() -> f64 {
    let steps = 200_000;
    let seconds = (0..5).map(|_| {
        let start = clock::now();
        std::hint::black_box(spin(steps));
        clock::since(start).as_secs_f64()
    });
    steps as f64 / seconds.fold(f64::INFINITY, f64::min)
}

/// Calls per second within the window. Calls run in batches of about a hundredth of the window, so
/// that reading the clock costs little.
fn rate(mut call: impl FnMut()) -> f64 {
    let (start, mut done, mut turn) = (clock::now(), 0_u64, 1_u64);
    loop {
        for _ in 0..turn {
            call();
        }
        done += turn;
        let elapsed = clock::since(start).as_secs_f64();
        if elapsed >= WINDOW {
            return done as f64 / elapsed;
        }
        if elapsed < WINDOW / 100.0 {
            turn *= 2;
        }
    }
}

fn pool_rate(pool: &Pool<Spinner>, steps: u64) -> Result<f64, String> {
    let (start, mut done, mut failed) = (clock::now(), 0_u64, None);
    pool.run_closed_loop(
        || (clock::since(start).as_secs_f64() < WINDOW).then_some(steps),
        |report| match report.outcome {
            Ok(_) => done += 1,
            Err(failure) => failed = Some(failure.to_string()),
        },
    )
    .map_err(|error| error.to_string())?;
    match failed {
        Some(reason) => Err(reason),
        None => Ok(done as f64 / clock::since(start).as_secs_f64()),
    }
}

/// Tasks per second with a process for each, as many at once as there are cores.
fn process_rate(cores: usize, steps: u64) -> Result<f64, String> {
    let start = clock::now();
    let mut done = 0;
    while clock::since(start).as_secs_f64() < WINDOW {
        let children: Vec<_> = (0..cores)
            .map(|_| Process::new(spin, (steps,)).start())
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())?;
        for child in children {
            child.outcome().map_err(|error| error.to_string())?;
            done += 1;
        }
    }
    Ok(f64::from(done) / clock::since(start).as_secs_f64())
}

/// The length from which the ratio is above 1, interpolated on logarithmic axes between the lengths
/// tried.
fn break_even(figures: &[Figure]) -> Option<f64> {
    let first = figures.iter().position(|figure| figure.median > 1.0)?;
    if first == 0 {
        return Some(LENGTHS[0]);
    }
    let (below, above) = (figures[first - 1].median.ln(), figures[first].median.ln());
    let (short, long) = (LENGTHS[first - 1].ln(), LENGTHS[first].ln());
    Some((short + (long - short) * -below / (above - below)).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_claim_is_about_a_process_for_each_task() {
        assert_eq!(verdict(&Figure::exactly("1 us", 0.001)), Verdict::of(Some(true)));
        assert_eq!(verdict(&Figure::exactly("1 us", 1.5)), Verdict::of(Some(false)));
    }

    #[test]
    fn the_break_even_lies_between_the_lengths_around_it() {
        let of =
            |ratios: [f64; 5]| break_even(&ratios.map(|ratio| Figure::exactly("ratio", ratio)));
        assert_eq!(of([0.1; 5]), None);
        assert_eq!(of([2.0; 5]), Some(1e-6));
        let length = of([0.02, 0.5, 2.0, 2.0, 2.0]).unwrap();
        assert!((length - 10_f64.powf(-4.5)).abs() < 1e-9, "{length}");
    }
}
