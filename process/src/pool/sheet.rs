//! Sheets of slots: where the pool lays down an outcome, and its handle picks it up without the
//! pool's lock.
//!
//! The pool gives out the slots of a sheet one after another, each to one task. A task with a
//! handle has a [`Ticket`] to its slot. Whose a slot is says its stage:
//!
//! | stage | set by | the slot is |
//! |---|---|---|
//! | `BACK` | the ticket; the pool, where there is none | nobody's: when all are, the pool gives out the sheet again |
//! | `OPEN` | the pool | the pool's: its task is under way |
//! | `SETTLED` | the pool | the ticket's: its outcome is there |
//! | `LEAVING` | the ticket | the ticket's for a last look at the sheet |
//! | `COUNTED` | the ticket | nobody's, and counted where an orphaned sheet counts |
//!
//! Route and generation are the pool's, under its lock, at any stage. The pool touches nothing else
//! of a slot that is not its own, nor does a ticket: that is why slots need no lock, though their
//! parts are plain cells.
//!
//! Handles may outlive the pool. When it goes it calls its sheets orphaned; those tickets that are
//! left count themselves out, and the last one frees the sheet. Before, nobody counts: a ticket
//! says that it leaves, looks whether the sheet is orphaned, and if not says that it is back; it
//! does not touch the sheet after that. The pool calls the sheet orphaned, and then looks who
//! leaves. Between the two steps of both lies a [fence](crate::sys::fences), which costs the ticket
//! nothing. So a handle takes no locked instruction in its life, and one that is kept for ever
//! keeps no more than its sheet.

use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU32};

use super::link::Attachment;
use super::raw::{Answer, Small, WorkerId};
pub(crate) use super::slot::Route;
use super::slot::Slot;
use crate::outcome::Outcome;
use crate::sys::fences;

/// Slots of one sheet.
pub(super) const SLOTS: u32 = 64;

const BACK: u8 = 0;
const OPEN: u8 = 1;
const SETTLED: u8 = 2;
const LEAVING: u8 = 3;
const COUNTED: u8 = 4;

/// What the pool and the tickets of one sheet share.
#[derive(Debug)]
struct Body<O> {
    /// Whether the pool is gone. From then on `shares` counts who is not: the tickets, and the pool
    /// while it goes.
    orphaned: AtomicBool,
    shares: AtomicU32,
    /// Where handles wait, even when the pool is gone.
    owner: O,
    slots: [Slot; SLOTS as usize],
}

/// Gives back `count` shares of an orphaned sheet, and frees it with the last.
///
/// # Safety
/// The caller owns that many shares, and does not use the sheet afterwards.
unsafe fn give_back<O>(body: NonNull<Body<O>>, count: u32) {
    // SAFETY: a share is owned, so the sheet is there.
    let shares = unsafe { &body.as_ref().shares };
    if shares.fetch_sub(count, Release) == count {
        // What the others did with the sheet before they gave their shares back comes first. A load
        // says so as well as a fence, and to tools that look for races it says so better.
        shares.load(Acquire);
        // SAFETY: it was made by `Box::new`, and nobody else has a share.
        drop(unsafe { Box::from_raw(body.as_ptr()) });
    }
}

/// The pool's hold on a sheet. Its methods are for whoever has the pool's lock, which `&self` and
/// `&mut self` stand for.
#[derive(Debug)]
pub(super) struct Sheet<O> {
    body: NonNull<Body<O>>,
    /// Slots that were given out since the sheet was last opened.
    given: u32,
    /// The first of them, up to here, are back.
    back: u32,
}

// SAFETY: all that it leads to may be used from any thread that has the pool's lock.
unsafe impl<O: Send + Sync> Send for Sheet<O> {}

impl<O> Sheet<O> {
    /// A sheet of free slots, whose handles wait for `owner`.
    pub(super) fn new(owner: O) -> Self {
        let slots = std::array::from_fn(|_| Slot::new(BACK));
        let (orphaned, shares) = (AtomicBool::new(false), AtomicU32::new(0));
        let body = Box::new(Body { orphaned, shares, owner, slots });
        Self { body: NonNull::from(Box::leak(body)), given: 0, back: 0 }
    }

    /// Opens the sheet anew, if all its slots are back.
    pub(super) fn reopen(&mut self) -> bool {
        // Acquire: the tickets are done with their slots before those are given out again.
        while self.back < self.given && self.slot(self.back).stage.load(Acquire) == BACK {
            self.back += 1;
        }
        let all = self.back == SLOTS;
        if all {
            (self.given, self.back) = (0, 0);
        }
        all
    }

    /// Lets go of sheets; what handles have not claimed stays theirs.
    pub(super) fn let_go(sheets: Vec<Self>) {
        if sheets.is_empty() {
            return;
        }
        for sheet in &sheets {
            let body = sheet.body();
            body.shares.store(sheet.given + 1, Relaxed);
            body.orphaned.store(true, Release);
        }
        fences::heavy();
        for sheet in sheets {
            let slots = &sheet.body().slots[..sheet.given as usize];
            for slot in slots {
                fences::wait_while(|| slot.stage.load(Acquire) == LEAVING);
            }
            let back = slots.iter().filter(|slot| slot.stage.load(Relaxed) == BACK).count();
            // SAFETY: these are the pool's, its own and those of tickets that were done before they
            // could count themselves out; all others see that they must.
            unsafe { give_back(sheet.body, 1 + back as u32) };
        }
    }

    #[inline]
    fn body(&self) -> &Body<O> {
        // SAFETY: the pool frees no sheet that it holds, and nobody else does before it is
        // orphaned.
        unsafe { self.body.as_ref() }
    }

    #[inline]
    fn slot(&self, index: u32) -> &Slot {
        &self.body().slots[index as usize % SLOTS as usize]
    }

    /// Whether all slots were given out.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.given == SLOTS
    }

    /// Gives out the next slot: its number and its generation. There must be one.
    #[inline]
    pub(super) fn give(&mut self, route: Route, attachment: Option<Box<Attachment>>) -> (u32, u32) {
        let index = self.given;
        assert!(index < SLOTS, "a full sheet has no slot to give");
        self.given = index + 1;
        let slot = self.slot(index);
        let generation = slot.begin(route, attachment);
        slot.stage.store(OPEN, Relaxed);
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
        let slot = self.slot(index);
        slot.stage.load(Relaxed) == OPEN && slot.generation() == generation
    }

    /// What belongs to the task in an open slot and cannot go through a ring.
    #[inline]
    pub(super) fn attachment(&self, index: u32) -> Option<&Attachment> {
        let slot = self.slot(index);
        if slot.stage.load(Relaxed) == OPEN { slot.attachment() } else { None }
    }

    /// Where the outcome of the task in a slot goes.
    #[inline]
    pub(super) fn route(&self, index: u32) -> Route {
        self.slot(index).route()
    }

    /// Lays the outcome of a task with a handle into its open slot.
    #[inline]
    pub(super) fn settle(&mut self, index: u32, worker: WorkerId, answer: Answer<'_>) {
        let slot = self.awaited(index);
        slot.put(worker, answer);
        slot.stage.store(SETTLED, Release);
    }

    /// The same for a small result.
    #[inline]
    pub(super) fn settle_small(&mut self, index: u32, worker: WorkerId, small: Small) {
        let slot = self.awaited(index);
        slot.put_small(worker, small);
        slot.stage.store(SETTLED, Release);
    }

    /// An open slot for whose outcome a handle waits.
    #[inline]
    fn awaited(&self, index: u32) -> &Slot {
        let slot = self.slot(index);
        debug_assert!(slot.stage.load(Relaxed) == OPEN && slot.route() == Route::Handle);
        slot
    }

    /// Takes back the open slot of a task without a handle.
    #[inline]
    pub(super) fn release(&mut self, index: u32) {
        debug_assert!(
            self.slot(index).stage.load(Relaxed) == OPEN && self.route(index) != Route::Handle
        );
        let slot = self.slot(index);
        slot.clear();
        slot.stage.store(BACK, Relaxed);
    }

    /// Nobody wants the outcome of the task in this open slot any more; its handle, if it had one,
    /// has given up its ticket.
    pub(super) fn disown(&mut self, index: u32) {
        debug_assert!(self.slot(index).stage.load(Relaxed) == OPEN);
        self.slot(index).set_route(Route::Dropped);
    }

    /// The slots whose tasks have no outcome: number and generation.
    pub(super) fn open(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let given = (0..self.given).map(|index| (index, self.slot(index).generation()));
        given.filter(|(index, generation)| self.is_open(*index, *generation))
    }
}

/// A handle's hold on the slot of its task. It must be [claimed](Self::claim), or given up to the
/// pool: dropping it only forgets it, and its sheet is never used again.
pub(crate) struct Ticket<O> {
    body: NonNull<Body<O>>,
    tag: u64,
}

// SAFETY: the sheet is there as long as the ticket is. The outcome may move to another thread, and
// only `claim`, which takes the ticket by value, touches it.
unsafe impl<O: Send + Sync> Send for Ticket<O> {}
// SAFETY: by reference it only reads an atomic and lends out the pool's shared part, which is made
// for that.
unsafe impl<O: Send + Sync> Sync for Ticket<O> {}

impl<O> Ticket<O> {
    pub(crate) fn tag(&self) -> u64 {
        self.tag
    }

    pub(crate) fn owner(&self) -> &O {
        // SAFETY: nobody frees a sheet to which a ticket is out.
        unsafe { &self.body.as_ref().owner }
    }

    #[inline]
    fn slot(&self) -> &Slot {
        // SAFETY: nobody frees a sheet to which a ticket is out.
        unsafe { &self.body.as_ref().slots[self.tag as usize % SLOTS as usize] }
    }

    /// Whether the outcome is there.
    #[inline]
    pub(crate) fn is_settled(&self) -> bool {
        self.slot().stage.load(Acquire) == SETTLED
    }

    /// What `read` makes of the outcome and of where it comes from, or the ticket again while there
    /// is none.
    #[inline]
    pub(crate) fn claim<T>(
        self,
        read: impl FnOnce(WorkerId, Outcome<&[u8]>) -> T,
    ) -> Result<T, Self> {
        if !self.is_settled() {
            return Err(self);
        }
        // It leaves last, also when `read` panics.
        let _leaving = Leaving { body: self.body, slot: self.slot() };
        Ok(self.slot().read(read))
    }
}

/// The end of a ticket.
struct Leaving<'a, O> {
    body: NonNull<Body<O>>,
    slot: &'a Slot,
}

impl<O> Drop for Leaving<'_, O> {
    #[inline]
    fn drop(&mut self) {
        self.slot.stage.store(LEAVING, Relaxed);
        fences::light();
        // SAFETY: nobody frees the sheet while a ticket leaves.
        if unsafe { self.body.as_ref() }.orphaned.load(Acquire) {
            self.slot.stage.store(COUNTED, Release);
            // SAFETY: the ticket's share has become its own to count, and ends here.
            unsafe { give_back(self.body, 1) };
        } else {
            self.slot.stage.store(BACK, Release);
        }
    }
}

impl<O> fmt::Debug for Ticket<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("tag", &self.tag).finish_non_exhaustive()
    }
}
