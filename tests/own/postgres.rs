//! Tests of PostgreSQL with pgbench: a database that runs already, and a tool that prints its own
//! figure.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::calls::{Patience, best, has, run, signal};

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are text")
}

/// A database for the test, on loopback, which ends when this is dropped.
struct Database {
    server: Child,
    port: u16,
    directory: tempfile::TempDir,
}

impl Database {
    /// Starts a database; `None`, with a message, where that is not possible.
    fn start() -> Option<Self> {
        let tools = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let Some(bin) = tools.map(|one| one.path().join("bin")).find(|bin| bin.exists()) else {
            eprintln!("skipped: there is no PostgreSQL in /usr/lib/postgresql");
            return None;
        };
        if !has("pgbench") {
            return None;
        }
        let directory = tempfile::tempdir().expect("a directory");
        let place = directory.path();
        // PostgreSQL refuses to run as root.
        let mut owner = None;
        if rustix::process::geteuid().is_root() {
            owner = postgres();
            let Some((user, group)) = owner else {
                eprintln!("skipped: there is no user postgres");
                return None;
            };
            std::os::unix::fs::chown(place, Some(user), Some(group)).expect("we are root");
        }
        let tool = |name: &str| {
            let mut command = Command::new(bin.join(name));
            if let Some((user, group)) = owner {
                command.uid(user).gid(group);
            }
            command.current_dir(place).stdin(Stdio::null()).stdout(Stdio::null());
            command
        };
        let data = place.join("data");
        let made = tool("initdb").args(["-A", "trust", "-U", "knee", "-D", text(&data)]).output();
        let made = made.expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let log = std::fs::File::create(place.join("log")).expect("it is writable");
        let port = free_port();
        let server = tool("postgres")
            .args(["-D", text(&data), "-h", "127.0.0.1", "-k", text(place)])
            .args(["-p", &port.to_string()])
            .stderr(log)
            .spawn()
            .expect("postgres starts");
        let mut database = Self { server, port, directory };
        let mut patience = Patience::of(Duration::from_secs(30));
        while !database.bench(&["-i", "-q"]).0 {
            let ended = database.server.try_wait().expect("it is our child");
            let waits = ended.is_none() && patience.wait();
            assert!(waits, "not ready: {ended:?}: {}", database.log());
        }
        Some(database)
    }

    /// The log of the server.
    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    fn options(&self) -> Vec<String> {
        ["-h", "127.0.0.1", "-U", "knee", "-p", &self.port.to_string()].map(String::from).to_vec()
    }

    /// Runs pgbench; returns whether it ended in time, and the transactions per second that it
    /// printed.
    fn bench(&self, args: &[&str]) -> (bool, f64) {
        let mut command = Command::new("pgbench");
        command.args(self.options()).args(args).arg("postgres").env("PGCONNECT_TIMEOUT", "5");
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("pgbench starts");
        let done = ends(&mut child, 30);
        if !done {
            child.kill().expect("it is our child");
        }
        let output = child.wait_with_output().expect("it is our child");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = said.lines().rfind(|line| line.starts_with("tps = "));
        let rate = line.and_then(|line| line.split_whitespace().nth(2)?.parse().ok());
        (done && output.status.success(), rate.unwrap_or(0.0))
    }
}

/// Waits for the end of a process for so many seconds; returns whether it has ended.
fn ends(child: &mut Child, seconds: u64) -> bool {
    let mut patience = Patience::of(Duration::from_secs(seconds));
    while child.try_wait().is_ok_and(|ended| ended.is_none()) {
        if !patience.wait() {
            return false;
        }
    }
    true
}

/// The numbers of the user postgres and its group.
fn postgres() -> Option<(u32, u32)> {
    let number = |which: &str| {
        let said = Command::new("id").args([which, "postgres"]).output().ok()?;
        String::from_utf8_lossy(&said.stdout).trim().parse::<u32>().ok()
    };
    Some((number("-u")?, number("-g")?))
}

/// A port at which no process listens. It is free again when this returns.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("it is bound").port()
}

impl Drop for Database {
    fn drop(&mut self) {
        // First a fast shutdown, which does not wait for clients. Then an immediate one, which
        // waits for nothing.
        for (how, wait) in [("-INT", 10), ("-QUIT", 5), ("-KILL", 5)] {
            if ends(&mut self.server, 0) {
                return;
            }
            signal(self.server.id().cast_signed(), how);
            if ends(&mut self.server, wait) {
                return;
            }
        }
    }
}

/// A transaction that waits in the database, as for a lock or a disk. Its time depends on the
/// connections, and little on the load of this machine.
const SCRIPT: &str = "SELECT pg_sleep(0.02), abalance FROM pgbench_accounts WHERE aid = 1;\n";

#[test]
fn pgbench_is_read_and_the_database_counts_as_part_of_the_work() {
    let Some(database) = Database::start() else { return };
    let script = database.directory.path().join("wait.sql");
    std::fs::write(&script, SCRIPT).expect("it is writable");
    let pid = database.server.id().to_string();
    let options = database.options();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let load = ["-f", text(&script), "-n", "-T", "1", "-c"];
    let knee = ["--sweep-arg", "{n}", "--figure", "pgbench", "--with-pid", &pid];
    let budget = ["--workers", "1,4,16", "--budget", "14s", "--", "pgbench"];
    let called = run(&[&knee[..], &budget, &options, &load, &["{n}", "postgres"]].concat());
    assert!(called.ran(), "{called:?}");
    assert!(called.stdout.contains("transactions/s"), "{}", called.stdout);
    assert!(called.stdout.contains(&format!("postgres (process {pid})")), "{}", called.stdout);
    // The top of the curve is at the same count and as high as with pgbench by hand, within what a
    // busy machine allows.
    let counts = [1, 4, 16];
    let seen = counts.map(|count| best(&called, count));
    let by_hand = counts.map(|count| {
        let (done, rate) = database.bench(&[&load[..], &[&count.to_string()]].concat());
        assert!(done, "{}", database.log());
        rate
    });
    eprintln!("transactions/s at {counts:?} connections: {seen:?}; by hand {by_hand:?}");
    let top = |rates: [f64; 3]| (0..3).max_by(|left, right| rates[*left].total_cmp(&rates[*right]));
    assert_eq!(top(seen), top(by_hand), "{seen:?} and by hand {by_hand:?}");
    assert!((0.2..5.0).contains(&(seen[2] / by_hand[2])), "{seen:?} and by hand {by_hand:?}");
    let record = called.record();
    let outside = record.samples.iter().filter_map(|sample| sample.outside);
    assert!(outside.map(|used| used.cpu()).sum::<f64>() > 0.0, "{called:?}");
}
