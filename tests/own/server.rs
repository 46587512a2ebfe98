//! Tests of `--server`: the user's own servers under load.

use std::path::Path;
use std::time::Duration;

use crate::calls::{
    Called, alive, assert_gone, await_alive, has, run, script, server_in_python, signal, start,
};

/// A server of N processes, each of which answers one request at a time after 20 ms; `kind` makes
/// it misbehave.
const SERVER: &str = r#"
import os, signal, time
workers, port, kind = int(sys.argv[1]), int(sys.argv[2]), (sys.argv + ["well"])[3]
if kind == "dies":
    print("no such table: users", flush=True)
    sys.exit(3)
if kind == "deaf":
    time.sleep(600)
if kind == "forks late":
    if os.fork():
        os._exit(0)
    os.setsid()
    time.sleep(0.2)
if kind == "robbed" and not os.path.exists(__file__ + ".robbed"):
    # Somebody else is faster, listens there and says nothing.
    open(__file__ + ".robbed", "w")
    thief = listener_at(port)
    child = os.fork()
    if child:
        os.setpgid(child, child)  # What is left of the server's own group is killed.
        print("address already in use", flush=True)
        os._exit(1)
    time.sleep(600)
listener = listener_at(0 if kind == "elsewhere" else port)
print("listening", flush=True)
if kind == "forks" and os.fork():
    os._exit(0)
if kind == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
parent = os.getpid()
for _ in range(workers):
    if os.fork() == 0:
        break
else:
    while True:
        time.sleep(600)
asked = 0
while True:
    peer, _ = listener.accept()
    data = request(peer)
    if not data:
        peer.close()
        continue
    asked += 1
    time.sleep(0.02)
    status = b"500 Oops" if kind == "fails" or (kind == "wears" and asked > 12) else b"200 OK"
    if kind == "posts" and not (data.startswith(b"POST /form ") and data.endswith(b"a=b")
            and b"X-Key: 7" in data.replace(b"x-key", b"X-Key")):
        status = b"400 Bad"
    if kind == "crashes" and asked > 12:
        os.kill(parent, signal.SIGKILL)
        os._exit(1)
    answer(peer, status)
"#;

fn file(directory: &Path, name: &str) -> String {
    server_in_python(directory, name, SERVER)
}

fn serve(file: &str, kind: &str, args: &[&str]) -> Called {
    let line = format!("python3 {file} {{n}} {{port}} {kind}");
    let base = ["--server", line.as_str(), "--url", "http://127.0.0.1:{port}/"];
    run(&[&base[..], args].concat())
}

#[test]
fn more_workers_that_wait_answer_more() {
    if !has("python3") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = file(directory.path(), "well");
    let called = serve(&file, "well", &["--budget", "12s", "--workers", "1,4"]);
    assert!(called.ran(), "{called:?}");
    let record = called.record();
    let best = |workers: usize| {
        let of = record.samples.iter().filter(|sample| sample.cell.workers == workers);
        of.map(|sample| sample.throughput).fold(0.0, f64::max)
    };
    assert!((1.0..60.0).contains(&best(1)), "{}", best(1));
    assert!(best(4) > best(1), "{} and {}", best(4), best(1));
    for sample in &record.samples {
        let load = sample.load.as_ref().expect("a server was loaded");
        assert!(load.connections >= 2 * sample.cell.workers, "{load:?}");
        assert!(load.failed.is_empty(), "{load:?}");
        assert!(sample.usage.peak_memory.unwrap_or(0) > 1 << 20, "{:?}", sample.usage);
    }
    assert!(called.stdout.contains("connections of the client"), "{}", called.stdout);
    assert!(called.stdout.contains("2 x CPUs + 1"), "{}", called.stdout);
    assert_gone(&file);
}

#[test]
fn a_command_of_the_users_makes_the_load() {
    if !has("python3") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let server = file(directory.path(), "loaded");
    let loader = script(
        directory.path(),
        "loader",
        "#!/usr/bin/env python3\nimport sys, time, urllib.request\nstart, count = time.time(), 0\n\
         while time.time() - start < \
         0.3:\n    urllib.request.urlopen(sys.argv[1]).read()\n    count += 1\n\
         print('Requests/sec:', count / (time.time() - start))\n",
    );
    let args = ["--budget", "20s", "--workers", "1", "--figure", "wrk", "--", &loader];
    let called = serve(&server, "well", &[&args[..], &["http://127.0.0.1:{port}/"]].concat());
    assert!(called.ran(), "{called:?}");
    let record = called.record();
    assert!(
        record.samples.iter().all(|sample| (1.0..60.0).contains(&sample.throughput)),
        "{called:?}"
    );
    assert_gone(&server);
}

#[test]
fn servers_are_alternatives_under_the_users_names() {
    if !has("python3") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = file(directory.path(), "ways");
    let [own, other] =
        ["well", "stubborn"].map(|kind| format!("{kind}=python3 {file} {{n}} {{port}} {kind}"));
    let base = ["--url", "http://127.0.0.1:{port}/", "--workers", "1,2", "--budget", "15s"];
    let called = run(&[&base[..], &["--alt", &own, "--alt", &other]].concat());
    assert!(called.ran(), "{called:?}");
    let record = called.record();
    assert_eq!(record.header.plan.entries.len(), 2);
    for entry in 0..2 {
        let own = || record.samples.iter().filter(|sample| sample.cell.entry == entry);
        assert!(own().any(|sample| sample.cell.workers == 2), "{called:?}");
        assert!(own().all(|sample| sample.load.is_some()));
    }
    for part in ["well or stubborn: ", "well: connections of the client"] {
        assert!(called.stdout.contains(part), "{part}: {}", called.stdout);
    }
    assert_gone(&file);
}

#[test]
fn requests_have_methods_fields_and_bodies() {
    if !has("python3") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = file(directory.path(), "posts");
    let line = format!("python3 {file} {{n}} {{port}} posts");
    let called = run(&[
        "--server",
        &line,
        "--url",
        "http://127.0.0.1:{port}/form",
        "--method",
        "POST",
        "--header",
        "X-Key: 7",
        "--body",
        "a=b",
        "--budget",
        "4s",
        "--workers",
        "1",
        "--connections",
        "3",
    ]);
    assert!(called.ran(), "{called:?}");
    let record = called.record();
    assert!(record.samples.iter().all(|one| one.load.as_ref().unwrap().connections == 3));
}

#[test]
fn what_goes_wrong_with_a_server_is_said() {
    if !has("python3") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = file(directory.path(), "wrong");
    for (kind, says) in [
        ("dies", &["ended with exit status 3", "no such table: users"][..]),
        ("deaf", &["was not ready within 2s", "connection refused"]),
        ("elsewhere", &["it listens at port", "which it was given"]),
        ("fails", &["did not answer as it should: status 500"]),
        ("forks", &["it forked away", "foreground"]),
        ("'forks late'", &["it forked away", "foreground"]),
        ("wears", &["status 500", "requests failed"]),
        ("crashes", &["the server"]),
    ] {
        let args = ["--budget", "5s", "--workers", "1", "--time-limit", "2s"];
        let called = serve(&file, kind, &args);
        assert!([1, 4].contains(&called.code), "{kind}: {called:?}");
        for part in says {
            assert!(called.stderr.contains(part), "{kind}: {part}: {}", called.stderr);
        }
        assert_gone(&file);
    }
}

#[test]
fn a_port_that_somebody_else_took_is_left_to_them() {
    if !has("python3") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = file(directory.path(), "robbed");
    let called = serve(&file, "robbed", &["--budget", "30s", "--workers", "1"]);
    assert!(called.ran(), "{called:?}");
    assert!(Path::new(&format!("{file}.robbed")).exists(), "its first port was taken");
    assert_gone(&file);
}

/// The load may go to another host, which knee cannot see.
#[test]
fn an_address_that_is_not_on_this_machine_is_warned_of() {
    if !has("python3") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let server = file(directory.path(), "away");
    let loader = script(directory.path(), "loader", "#!/bin/sh\nsleep 0.2; echo ops: 5\n");
    let line = format!("python3 {server} {{n}} {{port}}");
    let away = "http://198.51.100.1:{port}/";
    let base = ["--server", &line, "--url", away, "--workers", "1", "--budget", "4s"];
    let here = ["--ready", "http://127.0.0.1:{port}/", "--figure", r"ops: (\d+)", "--", &loader];
    let called = run(&[&base[..], &here].concat());
    assert!(called.ran(), "{called:?}");
    let alone = run(&[&base[..], &["--time-limit", "1s"]].concat());
    assert!(alone.stderr.contains("was not ready within 1s"), "{}", alone.stderr);
    for one in [&called, &alone] {
        let said = "asks 198.51.100.1, which is not this machine";
        assert!(one.stderr.contains(said), "{}", one.stderr);
        assert!(one.record().warnings.iter().any(|advice| advice.text.contains(said)));
    }
    assert_gone(&server);
}

#[test]
fn a_server_that_does_not_end_is_ended() {
    if !has("python3") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = file(directory.path(), "stubborn");
    let called = serve(&file, "stubborn", &["--budget", "12s", "--workers", "2"]);
    assert!(matches!(called.code, 0 | 4 | 5), "{called:?}");
    assert!(alive(&file).is_empty(), "knee ended before its server");
}

#[test]
fn nothing_of_a_server_outlives_a_killed_or_interrupted_knee() {
    if !has("python3") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = file(directory.path(), "killed");
    let line = format!("python3 {file} {{n}} {{port}}");
    let args = ["--server", &line, "--url", "http://127.0.0.1:{port}/", "--budget", "50s"];
    for (round, how) in ["-KILL", "-INT", "-KILL", "-KILL"].into_iter().enumerate() {
        let running = start(&args);
        await_alive(&file);
        std::thread::sleep(Duration::from_millis(150 * round as u64));
        signal(running.id(), how);
        running.finish();
        assert_gone(&file);
    }
}

/// Kills knee `times` times at random moments of a run with a server, and asserts that nothing is
/// left. Returns the longest time in seconds until the last process was gone.
fn kill_at_random(name: &str, times: u32) -> f64 {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = file(directory.path(), name);
    let line = format!("python3 {file} {{n}} {{port}}");
    let args = ["--server", &line, "--url", "http://127.0.0.1:{port}/", "--budget", "50s"];
    let mut longest = 0.0_f64;
    for round in 0..times {
        let running = start(&args);
        await_alive(&file);
        // The moments are spread over the first three seconds, in a pattern unlike that of a run.
        std::thread::sleep(Duration::from_millis(u64::from(round * 1237 % 2999)));
        signal(running.id(), "-KILL");
        let killed = std::time::Instant::now();
        running.finish();
        assert_gone(&file);
        longest = longest.max(killed.elapsed().as_secs_f64());
    }
    longest
}

#[test]
#[ignore = "takes a minute: cargo test --test own -- --ignored twenty_kills --nocapture"]
fn nothing_of_a_server_outlives_twenty_kills() {
    if has("python3") {
        let longest = kill_at_random("twenty", 20);
        eprintln!("20 kills, nothing left; the last process was gone after {longest:.2} s at most");
    }
}

#[test]
fn what_cannot_be_served_is_one_line_before_anything_starts() {
    let url = "http://127.0.0.1:{port}/";
    for (args, says) in [
        (vec!["--server", "true {n} {port}"], "--url http://127.0.0.1"),
        (vec!["--server", "true {n}", "--url", url], "{port} occurs nowhere"),
        (vec!["--server", "true {port}", "--url", url], "{n} occurs nowhere"),
        (vec!["--server", "no-such-server {n} {port}", "--url", url], "PATH"),
        (vec!["--server", "true {n} {port}", "--url", "http://127.0.0.1:80/"], "has no {port}"),
        (vec!["--server", "true {n} {port}", "--url", "ftp://127.0.0.1:{port}/"], "http://"),
        (vec!["--server", "true {n} {port}", "--url", url, "--header", "nothing"], "NAME: VALUE"),
        (vec!["--server", "true {n} {port}", "--url", url, "--method", "G T"], "not a method"),
        (vec!["--server", "true {n} {port}", "--url", url, "--ready", "a("], "regular expression"),
        (vec!["--server", "true {n} {port}", "--url", url, "--", "true"], "--figure"),
        (vec!["--url", url], "--server"),
        (
            vec!["--server", "true {n} {port}", "--url", url, "--body", "@/no/such"],
            "cannot be read",
        ),
        (vec!["--server", "true {n} {port}", "--url", url, "--connections", "0"], "--connections"),
    ] {
        let called = run(&args);
        assert_eq!(called.code, 2, "{args:?}: {}", called.stderr);
        assert!(called.stderr.contains(says), "{args:?}: {}", called.stderr);
        assert!(!called.out().exists(), "{args:?} left a directory");
    }
}
