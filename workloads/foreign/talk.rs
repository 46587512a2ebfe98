//! A question and an answer, one line each, with a program that may die, hang or talk nonsense.

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

/// What came of a question.
#[derive(Debug)]
pub(crate) enum Heard {
    /// A line, without its end.
    Line(String),
    /// Something was there before we asked.
    Unasked(String),
    /// No end of line within so many bytes.
    TooLong(usize),
    /// No reply within the limit.
    Late,
    /// The user interrupted.
    Interrupted,
    /// The program lives, but can say nothing any more.
    Closed,
    /// The program has ended.
    Ended,
}

/// Both directions of the talk.
#[derive(Debug)]
pub(crate) struct Talk {
    /// `None` once we have hung up.
    questions: Option<OwnedFd>,
    answers: Output,
    heard: Vec<u8>,
    /// Whether its standard error is still open on its side.
    complains: bool,
}

impl Talk {
    /// A talk over the end of a pipe to the program's input and the reader of its output.
    pub(crate) fn new(questions: OwnedFd, answers: Output) -> io::Result<Self> {
        // A program that does not read must not block us: there is room for many lines, or it is
        // late anyway.
        rustix::fs::fcntl_setfl(&questions, rustix::fs::OFlags::NONBLOCK)?;
        Ok(Self { questions: Some(questions), answers, heard: Vec::new(), complains: true })
    }

    /// Asks by one line that ends with an end of line, and waits for the answering line. What the
    /// program prints to its standard error meanwhile goes into `capture`.
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
            // It cannot take one line: it has read nothing for many tasks.
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
            // What it said before its end still counts.
            let more = if answer { self.listen(buffer)? } else { Read::Nothing };
            if let Some(heard) = self.line() {
                return Ok(heard);
            }
            if ended && more != Read::Some {
                return Ok(Heard::Ended);
            }
            if more == Read::End {
                // An end of output is nearly always the beginning of the program's end: that tells
                // more.
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
        // A line is far below the size that a pipe takes whole or not at all.
        rustix::io::retry_on_intr(|| rustix::io::write(questions, question.as_bytes()))?;
        Ok(())
    }

    /// Takes in what there is to hear.
    fn listen(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        self.answers.read_into(&mut self.heard, buffer)
    }

    /// A whole line out of what was heard.
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
        // Who has nothing to say is represented by the child's handle and not looked at.
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
