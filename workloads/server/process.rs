//! A running server: starting it on a free port, waiting until it answers, and ending it with all
//! that it has started.

use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command as Starter, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use regex::{Regex, RegexBuilder};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::os::unix::process::CommandExt;

use super::client::{NO_ANSWER, Target, ask_once};
use super::{PORT, Settings, is_url};
use crate::foreign::GRACE;
use crate::foreign::capture::Capture;
use crate::foreign::child::Child;
use crate::foreign::family::family;
use crate::{Error, Result};

/// How long to wait between two checks whether the server is ready.
const GLANCE: Duration = Duration::from_millis(5);
/// How long one request may take before the server is ready. A server that accepts connections
/// before it can work may never answer it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long after the first process the whole group gets the signal too. The first process may be a
/// wrapper that does not pass the signal on.
const POLITE: Duration = Duration::from_millis(500);
/// How many times to try another port when another process has taken the port meanwhile.
const TRIES: usize = 3;

/// A running server. Dropping it ends it, with all that it has started.
#[derive(Debug)]
pub struct Running {
    child: Child,
    port: u16,
    printed: Arc<Mutex<Capture>>,
    /// When it was first sent the signal to end.
    told: Option<Instant>,
}

impl Running {
    /// Starts the server with `workers` workers, and returns when it answers.
    ///
    /// # Errors
    /// The server cannot be started, ends, gives a wrong answer, or is not ready within its limit.
    pub fn start(settings: &Settings, workers: usize, cancel: &AtomicBool) -> Result<Self> {
        let mut tries = 0;
        loop {
            tries += 1;
            let port = free_port()?;
            let mut running = Self::launch(settings, workers, port)?;
            match running.wait(settings, cancel) {
                Ok(()) => return Ok(running),
                // Another process may have taken the port after it was found free.
                Err(_) if tries < TRIES && running.is_over() && is_taken(port) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn launch(settings: &Settings, workers: usize, port: u16) -> Result<Self> {
        let words = settings.words(workers, port);
        let failed = |error: io::Error| {
            Error::failed(format!("the server {} cannot be started: {error}", settings.name))
        };
        let (output, write) = io::pipe().map_err(failed)?;
        let errors = write.try_clone().map_err(failed)?;
        let mut starter = Starter::new(settings.line.program());
        starter.arg0(&words[0]).args(&words[1..]).envs(&settings.env);
        starter.env("KNEE_WORKERS", workers.to_string()).env("KNEE_PORT", port.to_string());
        starter.stdin(Stdio::null()).stdout(write).stderr(errors);
        let child = Child::start(&mut starter).map_err(failed)?;
        drop(starter);
        let printed = Arc::new(Mutex::new(Capture::default()));
        let keep = Arc::clone(&printed);
        // A full pipe would stop the server, so its output is always read.
        thread::Builder::new().spawn(move || drain(output, &keep)).map_err(failed)?;
        Ok(Self { child, port, printed, told: None })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The id of its first process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The ids of all its processes.
    pub fn processes(&self) -> Vec<u32> {
        family(self.child.id())
    }

    /// Its output as part of a message.
    pub fn told(&self) -> String {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner).told()
    }

    /// Whether its first process has ended.
    pub fn is_over(&self) -> bool {
        self.child.await_end(Instant::now()).unwrap_or(true)
    }

    /// Why it has ended, in words: `the server ended with exit status 1; it printed ..`.
    ///
    /// # Errors
    /// None. What cannot be found out is left out.
    pub fn obituary(&mut self) -> String {
        let status =
            self.child.reap().map_or_else(|_| "ended".to_owned(), |end| end.status.to_string());
        format!("the server {status}; {}", self.told())
    }

    fn wait(&mut self, settings: &Settings, cancel: &AtomicBool) -> Result<()> {
        let deadline = Instant::now() + settings.limit;
        let address = if is_url(&settings.ready) { &settings.ready } else { &settings.url };
        let target = Target::parse(&address.replace(PORT, &self.port.to_string()))?;
        let line = Some(&settings.ready).filter(|text| !text.is_empty() && !is_url(text));
        let line = line.map(|text| ready_line(text)).transpose()?;
        let mut last = String::new();
        loop {
            if cancel.load(Ordering::Relaxed) {
                return Err(Error::failed("interrupted"));
            }
            let said = line.as_ref().is_none_or(|regex| {
                let printed = self.printed.lock().unwrap_or_else(PoisonError::into_inner);
                regex.is_match(&printed.text())
            });
            if said {
                let left = deadline.saturating_duration_since(Instant::now()).min(PATIENCE);
                match ask_once(&target, settings.request(), left) {
                    Ok(()) if self.is_over() => return Err(self.forked()),
                    Ok(()) => return Ok(()),
                    // The last request may have had no time for an answer, so an earlier reason is
                    // kept.
                    Err(reason) if last.is_empty() || reason != NO_ANSWER => last = reason,
                    Err(_) => {}
                }
            }
            if self.is_over() {
                if answers_within(&target, settings, POLITE) {
                    return Err(self.forked());
                }
                let printed = self.obituary();
                return Err(Error::failed(format!("{printed} (before it answered at {target})")));
            }
            if Instant::now() >= deadline {
                let what = if said {
                    format!("{target} did not answer as it should: {last}")
                } else {
                    format!("it printed nothing that matches {}", settings.ready)
                };
                let elsewhere = self.elsewhere();
                return Err(Error::failed(format!(
                    "the server was not ready within {:?}: {what}{elsewhere}; {}",
                    settings.limit,
                    self.told()
                )));
            }
            thread::sleep(GLANCE);
        }
    }

    /// The error for a server that went into the background, where its end cannot be seen.
    fn forked(&self) -> Error {
        Error::failed(format!(
            "the server's command ended, though something answers at its port: it forked away; let \
             it run in the foreground (nginx: daemon off; gunicorn: without -D). {}",
            self.told()
        ))
    }

    /// Text about the port at which it listens, if that is not the port that it was given.
    fn elsewhere(&self) -> String {
        let ports = listening(&self.processes());
        let others: Vec<String> =
            ports.iter().filter(|port| **port != self.port).map(ToString::to_string).collect();
        match (ports.contains(&self.port), others.as_slice()) {
            (true, _) | (false, []) => String::new(),
            (false, others) => format!(
                " (it listens at port {} and not at {}, which it was given)",
                others.join(", "),
                self.port
            ),
        }
    }

    /// Sends it the signal to end, and does not wait.
    pub fn farewell(&mut self) {
        if self.told.is_none() {
            self.told = Some(Instant::now());
            send(self.child.id(), Signal::TERM);
        }
    }

    /// Ends it with all that it has started: politely, then by force.
    fn end(&mut self) {
        let mut all = family(self.child.id());
        self.farewell();
        let told = self.told.unwrap_or_else(Instant::now);
        let mut asked = false;
        while told.elapsed() < GRACE {
            if self.is_over() && all.iter().skip(1).all(|pid| !is_alive(*pid)) {
                break;
            }
            // Processes that it has started meanwhile are ended with it.
            all.extend(family(self.child.id()).into_iter().skip(1));
            all.sort_unstable();
            all.dedup();
            if !asked && told.elapsed() >= POLITE {
                asked = true;
                self.child.signal_group(Signal::TERM);
                for pid in &all {
                    send(*pid, Signal::TERM);
                }
            }
            thread::sleep(Duration::from_millis(2));
        }
        all.iter().filter(|pid| **pid != self.child.id()).for_each(|pid| send(*pid, Signal::KILL));
        let _ = self.child.reap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// The expression that a server's output must match before it counts as ready.
pub(super) fn ready_line(text: &str) -> Result<Regex> {
    RegexBuilder::new(text).multi_line(true).build().map_err(|_| {
        Error::usage(format!(
            "--ready {text:?} is neither an address (http://..) nor a regular expression"
        ))
    })
}

/// Whether the target answers within `limit`. A server that has gone into the background may need
/// some time.
fn answers_within(target: &Target, settings: &Settings, limit: Duration) -> bool {
    let begun = Instant::now();
    loop {
        let left = limit.saturating_sub(begun.elapsed());
        if ask_once(target, settings.request(), left.max(GLANCE)).is_ok() {
            return true;
        }
        if left.is_zero() {
            return false;
        }
        thread::sleep(GLANCE);
    }
}

fn drain(mut output: io::PipeReader, keep: &Mutex<Capture>) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(count @ 1..) = output.read(&mut buffer) {
        keep.lock().unwrap_or_else(PoisonError::into_inner).push(&buffer[..count]);
    }
}

/// A port that no process has now.
fn free_port() -> Result<u16> {
    let failed = |error: io::Error| Error::io("no free port was found", &error);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
    Ok(listener.local_addr().map_err(failed)?.port())
}

/// Whether a process accepts connections at a port.
fn is_taken(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok()
}

/// Whether a process exists and has not ended.
fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_ascii_whitespace().next());
    state.is_some_and(|state| state != "Z" && state != "X")
}

fn send(pid: u32, signal: Signal) {
    let Some(pid) = Pid::from_raw(pid.cast_signed()) else { return };
    if let Ok(held) = pidfd_open(pid, PidfdFlags::empty()) {
        let _ = pidfd_send_signal(&held, signal);
    }
}

/// The ports at which these processes listen.
fn listening(pids: &[u32]) -> Vec<u16> {
    let of = |pid: &u32| {
        let links = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        links.filter_map(|link| std::fs::read_link(link.path()).ok()).collect::<Vec<_>>()
    };
    let held: Vec<_> = pids.iter().flat_map(of).collect();
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(std::fs::read_to_string);
    let text: String = tables.into_iter().flatten().collect();
    let mut ports: Vec<u16> = text
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let inode = fields.get(9)?;
            let link = format!("socket:[{inode}]");
            let port = fields.get(1)?.rsplit_once(':')?.1;
            let listens =
                *fields.get(3)? == "0A" && held.iter().any(|one| one.as_os_str() == link.as_str());
            listens.then(|| u16::from_str_radix(port, 16).ok())?
        })
        .collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}
