//! One node as its coordinator sees it: who it is, and a stream on which nothing ever blocks.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::net::sockopt;
use serde::Serialize;

use super::message::{Answer, Hello, Numbered, Order};
use super::offset::Offset;
use super::wire::{Inbox, Seal, WireError};

/// The most bytes that may wait for a node that does not read.
const MOST_UNSENT: usize = 1 << 20;
/// After this long without traffic, the other end is asked for a sign of life.
const IDLE: Duration = Duration::from_secs(5);
/// Pause between such questions, and how many go unanswered before the stream ends.
const PROBES: (Duration, u32) = (Duration::from_secs(5), 3);
/// Sent bytes must be acknowledged within this time.
const RECEIVED_WITHIN: Duration = Duration::from_secs(20);

/// A node that has introduced itself.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) hello: Hello,
    pub(super) offset: Offset,
    pub(super) stream: TcpStream,
    seal: Seal,
    inbox: Inbox,
    unsent: Vec<u8>,
    /// Why the node is lost; `None` while it is not.
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

    /// Sends what is waiting, as far as the stream takes it.
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

    /// The answers that have arrived, read through `buffer`. A node that breaks the protocol is
    /// lost.
    pub(super) fn heard(&mut self, buffer: &mut [u8]) -> Vec<Numbered<Answer>> {
        let mut heard = Vec::new();
        while self.lost.is_none() {
            match self.stream.read(buffer) {
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

    /// Removes the node from the run and closes its stream, which ends the node.
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

/// A message as text, ready to be sent.
pub(super) fn text(message: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(message).unwrap_or_default()
}

fn ended(error: &io::Error) -> String {
    format!("its stream ended: {error}")
}

/// Whether the stream is merely not ready now.
pub(super) fn is_wait(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Makes a stream notice that the other end is cut off. An idle stream asks for signs of life; a
/// busy one has a limit for acknowledgements. Either setting alone would miss the other case for
/// minutes.
pub(super) fn watch(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    // Messages are short and answered at once, so pacing (of BBR, say) only costs time. Where this
    // way is not allowed, the system's own remains.
    let _ = sockopt::set_tcp_congestion(stream, "reno");
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, IDLE)?;
    sockopt::set_tcp_keepintvl(stream, PROBES.0)?;
    sockopt::set_tcp_keepcnt(stream, PROBES.1)?;
    sockopt::set_tcp_user_timeout(stream, RECEIVED_WITHIN.as_millis() as u32)?;
    Ok(())
}
