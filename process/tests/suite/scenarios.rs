//! Programs that misbehave as a whole. Each runs in a process of its own, which the tests look at.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use knee_process::{Pool, Process, StartMethod};

use crate::misdeeds::{become_sleep, busy, close_all_and_sleep, hold_with_grandchild, stop_self};
use crate::processes::{add, sleep_for_ever};
use crate::starts::without_processes;

/// The argument that comes before the name of a scenario.
const FLAG: &str = "--scenario";

fn chosen() -> Option<String> {
    let mut arguments = std::env::args().skip(1);
    (arguments.next()? == FLAG).then(|| arguments.next()).flatten()
}

/// Starts a scenario; its lines are read from its standard output.
pub(crate) fn start(name: &str) -> (Child, impl Iterator<Item = String>) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let mut child =
        command.args([FLAG, name]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.stdout.take().unwrap();
    (child, BufReader::new(output).lines().map_while(Result::ok))
}

/// Programs that do not call `init`.
pub(crate) fn play_before_init() -> Option<ExitCode> {
    // A child of a program without `init` comes here too. It must not start further children.
    let forgetful = chosen()? == "forgets-init";
    forgetful.then(|| {
        println!("process: {}", Process::new(add, (1, 2)).start().unwrap_err());
        println!("pool: {}", Pool::new().unwrap_err());
        ExitCode::SUCCESS
    })
}

/// Programs that call `init`.
pub(crate) fn play() -> Option<ExitCode> {
    let name = chosen()?;
    match name.as_str() {
        "no-processes-left" => without_processes(),
        "foreign-program" => foreign_program(),
        "parent-re-exec" => parent(StartMethod::ReExec),
        "parent-fork-server" => parent(StartMethod::ForkServer),
        "parent-of-deserters" => parent_of_deserters(),
        other => panic!("no scenario is called {other}"),
    }
    Some(ExitCode::SUCCESS)
}

/// Names a program that does not use this crate.
fn foreign_program() {
    knee_process::set_program("/bin/true");
    println!("process: {}", Process::new(add, (1, 2)).start().unwrap().outcome().unwrap_err());
    let pool = Pool::builder().workers(2).build().unwrap();
    println!("pool: {}", pool.wait_ready(Duration::from_secs(30)).unwrap_err());
    knee_process::set_program("/nowhere/at/all");
    println!("missing: {}", Process::new(add, (1, 2)).start().unwrap_err());
    println!("missing pool: {}", Pool::builder().workers(1).build().unwrap_err());
}

/// Starts children that give up their ties to the parent: by the main thread, by another thread and
/// by the fork server.
fn parent_of_deserters() {
    let begin = |method| {
        [Process::new(become_sleep, ()), Process::new(close_all_and_sleep, ())]
            .map(|process| process.start_method(method).start().unwrap())
    };
    let first = begin(StartMethod::ReExec);
    let forked = begin(StartMethod::ForkServer);
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        send.send(begin(StartMethod::ReExec)).unwrap();
        sleep_for_ever();
    });
    let third = receive.recv().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    for child in first.iter().chain(&forked).chain(&third) {
        println!("{}", child.pid());
    }
    println!("end");
    std::io::stdout().flush().unwrap();
    sleep_for_ever();
}

/// Starts children of all kinds, prints their process ids, and waits to be killed.
fn parent(method: StartMethod) {
    let pool = Pool::builder().workers(4).start_method(method).build().unwrap();
    pool.wait_ready(Duration::from_secs(30)).unwrap();
    let busy: Vec<_> = (0..2).map(|worker| pool.apply_to(worker, busy, ()).unwrap()).collect();
    let stopped = pool.apply_to(2, stop_self, ()).unwrap();
    // Worker 3 is idle. Beside the pool there are a child that sleeps and a child with a command of
    // its own.
    let asleep = Process::new(sleep_for_ever, ()).start_method(method).start().unwrap();
    // A child that was started by a thread that has ended.
    let orphan =
        move || Process::new(hold_with_grandchild, ()).start_method(method).start().unwrap();
    let holder = std::thread::spawn(orphan).join().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    for pid in pool.pids().into_iter().flatten().chain([asleep.pid(), holder.pid()]) {
        println!("{pid}");
    }
    println!("end");
    std::io::stdout().flush().unwrap();
    sleep_for_ever();
    drop((busy, stopped, asleep, holder));
}
