//! Tests of single processes.

use std::time::Duration;

use knee_process::{
    Bytes, Child, Entry, Error, ExitStatus, Failure, Output, Process, Run, StartMethod, function,
    process_name, runnable,
};
use serde::{Deserialize, Serialize};

use crate::census::{Census, runs};
use crate::runner::Test;

pub(crate) const TESTS: &[Test] = &[
    Test::new("process::arguments_and_result_cross", arguments_and_result_cross),
    Test::new("process::up_to_six_arguments", up_to_six_arguments),
    Test::new("process::own_type_runs", own_type_runs),
    Test::new("process::name_is_known_inside_and_outside", name_is_known),
    Test::new("process::large_values_cross", large_values_cross),
    Test::new("process::join_with_limit_returns", join_with_limit_returns),
    Test::new("process::terminate_and_kill", terminate_and_kill),
    Test::new("process::ended_ones_ignore_signals", ended_ones_ignore_signals),
    Test::new("process::panic_is_told_with_its_text", panic_is_told),
    Test::new("process::exit_in_the_middle_is_a_death", exit_is_a_death),
    Test::new("process::drop_kills_and_reaps", drop_kills_and_reaps),
    Test::new("process::unregistered_function_is_named", unregistered_function_is_named),
    Test::new("process::child_starts_children", child_starts_children),
    Test::new("process::stdin_is_empty", stdin_is_empty),
    Test::new("process::a_thread_that_ends_takes_no_child_with_it", ended_thread),
    Test::new("process::usage_is_counted", usage_is_counted),
];

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        function(add),
        function(six),
        runnable::<Greeter>(),
        function(name_inside),
        function(reverse),
        function(sleep_for_ever),
        function(ignore_term),
        function(fail_loudly),
        function(exit_zero),
        function(grandchild),
        function(read_stdin),
        function(spin),
        function(abort),
    ]
}

pub(crate) const METHODS: [StartMethod; 2] = [StartMethod::ReExec, StartMethod::ForkServer];

pub(crate) fn add(a: u64, b: u64) -> u64 {
    a + b
}

fn six(a: u8, b: u16, c: u32, d: u64, e: String, f: Option<char>) -> String {
    format!("{a}{b}{c}{d}{e}{f:?}")
}

#[derive(Serialize, Deserialize)]
struct Greeter {
    name: String,
}

impl Run for Greeter {
    type Output = String;
    fn run(self) -> String {
        format!("hello {}", self.name)
    }
}

fn name_inside() -> Option<String> {
    process_name()
}

fn reverse(mut bytes: Bytes) -> Bytes {
    bytes.0.reverse();
    bytes
}

pub(crate) fn sleep_for_ever() {
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

fn ignore_term() {
    // SAFETY: ignoring a signal installs no handler.
    unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
    sleep_for_ever();
}

fn fail_loudly(word: String) {
    std::panic::set_hook(Box::new(|_| {}));
    panic!("the word is {word}");
}

fn exit_zero() -> u64 {
    std::process::exit(0)
}

fn abort() {
    std::process::abort()
}

fn grandchild(method: bool) -> u64 {
    let method = METHODS[usize::from(method)];
    Process::new(add, (20, 22)).start_method(method).start().unwrap().outcome().unwrap()
}

fn read_stdin() -> usize {
    std::io::Read::read_to_end(&mut std::io::stdin(), &mut Vec::new()).unwrap()
}

/// Computes until it has used so much CPU time.
fn spin(milliseconds: i64) {
    // SAFETY: an all-zero timespec is a valid value of that plain C struct.
    let mut used: libc::timespec = unsafe { std::mem::zeroed() };
    while used.tv_sec * 1000 + used.tv_nsec / 1_000_000 < milliseconds {
        // SAFETY: the struct lives through the call.
        unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut used) };
    }
}

fn arguments_and_result_cross() {
    for method in METHODS {
        let census = Census::take();
        let child = Process::new(add, (40, 2)).start_method(method).start().unwrap();
        assert_eq!(child.outcome(), Ok(42), "{method:?}");
        if method == StartMethod::ReExec {
            census.assert_nothing_more();
        }
    }
    // The fork server stays after its first child. Later children leave nothing behind.
    let census = Census::take();
    for _ in 0..20 {
        let child =
            Process::new(add, (40, 2)).start_method(StartMethod::ForkServer).start().unwrap();
        assert_eq!(child.outcome(), Ok(42));
    }
    census.assert_nothing_more();
}

fn up_to_six_arguments() {
    let child = Process::new(six, (1, 2, 3, 4, "five".into(), Some('6'))).start().unwrap();
    assert_eq!(child.outcome().unwrap(), "1234fiveSome('6')");
}

fn own_type_runs() {
    for method in METHODS {
        let child =
            Process::of(Greeter { name: "Ada".into() }).start_method(method).start().unwrap();
        assert_eq!(child.outcome().unwrap(), "hello Ada");
    }
}

fn name_is_known() {
    for method in METHODS {
        let child = Process::new(name_inside, ())
            .name("a name of its own")
            .start_method(method)
            .start()
            .unwrap();
        assert_eq!(child.name(), "a name of its own");
        assert_eq!(child.outcome().unwrap().as_deref(), Some("a name of its own"));
    }
    let child = Process::new(name_inside, ()).start().unwrap();
    assert_eq!(child.outcome().unwrap().as_deref(), Some("name_inside"));
    assert_eq!(process_name(), None);
}

fn large_values_cross() {
    for method in METHODS {
        let bytes: Vec<u8> = (0..20_000_000_u32).map(|number| number as u8).collect();
        let child =
            Process::new(reverse, (Bytes(bytes.clone()),)).start_method(method).start().unwrap();
        let back = child.outcome().unwrap().0;
        assert!(back.iter().eq(bytes.iter().rev()));
    }
}

fn join_with_limit_returns() {
    let child = Process::new(sleep_for_ever, ()).start().unwrap();
    assert_eq!(child.join_within(Duration::from_millis(20)).unwrap(), None);
    assert!(child.is_alive() && child.exit().is_none());
    child.kill();
    let exit = child.join_within(Duration::from_secs(20)).unwrap().unwrap();
    assert_eq!(exit.status, ExitStatus::Signal(9));
    assert!(!child.is_alive() && child.exit() == Some(exit));
    // Again, and from another thread.
    std::thread::scope(|scope| {
        let again = scope.spawn(|| child.join().unwrap());
        assert_eq!(again.join().unwrap(), exit);
    });
}

fn terminate_and_kill() {
    for method in METHODS {
        let child = Process::new(sleep_for_ever, ()).start_method(method).start().unwrap();
        child.terminate();
        assert_eq!(child.join().unwrap().status, ExitStatus::Signal(15));
        let stubborn = Process::new(ignore_term, ()).start_method(method).start().unwrap();
        // Gives the child time to ignore the signal.
        std::thread::sleep(Duration::from_millis(300));
        stubborn.terminate();
        assert_eq!(stubborn.join_within(Duration::from_millis(100)).unwrap(), None);
        stubborn.kill();
        assert_eq!(stubborn.join().unwrap().status, ExitStatus::Signal(9));
    }
}

fn ended_ones_ignore_signals() {
    let child = Process::new(add, (1, 1)).start().unwrap();
    assert!(child.join().unwrap().status.success());
    child.terminate();
    child.kill();
    assert!(child.exit().unwrap().status.success());
    assert_eq!(child.outcome(), Ok(2));
}

fn panic_is_told() {
    for method in METHODS {
        let child =
            Process::new(fail_loudly, ("xyzzy".into(),)).start_method(method).start().unwrap();
        assert_eq!(child.join().unwrap().status, ExitStatus::Code(101));
        assert_eq!(child.outcome(), Err(Failure::Panicked("the word is xyzzy".into())));
    }
}

fn exit_is_a_death() {
    let death = |child: Child<u64>| match child.outcome() {
        Err(Failure::Died(death)) => death.status,
        other => panic!("{other:?}"),
    };
    assert_eq!(death(Process::new(exit_zero, ()).start().unwrap()), ExitStatus::Code(0));
    for method in METHODS {
        let child = Process::new(abort, ()).start_method(method).start().unwrap();
        // In a forked child too: its C library must know its own thread.
        assert_eq!(child.join().unwrap().status, ExitStatus::Signal(libc::SIGABRT), "{method:?}");
    }
}

fn drop_kills_and_reaps() {
    let census = Census::take();
    let child = Process::new(sleep_for_ever, ()).start().unwrap();
    let pid = child.pid();
    drop(child);
    assert!(!runs(pid));
    census.assert_nothing_more();
}

fn unregistered_function_is_named() {
    fn nobody_knows_me() {}
    let error = Process::new(nobody_knows_me, ()).start().unwrap_err();
    assert!(matches!(error, Error::NotRegistered { .. }));
    assert!(error.to_string().contains("nobody_knows_me"), "{error}");
}

fn child_starts_children() {
    for method in METHODS {
        for inner in [false, true] {
            let child = Process::new(grandchild, (inner,)).start_method(method).start().unwrap();
            assert_eq!(child.outcome(), Ok(42), "{method:?} {inner}");
        }
    }
}

fn stdin_is_empty() {
    for method in METHODS {
        let child =
            Process::new(read_stdin, ()).output(Output::Null).start_method(method).start().unwrap();
        assert_eq!(child.outcome(), Ok(0));
    }
}

fn ended_thread() {
    for method in METHODS {
        let start = move || Process::new(sleep_for_ever, ()).start_method(method).start().unwrap();
        let child = std::thread::spawn(start).join().unwrap();
        std::thread::sleep(Duration::from_millis(100));
        assert!(child.is_alive(), "{method:?}");
    }
}

fn usage_is_counted() {
    let child = Process::new(spin, (60,)).start().unwrap();
    let usage = child.join().unwrap().usage;
    assert!(usage.user + usage.system >= Duration::from_millis(50), "{usage:?}");
    assert!(usage.minor_faults > 0);
}
