//! The tests of processes, pools, queues and pipes, each against real processes.

#![expect(clippy::needless_pass_by_value, reason = "arguments cross to another process, by value")]

mod census;
mod examples;
mod faults;
mod large;
mod misdeeds;
mod model;
mod parents;
mod pipes;
mod pool_ends;
mod pools;
mod processes;
mod queues;
mod runner;
mod scenarios;
mod starts;

use std::process::ExitCode;

fn main() -> ExitCode {
    // Scenarios run in a process of their own, some of them without the call of `init` below.
    if let Some(code) = scenarios::play_before_init() {
        return code;
    }
    let entries = [processes::entries(), pools::entries(), queues::entries(), pipes::entries()];
    let more = [faults::entries(), misdeeds::entries(), model::entries()];
    knee_process::init(entries.into_iter().chain(more).flatten());
    if let Some(code) = scenarios::play() {
        return code;
    }
    // The first start opens the file of the memory cgroup's counters for good. The first start from
    // another thread starts the warden. Both are done here, so that no census counts them as a
    // leak.
    let first = || knee_process::Process::new(processes::add, (1, 2)).start()?.join();
    let first = std::thread::spawn(first).join();
    assert!(first.is_ok_and(|exit| exit.is_ok_and(|exit| exit.status.success())));
    let tests = [
        processes::TESTS,
        pools::TESTS,
        large::TESTS,
        pool_ends::TESTS,
        queues::TESTS,
        pipes::TESTS,
        faults::TESTS,
        parents::TESTS,
        starts::TESTS,
        model::TESTS,
        examples::TESTS,
    ];
    runner::main(
        &tests.into_iter().flatten().map(|test| runner::Test { ..*test }).collect::<Vec<_>>(),
    )
}
