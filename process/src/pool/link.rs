//! The channel between a pool and one worker: rings in shared memory, or a socket where there are
//! none.
//!
//! The parent's side is here; the worker's side is in `serve`. The definitions that both share come
//! first.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::raw::{Answer, Small};
use crate::codec::MAX_MESSAGE;
use crate::error::{Error, Result};
use crate::ring::{self, Body, Consumer, Header, Producer};
use crate::shm::{self, Mapping};
use crate::sys::bell::Bell;
use crate::sys::control::{Control, Frame, Kind};

/// How tasks and results travel between a pool and its workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Transport {
    /// Two rings in shared memory per worker; Linux only, and the default there.
    Ring,
    /// A Unix socket pair per worker, with a system call per message; any Unix.
    Socket,
}

impl Default for Transport {
    fn default() -> Self {
        if cfg!(target_os = "linux") { Self::Ring } else { Self::Socket }
    }
}

/// Bytes of each ring's data: some thousand small tasks.
pub(crate) const RING: usize = 64 << 10;
/// Where the rings and the meter lie in the shared memory of a worker.
pub(crate) const TASKS_AT: usize = 0;
pub(crate) const REPLIES_AT: usize = ring::CONTROL + RING;
pub(crate) const METER_AT: usize = 2 * (ring::CONTROL + RING);
pub(crate) const SHARED: usize = METER_AT + 4096;

/// Words of the meter: nanoseconds that the worker was busy, and tasks that it ran meanwhile.
pub(crate) const METER_BUSY: usize = METER_AT;
pub(crate) const METER_TASKS: usize = METER_AT + 8;

/// Kinds of records in the rings. The last says that the record's bytes come as an attachment. The
/// record of a task then holds the number of the attachment.
pub(crate) mod record {
    pub(crate) const TASK: u8 = 1;
    pub(crate) const QUIT: u8 = 2;
    pub(crate) const DONE: u8 = 3;
    pub(crate) const FAILED: u8 = 4;
    pub(crate) const PANICKED: u8 = 5;
    pub(crate) const ATTACHED: u8 = 0x80;
}

/// Which thread a worker wakes when it has a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Listener {
    /// None: no thread sleeps.
    None = 0,
    /// The pool's own thread.
    Keeper = 1,
    /// The user's thread that waits for a result.
    Waiter = 2,
}

/// What a worker is told about its channel.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct LinkPlan {
    pub(crate) transport: Transport,
    /// How long to poll for the next task before sleeping.
    pub(crate) busy_poll: Option<Duration>,
}

/// What cannot go through a ring: many bytes, and descriptors. The pool keeps it until the task is
/// done, so that it can be sent again when a worker dies before it took the task.
#[derive(Debug)]
pub(crate) struct Attachment {
    bytes: Parcel,
    fds: Vec<OwnedFd>,
}

#[derive(Debug)]
enum Parcel {
    /// In shared memory of its own, whose descriptor is sent over the control channel.
    Memory(OwnedFd),
    /// In the frame itself.
    Inline(Vec<u8>),
}

impl Attachment {
    pub(crate) fn pack(transport: Transport, bytes: &[u8], fds: Vec<OwnedFd>) -> Result<Self> {
        let bytes = match transport {
            Transport::Ring => Parcel::Memory(shm::parcel(bytes)?),
            Transport::Socket => Parcel::Inline(bytes.to_vec()),
        };
        Ok(Self { bytes, fds })
    }

    /// Queues it on a control channel, under a number by which its reader finds it.
    pub(crate) fn send(&self, kind: Kind, number: u32, control: &mut Control) -> Result<()> {
        let copy = |fd: &OwnedFd| fd.try_clone().map_err(Error::io("duplicate a descriptor"));
        let mut payload = number.to_le_bytes().to_vec();
        let memory = match &self.bytes {
            Parcel::Memory(memory) => Some(memory),
            Parcel::Inline(bytes) => {
                payload.extend_from_slice(bytes);
                None
            }
        };
        let fds = memory.into_iter().chain(&self.fds).map(copy).collect::<Result<_>>()?;
        control.queue(kind, &payload, fds)
    }
}

/// Opens an attachment's frame: its number, its bytes, its descriptors.
pub(crate) fn unpack(frame: Frame) -> Result<(u32, Vec<u8>, Vec<OwnedFd>)> {
    let missing = || Error::Damaged("an attachment is incomplete");
    let number = u32::from_le_bytes(*frame.payload.first_chunk().ok_or_else(missing)?);
    let mut fds = frame.fds.into_iter();
    let bytes = shm::unpack(&fds.next().ok_or_else(missing)?, MAX_MESSAGE)?;
    Ok((number, bytes, fds.collect()))
}

/// The parent's side of a worker's channel.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) control: Control,
    /// Frames that were read while looking for another.
    stash: VecDeque<Frame>,
    rings: Option<Rings>,
    /// The number of the next attachment for the worker. Attachments are not found by the numbers
    /// of their tasks: when a task is taken back, its number is used again, while its attachment is
    /// still on the way.
    attachments: u32,
    /// Over a socket only: the tasks that the worker has not answered, kept so that they can be
    /// given again.
    given: VecDeque<(u32, Vec<u8>)>,
}

#[derive(Debug)]
struct Rings {
    memory: Arc<Mapping>,
    tasks: Producer,
    replies: Consumer,
    bell: Bell,
}

/// The fresh shared memory of a worker, before the worker exists.
#[derive(Debug)]
pub(crate) struct Wiring {
    rings: Option<Rings>,
    /// What the worker needs: its memory and the bells.
    pub(crate) fds: Vec<OwnedFd>,
}

impl Wiring {
    /// Prepares the channel of a worker that rings `keeper` and `waiter`.
    pub(crate) fn new(transport: Transport, keeper: &Bell, waiter: &Bell) -> Result<Self> {
        if transport == Transport::Socket {
            return Ok(Self { rings: None, fds: Vec::new() });
        }
        let file = shm::create("knee-worker", SHARED as u64)?;
        let memory = Arc::new(Mapping::new(std::os::fd::AsFd::as_fd(&file), 0, SHARED)?);
        let rings = Rings {
            tasks: Producer::new(&memory, TASKS_AT, RING)?,
            replies: Consumer::new(&memory, REPLIES_AT, RING)?,
            bell: Bell::new()?,
            memory,
        };
        let mut fds = vec![file];
        for bell in [&rings.bell, keeper, waiter] {
            fds.extend(bell.try_clone()?.into_fds());
        }
        Ok(Self { rings: Some(rings), fds })
    }

    /// Joins the prepared channel with the control channel of the worker that was started on it.
    pub(crate) fn connect(self, control: Control) -> Link {
        let (stash, given) = (VecDeque::new(), VecDeque::new());
        Link { control, stash, rings: self.rings, attachments: 0, given }
    }
}

impl Link {
    /// Writes a task for the worker, which sees it after the next [`publish`](Self::publish).
    /// Returns `false` when there is no room now.
    #[inline]
    pub(crate) fn push(
        &mut self,
        number: u32,
        bytes: &[u8],
        attached: Option<&Attachment>,
    ) -> Result<bool> {
        match (&mut self.rings, attached) {
            (Some(rings), None) => rings.tasks.write(record::TASK, number, bytes),
            _ => self.push_special(number, bytes, attached),
        }
    }

    /// Like [`push`](Self::push), for a task with an attachment, and for all tasks over a socket.
    fn push_special(
        &mut self,
        number: u32,
        bytes: &[u8],
        attached: Option<&Attachment>,
    ) -> Result<bool> {
        match (&mut self.rings, attached) {
            (Some(rings), None) => rings.tasks.write(record::TASK, number, bytes),
            (Some(rings), Some(attachment)) => {
                let name = self.attachments.to_le_bytes();
                if !rings.tasks.write(record::TASK | record::ATTACHED, number, &name)? {
                    return Ok(false);
                }
                let sent = attachment.send(Kind::Attachment, self.attachments, &mut self.control);
                if let Err(error) = sent {
                    // The attachment was not sent, so its record must not stay in the ring.
                    rings.tasks.take_back(name.len());
                    return Err(error);
                }
                self.attachments = self.attachments.wrapping_add(1);
                Ok(true)
            }
            (None, Some(attachment)) => {
                attachment.send(Kind::Task, number, &mut self.control)?;
                self.given.push_back((number, Vec::new()));
                Ok(true)
            }
            (None, None) => {
                let mut payload = number.to_le_bytes().to_vec();
                payload.extend_from_slice(bytes);
                self.control.queue(Kind::Task, &payload, Vec::new())?;
                self.given.push_back((number, bytes.to_vec()));
                Ok(true)
            }
        }
    }

    /// Whether a task of `length` bytes must be [attached](Attachment).
    pub(crate) fn must_attach(transport: Transport, length: usize) -> bool {
        transport == Transport::Ring && length > RING / 8
    }

    /// Tells the worker to end after the tasks that it has; returns `false` when there is no room
    /// now.
    pub(crate) fn push_quit(&mut self) -> Result<bool> {
        match &mut self.rings {
            Some(rings) => rings.tasks.push(record::QUIT, 0, &[]),
            None => self.control.queue(Kind::Quit, &[], Vec::new()).map(|()| true),
        }
    }

    /// Shows the worker what was written, and wakes it if it sleeps.
    #[inline]
    pub(crate) fn publish(&self) {
        if let Some(rings) = &self.rings {
            rings.tasks.publish();
            if rings.tasks.sleeper().is_some() {
                rings.bell.ring();
            }
        }
    }

    /// The next answer, if it is a small result in the ring, and the number of its task.
    #[inline]
    pub(crate) fn pop_small(&mut self) -> Result<Option<(u32, Small)>> {
        let Some(rings) = &mut self.rings else { return Ok(None) };
        let small = |header: Header, body: Body<'_>| {
            let is_small = header.kind == record::DONE && body.len() <= Small::LARGEST;
            is_small.then(|| Small::new(body.len(), |at| body.word(at)))
        };
        Ok(rings.replies.pop_if(small)?.map(|(header, small)| (header.tag, small)))
    }

    /// The next answer, if one is there, and the number of its task; bytes that do not fit an
    /// answer go to `bytes`.
    pub(crate) fn pop<'a>(&mut self, bytes: &'a mut Vec<u8>) -> Result<Option<(u32, Answer<'a>)>> {
        let Some(rings) = &mut self.rings else { return self.pop_frame(bytes) };
        let Some(header) = rings.replies.pop(bytes)? else { return Ok(None) };
        if header.kind & record::ATTACHED != 0 {
            *bytes = self.result_attached(header.tag)?;
        }
        Ok(Some((header.tag, Answer::of(header.kind & !record::ATTACHED, bytes))))
    }

    /// The bytes of a result that came as an attachment.
    fn result_attached(&mut self, number: u32) -> Result<Vec<u8>> {
        let frame = self.frame(|frame| frame.kind == Kind::Attachment)?;
        let frame = frame.ok_or(Error::Damaged("a result's attachment is missing"))?;
        let (found, bytes, _) = unpack(frame)?;
        if found != number {
            return Err(Error::Damaged("a result came with the attachment of another"));
        }
        Ok(bytes)
    }

    fn pop_frame<'a>(&mut self, bytes: &'a mut Vec<u8>) -> Result<Option<(u32, Answer<'a>)>> {
        let Some(frame) = self.frame(|frame| frame.kind == Kind::Reply)? else { return Ok(None) };
        let short = || Error::Damaged("a result frame is too short");
        let (head, rest) = frame.payload.split_first_chunk::<5>().ok_or_else(short)?;
        let [kind, number @ ..] = *head;
        bytes.clear();
        bytes.extend_from_slice(rest);
        self.given.pop_front();
        Ok(Some((u32::from_le_bytes(number), Answer::of(kind, bytes))))
    }

    /// The next frame that is `wanted`, if it is there; a closed channel has none.
    pub(crate) fn frame(&mut self, wanted: impl Fn(&Frame) -> bool) -> Result<Option<Frame>> {
        loop {
            if let Some(found) = self.stash.iter().position(&wanted) {
                return Ok(self.stash.remove(found));
            }
            match self.control.try_recv() {
                // A forked worker sends its process id, which its fork server has sent already.
                Ok(Some(frame)) if frame.kind == Kind::Forked => {}
                Ok(Some(frame)) => self.stash.push_back(frame),
                Ok(None) | Err(Error::Closed) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets the worker go on if it waits for room for its results.
    pub(crate) fn relieve(&self) {
        if let Some(rings) = &self.rings
            && rings.replies.starved()
        {
            rings.bell.ring();
        }
    }

    /// Sets which thread sleeps until a result comes; returns `false` when one is there already.
    pub(crate) fn listen(&self, listener: Listener) -> bool {
        match &self.rings {
            Some(rings) if listener == Listener::None => rings.replies.rouse(),
            Some(rings) => return rings.replies.doze(listener as u32),
            None => {}
        }
        true
    }

    /// How long the worker was busy and with how many tasks, both since its start.
    pub(crate) fn meter(&self) -> Option<(u64, u64)> {
        use std::sync::atomic::Ordering::Relaxed;
        let memory = &self.rings.as_ref()?.memory;
        Some((memory.word(METER_BUSY).load(Relaxed), memory.word(METER_TASKS).load(Relaxed)))
    }

    /// Takes back the tasks that the worker has not taken, oldest first: their numbers and their
    /// bytes.
    ///
    /// Over a socket this is unknown while the worker lives, so all tasks count as taken.
    pub(crate) fn revoke(&self) -> Result<Vec<(u32, Vec<u8>)>> {
        let mut revoked = Vec::new();
        let Some(rings) = &self.rings else { return Ok(revoked) };
        let mut position = rings.tasks.revoke()?;
        let mut bytes = Vec::new();
        while let Some((header, next)) = rings.tasks.reread(position, &mut bytes)? {
            let task = std::mem::take(&mut bytes);
            if header.kind & record::TASK != 0 {
                revoked.push((header.tag, task));
            }
            position = next;
        }
        Ok(revoked)
    }

    /// The tasks that a worker that has ended cannot have begun, oldest first. Over a socket a
    /// worker answers each task before it takes the next. So once its answers were read, only the
    /// oldest task can have begun.
    pub(crate) fn unbegun(&mut self) -> Result<Vec<(u32, Vec<u8>)>> {
        match self.rings {
            Some(_) => self.revoke(),
            None => Ok(std::mem::take(&mut self.given).into_iter().skip(1).collect()),
        }
    }
}
