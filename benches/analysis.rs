//! How long the analysis takes: of a curve of 10 000 measurements over 200 counts, and of a small
//! one as people type it.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use knee::analysis::{Input, Observation, analyse_curve};
use knee::rng::Rng;

/// `rounds` blocks of `counts` worker counts of a machine that peaks near 100 workers, with 3 % of
/// noise.
fn input(counts: u32, rounds: u32) -> Input {
    let mut rng = Rng::new(1);
    let mut observations = Vec::new();
    for block in 0..rounds {
        for workers in (1..=counts).map(f64::from) {
            let contention = 1.0 + 0.02 * (workers - 1.0) + 1e-4 * workers * (workers - 1.0);
            let throughput = 100.0 * workers / contention * (0.03 * rng.normal()).exp();
            observations.push(Observation {
                block: Some(block),
                ..Observation::plain(workers, throughput)
            });
        }
    }
    Input::plain("bench", observations, 1)
}

fn curves(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("analysis");
    group.sample_size(10);
    for (counts, rounds) in [(8, 1), (8, 8), (200, 50)] {
        let input = input(counts, rounds);
        group.throughput(Throughput::Elements(input.observations.len() as u64));
        group.bench_function(format!("{counts} counts x {rounds}"), |bencher| {
            bencher.iter(|| analyse_curve(black_box(&input)));
        });
    }
    group.finish();
}

criterion_group!(benches, curves);
criterion_main!(benches);
