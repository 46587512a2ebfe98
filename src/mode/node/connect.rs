//! How a node connects back to the coordinator.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::message::Hello;
use super::peer::{text, watch};
use super::secret::Secret;
use super::wire::{GREETING, HEAD, Handshake, Inbox, Seal, WireError};
use crate::clock;

/// A node that has not connected by then ends.
const WITHIN: Duration = Duration::from_secs(30);
/// Time that one address gets.
const EACH: Duration = Duration::from_secs(5);
/// How much later the next address is tried: the first one is usually right.
const APART: Duration = Duration::from_millis(250);
/// Pause before all addresses are tried again.
const AGAIN: Duration = Duration::from_millis(500);

/// A stream to the coordinator. Both ends have proven that they know the secret.
#[derive(Debug)]
pub struct Way {
    pub(super) stream: TcpStream,
    pub(super) seal: Seal,
    pub(super) inbox: Inbox,
}

/// Why a node could not connect.
#[derive(Debug, thiserror::Error)]
#[error("none of {} could be reached ({last}); is a firewall between them?", list(.addresses))]
pub struct NoWay {
    addresses: Vec<SocketAddr>,
    last: String,
}

fn list(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Way {
    /// Connects to one of these addresses and says hello. Many hosts can have the same address
    /// (that of a bridge), so a wrong host may answer. The handshake decides, not the connection.
    ///
    /// # Errors
    /// None of the addresses leads to the coordinator.
    pub fn find(addresses: &[SocketAddr], secret: &Secret, hello: &Hello) -> Result<Self, NoWay> {
        let start = clock::now();
        let mut last = "it was not tried".to_owned();
        while clock::since(start) < WITHIN {
            let (found, ways) = mpsc::channel();
            for (number, address) in (0_u32..).zip(addresses) {
                let (found, secret, address) = (found.clone(), secret.clone(), *address);
                thread::spawn(move || {
                    thread::sleep(number * APART);
                    // The caller may already use another address.
                    let _ = found.send(Self::by(address, &secret));
                });
            }
            drop(found);
            for way in ways {
                match way.and_then(|way| way.greeted(hello)) {
                    Ok(way) => return Ok(way),
                    Err(error) => last = error.to_string(),
                }
            }
            thread::sleep(AGAIN);
        }
        Err(NoWay { addresses: addresses.to_vec(), last })
    }

    fn by(address: SocketAddr, secret: &Secret) -> io::Result<Self> {
        let mut stream = TcpStream::connect_timeout(&address, EACH)?;
        stream.set_read_timeout(Some(EACH))?;
        watch(&stream)?;
        let mut speaking = Handshake::node(secret).map_err(io::Error::other)?;
        stream.write_all(&speaking.speak().map_err(io::Error::other)?)?;
        let mut answer = [0; HEAD + GREETING];
        stream.read_exact(&mut answer)?;
        if answer[..HEAD] != (GREETING as u16).to_be_bytes() {
            return Err(io::Error::other(WireError::Protocol));
        }
        speaking.hear(&answer[HEAD..]).map_err(io::Error::other)?;
        let (seal, inbox) = speaking.done().map_err(io::Error::other)?;
        stream.set_read_timeout(None)?;
        Ok(Self { stream, seal, inbox })
    }

    fn greeted(mut self, hello: &Hello) -> io::Result<Self> {
        let mut sealed = Vec::new();
        self.seal.seal(&text(hello), &mut sealed).map_err(io::Error::other)?;
        self.stream.write_all(&sealed)?;
        Ok(self)
    }
}
