//! Tests that strangers are not let in: the port of a run gives no answer to peers that do not know
//! the secret, and they cannot harm the run.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{KNEE, Run, ended, kill, rounds, text, wait};

/// A run whose nodes come only once the file `go` exists, and the address that it tells them.
fn waiting() -> (Run, std::process::Child, SocketAddr) {
    let script = format!(
        "sh -c 'echo {{args}} > $TMPDIR/args; while [ ! -e $TMPDIR/go ]; do sleep 0.05; done; exec \
         {KNEE} node {{args}}'"
    );
    let words = ["sleep:ms=5", "--nodes", "1,2", "--workers", "1", "--budget", "20s"];
    let mut run = Run::by(&script, &words);
    let child = run.start();
    let args = run.place.path().join("args");
    let address = || {
        let text = std::fs::read_to_string(&args).ok()?;
        text.split_whitespace().nth(1)?.split(',').next()?.parse::<SocketAddr>().ok()
    };
    assert!(wait(|| address().is_some()), "no launcher was started");
    let address = address().expect("it was there just now");
    (run, child, address)
}

/// Lets the nodes come, and interrupts the run once it has measured something.
fn go(run: &Run, child: std::process::Child) {
    std::fs::write(run.place.path().join("go"), "").expect("it is ours");
    assert!(run.wait_for_rounds(1), "nothing was measured");
    kill(child.id().cast_signed(), rustix::process::Signal::INT);
    let (code, said) = ended(child);
    assert_eq!(code, Some(130), "{said}");
}

/// The second of these waits for half a minute, so both go on at once.
#[test]
fn who_does_not_know_the_secret_is_refused_without_a_word_and_the_run_goes_on() {
    std::thread::scope(|scope| {
        scope.spawn(strangers_get_no_byte_and_the_run_goes_on);
        scope.spawn(a_node_with_another_secret_is_refused_without_a_word);
    });
}

fn strangers_get_no_byte_and_the_run_goes_on() {
    let (run, child, address) = waiting();
    // A frame of the right length made with another secret, a frame of a wrong length, another
    // protocol, and nothing at all.
    let mut wrong = vec![0, 48];
    wrong.extend([7; 48]);
    for said in [&wrong[..], b"\xff\xffgarbage", b"GET / HTTP/1.1\r\n\r\n", b""] {
        let mut stream = TcpStream::connect(address).expect("the port is open");
        stream.write_all(said).expect("it is sent");
        if said.is_empty() {
            stream.shutdown(std::net::Shutdown::Write).expect("it is ours");
        }
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("it is ours");
        let mut answer = Vec::new();
        // A reset counts as an end.
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty(), "{said:?} was answered by {answer:?}");
    }
    // Idle connections, a slow one, and a scan.
    let idle: Vec<TcpStream> = (0..300).filter_map(|_| TcpStream::connect(address).ok()).collect();
    let mut slow = TcpStream::connect(address).expect("the port is open");
    let _ = slow.write_all(&[0]);
    for _ in 0..50 {
        drop(TcpStream::connect(address));
    }
    go(&run, child);
    drop(idle);
    assert!(run.living().is_empty(), "{:?}", run.living());
}

fn a_node_with_another_secret_is_refused_without_a_word() {
    let (run, child, address) = waiting();
    let mut node = Command::new(KNEE);
    node.args(["node", "--name", "evil", "--connect", &address.to_string()])
        .env("KNEE_SECRET", "ab".repeat(32))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let evil = node.spawn().expect("it starts");
    std::thread::sleep(Duration::from_millis(500));
    go(&run, child);
    assert!(!run.record().contains("evil"), "it took part");
    // The node tries for half a minute, and then reports that no run answers.
    let output = evil.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("could be reached"), "{}", text(&output));
}

#[test]
fn a_secret_is_on_no_command_line_and_in_no_file_and_workers_do_not_have_it() {
    let words = [
        "--nodes",
        "2",
        "--workers",
        "1",
        "--budget",
        "3s",
        "--output",
        "inherit",
        "--",
        "/bin/sh",
        "-c",
        "test -z \"$KNEE_SECRET\"",
    ];
    let mut run = Run::local(&words);
    let child = run.start();
    assert!(wait(|| !run.nodes().is_empty()), "no nodes came");
    let secret = run.nodes().into_iter().find_map(|pid| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
        let entries = environment.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        let mut found =
            entries.filter_map(|entry| Some(entry.strip_prefix("KNEE_SECRET=")?.to_owned()));
        found.next()
    });
    let lines: Vec<String> = run.living().into_iter().map(|(_, line)| line).collect();
    let (code, said) = ended(child);
    // The command fails if the variable is set, and then nothing is measured.
    assert!([Some(0), Some(4), Some(5)].contains(&code), "{said}");
    assert!(!rounds(&run.out()).is_empty(), "{said}");
    let secret = secret.expect("a node has it in its environment");
    assert!(!said.contains(&secret));
    assert!(lines.iter().all(|line| !line.contains(&secret)));
    for entry in std::fs::read_dir(run.out()).expect("it is there").flatten() {
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains(&secret), "{:?}", entry.path());
    }
}

#[test]
fn a_node_without_a_secret_says_who_starts_nodes() {
    let output = Command::new(KNEE)
        .args(["node", "--connect", "127.0.0.1:9"])
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("--launcher"), "{}", text(&output));
}
