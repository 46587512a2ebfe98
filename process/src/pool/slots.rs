//! The tasks that a pool has accepted, each in a slot of a sheet, and where their outcomes go.

use std::collections::VecDeque;

use super::inbox::Inbox;
use super::link::Attachment;
use super::raw::{Answer, Small, WorkerId};
use super::sheet::{Route, SLOTS, Sheet, Ticket};

/// As many full sheets are looked at, when slots run out, before a new sheet is made. Enough that a
/// long row of sheets that are kept by handles nobody waits for is passed before many new ones are
/// needed, and few beside the tasks that each step goes with.
const LOOKS: usize = 4;

/// All slots of a pool; `O` is where its handles wait.
#[derive(Debug)]
pub(crate) struct Slots<O> {
    sheets: Vec<Sheet<O>>,
    /// The sheet whose slots are given out.
    current: usize,
    /// Sheets whose slots are all given out, the longest first.
    full: VecDeque<usize>,
    /// Tasks without an outcome.
    open: usize,
    /// The outcomes of streams' tasks, by the streams' numbers.
    inboxes: Vec<Inbox>,
    free_streams: Vec<u32>,
}

/// The name of a task for ever: the number of its slot, and above it the slot's generation.
#[inline]
fn tag_of(sheet: usize, (index, generation): (u32, u32)) -> u64 {
    (sheet as u64 * u64::from(SLOTS) + u64::from(index)) | u64::from(generation) << 32
}

/// Where a task's slot is: sheet, number, generation.
#[inline]
fn place_of(tag: u64) -> (usize, u32, u32) {
    (tag as u32 as usize / SLOTS as usize, tag as u32 % SLOTS, (tag >> 32) as u32)
}

impl<O> Default for Slots<O> {
    fn default() -> Self {
        Self {
            sheets: Vec::new(),
            current: 0,
            full: VecDeque::new(),
            open: 0,
            inboxes: Vec::new(),
            free_streams: Vec::new(),
        }
    }
}

impl<O> Slots<O> {
    /// Lets go of all sheets, when no task is open and none will be: they keep the pool, as the
    /// pool keeps them. What handles have not claimed stays theirs.
    pub(crate) fn let_go(&mut self) {
        Sheet::let_go(std::mem::take(&mut self.sheets));
        self.full.clear();
        self.current = 0;
    }
}

impl<O> Drop for Slots<O> {
    fn drop(&mut self) {
        self.let_go();
    }
}

impl<O: Clone> Slots<O> {
    /// Tasks that have no outcome yet.
    #[inline]
    pub(crate) fn open(&self) -> usize {
        self.open
    }

    /// A place for a new task of the pool `owner`; returns its tag, which names this one task for
    /// ever.
    #[inline]
    pub(crate) fn insert(
        &mut self,
        route: Route,
        attachment: Option<Box<Attachment>>,
        owner: &O,
    ) -> u64 {
        self.open += 1;
        let sheet = match self.sheets.get_mut(self.current) {
            Some(sheet) if !sheet.is_full() => sheet,
            _ => {
                self.turn_over(owner);
                &mut self.sheets[self.current]
            }
        };
        tag_of(self.current, sheet.give(route, attachment))
    }

    /// Goes on to a sheet with free slots.
    #[cold]
    fn turn_over(&mut self, owner: &O) {
        if self.current < self.sheets.len() {
            self.full.push_back(self.current);
        }
        for _ in 0..LOOKS {
            let Some(number) = self.full.pop_front() else { break };
            if self.sheets[number].reopen() {
                self.current = number;
                return;
            }
            self.full.push_back(number);
        }
        self.current = self.sheets.len();
        self.sheets.push(Sheet::new(owner.clone()));
    }

    /// The ticket for the handle of a task that was just accepted.
    #[inline]
    pub(crate) fn ticket(&self, tag: u64) -> Ticket<O> {
        self.sheets[place_of(tag).0].ticket(tag)
    }

    /// Whether the task is accepted and has no outcome.
    #[inline]
    pub(crate) fn is_open(&self, tag: u64) -> bool {
        let (sheet, index, generation) = place_of(tag);
        self.sheets.get(sheet).is_some_and(|sheet| sheet.is_open(index, generation))
    }

    #[inline]
    pub(crate) fn attachment(&self, tag: u64) -> Option<&Attachment> {
        let (sheet, index, _) = place_of(tag);
        self.sheets[sheet].attachment(index)
    }

    /// Gives a task its outcome, unless it has one.
    pub(crate) fn settle(&mut self, tag: u64, worker: WorkerId, answer: Answer<'_>) {
        let Some((sheet, index, inbox)) = self.end(tag) else { return };
        match inbox {
            None => sheet.settle(index, worker, answer),
            Some(inbox) => inbox.push(tag, worker, answer),
        }
    }

    /// Gives a task a small result as its outcome, unless it has one: the way of nearly all.
    #[inline]
    pub(crate) fn settle_small(&mut self, tag: u64, worker: WorkerId, small: Small) {
        let Some((sheet, index, inbox)) = self.end(tag) else { return };
        match inbox {
            None => sheet.settle_small(index, worker, small),
            Some(inbox) => inbox.push_small(tag, worker, small),
        }
    }

    /// Ends a task that is open: where its slot is, for whose handle the outcome must be laid down,
    /// or the inbox where it goes; `None` when nobody wants it.
    #[inline]
    fn end(&mut self, tag: u64) -> Option<(&mut Sheet<O>, u32, Option<&mut Inbox>)> {
        let (number, index, generation) = place_of(tag);
        let sheet = self.sheets.get_mut(number)?;
        if !sheet.is_open(index, generation) {
            return None;
        }
        self.open -= 1;
        let route = sheet.route(index);
        if route == Route::Handle {
            return Some((sheet, index, None));
        }
        sheet.release(index);
        let Route::Stream(stream) = route else { return None };
        let inbox = self.inboxes.get_mut(stream as usize)?;
        Some((sheet, index, Some(inbox)))
    }

    /// Nobody wants the outcome of this open task any more: its handle has given up its ticket.
    pub(crate) fn disown(&mut self, tag: u64) {
        let (sheet, index, _) = place_of(tag);
        if let Some(sheet) = self.sheets.get_mut(sheet) {
            sheet.disown(index);
        }
    }

    /// A new stream's number.
    pub(crate) fn open_stream(&mut self) -> u32 {
        self.free_streams.pop().unwrap_or_else(|| {
            self.inboxes.push(Inbox::default());
            (self.inboxes.len() - 1) as u32
        })
    }

    /// The outcomes that wait for their stream.
    pub(crate) fn inbox(&mut self, stream: u32) -> &mut Inbox {
        &mut self.inboxes[stream as usize]
    }

    /// Ends a stream; what it still waited for is nobody's any more.
    pub(crate) fn close_stream(&mut self, stream: u32) {
        for tag in self.all_open() {
            let (sheet, index, _) = place_of(tag);
            if self.sheets[sheet].route(index) == Route::Stream(stream) {
                self.sheets[sheet].disown(index);
            }
        }
        self.inboxes[stream as usize] = Inbox::default();
        self.free_streams.push(stream);
    }

    /// The tags of all tasks without an outcome.
    pub(crate) fn all_open(&self) -> Vec<u64> {
        let sheets = self.sheets.iter().enumerate();
        sheets.flat_map(|(number, sheet)| sheet.open().map(move |at| tag_of(number, at))).collect()
    }
}

#[cfg(test)]
mod tests;
