//! One node as its coordinator sees it: a stream that is never waited for, with what is known of
//! who is at its other end.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::net::sockopt;
use serde::Serialize;

use super::message::{Answer, Hello, Numbered, Order};
use super::offset::Offset;
use super::wire::{Inbox, Seal, WireError};

/// A node that does not read keeps no more than this waiting for it.
const MOST_UNSENT: usize = 1 << 20;
/// A stream on which nothing goes is asked for a sign of life after this.
const IDLE: Duration = Duration::from_secs(5);
/// So often, and so many times.
const PROBES: (Duration, u32) = (Duration::from_secs(5), 3);
/// What was sent must be received within this.
const RECEIVED_WITHIN: Duration = Duration::from_secs(20);

/// A node that has said who it is.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) hello: Hello,
    pub(super) offset: Offset,
    pub(super) stream: TcpStream,
    seal: Seal,
    inbox: Inbox,
    unsent: Vec<u8>,
    /// Why it is gone; `None` while it is not.
    pub(super) lost: Option<String>,
}

impl Peer {
    pub(super) fn new(hello: Hello, stream: TcpStream, seal: Seal, inbox: Inbox) -> Self {
        let (offset, unsent) = (Offset::default(), Vec::new());
        Self { hello, offset, stream, seal, inbox, unsent, lost: None }
    }

    /// Sends an order, or as much of it as the stream takes now.
    pub(super) fn say(&mut self, id: u64, order: &Order) {
        if self.lost.is_some() {
            return;
        }
        let text = text(&Numbered { id, said: order });
        if let Err(error) = self.seal.seal(&text, &mut self.unsent) {
            self.lose(error.to_string());
        }
        self.send();
    }

    /// Sends what waits, as far as the stream takes it.
    pub(super) fn send(&mut self) {
        while !self.unsent.is_empty() && self.lost.is_none() {
            match self.stream.write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if is_wait(&error) => break,
                Err(error) => self.lose(ended(&error)),
            }
        }
        if self.unsent.len() > MOST_UNSENT {
            self.lose("it does not read what it is told".to_owned());
        } else if self.unsent.is_empty() && self.unsent.capacity() > 4096 {
            self.unsent = Vec::new();
        }
    }

    pub(super) fn is_waiting_to_send(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// The answers that have come; whoever says what makes no sense is lost.
    pub(super) fn heard(&mut self) -> Vec<Numbered<Answer>> {
        let mut buffer = [0; 1 << 14];
        let mut heard = Vec::new();
        while self.lost.is_none() {
            match self.stream.read(&mut buffer) {
                Ok(0) => self.lose("its stream ended".to_owned()),
                Ok(count) => {
                    self.inbox.put(&buffer[..count]);
                    match answers(&mut self.inbox) {
                        Ok(answers) => heard.extend(answers),
                        Err(error) => self.lose(error.to_string()),
                    }
                    if count < buffer.len() {
                        break;
                    }
                }
                Err(error) if is_wait(&error) => break,
                Err(error) => self.lose(ended(&error)),
            }
        }
        heard
    }

    /// It is no part of the run any more. Its stream is closed, by which it ends.
    pub(super) fn lose(&mut self, why: String) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        self.lost.get_or_insert(why);
    }
}

fn answers(inbox: &mut Inbox) -> Result<Vec<Numbered<Answer>>, WireError> {
    let mut answers = Vec::new();
    while let Some(message) = inbox.next()? {
        answers.push(serde_json::from_slice(&message).map_err(|_| WireError::Protocol)?);
    }
    Ok(answers)
}

/// A message as it is sent. Nothing of ours is without a text.
pub(super) fn text(message: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(message).unwrap_or_default()
}

fn ended(error: &io::Error) -> String {
    format!("its stream ended: {error}")
}

/// Whether a stream has only nothing to say now.
pub(super) fn is_wait(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Makes a stream tell when the other end is cut off: while nothing goes by asking for a sign of
/// life, and while something goes by a limit. Each alone leaves the other case unseen for minutes.
pub(super) fn watch(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, IDLE)?;
    sockopt::set_tcp_keepintvl(stream, PROBES.0)?;
    sockopt::set_tcp_keepcnt(stream, PROBES.1)?;
    sockopt::set_tcp_user_timeout(stream, RECEIVED_WITHIN.as_millis() as u32)?;
    Ok(())
}
