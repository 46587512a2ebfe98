//! Workloads over modes and worker counts, as criterion groups with throughput: the curve behind
//! `knee run`.

mod support;

use std::num::NonZeroUsize;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use knee::mode::{Extent, Window, launch, reference};
use knee::plan::Mode;

fn scaling(criterion: &mut Criterion) {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let site = support::site(&scratch);
    for name in ["pi", "float", "sleep", "noop"] {
        let job = support::job(name);
        let mut group = criterion.benchmark_group(format!("scaling/{name}"));
        group.sample_size(10).warm_up_time(Duration::from_millis(300));
        reference(&site, &job, 1).expect("serial works");
        for mode in Mode::DEFAULT {
            for workers in [1, site.cores, 2 * site.cores] {
                if mode == Mode::Serial && workers > 1 {
                    continue;
                }
                let count = NonZeroUsize::new(workers).expect("at least one");
                let (mut crew, _) = launch(mode, &site, &job, count).expect("the crew gets ready");
                // One iteration is one task of each worker, so that throughput counts tasks.
                group.throughput(Throughput::Elements(workers as u64));
                group.bench_function(BenchmarkId::new(mode.name(), workers), |bencher| {
                    bencher.iter_custom(|iterations| {
                        let tasks = iterations * workers as u64;
                        let window =
                            Window { extent: Extent::Tasks(tasks), warm_up: Duration::ZERO };
                        crew.round(count, window).expect("the batch is done").span
                    });
                });
                crew.dismiss().expect("the crew ends");
            }
        }
        group.finish();
    }
}

criterion_group!(benches, scaling);
criterion_main!(benches);
