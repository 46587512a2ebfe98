//! The cost of each mode: a task that does nothing is dispatched through it.

mod support;

use std::num::NonZeroUsize;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use knee::mode::{Extent, Window, launch};
use knee::plan::{Mode, Subject};

fn dispatch(criterion: &mut Criterion) {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let site = support::site(&scratch);
    let job = support::job("noop");
    let mut group = criterion.benchmark_group("dispatch");
    group.sample_size(10).throughput(Throughput::Elements(1));
    for mode in Mode::of(Subject::Workload) {
        let workers = if mode == Mode::Serial { 1 } else { site.cores };
        let workers = NonZeroUsize::new(workers).expect("at least one core");
        let (mut crew, _) = launch(mode, &site, &job, workers).expect("the crew gets ready");
        group.bench_function(format!("{mode}/{workers}"), |bencher| {
            bencher.iter_custom(|tasks| {
                let window = Window { extent: Extent::Tasks(tasks), warm_up: Duration::ZERO };
                crew.round(workers, window).expect("the batch is done").span
            });
        });
        crew.dismiss().expect("the crew ends");
    }
    group.finish();
}

criterion_group!(benches, dispatch);
criterion_main!(benches);
