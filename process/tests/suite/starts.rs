//! Tests of starts that fail half-way, for lack of descriptors or processes, or because the fork
//! server dies. Whichever step fails, the start is an error and leaves no process, zombie or
//! descriptor behind.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use knee_process::{Child, Error, Failure, Pool, Process, StartMethod};

use crate::census::{Census, children, send};
use crate::processes::{METHODS, add};
use crate::runner::Test;
use crate::scenarios;

pub(crate) const TESTS: &[Test] = &[
    Test::new("starts::no_descriptors_left_is_an_error", no_descriptors),
    Test::new("starts::no_processes_left_is_an_error", no_processes),
    Test::new("starts::killed_fork_server_is_replaced", killed_fork_server),
    Test::new("starts::fork_server_killed_at_any_time_loses_no_child", fork_server_killed_often),
    // It waits for as long as a start may take: `cargo test -p knee-process --test suite --
    // --ignored stopped`.
    Test::long("starts::stopped_fork_server_is_replaced", stopped_fork_server),
];

/// Sets the soft limit of a resource; returns the former one.
fn limit(resource: libc::__rlimit_resource_t, soft: u64) -> u64 {
    // SAFETY: the struct is plain data and lives through both calls.
    unsafe {
        let mut now: libc::rlimit = std::mem::zeroed();
        libc::getrlimit(resource, &raw mut now);
        let before = now.rlim_cur;
        now.rlim_cur = soft;
        libc::setrlimit(resource, &raw const now);
        before
    }
}

fn start(method: StartMethod) -> Process<u64> {
    Process::new(add, (1, 2)).start_method(method)
}

fn no_descriptors() {
    for method in METHODS {
        // The fork server stays for good.
        assert_eq!(start(method).start().unwrap().outcome(), Ok(3));
        let census = Census::take();
        // Each turn has one descriptor more, so that every step of the start fails once for lack of
        // one.
        for spare in 0..40 {
            let open = std::fs::read_dir("/proc/self/fd").unwrap().count() as u64;
            let before = limit(libc::RLIMIT_NOFILE, open + spare);
            let built = Pool::builder().workers(20).start_method(method).build();
            limit(libc::RLIMIT_NOFILE, before);
            let error = built.unwrap_err().to_string();
            assert!(error.contains("Too many open files"), "with {spare} spare: {error}");
            assert!(spare < 20 || error.contains("of 20"), "with {spare} spare: {error}");
            census.assert_nothing_more();
        }
    }
}

/// Allows its user no further process, then prints the error of a start and what is left
/// afterwards.
pub(crate) fn without_processes() {
    // The user root is exempt from the limit, the user nobody is not. SAFETY: this process has a
    // single thread.
    unsafe { libc::setuid(65534) };
    for method in METHODS {
        assert_eq!(start(method).start().unwrap().outcome(), Ok(3));
    }
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    for server in fork_servers() {
        // SAFETY: the struct lives through the call, and a null pointer for the old limit is
        // allowed.
        unsafe {
            libc::prlimit(server as i32, libc::RLIMIT_NPROC, &raw const none, std::ptr::null_mut());
        }
    }
    limit(libc::RLIMIT_NPROC, 0);
    for method in METHODS {
        println!("{method:?}: {}", start(method).start().unwrap_err());
        println!("{method:?} pool: {}", Pool::builder().start_method(method).build().unwrap_err());
    }
    // A fork server that cannot fork ends. The next start finds it ended and reaps it. Its end
    // takes a moment.
    for _ in 0..500 {
        if wards().is_empty() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
        let _ = start(StartMethod::ForkServer).start();
    }
    println!("children: {:?}", wards());
}

fn no_processes() {
    let (mut child, lines) = scenarios::start("no-processes-left");
    let lines: Vec<String> = lines.collect();
    assert!(child.wait().unwrap().success(), "{lines:?}");
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert!(lines[..4].iter().all(|line| line.contains("temporarily unavailable")), "{lines:?}");
    assert_eq!(lines[4], "children: []");
}

fn is_called(pid: u32, name: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|found| found.trim() == name)
}

fn fork_servers() -> Vec<u32> {
    children().into_iter().filter(|pid| is_called(*pid, "fork-server")).collect()
}

/// The children of this process except the warden, which stays as long as this process does.
fn wards() -> Vec<u32> {
    children().into_iter().filter(|pid| !is_called(*pid, "warden")).collect()
}

fn killed_fork_server() {
    assert_eq!(start(METHODS[1]).start().unwrap().outcome(), Ok(3));
    for server in fork_servers() {
        send(server, libc::SIGKILL);
    }
    for _ in 0..3 {
        assert_eq!(start(METHODS[1]).start().unwrap().outcome(), Ok(3));
    }
}

fn stopped_fork_server() {
    assert_eq!(start(METHODS[1]).start().unwrap().outcome(), Ok(3));
    for server in fork_servers() {
        send(server, libc::SIGSTOP);
    }
    assert_eq!(start(METHODS[1]).start().unwrap().outcome(), Ok(3));
    assert_eq!(wards(), fork_servers(), "children are left");
}

fn fork_server_killed_often() {
    assert_eq!(start(METHODS[1]).start().unwrap().outcome(), Ok(3));
    let over = AtomicBool::new(false);
    let (mut done, mut hit, mut refused, mut wrong) = (0, 0, 0, Vec::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for pause in (0..).step_by(137) {
                for server in fork_servers() {
                    send(server, libc::SIGKILL);
                }
                if over.load(Relaxed) {
                    break;
                }
                std::thread::sleep(Duration::from_micros(pause % 3000));
            }
        });
        for _ in 0..300 {
            match start(METHODS[1]).start().map(Child::outcome) {
                Ok(Ok(3)) => done += 1,
                // A child has the server's name until it takes its own.
                Ok(Err(Failure::Died(_) | Failure::NeverStarted(_))) => hit += 1,
                Err(Error::NotUp { reason }) if reason.contains("fork server") => refused += 1,
                other => wrong.push(format!("{other:?}")),
            }
        }
        over.store(true, Relaxed);
    });
    println!("{done} were done, {hit} were killed themselves, {refused} found no server");
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(done > 0);
    assert_eq!(start(METHODS[1]).start().unwrap().outcome(), Ok(3));
    let left = wards();
    assert_eq!(left, fork_servers(), "children are left");
}
