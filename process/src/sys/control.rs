//! The control channel between a parent and a child: a socket pair that carries frames and
//! descriptors.
//!
//! A frame is `u32` length, `u8` kind, `u8` number of descriptors, two zero bytes, then the
//! payload; little endian.

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketType, recvmsg, sendmsg, socketpair,
};

use super::poll::{self, Deadline};
use crate::codec::MAX_MESSAGE;
use crate::error::{Error, Result};

/// The largest number of descriptors of a value: what Linux takes in one message, less some for
/// this crate.
pub(crate) const MAX_FDS: usize = 240;

const HEADER: usize = 8;

/// How many bytes are read at first. Few, because a new process pays for each page that it touches.
const FIRST_STEP: usize = 1 << 10;
const LARGEST_STEP: usize = 64 << 10;

/// What a frame means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Parent to child: the start frame.
    Start = 1,
    /// Child to parent: it is up and has understood the start frame.
    Hello = 2,
    /// Child to parent: the work is done; the payload is its result.
    Done = 3,
    /// Child to parent: the work panicked with this text.
    Panicked = 4,
    /// Child to parent: the work failed with this text.
    Failed = 5,
    /// Either way, in a pool: the attachment of a task or result that does not fit its ring.
    Attachment = 6,
    /// Parent to fork server: fork a child on the channel that comes with it.
    Fork = 7,
    /// Forked child to parent: its process id.
    Forked = 8,
    /// Parent to worker without rings: a task.
    Task = 9,
    /// Worker to parent without rings: a result.
    Reply = 10,
    /// Parent to worker without rings: end when all tasks are done.
    Quit = 11,
    /// Worker to parent: its state is built, tasks may come.
    Ready = 12,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        let all = [
            Self::Start,
            Self::Hello,
            Self::Done,
            Self::Panicked,
            Self::Failed,
            Self::Attachment,
            Self::Fork,
            Self::Forked,
            Self::Task,
            Self::Reply,
            Self::Quit,
            Self::Ready,
        ];
        all.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// One message with its descriptors.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) payload: Vec<u8>,
    pub(crate) fds: Vec<OwnedFd>,
}

/// One end of a control channel.
#[derive(Debug)]
pub(crate) struct Control {
    socket: Arc<OwnedFd>,
    bytes: Vec<u8>,
    /// How many bytes to read at once.
    step: usize,
    fds: VecDeque<OwnedFd>,
    closed: bool,
    outbox: VecDeque<Outgoing>,
}

/// A frame that is not yet wholly in the socket.
#[derive(Debug)]
struct Outgoing {
    bytes: Vec<u8>,
    sent: usize,
    fds: Vec<OwnedFd>,
}

impl Control {
    /// A new channel: this side's end, and the descriptor of the child's end.
    pub(crate) fn pair() -> Result<(Self, OwnedFd)> {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::STREAM, system::PAIR, None)
                .map_err(Error::os("create a socket pair"))?;
        system::close_on_exec(&ours)?;
        Ok((Self::new(ours), theirs))
    }

    pub(crate) fn new(socket: OwnedFd) -> Self {
        Self {
            socket: Arc::new(socket),
            bytes: Vec::new(),
            step: FIRST_STEP,
            fds: VecDeque::new(),
            closed: false,
            outbox: VecDeque::new(),
        }
    }

    /// The socket itself, to be polled while the channel is in use elsewhere.
    pub(crate) fn socket(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.socket)
    }

    /// Sends a frame, waiting while the socket is full.
    pub(crate) fn send(
        &self,
        kind: Kind,
        payload: &[u8],
        fds: &[BorrowedFd<'_>],
        deadline: Deadline,
    ) -> Result<()> {
        let header = header(kind, payload.len(), fds.len())?;
        let mut sent = 0;
        while sent < HEADER + payload.len() {
            let head = &header[sent.min(HEADER)..];
            let rest = &payload[sent.saturating_sub(HEADER)..];
            // The descriptors go with the first byte, so that they are there when the header is.
            match self.send_some(
                &[IoSlice::new(head), IoSlice::new(rest)],
                if sent == 0 { fds } else { &[] },
            )? {
                Some(count) => sent += count,
                None if poll::writable(self.socket.as_fd(), deadline)? => {}
                None => {
                    return Err(Error::NotUp {
                        reason: "it does not read what it was sent".into(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Sends a frame without ever waiting. [`flush`](Self::flush) sends later what did not fit.
    pub(crate) fn queue(&mut self, kind: Kind, payload: &[u8], fds: Vec<OwnedFd>) -> Result<()> {
        let mut bytes = header(kind, payload.len(), fds.len())?.to_vec();
        bytes.extend_from_slice(payload);
        self.outbox.push_back(Outgoing { bytes, sent: 0, fds });
        self.flush().map(drop)
    }

    /// Sends what is queued as far as the socket takes it; returns whether everything was sent.
    pub(crate) fn flush(&mut self) -> Result<bool> {
        while let Some(mut frame) = self.outbox.pop_front() {
            let fds: Vec<BorrowedFd<'_>> = frame.fds.iter().map(AsFd::as_fd).collect();
            let sent = self.send_some(&[IoSlice::new(&frame.bytes[frame.sent..])], &fds)?;
            frame.sent += sent.unwrap_or(0);
            if sent.is_some() {
                frame.fds.clear();
            }
            if frame.sent < frame.bytes.len() {
                self.outbox.push_front(frame);
                if sent.is_none() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Whether the other side has closed its end and all that it sent was read.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether frames wait for room in the socket.
    pub(crate) fn is_backed_up(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Sends a part; `None` when the socket is full.
    fn send_some(&self, slices: &[IoSlice<'_>], fds: &[BorrowedFd<'_>]) -> Result<Option<usize>> {
        let mut space = [MaybeUninit::<u8>::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            ancillary.push(SendAncillaryMessage::ScmRights(fds));
        }
        loop {
            match sendmsg(&self.socket, slices, &mut ancillary, SendFlags::DONTWAIT | system::SEND)
            {
                Ok(count) => return Ok(Some(count)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(None),
                Err(Errno::PIPE | Errno::CONNRESET) => return Err(Error::Closed),
                Err(errno) => return Err(Error::os("send to another process")(errno)),
            }
        }
    }

    /// The next frame; [`Error::Closed`] at the end of the stream, `None` when the deadline has
    /// passed.
    pub(crate) fn recv(&mut self, deadline: Deadline) -> Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.try_recv()? {
                return Ok(Some(frame));
            }
            if !poll::readable(self.socket.as_fd(), deadline)? {
                return Ok(None);
            }
        }
    }

    /// The next frame if it is there already; [`Error::Closed`] at the end of the stream.
    pub(crate) fn try_recv(&mut self) -> Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.parse()? {
                return Ok(Some(frame));
            }
            if self.closed {
                return Err(Error::Closed);
            }
            match self.read_some() {
                Ok(0) | Err(Errno::CONNRESET) => self.closed = true,
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(None),
                Err(errno) => return Err(Error::os("receive from another process")(errno)),
            }
        }
    }

    /// Reads more bytes behind those that are there. The size of the read grows each time it was
    /// too small.
    fn read_some(&mut self) -> rustix::io::Result<usize> {
        let before = self.bytes.len();
        self.bytes.resize(before + self.step, 0);
        let read = self.read_into(before);
        let count = *read.as_ref().unwrap_or(&0);
        self.bytes.truncate(before + count);
        if count == self.step {
            self.step = (2 * self.step).min(LARGEST_STEP);
        }
        read
    }

    /// Reads bytes to where `self.bytes` has room for them from `start` on, and the descriptors
    /// that come with them.
    fn read_into(&mut self, start: usize) -> rustix::io::Result<usize> {
        let mut space = [MaybeUninit::<u8>::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | system::RECEIVE;
        let message = recvmsg(
            &self.socket,
            &mut [IoSliceMut::new(&mut self.bytes[start..])],
            &mut ancillary,
            flags,
        )?;
        for part in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = part {
                for fd in fds {
                    // If this fails, a later child inherits the descriptor, which does no other
                    // harm.
                    let _ = system::close_on_exec(&fd);
                    self.fds.push_back(fd);
                }
            }
        }
        Ok(message.bytes)
    }

    fn parse(&mut self) -> Result<Option<Frame>> {
        let Some(header) = self.bytes.first_chunk::<HEADER>() else { return Ok(None) };
        let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let count = usize::from(header[5]);
        let kind = Kind::from_byte(header[4]).filter(|_| length <= MAX_MESSAGE);
        let kind = kind.ok_or(Error::Damaged("a frame on a control channel has no meaning"))?;
        if self.bytes.len() < HEADER + length {
            return Ok(None);
        }
        if self.fds.len() < count {
            return Err(Error::Damaged(
                "descriptors of a frame are missing; is the limit of open files reached?",
            ));
        }
        let fds = self.fds.drain(..count).collect();
        let rest = self.bytes.split_off(HEADER + length);
        let mut payload = std::mem::replace(&mut self.bytes, rest);
        payload.drain(..HEADER);
        Ok(Some(Frame { kind, payload, fds }))
    }
}

fn header(kind: Kind, length: usize, fds: usize) -> Result<[u8; HEADER]> {
    let size = u32::try_from(length).ok().filter(|_| length <= MAX_MESSAGE);
    let size = size.ok_or(Error::TooLarge { size: length, limit: MAX_MESSAGE })?;
    if fds > MAX_FDS {
        return Err(Error::Setting(format!(
            "queue and pipe ends of {fds} descriptors at once; {MAX_FDS} are allowed"
        )));
    }
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(&size.to_le_bytes());
    header[4] = kind as u8;
    header[5] = fds as u8;
    Ok(header)
}

/// What Linux does in one step and other systems in two.
#[cfg(target_os = "linux")]
mod system {
    use std::os::fd::OwnedFd;

    use rustix::net::{RecvFlags, SendFlags, SocketFlags};

    use crate::error::Result;

    pub(super) const PAIR: SocketFlags = SocketFlags::CLOEXEC;
    pub(super) const SEND: SendFlags = SendFlags::NOSIGNAL;
    pub(super) const RECEIVE: RecvFlags = RecvFlags::CMSG_CLOEXEC;

    /// Linux has set the flag on receiving.
    #[expect(clippy::unnecessary_wraps, reason = "it can fail elsewhere")]
    pub(super) fn close_on_exec(_: &OwnedFd) -> Result<()> {
        Ok(())
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::os::fd::OwnedFd;

    use rustix::io::{FdFlags, fcntl_setfd};
    use rustix::net::{RecvFlags, SendFlags, SocketFlags};

    use crate::error::{Error, Result};

    pub(super) const PAIR: SocketFlags = SocketFlags::empty();
    pub(super) const SEND: SendFlags = SendFlags::empty();
    pub(super) const RECEIVE: RecvFlags = RecvFlags::empty();

    pub(super) fn close_on_exec(fd: &OwnedFd) -> Result<()> {
        fcntl_setfd(fd, FdFlags::CLOEXEC).map_err(Error::os("set up a socket"))
    }
}

impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
