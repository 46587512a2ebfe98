//! Exchanges a question and an answer, one line each, with a program that may die, hang or print
//! nonsense.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::capture::{Capture, Output, Read};
use super::child::Child;
use super::limit::Limit;
use super::{interrupt, poll_once};

/// A reply has at most so many bytes.
const LONGEST: usize = 64 << 10;

/// The result of a question.
#[derive(Debug)]
pub(crate) enum Heard {
    /// A line, without its end.
    Line(String),
    /// A line was there before the question was asked.
    Unasked(String),
    /// No end of line within so many bytes.
    TooLong(usize),
    /// No reply within the limit.
    Late,
    /// The user interrupted.
    Interrupted,
    /// The program lives but has closed its output.
    Closed,
    /// The program has ended.
    Ended,
}

/// The pipes to and from a program.
#[derive(Debug)]
pub(crate) struct Talk {
    /// `None` once the program's input was closed.
    questions: Option<OwnedFd>,
    answers: Output,
    heard: Vec<u8>,
    /// Whether the program still holds its standard error open.
    complains: bool,
}

impl Talk {
    /// A talk over a pipe to the program's input and the reader of its output.
    pub(crate) fn new(questions: OwnedFd, answers: Output) -> io::Result<Self> {
        // A program that does not read must not block this process. The pipe has room for many
        // lines; if it is full, the program is late anyway.
        rustix::fs::fcntl_setfl(&questions, rustix::fs::OFlags::NONBLOCK)?;
        Ok(Self { questions: Some(questions), answers, heard: Vec::new(), complains: true })
    }

    /// Sends `question`, one line with its end, and waits for the answering line. What the program
    /// prints to its standard error meanwhile goes into `capture`.
    pub(crate) fn ask(
        &mut self,
        question: &str,
        child: &Child,
        errors: &Output,
        capture: &mut Capture,
        buffer: &mut [u8],
        limit: Duration,
    ) -> io::Result<Heard> {
        self.listen(buffer)?;
        if !self.heard.is_empty() {
            return Ok(Heard::Unasked(String::from_utf8_lossy(&self.heard).into_owned()));
        }
        if let Err(error) = self.say(question)
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            // The pipe is full, so the program has read nothing for many tasks.
            return if error.kind() == io::ErrorKind::WouldBlock {
                Ok(Heard::Late)
            } else {
                Err(error)
            };
        }
        let mut limit = Limit::new(limit);
        loop {
            if let Some(heard) = self.line() {
                return Ok(heard);
            }
            if limit.is_over() {
                return Ok(Heard::Late);
            }
            let [ended, answer, complaint, interrupted] = self.wait(child, errors, limit.step())?;
            if complaint {
                self.complains = errors.read(capture, buffer)? != Read::End;
            }
            // A line that was printed before the end still counts.
            let more = if answer { self.listen(buffer)? } else { Read::Nothing };
            if let Some(heard) = self.line() {
                return Ok(heard);
            }
            if ended && more != Read::Some {
                return Ok(Heard::Ended);
            }
            if more == Read::End {
                // An end of output nearly always means that the program is ending. Its exit status
                // says more, so wait for it a little.
                let ended = child.await_end(Instant::now() + Duration::from_millis(100))?;
                return Ok(if ended { Heard::Ended } else { Heard::Closed });
            }
            if interrupted {
                return Ok(Heard::Interrupted);
            }
        }
    }

    /// Closes the program's input.
    pub(crate) fn hang_up(&mut self) {
        self.questions = None;
    }

    fn say(&self, question: &str) -> io::Result<()> {
        let Some(questions) = &self.questions else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        // A line is short enough for a pipe to take it whole or not at all.
        rustix::io::retry_on_intr(|| rustix::io::write(questions, question.as_bytes()))?;
        Ok(())
    }

    /// Reads the output that is there.
    fn listen(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        self.answers.read_into(&mut self.heard, buffer)
    }

    /// Takes a whole line out of the output that was read.
    fn line(&mut self) -> Option<Heard> {
        match self.heard.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                let line = String::from_utf8_lossy(&self.heard[..end]).into_owned();
                self.heard.drain(..=end);
                Some(Heard::Line(line))
            }
            None if self.heard.len() > LONGEST => Some(Heard::TooLong(LONGEST)),
            None => None,
        }
    }

    /// Waits until there is something to do: the program ended, answered, complained, or the user
    /// interrupted.
    fn wait(
        &self,
        child: &Child,
        errors: &Output,
        left: Option<Duration>,
    ) -> io::Result<[bool; 4]> {
        let interrupt = interrupt::read_end();
        let own = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
        // The child's handle stands in for a descriptor that is not watched.
        let mut watched = [
            own(child.handle()),
            own(self.answers.descriptor()),
            own(if self.complains { errors.descriptor() } else { child.handle() }),
            own(interrupt.unwrap_or(child.handle())),
        ];
        poll_once(&mut watched, left)?;
        let is_ready = |place: usize| !watched[place].revents().is_empty();
        Ok([
            is_ready(0),
            is_ready(1),
            self.complains && is_ready(2),
            interrupt.is_some() && is_ready(3),
        ])
    }
}
