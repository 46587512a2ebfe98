//! Slots against planted tasks: who gets which outcome, what is used again, and who frees what.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use super::super::link::record;
use super::super::raw::RawReport;
use super::super::sheet::{Route, SLOTS, Ticket};
use super::Slots;
use crate::outcome::Failure;

type Owner = Arc<()>;

/// A task for a handle.
fn task(slots: &mut Slots<Owner>, owner: &Owner) -> (u64, Ticket<Owner>) {
    let tag = slots.insert(Route::Handle, None, owner);
    (tag, slots.ticket(tag))
}

fn answer(slots: &mut Slots<Owner>, tag: u64, value: u64) -> Option<u32> {
    slots.settle(tag, |report| report.answer((3, 4), record::DONE, &value.to_le_bytes()))
}

fn value(report: &RawReport) -> u64 {
    u64::from_le_bytes(report.outcome.as_ref().unwrap().bytes().try_into().unwrap())
}

#[test]
fn a_ticket_finds_its_own_outcome_once_it_is_there() {
    let (owner, mut slots) = (Owner::default(), Slots::default());
    let tasks: Vec<_> = (0..300).map(|_| task(&mut slots, &owner)).collect();
    assert_eq!(slots.open(), 300);
    assert!(tasks.iter().all(|(tag, ticket)| slots.is_open(*tag) && !ticket.is_settled()));
    for (number, (tag, _)) in tasks.iter().enumerate().rev() {
        assert_eq!(answer(&mut slots, *tag, number as u64), None);
        // A second outcome is nobody's.
        assert_eq!(answer(&mut slots, *tag, 1 << 40), None);
    }
    assert_eq!(slots.open(), 0);
    for (number, (tag, ticket)) in tasks.into_iter().enumerate() {
        assert!(!slots.is_open(tag));
        let report = ticket.claim().unwrap();
        assert_eq!((value(&report), report.worker, report.pid), (number as u64, 3, 4));
    }
}

#[test]
fn an_unsettled_ticket_comes_back() {
    let (owner, mut slots) = (Owner::default(), Slots::default());
    let (tag, ticket) = task(&mut slots, &owner);
    let ticket = ticket.claim().unwrap_err();
    slots.settle(tag, |report| report.fail((0, 0), Failure::Cancelled));
    assert_eq!(*ticket.claim().unwrap().outcome.unwrap_err(), Failure::Cancelled);
}

#[test]
fn sheets_are_used_again_even_beside_handles_that_are_kept() {
    let (owner, mut slots) = (Owner::default(), Slots::default());
    let mut kept = Vec::new();
    for number in 0..100_000_u64 {
        let (tag, ticket) = task(&mut slots, &owner);
        answer(&mut slots, tag, number);
        // One handle in a thousand is never waited for.
        if number % 1000 == 0 { kept.push((number, ticket)) } else { drop(ticket.claim().unwrap()) }
    }
    let needed = kept.len() + 1;
    assert!(slots.sheets.len() <= 2 * needed, "{} sheets, {needed} needed", slots.sheets.len());
    for (number, ticket) in kept {
        assert_eq!(value(&ticket.claim().unwrap()), number);
    }
}

#[test]
fn a_slot_that_was_used_again_is_not_taken_for_its_former_task() {
    let (owner, mut slots) = (Owner::default(), Slots::default());
    let first: Vec<u64> = (0..SLOTS)
        .map(|number| {
            let (tag, ticket) = task(&mut slots, &owner);
            answer(&mut slots, tag, number.into());
            drop(ticket.claim());
            tag
        })
        .collect();
    let second: Vec<_> = (0..SLOTS).map(|_| task(&mut slots, &owner)).collect();
    assert_eq!(slots.sheets.len(), 1);
    for (old, (new, ticket)) in first.into_iter().zip(second) {
        assert!(old != new && !slots.is_open(old) && slots.is_open(new));
        answer(&mut slots, old, 1);
        assert!(!ticket.is_settled());
        slots.disown(ticket.tag());
    }
}

#[test]
fn what_nobody_wants_any_more_is_back_when_it_ends() {
    let (owner, mut slots) = (Owner::default(), Slots::default());
    for round in 0..10 {
        let mut tags = Vec::new();
        for number in 0..SLOTS {
            let stream = Route::Stream(number % 2);
            let tag = slots.insert(stream, None, &owner);
            if number % 4 < 2 {
                assert_eq!(answer(&mut slots, tag, 7), Some(number % 2));
            }
            tags.push(tag);
        }
        assert_eq!(value(&slots.take(tags[0]).unwrap()), 7);
        assert!(slots.take(tags[0]).is_none() && slots.take(tags[2]).is_none());
        slots.disown_stream(0);
        slots.disown_stream(1);
        let open = slots.all_open();
        assert_eq!(open.len(), SLOTS as usize / 2, "round {round}");
        for tag in open {
            assert_eq!(answer(&mut slots, tag, 7), None);
        }
        assert!(slots.sheets.len() == 1 && slots.open() == 0);
    }
}

#[test]
fn whoever_is_last_frees_a_sheet() {
    let owner = Owner::default();
    for handles_first in [true, false] {
        let mut slots = Slots::default();
        let tickets: Vec<_> = (0..100)
            .map(|number| {
                let (tag, ticket) = task(&mut slots, &owner);
                answer(&mut slots, tag, number);
                ticket
            })
            .collect();
        assert_eq!(Arc::strong_count(&owner), 3);
        if handles_first {
            for ticket in tickets {
                drop(ticket.claim().unwrap());
            }
            assert_eq!(Arc::strong_count(&owner), 3);
            slots.let_go();
        } else {
            slots.let_go();
            assert_eq!(Arc::strong_count(&owner), 3);
            for (number, ticket) in tickets.into_iter().enumerate() {
                assert_eq!(value(&ticket.claim().unwrap()), number as u64);
            }
        }
        assert_eq!(Arc::strong_count(&owner), 1);
    }
}

#[test]
fn threads_claim_while_others_settle_and_give_out() {
    let owner = Owner::default();
    let slots = Mutex::new(Slots::default());
    std::thread::scope(|scope| {
        for thread in 0..2_u64 {
            let (to_settle, settled_tags) = mpsc::sync_channel::<(u64, u64)>(300);
            let (to_claim, tickets) = mpsc::sync_channel::<(u64, Ticket<Owner>)>(300);
            let (slots, owner) = (&slots, &owner);
            scope.spawn(move || {
                for number in (0..30_000).map(|number| number * 2 + thread) {
                    let (tag, ticket) = task(&mut slots.lock().unwrap(), owner);
                    to_settle.send((tag, number)).unwrap();
                    to_claim.send((number, ticket)).unwrap();
                }
            });
            scope.spawn(move || {
                for (tag, number) in settled_tags {
                    answer(&mut slots.lock().unwrap(), tag, number);
                }
            });
            scope.spawn(move || {
                for (number, mut ticket) in tickets {
                    let report = loop {
                        match ticket.claim() {
                            Ok(report) => break report,
                            Err(again) => ticket = again,
                        }
                        std::thread::yield_now();
                    };
                    assert_eq!(value(&report), number);
                }
            });
        }
    });
    let mut slots = slots.into_inner().unwrap();
    assert_eq!(slots.open(), 0);
    slots.let_go();
    assert_eq!(Arc::strong_count(&owner), 1);
}
