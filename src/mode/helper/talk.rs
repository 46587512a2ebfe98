//! A running helper: its process, the socket that carries orders and answers, and what it prints.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::HelperError;
use super::message::{Failure, Hello, Message, Numbered, Order, PROTOCOL};
use crate::clock;

/// A program that has said nothing for this long is not a helper.
const HELLO_WITHIN: Duration = Duration::from_secs(20);
/// Time that a helper gets to end by itself.
const END_WITHIN: Duration = Duration::from_secs(2);
/// How often knee checks for the user's interrupt.
const GLANCE: Duration = Duration::from_millis(50);
/// A longer line cannot be a message.
const LONGEST_LINE: usize = 64 << 20;
/// The most bytes printed by helpers that are shown, over all helpers.
const MOST_SHOWN: usize = 16 << 10;
/// The last bytes printed by a helper that are kept for a message.
const TAIL: usize = 2 << 10;

/// Bytes printed by helpers that were shown so far.
static SHOWN: AtomicUsize = AtomicUsize::new(0);

/// A running helper. Dropping it kills it and all processes that it started.
#[derive(Debug)]
pub(super) struct Helper {
    child: Child,
    group: Pid,
    socket: UnixStream,
    /// Received bytes that are not yet a whole line.
    rest: Vec<u8>,
    /// How many of those bytes were searched for the end of a line.
    seen: usize,
    printed: Arc<Mutex<Vec<u8>>>,
    cancel: Arc<AtomicBool>,
    hello: Hello,
    id: u64,
    /// Whether the last thing said has that number.
    numbered: bool,
    alive: bool,
}

impl Helper {
    /// Starts a helper and waits for its introduction.
    pub(super) fn start(
        mut command: Command,
        cancel: &Arc<AtomicBool>,
    ) -> Result<Self, HelperError> {
        let program = command.get_program().to_string_lossy().into_owned();
        let failed = |error: io::Error| HelperError::Start { program: program.clone(), error };
        let (socket, theirs) = UnixStream::pair().map_err(failed)?;
        let (output, prints) = io::pipe().map_err(failed)?;
        let errors = prints.try_clone().map_err(failed)?;
        let child = command
            .stdin(OwnedFd::from(theirs))
            .stdout(prints)
            .stderr(errors)
            .process_group(0)
            .spawn();
        // The command still holds the other ends. They must be closed, or the end of the helper
        // would go unnoticed.
        drop(command);
        let child = child.map_err(failed)?;
        socket.set_read_timeout(Some(GLANCE)).map_err(failed)?;
        let printed = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&printed);
        std::thread::spawn(move || relay(output, &keep));
        let nobody = Hello { crew: [0, 0], version: String::new(), modes: Vec::new() };
        let mut helper = Self {
            group: Pid::from_child(&child),
            child,
            socket,
            rest: Vec::new(),
            seen: 0,
            printed,
            cancel: Arc::clone(cancel),
            hello: nobody,
            id: 0,
            numbered: false,
            alive: true,
        };
        let first = helper.receive("hello", HELLO_WITHIN)?;
        helper.hello = first.hello.ok_or_else(|| Self::odd("its first message is not hello"))?;
        let [lowest, highest] = helper.hello.crew;
        if !(lowest..=highest).contains(&PROTOCOL) {
            return Err(Self::odd(&format!(
                "it speaks versions {lowest} to {highest} of the crew protocol, and knee speaks \
                 {PROTOCOL}"
            )));
        }
        Ok(helper)
    }

    /// How the helper introduced itself.
    pub(super) fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Gives an order and waits for the final answer. Earlier answers are passed to `meanwhile`.
    pub(super) fn order(
        &mut self,
        order: &Order<'_>,
        within: Duration,
        meanwhile: &mut dyn FnMut(&Message),
    ) -> Result<Message, HelperError> {
        self.id += 1;
        self.numbered = true;
        let line = serde_json::to_string(&Numbered { id: self.id, order }).unwrap_or_default();
        self.say(&line)?;
        self.answer(order.name(), within, meanwhile)
    }

    /// Sends a line, whatever its content.
    pub(super) fn say(&mut self, line: &str) -> Result<(), HelperError> {
        self.numbered &= line.starts_with(&format!("{{\"id\":{}", self.id));
        let sent = self.socket.write_all(format!("{line}\n").as_bytes());
        sent.map_err(|_| self.gone())
    }

    /// Waits for the final answer to the last line sent.
    pub(super) fn answer(
        &mut self,
        what: &'static str,
        within: Duration,
        meanwhile: &mut dyn FnMut(&Message),
    ) -> Result<Message, HelperError> {
        let deadline = clock::now() + within;
        loop {
            let left = deadline.saturating_duration_since(clock::now());
            let message = self.receive(what, left)?;
            if let Some(Failure { kind, text }) = message.failure {
                return Err(HelperError::Failed { kind, text });
            }
            if message.open.is_some() || message.close.is_some() {
                meanwhile(&message);
                continue;
            }
            if self.numbered && message.id != Some(self.id) {
                return Err(Self::odd("an answer does not have the number of its order"));
            }
            return Ok(message);
        }
    }

    /// The error for a message that breaks the protocol.
    pub(super) fn odd(what: &str) -> HelperError {
        HelperError::Odd { what: what.to_owned() }
    }

    fn receive(&mut self, what: &'static str, within: Duration) -> Result<Message, HelperError> {
        let deadline = clock::now() + within;
        let line = loop {
            if let Some(at) = self.rest[self.seen..].iter().position(|byte| *byte == b'\n') {
                let rest = self.rest.split_off(self.seen + at + 1);
                self.seen = 0;
                break std::mem::replace(&mut self.rest, rest);
            }
            self.seen = self.rest.len();
            if self.rest.len() > LONGEST_LINE {
                return Err(Self::odd("a line has no end"));
            }
            let mut buffer = [0; 1 << 13];
            match self.socket.read(&mut buffer) {
                Ok(0) => return Err(self.gone()),
                Ok(count) => self.rest.extend_from_slice(&buffer[..count]),
                Err(error) if is_wait(&error) => {}
                Err(_) => return Err(self.gone()),
            }
            if self.cancel.load(Ordering::Relaxed) {
                return Err(HelperError::Interrupted);
            }
            if clock::now() >= deadline {
                return Err(HelperError::Silent { what, seconds: within.as_secs_f64() });
            }
        };
        serde_json::from_slice(&line).map_err(|error| {
            let text: String =
                String::from_utf8_lossy(&line).trim_end().chars().take(200).collect();
            Self::odd(&format!("{text:?} is not a message of the crew protocol: {error}"))
        })
    }

    /// The error for a helper that has ended, with how it ended.
    fn gone(&mut self) -> HelperError {
        let deadline = clock::now() + Duration::from_millis(500);
        let mut how = "it closed its socket".to_owned();
        while clock::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                how = format!("it ended ({status})");
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // Its last output may still be on its way through the pipe.
        std::thread::sleep(Duration::from_millis(50));
        let printed = self.printed.lock().unwrap_or_else(PoisonError::into_inner);
        let tail = &printed[printed.len().saturating_sub(TAIL)..];
        HelperError::Gone { how, printed: String::from_utf8_lossy(tail).trim().to_owned() }
    }

    /// Closes the input of the helper, as the end of knee would.
    pub(super) fn hang_up(&mut self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        self.alive = false;
        // Its exit is collected by whoever waits for knee's children.
        let _ = self.child.try_wait();
    }

    /// Kills the helper but not the processes that it started.
    pub(super) fn kill_alone(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.alive = false;
    }

    /// Lets it end by itself, and then kills what is left.
    pub(super) fn dismiss(mut self) -> Result<(), HelperError> {
        let bye = self.order(&Order::Dismiss {}, END_WITHIN, &mut |_| {});
        let deadline: Instant = clock::now() + END_WITHIN;
        while bye.is_ok()
            && clock::now() < deadline
            && !matches!(self.child.try_wait(), Ok(Some(_)))
        {
            std::thread::sleep(Duration::from_millis(2));
        }
        bye.map(drop)
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        if std::mem::take(&mut self.alive) {
            // While the group has a living process, no other group can get its number.
            let _ = kill_process_group(self.group, Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

fn is_wait(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

/// Shows what a helper prints, up to a limit, and keeps the last part.
fn relay(mut output: io::PipeReader, keep: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(count) = output.read(&mut buffer) {
        if count == 0 {
            return;
        }
        let bytes = &buffer[..count];
        let before = SHOWN.fetch_add(count, Ordering::Relaxed);
        let mut errors = io::stderr().lock();
        let show = MOST_SHOWN.saturating_sub(before).min(count);
        let _ = errors.write_all(&bytes[..show]);
        if before < MOST_SHOWN && before + count >= MOST_SHOWN {
            let _ = errors.write_all(b"\nknee: the function prints more, which is not shown\n");
        }
        drop(errors);
        let mut kept = keep.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(bytes);
        let surplus = kept.len().saturating_sub(2 * TAIL);
        if surplus > TAIL {
            kept.drain(..surplus);
        }
    }
}
