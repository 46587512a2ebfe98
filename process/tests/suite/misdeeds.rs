//! Tasks that go wrong on purpose: they end their process, leave others behind or close descriptors
//! that the worker needs.

use knee_process::{Entry, ExitStatus, function};

use crate::processes::sleep_for_ever;

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        function(die),
        function(busy),
        function(stop_self),
        function(hold_with_grandchild),
        function(print_much),
        function(leave_child),
        function(allocate),
        function(read_line),
        function(close_all),
        function(fork_and_return),
        function(become_sleep),
        function(close_all_and_sleep),
    ]
}

/// Ends its process in one of many ways.
pub(crate) fn die(how: u32) -> u64 {
    match how {
        0 => std::process::exit(0),
        1 => std::process::exit(7),
        2 => std::process::abort(),
        3 => kill_self(libc::SIGKILL),
        4 => kill_self(libc::SIGSEGV),
        5 => return overflow(&[0; 1 << 10]),
        // SAFETY: _exit ends the process.
        _ => unsafe { libc::_exit(3) },
    }
    unreachable!("the process has ended")
}

/// Restores the default action and raises the signal. Rust's library has a SIGSEGV handler, for its
/// stack guard.
pub(crate) fn kill_self(signal: i32) {
    // SAFETY: signals to oneself have no memory effects, and no handler is installed.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

#[expect(unconditional_recursion, reason = "the stack is to overflow")]
fn overflow(bytes: &[u8; 1 << 10]) -> u64 {
    let more = std::hint::black_box(*bytes);
    overflow(&more) + u64::from(more[0])
}

pub(crate) fn busy() {
    loop {
        std::hint::spin_loop();
    }
}

pub(crate) fn stop_self() {
    // SAFETY: signals to oneself have no memory effects.
    unsafe { libc::raise(libc::SIGSTOP) };
}

pub(crate) fn leave_child() -> u32 {
    let mut command = std::process::Command::new("sleep");
    command.arg("1000").spawn().unwrap().id()
}

pub(crate) fn hold_with_grandchild() {
    leave_child();
    sleep_for_ever();
}

pub(crate) fn print_much() -> usize {
    for number in 0..2000 {
        println!("line {number} of much output");
    }
    2000
}

pub(crate) fn read_line() -> usize {
    std::io::stdin().read_line(&mut String::new()).unwrap()
}

pub(crate) fn allocate(limit: u64, bytes: usize) -> usize {
    let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
    // SAFETY: the struct lives through the call.
    unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) };
    std::hint::black_box(vec![1_u8; bytes]).len()
}

/// Closes every descriptor but the standard ones.
pub(crate) fn close_all() -> u64 {
    // SAFETY: all later uses of a closed descriptor in this process fail with an error.
    unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32) };
    7
}

pub(crate) fn close_all_and_sleep() {
    close_all();
    sleep_for_ever();
}

/// Returns twice.
pub(crate) fn fork_and_return(number: u64) -> u64 {
    // SAFETY: the copy has one thread, and it does nothing but return.
    unsafe { libc::fork() };
    number
}

/// Becomes another program, which knows nothing of lifelines.
pub(crate) fn become_sleep() {
    use std::os::unix::process::CommandExt;
    let error = std::process::Command::new("sleep").arg("1000").exec();
    panic!("{error}");
}

/// The exit status that `die` leads to.
pub(crate) fn expected(how: u32) -> ExitStatus {
    match how {
        0 => ExitStatus::Code(0),
        1 => ExitStatus::Code(7),
        2 | 5 => ExitStatus::Signal(libc::SIGABRT),
        3 => ExitStatus::Signal(libc::SIGKILL),
        4 => ExitStatus::Signal(libc::SIGSEGV),
        _ => ExitStatus::Code(3),
    }
}
