//! Handing tasks to workers: which worker has room, which is next, and how many tasks it gets at
//! once.

use std::time::Instant;

use super::backlog::{Backlog, Waiting};
use super::link::Listener;
use super::seat::{Phase, Seat};
use super::slots::Slots;
use super::state::{State, condemn};

/// How many more tasks go to the worker of the last one. It has so many tasks ahead that it does
/// not matter which worker gets the next.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Row {
    seat: usize,
    pub(super) left: usize,
}

impl State {
    /// Updates the sets of idle seats and of seats with room after a seat has changed.
    #[inline]
    pub(crate) fn note(&mut self, index: usize) {
        let seat = &self.seats[index];
        let room = index < self.active && seat.has_room(&self.settings);
        self.row = Row::default();
        self.room.set(index, room);
        self.idle.set(index, room && seat.flights.is_empty());
    }

    /// From now on, gives tasks for any worker only to the first `count` workers.
    pub(crate) fn set_active(&mut self, count: usize) {
        self.active = count.clamp(1, self.seats.len());
        self.break_without_workers();
        for index in 0..self.seats.len() {
            self.note(index);
            if !self.backlog.is_empty() {
                self.refill(index);
            }
        }
    }

    /// Gives a new task to a worker with room: an idle one, else the next in turn. Returns whether
    /// it did.
    #[inline]
    pub(super) fn place(&mut self, tag: u64, bytes: &[u8], attached: bool) -> bool {
        if self.row.left > 0 && !attached {
            self.row.left -= 1;
            let seat = &mut self.seats[self.row.seat];
            // After a failure here, `place_next` tries again and handles the error.
            if matches!(seat.give(tag, bytes, None, false), Ok(true)) {
                if self.row.left == 0 {
                    seat.publish();
                }
                return true;
            }
            self.row.left = 0;
        }
        self.place_next(tag, bytes, attached)
    }

    /// Like [`place`](Self::place), for a task that goes to another worker than the last one.
    fn place_next(&mut self, tag: u64, bytes: &[u8], attached: bool) -> bool {
        let Some(index) = self.idle.next(self.turn).or_else(|| self.room.next(self.turn)) else {
            return false;
        };
        self.turn = index + 1;
        let seat = &mut self.seats[index];
        let first = seat.flights.is_empty();
        let attachment = if attached { self.slots.attachment(tag) } else { None };
        let given = seat.give(tag, bytes, attachment, false).unwrap_or_else(|error| {
            condemn(seat, &error);
            false
        });
        if first && self.settings.time_limit.is_some() {
            seat.since = Instant::now();
        }
        if first && self.leaders == 0 && !self.keeper_naps {
            seat.listen(Listener::Keeper);
        }
        seat.publish_soon();
        self.alert |= seat.is_backed_up();
        if first || !seat.has_room(&self.settings) {
            self.note(index);
        } else {
            self.row = Row { seat: index, left: seat.row(&self.settings) };
        }
        given
    }

    /// Fills the queue of a seat. Of the tasks for any worker it gets at most an equal share, so
    /// that towards the end of the work all workers end at about the same time. It gets more than
    /// that where it does the tasks sooner than another worker could be woken.
    pub(crate) fn refill(&mut self, index: usize) {
        let equal = self.backlog.len().div_ceil(self.active);
        let seat = &mut self.seats[index];
        // A worker that is not active gets only the tasks directed to it.
        let rests = index >= self.active;
        let mut share = if rests { 0 } else { equal.max(seat.done_before_waking()) };
        let (before, was_empty) = (seat.given, seat.flights.is_empty());
        while seat.has_room(&self.settings) {
            let given = if seat.directed.is_empty() {
                if share == 0 {
                    break;
                }
                let given = seat.given;
                let next =
                    give_next(seat, &mut self.backlog, &mut self.slots, self.withdrawn, false);
                // A dropped task does not count against the share. If it did, tasks behind it might
                // go to no worker.
                share -= seat.given - given;
                next
            } else {
                // The queue is moved out, because `give_next` borrows the whole seat.
                let mut own = std::mem::take(&mut seat.directed);
                let given = give_next(seat, &mut own, &mut self.slots, self.withdrawn, true);
                seat.directed = own;
                given
            };
            if !given {
                break;
            }
        }
        if seat.given != before {
            if was_empty && self.settings.time_limit.is_some() {
                seat.since = Instant::now();
            }
            if was_empty && self.leaders == 0 && !self.keeper_naps {
                seat.listen(Listener::Keeper);
            }
            seat.publish();
            self.alert |= seat.is_backed_up();
        }
        self.retire(index);
        self.note(index);
    }

    /// Tells a worker that has run its number of tasks to end; another will take its seat.
    fn retire(&mut self, index: usize) {
        let seat = &mut self.seats[index];
        let served = self.settings.tasks_per_worker.is_some_and(|most| seat.given >= most);
        if served && seat.flights.is_empty() && seat.phase == Phase::Ready {
            seat.dismiss();
        }
    }

    /// How many more tasks to give the workers now: as many as they have room for. Very short tasks
    /// are given in large batches, because each batch costs a wake-up. Never more are given than
    /// there is room for, because a task that waits costs more than one that is given at once.
    pub(crate) fn appetite(&self) -> usize {
        let active = || self.seats.iter().take(self.active);
        let seats = active().filter(|seat| seat.has_room(&self.settings));
        let room: usize = seats.map(|seat| seat.depth - seat.flights.len()).sum();
        if !self.are_many() {
            return room;
        }
        let depths: usize = active().map(|seat| seat.depth).sum();
        let room = room.saturating_sub(self.backlog.len());
        if room >= depths / 4 { room } else { 0 }
    }
}

/// Gives a seat the next task of a queue; returns `false` when there is none, or no room. A task
/// that has its outcome already is dropped. That is checked only where some were `withdrawn`.
#[inline]
fn give_next(
    seat: &mut Seat,
    queue: &mut Backlog,
    slots: &mut Slots,
    withdrawn: bool,
    directed: bool,
) -> bool {
    let Some(Waiting { tag, bytes, attached }) = queue.front() else { return false };
    let over = withdrawn && !slots.is_open(tag);
    let attachment = if attached && !over { slots.attachment(tag) } else { None };
    let given = over
        || seat.give(tag, bytes, attachment, directed).unwrap_or_else(|error| {
            condemn(seat, &error);
            false
        });
    if given {
        queue.pop();
    }
    given
}
