//! Waiting for a program while it prints, within a time limit, until the user interrupts.

use std::io;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::process::Signal;

use super::capture::{Capture, Output, Read};
use super::child::{Child, await_starts};
use super::limit::Limit;
use super::{GRACE, interrupt, poll_once};

/// How long a program's output may stay open after the program's end. If it stays open longer, a
/// background process still holds it.
const LEAK_GRACE: Duration = Duration::from_millis(100);

/// Why a program was ended before its own end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It took too long.
    TimeLimit {
        /// Whether it did not end on TERM and had to be killed.
        stubborn: bool,
    },
    /// The user interrupted.
    Interrupt,
}

/// How far the ending of a program has got.
enum Stage {
    Running,
    /// TERM was sent.
    Asked(Cut),
    /// KILL was sent.
    Killed(Cut),
}

/// Waits until `child` has ended; ends it when `limit` passes or the user interrupts. Its output is
/// read all the time, so that the program never waits for this process, and is kept within bounds.
pub(crate) fn attend(
    child: &Child,
    output: &Output,
    capture: &mut Capture,
    buffer: &mut [u8],
    limit: Duration,
) -> io::Result<Option<Cut>> {
    let mut limit = Limit::new(limit);
    let mut stage = Stage::Running;
    loop {
        let ready = wait(child, output, matches!(stage, Stage::Running), limit.step())?;
        if ready.output {
            output.read(capture, buffer)?;
        }
        if ready.ended {
            break;
        }
        let late = limit.is_over();
        stage = match stage {
            Stage::Running if ready.interrupted || late => {
                child.signal_group(Signal::TERM);
                limit = Limit::new(GRACE);
                Stage::Asked(if ready.interrupted {
                    Cut::Interrupt
                } else {
                    Cut::TimeLimit { stubborn: false }
                })
            }
            Stage::Asked(cut) if late => {
                child.signal_group(Signal::KILL);
                limit = Limit::never();
                Stage::Killed(match cut {
                    Cut::TimeLimit { .. } => Cut::TimeLimit { stubborn: true },
                    Cut::Interrupt => Cut::Interrupt,
                })
            }
            other => other,
        };
    }
    Ok(match stage {
        Stage::Running => None,
        Stage::Asked(cut) | Stage::Killed(cut) => Some(cut),
    })
}

/// Reads what is left after the program's end. Returns `false` if a process that it left behind
/// still holds its output.
///
/// No other writing end may be open in this process.
pub(crate) fn drain(output: &Output, capture: &mut Capture, buffer: &mut [u8]) -> io::Result<bool> {
    let deadline = Instant::now() + LEAK_GRACE;
    loop {
        let read = output.read(capture, buffer)?;
        if read == Read::End {
            return Ok(true);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            // A program of another worker may hold the pipe too while it is being started. Once no
            // process holds it, one read empties the pipe.
            await_starts();
            output.read(capture, buffer)?;
            return Ok(output.read(capture, buffer)? == Read::End);
        }
        if read == Read::Some {
            continue;
        }
        let mut one = [PollFd::from_borrowed_fd(output.descriptor(), PollFlags::IN)];
        poll_once(&mut one, Some(left))?;
    }
}

/// Which of the watched descriptors are ready.
struct Ready {
    ended: bool,
    output: bool,
    interrupted: bool,
}

fn wait(
    child: &Child,
    output: &Output,
    interruptible: bool,
    left: Option<Duration>,
) -> io::Result<Ready> {
    let interrupt = interrupt::read_end().filter(|_| interruptible);
    let own = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
    let mut watched = [
        own(child.handle()),
        own(output.descriptor()),
        // Without an interrupt to wait for, the child's handle stands in for it and is not checked.
        own(interrupt.unwrap_or(child.handle())),
    ];
    poll_once(&mut watched, left)?;
    let is_ready = |place: usize| !watched[place].revents().is_empty();
    Ok(Ready {
        ended: is_ready(0),
        output: is_ready(1),
        interrupted: interrupt.is_some() && is_ready(2),
    })
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::thread;

    use super::super::child::starting;
    use super::*;

    /// Whether a pipe counts as leaked when another process holds it for longer than the grace.
    fn leaks(held: impl FnOnce(OwnedFd) + Send) -> bool {
        let (output, write) = Output::pipe().unwrap();
        thread::scope(|scope| {
            let (holds, begun) = std::sync::mpsc::channel();
            scope.spawn(move || {
                let _starting = starting();
                holds.send(()).unwrap();
                held(write);
            });
            begun.recv().unwrap();
            !drain(&output, &mut Capture::default(), &mut [0; 64]).unwrap()
        })
    }

    #[test]
    fn a_program_that_is_being_started_was_given_nothing() {
        assert!(!leaks(|write| {
            thread::sleep(2 * LEAK_GRACE);
            drop(write);
        }));
    }

    #[test]
    fn a_program_that_runs_was() {
        let kept = std::sync::Mutex::new(None);
        assert!(leaks(|write| *kept.lock().unwrap() = Some(write)));
    }
}
