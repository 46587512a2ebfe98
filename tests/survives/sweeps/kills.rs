//! Random signals at random moments to knee, its helpers and workers, or everything: nothing
//! remains, and no file is incomplete.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use knee::rng::Rng;

use super::{Hunt, name, wanted};
use crate::calls::send;

/// The runs. Each waits more than it computes, so that hunts can go side by side. Each is short
/// enough for its end to be hit too.
const RUNS: [(&str, &[&str]); 10] = [
    ("run sleep:ms=5 --modes all --workers 1,2 --budget 400ms --out out", &[]),
    ("run lock queue --modes threads,process-pool --workers 2 --budget 300ms --out out", &[]),
    ("run --budget 400ms --workers 1,2 --out out --", &["sh", "-c", "sleep 0.05 & wait"]),
    ("run --budget 400ms --workers 2 --out out --", &["sh", "-c", "setsid sleep 30 & sleep 0.02"]),
    (
        "run --budget 400ms --workers 2 --out out --worker",
        &["sh -c 'while read l; do sleep 0.01; echo \\{\\}; done'"],
    ),
    ("run network pipe --modes serial,process-pool --workers 2 --budget 400ms --out out", &[]),
    ("run --budget 700ms --workers 2 --out out --python", &["work.py:nap"]),
    (
        "run --budget 1s --workers 1,2 --out out --url http://127.0.0.1:{port}/ --server",
        &["python3 serve.py {n} {port}"],
    ),
    ("run noop --modes all --workers 1,2 --budget 700ms --out out", &[]),
    ("report base --out out", &[]),
];

/// A function, and a server of some processes.
const FILES: [(&str, &str); 2] = [
    ("work.py", "import time\ndef nap():\n    time.sleep(0.005)\n"),
    (
        "serve.py",
        r#"
import os, socket, sys, time
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[2])))
listener.listen(64)
for _ in range(int(sys.argv[1])):
    if os.fork() == 0:
        break
else:
    while True:
        time.sleep(600)
while True:
    peer, _ = listener.accept()
    if peer.recv(65536):
        time.sleep(0.005)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    peer.close()
"#,
    ),
];

fn is_knee(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "knee")
}

/// One run with one signal. An error says what was wrong afterwards.
fn blow(hunt: &Hunt, rng: &mut Rng) -> Result<&'static str, String> {
    hunt.fresh();
    let (line, rest) = RUNS[rng.below(RUNS.len() as u64) as usize];
    let args = &line.split(' ').chain(rest.iter().copied()).collect::<Vec<_>>();
    let signals =
        [libc::SIGKILL, libc::SIGKILL, libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGSEGV];
    let signal = signals[rng.below(6) as usize];
    let mut child = hunt.command(args).spawn().expect("knee starts");
    std::thread::sleep(Duration::from_micros(rng.below(900_000)));
    let own = child.id().cast_signed();
    let alive = hunt.alive();
    let (victims, what): (Vec<i32>, _) = match rng.below(4) {
        0 => (vec![own], "knee"),
        1 => {
            (alive.iter().copied().filter(|pid| is_knee(*pid)).collect(), "all that is called knee")
        }
        2 => (alive.clone(), "everything"),
        _ => {
            let others: Vec<i32> = alive.iter().copied().filter(|pid| *pid != own).collect();
            match others.len() as u64 {
                0 => (vec![own], "knee"),
                count => (vec![others[rng.below(count) as usize]], "one of its others"),
            }
        }
    };
    let hit: Vec<String> = victims.iter().map(|pid| name(*pid)).collect();
    for pid in &victims {
        send(*pid, signal);
    }
    let case = |what: String| Err(format!("{what}; signal {signal} to {hit:?} of {args:?}"));
    let Some(status) = hunt.end(&mut child) else { return case("it hangs".to_owned()) };
    if hunt.says("stderr").contains("panicked") {
        return case(format!("a panic: {}", hunt.says("stderr")));
    }
    if status.code().is_none() && !victims.contains(&own) {
        return case(format!("it died by itself: {status}"));
    }
    // If everything was killed, the next run must clean up.
    let is_left = || what != "everything" || !hunt.next_run_cleans_up();
    match hunt.ledger().filter(|_| is_left()).or_else(|| hunt.spoiled()) {
        None => Ok(what),
        Some(wrong) => {
            hunt.kill_all();
            case(wrong)
        }
    }
}

#[test]
#[ignore = "a hunt of many minutes"]
fn random_kills_leave_nothing() {
    let (hunt, seed) = (Hunt::new(), u64::from(std::process::id()));
    for (name, text) in FILES {
        fs::write(hunt.path(name), text).expect("it is ours");
    }
    let mut rng = Rng::labelled(seed, "kills");
    let (mut done, mut wrong) = (BTreeMap::<_, u32>::new(), Vec::new());
    for number in 0..wanted() {
        if number % 100 == 0 {
            println!("{number}: {done:?}, {} wrong", wrong.len());
        }
        match blow(&hunt, &mut rng) {
            Ok(what) => *done.entry(what).or_default() += 1,
            Err(text) => {
                println!("{number}: {text}");
                wrong.push(text);
            }
        }
    }
    println!("seed {seed}: {done:?}, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}
