//! The time of each workload's task, without any mode.

mod support;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use knee::plan::Registry;
use knee::workloads::Context;

fn kernels(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernels");
    group.sample_size(10);
    for workload in Registry::new(&[]).iter() {
        let name = workload.meta().name;
        let job = support::job(name);
        if workload.supported(&job.params).is_err() {
            continue;
        }
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let site = support::site(&scratch);
        let alone = Context {
            params: &job.params,
            seed: job.seed,
            worker: 0,
            workers: 1,
            shared: &site.scratch,
            host: None,
        };
        let host = workload.host(&alone).expect("the host starts");
        let context = Context { host: host.as_ref().map(|host| host.address.as_str()), ..alone };
        let mut task = workload.prepare(&context).expect("the task is prepared");
        let units = task.run(0).expect("the task runs").units;
        group.throughput(Throughput::Elements(units));
        let mut number = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                number += 1;
                task.run(black_box(number)).expect("the task runs")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, kernels);
criterion_main!(benches);
