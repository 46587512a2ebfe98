//! Tests of the real ssh, with a server of the test's own on loopback: the secret goes through the
//! input, a node ends with its connection, and host keys are checked.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use crate::support::{Run, ended, has, kill, lost, rounds, wait};

/// An ssh server, which ends with the test.
struct Server {
    child: Child,
    place: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn key(path: &Path) -> bool {
    let mut make = Command::new("ssh-keygen");
    make.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).stdin(Stdio::null());
    make.status().is_ok_and(|status| status.success())
}

fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    places
        .find(|place| place.join(name).is_file())
        .map(|place| place.join(name))
        .expect("it is there")
}

/// A server that accepts this user with a key of its own, and is called alpha and beta. Its
/// processes carry this run's mark. `None` where that is not possible.
fn served(run: &Run) -> Option<Server> {
    if !["sshd", "ssh", "ssh-keygen"].into_iter().all(has) {
        return None;
    }
    // The system's service would make this directory. Servers of other users do not need it.
    let _ = fs::create_dir("/run/sshd");
    let place = tempfile::tempdir().expect("a directory");
    let at = |name: &str| place.path().join(name);
    assert!(key(&at("host")) && key(&at("user")), "no keys could be made");
    fs::copy(at("user.pub"), at("authorized")).expect("it is ours");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr()).expect("a port");
    let port = port.port();
    let mark = run.place.path().display();
    let place_of = |name: &str| at(name).display().to_string();
    let config = format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
         UsePAM no\nStrictModes no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n\
         SetEnv KNEE_CLUSTER_TEST={mark} TMPDIR={mark}\n",
        place_of("host"),
        place_of("authorized"),
    );
    fs::write(at("sshd_config"), config).expect("it is ours");
    let known = fs::read_to_string(at("host.pub")).expect("it was made");
    fs::write(at("known"), format!("[127.0.0.1]:{port} {known}")).expect("it is ours");
    let client = format!(
        "Host alpha beta\nHostName 127.0.0.1\nPort {port}\nIdentityFile {}\nIdentitiesOnly yes\n\
         UserKnownHostsFile {}\nGlobalKnownHostsFile none\n",
        place_of("user"),
        place_of("known"),
    );
    fs::write(at("config"), client).expect("it is ours");
    // The real ssh, with these settings in place of the user's own.
    let ssh = program("ssh");
    let own = format!("#!/bin/sh\nexec {} -F {} \"$@\"\n", ssh.display(), place_of("config"));
    fs::create_dir(at("bin")).expect("it is ours");
    fs::write(at("bin/ssh"), own).expect("it is ours");
    fs::set_permissions(at("bin/ssh"), fs::Permissions::from_mode(0o755)).expect("it is ours");
    let log = fs::File::create(at("log")).expect("it is ours");
    let mut child = Command::new(program("sshd"))
        .args(["-D", "-e", "-f"])
        .arg(at("sshd_config"))
        .stdin(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("it is there");
    let answers = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
    let mut over = false;
    wait(|| {
        over = child.try_wait().expect("it is ours").is_some();
        over || answers()
    });
    if over {
        let log = fs::read_to_string(at("log")).unwrap_or_default();
        println!("skipped: no ssh server can be started here: {log}");
        return None;
    }
    Some(Server { child, place })
}

/// A run on alpha and beta, by the real ssh.
fn by_ssh(words: &[&str]) -> Option<(Run, Server)> {
    let hosts = ["--hosts", "alpha,beta", "--workers", "1", "--modes", "threads"];
    let mut run = Run::by("ssh", &[words, &hosts].concat());
    let server = served(&run)?;
    let path = std::env::var("PATH").unwrap_or_default();
    run.command.env("PATH", format!("{}:{path}", server.place.path().join("bin").display()));
    Some((run, server))
}

#[test]
fn nodes_are_started_by_ssh_and_one_whose_connection_is_killed_ends() {
    let words = ["sleep:ms=5", "--nodes", "1,2", "--budget", "6s"];
    let Some((mut run, _server)) = by_ssh(&words) else { return };
    let child = run.start();
    let both = |round: &serde_json::Value| round["nodes"].as_array().map(Vec::len) == Some(2);
    assert!(wait(|| rounds(&run.out()).iter().any(both)), "nothing was measured on both");
    // Only the client is killed; the node is not.
    let is_client = |line: &str| line.contains("BatchMode") && line.contains(" beta ");
    let clients = run.living().into_iter().filter(|(_, line)| is_client(line));
    clients.for_each(|(pid, _)| kill(pid, Signal::KILL));
    let (code, said) = ended(child);
    assert!(said.contains("nodes: alpha, beta"), "{said}");
    assert_eq!(code, Some(4), "{said}");
    assert!(lost(&run.out(), "beta"), "{said}");
    run.assert_gone();
}

#[test]
fn a_host_that_nobody_knows_is_not_trusted() {
    let words = ["sleep:ms=5", "--nodes", "2", "--budget", "3s"];
    let Some((mut run, server)) = by_ssh(&words) else { return };
    fs::write(server.place.path().join("known"), "").expect("it is ours");
    let (code, said) = ended(run.start());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("Host key verification failed"), "{said}");
    assert!(rounds(&run.out()).is_empty(), "{said}");
    run.assert_gone();
}
