//! Waits for nodes to connect back. The port is open until all have come, and answers nobody who
//! does not know the secret.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::message::{Hello, VERSION};
use super::peer::{Peer, is_wait, watch};
use super::secret::Secret;
use super::wire::{GREETING, HEAD, Handshake, Inbox, Seal};
use crate::clock;

/// Time for a new connection to prove that it knows the secret and to say who it is.
const WITHIN: Duration = Duration::from_secs(5);
/// The longest hello. It describes a machine, which may have more than a thousand CPUs.
const LONGEST_HELLO: usize = 1 << 20;
/// How many connections may wait to be accepted: all nodes of a large job connect at once.
const BACKLOG: i32 = 1024;
/// The most addresses that a node is given.
const MOST_ADDRESSES: usize = 8;

/// An open port.
#[derive(Debug)]
pub(super) struct Gathering {
    listener: TcpListener,
    secret: Secret,
    build: String,
    /// How many nodes are expected.
    wanted: usize,
    strangers: Vec<Stranger>,
    peers: Vec<Peer>,
}

/// A connection that has not said yet who it is.
#[derive(Debug)]
struct Stranger {
    stream: TcpStream,
    since: Instant,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// A part of its greeting has arrived.
    Greeting(Vec<u8>),
    /// It knows the secret, or repeats the message of somebody who does.
    Hello(Box<(Seal, Inbox)>),
}

/// The next step for a stranger.
enum Fate {
    Waits,
    Goes,
    Comes(Box<Hello>),
}

/// A node that cannot take part, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfit {
    pub(super) name: String,
    pub(super) why: String,
}

impl Gathering {
    /// Opens a port for `wanted` nodes that run this `build`.
    pub(super) fn open(
        listen: Option<SocketAddr>,
        wanted: usize,
        secret: Secret,
        build: String,
    ) -> io::Result<Self> {
        let listener = match listen {
            Some(address) => TcpListener::bind(address)?,
            None => TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0))
                .or_else(|_| TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)))?,
        };
        // The standard library allows 128 at most.
        rustix::net::listen(&listener, BACKLOG)?;
        listener.set_nonblocking(true)?;
        let (strangers, peers) = (Vec::new(), Vec::new());
        Ok(Self { listener, secret, build, wanted, strangers, peers })
    }

    /// The addresses at which nodes may reach us.
    pub(super) fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        let own = self.listener.local_addr()?;
        if !own.ip().is_unspecified() {
            return Ok(vec![own]);
        }
        let only_four = own.is_ipv4();
        let mut all: Vec<IpAddr> = if_addrs::get_if_addrs()?
            .into_iter()
            .filter(|interface| interface.is_oper_up() && !interface.is_loopback())
            .map(|interface| interface.addr.ip())
            .filter(|ip| !is_local_to_link(*ip) && (ip.is_ipv4() || !only_four))
            .collect();
        // First comes the address that is used towards other networks. IPv4 comes before IPv6,
        // because clusters have it.
        let way = way_out();
        all.sort_by_key(|ip| (Some(*ip) != way, ip.is_ipv6()));
        all.dedup();
        if all.is_empty() {
            all.push(Ipv4Addr::LOCALHOST.into());
        }
        all.truncate(MOST_ADDRESSES);
        Ok(all.into_iter().map(|ip| SocketAddr::new(ip, own.port())).collect())
    }

    /// Checks once for new arrivals, waiting at most `patience`.
    ///
    /// # Errors
    /// A node knows the secret but cannot take part.
    pub(super) fn look(&mut self, patience: Duration) -> Result<(), Unfit> {
        let mut watched = vec![PollFd::new(&self.listener, PollFlags::IN)];
        watched.extend(self.strangers.iter().map(|one| PollFd::new(&one.stream, PollFlags::IN)));
        let limit = Timespec::try_from(patience).ok();
        let _ = poll(&mut watched, limit.as_ref());
        let mut waiting = Vec::new();
        for mut one in std::mem::take(&mut self.strangers) {
            match one.listen(&self.secret) {
                Fate::Waits if clock::since(one.since) < WITHIN => waiting.push(one),
                Fate::Waits | Fate::Goes => {}
                Fate::Comes(hello) => self.admit(one, *hello)?,
            }
        }
        self.strangers = waiting;
        while let Ok((stream, _)) = self.listener.accept() {
            // When there are too many connections already, new ones are closed without an answer.
            let room = self.strangers.len() < 2 * self.wanted + 8;
            if room && stream.set_nonblocking(true).is_ok() && watch(&stream).is_ok() {
                let stage = Stage::Greeting(Vec::new());
                self.strangers.push(Stranger { stream, since: clock::now(), stage });
            }
        }
        Ok(())
    }

    fn admit(&mut self, one: Stranger, hello: Hello) -> Result<(), Unfit> {
        let unfit = |why: String| Err(Unfit { name: hello.name.clone(), why });
        if hello.crew != VERSION || hello.knee != env!("CARGO_PKG_VERSION") {
            return unfit(format!(
                "it runs knee {}, and this is knee {}; install the same on all hosts",
                hello.knee,
                env!("CARGO_PKG_VERSION")
            ));
        }
        if hello.build != self.build {
            return unfit(
                "its program file is not the one that runs here; install the same on all hosts"
                    .to_owned(),
            );
        }
        let same = |peer: &Peer| (&peer.hello.name, peer.hello.rank) == (&hello.name, hello.rank);
        let Stage::Hello(ends) = one.stage else { return Ok(()) };
        // Nobody takes the place of a node that has already come.
        if self.peers.len() < self.wanted && !self.peers.iter().any(same) {
            let (seal, inbox) = *ends;
            self.peers.push(Peer::new(hello, one.stream, seal, inbox));
        }
        Ok(())
    }

    /// How many nodes have come.
    pub(super) fn come(&self) -> usize {
        self.peers.len()
    }

    /// Whether the node of this name has come.
    pub(super) fn has(&self, name: &str) -> bool {
        self.peers.iter().any(|peer| peer.hello.name == name)
    }

    /// Whether the node of this number has come.
    pub(super) fn has_rank(&self, rank: u32) -> bool {
        self.peers.iter().any(|peer| peer.hello.rank == Some(rank))
    }

    /// Closes the port. Returns the nodes that have come, in the order of their numbers.
    pub(super) fn close(self) -> Vec<Peer> {
        let mut peers = self.peers;
        peers.sort_by(|a, b| {
            let key = |peer: &Peer| (peer.hello.rank.unwrap_or(u32::MAX), peer.hello.name.clone());
            key(a).cmp(&key(b))
        });
        peers
    }
}

impl Stranger {
    fn listen(&mut self, secret: &Secret) -> Fate {
        self.hear(secret).unwrap_or(Fate::Goes)
    }

    /// Reads from a stranger; `None` if it does not behave like a node.
    fn hear(&mut self, secret: &Secret) -> Option<Fate> {
        loop {
            let mut buffer = [0; 4096];
            let most = match &self.stage {
                // Not a byte more is read from a connection that has proven nothing.
                Stage::Greeting(come) => HEAD + GREETING - come.len(),
                Stage::Hello(_) => buffer.len(),
            };
            let count = match self.stream.read(&mut buffer[..most]) {
                Ok(0) => return None,
                Ok(count) => count,
                Err(error) if is_wait(&error) => return Some(Fate::Waits),
                Err(_) => return None,
            };
            match &mut self.stage {
                Stage::Greeting(come) => {
                    come.extend_from_slice(&buffer[..count]);
                    let right = (GREETING as u16).to_be_bytes();
                    if !right.starts_with(&come[..come.len().min(HEAD)]) {
                        return None;
                    }
                    if come.len() == HEAD + GREETING {
                        let mut hearing = Handshake::coordinator(secret).ok()?;
                        hearing.hear(&come[HEAD..]).ok()?;
                        let answer = hearing.speak().ok()?;
                        // So few bytes fit into any stream.
                        self.stream.write_all(&answer).ok()?;
                        self.stage = Stage::Hello(Box::new(hearing.done().ok()?));
                    }
                }
                Stage::Hello(ends) => {
                    let inbox = &mut ends.1;
                    inbox.put(&buffer[..count]);
                    let message = inbox.next().ok()?;
                    if let Some(message) = message {
                        return serde_json::from_slice(&message).ok().map(Fate::Comes);
                    }
                    if inbox.waiting() > LONGEST_HELLO {
                        return None;
                    }
                }
            }
        }
    }
}

/// Whether an address is valid only on one link, or nowhere.
fn is_local_to_link(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(four) => four.is_link_local(),
        IpAddr::V6(six) => six.is_unicast_link_local(),
    }
}

/// Our own address towards other networks. The system is only asked; nothing is sent.
fn way_out() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(203, 0, 113, 1), 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}
