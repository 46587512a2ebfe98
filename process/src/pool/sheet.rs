//! Sheets of slots: where the pool lays down an outcome, and its handle picks it up without the pool's lock.
//!
//! The pool gives out the slots of a sheet one after another, each to one task. A task with a handle has a [`Ticket`]
//! to its slot. Who may touch what:
//!
//! | part of a slot | belongs to |
//! |---|---|
//! | `entry` | the pool, under its lock, always |
//! | `held` | the pool, under its lock, until it says `settled`; then the ticket, where there is one |
//!
//! A sheet counts its *shares*: one for each slot that is not back yet, whether it was given out or not, and one for
//! the pool itself. The pool uses a sheet again when only its own share is left. Whoever returns the last share of
//! all, the pool or a handle that has outlived it, frees the sheet. So a handle costs one atomic step in its life, and
//! one that is kept for ever keeps no more than its sheet.

use std::cell::UnsafeCell;
use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU32};

use super::link::Attachment;
use super::raw::{Answer, RawReport, WorkerId};

/// Slots of one sheet.
pub(super) const SLOTS: u32 = 64;

/// Where the outcome of a task goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// A handle waits for it, or will.
    Handle,
    /// Nobody wants it.
    Dropped,
    /// A stream collects it.
    Stream(u32),
}

/// What the pool alone knows of a slot.
#[derive(Debug)]
struct Entry {
    /// How many tasks have had the slot: it tells a task from those before it.
    generation: u32,
    route: Route,
}

/// What lies in a slot.
#[derive(Debug)]
enum Held {
    Nothing,
    /// The task is under way; with what its ring cannot carry.
    Open(Option<Box<Attachment>>),
    Done(RawReport),
}

#[derive(Debug)]
struct Slot {
    /// Whether the task has its outcome. The pool sets it, and clears it when it gives the slot out anew.
    settled: AtomicBool,
    entry: UnsafeCell<Entry>,
    held: UnsafeCell<Held>,
}

impl Slot {
    fn new() -> Self {
        let entry = Entry { generation: 0, route: Route::Dropped };
        Self {
            // Nobody's: a slot that was never given out has nothing to come.
            settled: AtomicBool::new(true),
            entry: UnsafeCell::new(entry),
            held: UnsafeCell::new(Held::Nothing),
        }
    }
}

/// What the pool and the tickets of one sheet share.
#[derive(Debug)]
struct Body<O> {
    shares: AtomicU32,
    /// Where handles wait, even when the pool is gone.
    owner: O,
    slots: [Slot; SLOTS as usize],
}

/// Gives back `count` shares of a sheet, and frees it with the last.
///
/// # Safety
/// The caller owns that many shares, and does not use the sheet afterwards.
#[inline]
unsafe fn give_back<O>(body: NonNull<Body<O>>, count: u32) {
    // SAFETY: a share is owned, so the sheet is there.
    let shares = unsafe { &body.as_ref().shares };
    if shares.fetch_sub(count, Release) == count {
        // What the others did with the sheet before they gave their shares back comes first. A load says so as well as
        // a fence, and to tools that look for races it says so better.
        shares.load(Acquire);
        // SAFETY: it was made by `Box::new`, and nobody else has a share.
        drop(unsafe { Box::from_raw(body.as_ptr()) });
    }
}

/// The pool's hold on a sheet. Its methods are for whoever has the pool's lock, which `&self` and `&mut self` stand for.
#[derive(Debug)]
pub(super) struct Sheet<O> {
    body: NonNull<Body<O>>,
    /// Slots that were given out since the sheet was last opened.
    given: u32,
    /// Those of them that the pool has taken back itself. Their shares are its own, and need not be counted by all.
    returned: u32,
}

// SAFETY: it is a counted reference, and all that it leads to may be used from any thread that has the pool's lock.
unsafe impl<O: Send + Sync> Send for Sheet<O> {}

impl<O> Sheet<O> {
    /// A sheet of free slots, whose handles wait for `owner`.
    pub(super) fn new(owner: O) -> Self {
        let slots = std::array::from_fn(|_| Slot::new());
        let body = Box::new(Body { shares: AtomicU32::new(SLOTS + 1), owner, slots });
        Self { body: NonNull::from(Box::leak(body)), given: 0, returned: 0 }
    }

    /// Opens the sheet anew, if all its slots are back.
    pub(super) fn reopen(&mut self) -> bool {
        // SAFETY: the pool's own share keeps it.
        let shares = unsafe { &self.body.as_ref().shares };
        // Acquire: the tickets are done with their slots before those are given out again.
        let back = self.is_full() && shares.load(Acquire) == 1 + self.returned;
        if back {
            shares.store(SLOTS + 1, Relaxed);
            (self.given, self.returned) = (0, 0);
        }
        back
    }

    #[inline]
    fn slot(&self, index: u32) -> &Slot {
        // SAFETY: the pool's own share keeps it.
        unsafe { &self.body.as_ref().slots[index as usize % SLOTS as usize] }
    }

    #[inline]
    fn entry(&self, index: u32) -> &Entry {
        // SAFETY: entries are the pool's, which is locked; `entry_mut` needs the sheet exclusively.
        unsafe { &*self.slot(index).entry.get() }
    }

    #[inline]
    fn entry_mut(&mut self, index: u32) -> &mut Entry {
        // SAFETY: entries are the pool's, and the sheet is lent exclusively.
        unsafe { &mut *self.slot(index).entry.get() }
    }

    /// Whether all slots were given out.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.given == SLOTS
    }

    /// Gives out the next slot: its number and its generation. There must be one.
    #[inline]
    pub(super) fn give(&mut self, route: Route, attachment: Option<Box<Attachment>>) -> (u32, u32) {
        assert!(!self.is_full(), "a full sheet has no slot to give");
        let index = self.given;
        self.given += 1;
        let entry = self.entry_mut(index);
        entry.generation = entry.generation.wrapping_add(1);
        entry.route = route;
        let generation = entry.generation;
        let slot = self.slot(index);
        // SAFETY: the slot is back, or was never out: there is no ticket to it.
        unsafe { *slot.held.get() = Held::Open(attachment) };
        slot.settled.store(false, Relaxed);
        (index, generation)
    }

    /// The ticket to a slot that was just given out for a handle, under the name of its task.
    #[inline]
    pub(super) fn ticket(&self, tag: u64) -> Ticket<O> {
        Ticket { body: self.body, tag }
    }

    /// Whether this generation's task has the slot and has no outcome.
    #[inline]
    pub(super) fn is_open(&self, index: u32, generation: u32) -> bool {
        !self.slot(index).settled.load(Relaxed) && self.entry(index).generation == generation
    }

    /// What belongs to the task in an open slot and cannot go through a ring.
    #[inline]
    pub(super) fn attachment(&self, index: u32) -> Option<&Attachment> {
        let slot = self.slot(index);
        if slot.settled.load(Relaxed) {
            return None;
        }
        // SAFETY: what an open slot holds is the pool's.
        match unsafe { &*slot.held.get() } {
            Held::Open(attachment) => attachment.as_deref(),
            _ => None,
        }
    }

    /// Where the outcome of the task in a slot goes.
    #[inline]
    pub(super) fn route(&self, index: u32) -> Route {
        self.entry(index).route
    }

    /// Lays the outcome of a task with a handle into its open slot.
    #[inline]
    pub(super) fn settle(&mut self, index: u32, worker: WorkerId, answer: Answer<'_>) {
        let slot = self.slot(index);
        debug_assert!(!slot.settled.load(Relaxed) && self.route(index) == Route::Handle);
        // SAFETY: what an open slot holds is the pool's.
        let held = unsafe { &mut *slot.held.get() };
        *held = Held::Done(RawReport::EMPTY);
        if let Held::Done(report) = held {
            report.write(worker, answer);
        }
        slot.settled.store(true, Release);
    }

    /// Takes back the open slot of a task without a handle.
    #[inline]
    pub(super) fn release(&mut self, index: u32) {
        let slot = self.slot(index);
        debug_assert!(!slot.settled.load(Relaxed) && self.route(index) != Route::Handle);
        // SAFETY: what an open slot holds is the pool's.
        unsafe { *slot.held.get() = Held::Nothing };
        slot.settled.store(true, Relaxed);
        self.returned += 1;
    }

    /// Nobody wants the outcome of the task in this open slot any more; its handle, if it had one, has given up its
    /// ticket.
    pub(super) fn disown(&mut self, index: u32) {
        debug_assert!(!self.slot(index).settled.load(Relaxed));
        self.entry_mut(index).route = Route::Dropped;
    }

    /// The slots whose tasks have no outcome: number and generation.
    pub(super) fn open(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let given = (0..self.given).map(|index| (index, self.entry(index).generation));
        given.filter(|(index, generation)| self.is_open(*index, *generation))
    }
}

impl<O> Drop for Sheet<O> {
    fn drop(&mut self) {
        // SAFETY: these are the pool's: its own, and those of the slots that are not given out or have come back.
        unsafe { give_back(self.body, 1 + SLOTS - self.given + self.returned) };
    }
}

/// A handle's hold on the slot of its task. It must be [claimed](Self::claim), or given up to the pool: dropping it
/// only forgets it, and its sheet is never used again.
pub(crate) struct Ticket<O> {
    body: NonNull<Body<O>>,
    tag: u64,
}

// SAFETY: it is a counted reference. The outcome may move to another thread, and only `claim`, which takes the ticket
// by value, touches it.
unsafe impl<O: Send + Sync> Send for Ticket<O> {}
// SAFETY: by reference it only reads an atomic and lends out the pool's shared part, which is made for that.
unsafe impl<O: Send + Sync> Sync for Ticket<O> {}

impl<O> Ticket<O> {
    pub(crate) fn tag(&self) -> u64 {
        self.tag
    }

    pub(crate) fn owner(&self) -> &O {
        // SAFETY: the ticket's share keeps the sheet.
        unsafe { &self.body.as_ref().owner }
    }

    #[inline]
    fn slot(&self) -> &Slot {
        // SAFETY: the ticket's share keeps the sheet.
        unsafe { &self.body.as_ref().slots[self.tag as usize % SLOTS as usize] }
    }

    /// Whether the outcome is there.
    #[inline]
    pub(crate) fn is_settled(&self) -> bool {
        self.slot().settled.load(Acquire)
    }

    /// The outcome, or the ticket again while there is none.
    #[inline]
    pub(crate) fn claim(self) -> Result<RawReport, Self> {
        if !self.is_settled() {
            return Err(self);
        }
        // SAFETY: a settled slot is the ticket's, and this is the only one.
        let held = unsafe { std::mem::replace(&mut *self.slot().held.get(), Held::Nothing) };
        // SAFETY: the ticket ends here, and its share with it.
        unsafe { give_back(self.body, 1) };
        match held {
            Held::Done(report) => Ok(report),
            Held::Nothing | Held::Open(_) => unreachable!("a settled slot holds an outcome"),
        }
    }
}

impl<O> fmt::Debug for Ticket<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("tag", &self.tag).finish_non_exhaustive()
    }
}
