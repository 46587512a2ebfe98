//! Tests of slots: which handle gets which outcome, and which entries are used again.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use super::super::raw::{Answer, Small, WorkerId};
use super::{Route, Slots, Ticket};
use crate::outcome::Failure;

type Owner = Arc<()>;

const TASKS: u32 = 64;

/// A task for a handle.
fn task(slots: &mut Slots, owner: &Owner) -> (u64, Ticket<Owner>) {
    let tag = slots.insert(Route::Handle, None);
    (tag, slots.ticket(tag, Arc::clone(owner)))
}

const WORKER: WorkerId = WorkerId::new(3, 4);

fn answer(slots: &mut Slots, tag: u64, value: u64) {
    // Both ways of settling a task must do the same.
    if value.is_multiple_of(2) {
        slots.settle(tag, WORKER, Answer::result(&value.to_le_bytes()));
    } else {
        slots.settle_small(tag, WORKER, Small::new(8, |_| value.to_le()));
    }
}

/// What is claimed: the worker, and the outcome as bytes.
type Claimed = (WorkerId, Result<Vec<u8>, Failure>);

fn claim(ticket: Ticket<Owner>) -> Result<Claimed, Ticket<Owner>> {
    ticket.claim(|worker, outcome| (worker, outcome.map(<[u8]>::to_vec)))
}

fn value((worker, outcome): &Claimed) -> u64 {
    assert_eq!(*worker, WORKER);
    u64::from_le_bytes(outcome.as_deref().unwrap().try_into().unwrap())
}

#[test]
fn a_ticket_finds_its_own_outcome_once_it_is_there() {
    let (owner, mut slots) = (Owner::default(), Slots::default());
    let tasks: Vec<_> = (0..300).map(|_| task(&mut slots, &owner)).collect();
    assert_eq!(slots.open(), 300);
    assert!(tasks.iter().all(|(tag, ticket)| slots.is_open(*tag) && !ticket.is_settled()));
    for (number, (tag, _)) in tasks.iter().enumerate().rev() {
        answer(&mut slots, *tag, number as u64);
        // A second outcome must be ignored.
        answer(&mut slots, *tag, 1 << 40);
    }
    assert_eq!(slots.open(), 0);
    for (number, (tag, ticket)) in tasks.into_iter().enumerate() {
        assert!(!slots.is_open(tag));
        assert_eq!(value(&claim(ticket).unwrap()), number as u64);
    }
}

#[test]
fn an_unsettled_ticket_comes_back() {
    let (owner, mut slots) = (Owner::default(), Slots::default());
    let (tag, ticket) = task(&mut slots, &owner);
    let ticket = claim(ticket).unwrap_err();
    slots.settle(tag, WORKER, Answer::Failure(Box::new(Failure::Cancelled)));
    assert_eq!(claim(ticket).unwrap().1, Err(Failure::Cancelled));
}

#[test]
fn entries_are_used_again_also_beside_handles_that_are_kept() {
    let (owner, mut slots) = (Owner::default(), Slots::default());
    let mut kept = Vec::new();
    for number in 0..10_000_u64 {
        let (tag, ticket) = task(&mut slots, &owner);
        answer(&mut slots, tag, number);
        // One handle in a thousand is never waited for.
        if number % 1000 == 0 { kept.push((number, ticket)) } else { drop(claim(ticket).unwrap()) }
    }
    assert_eq!(slots.entries.len(), 1);
    for (number, ticket) in kept {
        assert_eq!(value(&claim(ticket).unwrap()), number);
    }
}

#[test]
fn a_slot_that_was_used_again_is_not_taken_for_its_former_task() {
    let (owner, mut slots) = (Owner::default(), Slots::default());
    let first: Vec<u64> = (0..TASKS)
        .map(|number| {
            let (tag, ticket) = task(&mut slots, &owner);
            answer(&mut slots, tag, number.into());
            drop(claim(ticket));
            tag
        })
        .collect();
    let second: Vec<_> = (0..TASKS).map(|_| task(&mut slots, &owner)).collect();
    assert_eq!(slots.entries.len(), TASKS as usize);
    for (old, (new, ticket)) in first.into_iter().zip(second) {
        assert!(old != new && !slots.is_open(old) && slots.is_open(new));
        answer(&mut slots, old, 1);
        assert!(!ticket.is_settled());
        slots.disown(ticket.tag());
    }
}

#[test]
fn a_stream_gets_its_outcomes_in_the_order_of_their_ends_until_it_is_closed() {
    let mut slots = Slots::default();
    for _ in 0..10 {
        let streams = [slots.open_stream(), slots.open_stream()];
        let tags: Vec<u64> = (0..TASKS as usize)
            .map(|number| slots.insert(Route::Stream(streams[number % 2]), None))
            .collect();
        for tag in tags.iter().rev().take(TASKS as usize / 2) {
            slots.settle(*tag, WORKER, Answer::result(&[7]));
            slots.settle(*tag, WORKER, Answer::result(&[8]));
        }
        for (number, stream) in streams.into_iter().enumerate() {
            let own = tags.iter().skip(number).step_by(2).rev().take(TASKS as usize / 4);
            let mut inbox = std::mem::take(slots.inbox(stream));
            assert_eq!(inbox.len(), TASKS as usize / 4);
            for tag in own {
                let (found, report) = inbox.next::<u8>().unwrap();
                assert_eq!((found, report.outcome, report.pid), (*tag, Ok(7), 4));
            }
            assert!(inbox.next::<u8>().is_none() && inbox.is_empty());
            slots.close_stream(stream);
        }
        let open = slots.all_open();
        assert_eq!(open.len(), TASKS as usize / 2);
        for tag in open {
            answer(&mut slots, tag, 7);
        }
        assert!(slots.entries.len() == TASKS as usize && slots.open() == 0);
        assert!(streams.iter().all(|stream| slots.inbox(*stream).is_empty()));
    }
}

#[test]
fn a_stream_keeps_results_of_all_sizes_and_failures() {
    let mut slots = Slots::default();
    let stream = slots.open_stream();
    let sizes = [0, 1, 16, 17, 4000, 5000, 100_000];
    for size in sizes {
        let tag = slots.insert(Route::Stream(stream), None);
        let mut bytes = Vec::new();
        crate::codec::encode(&crate::Bytes(vec![size as u8; size]), &mut bytes).unwrap();
        slots.settle(tag, WORKER, Answer::result(&bytes));
        let tag = slots.insert(Route::Stream(stream), None);
        slots.settle(tag, WORKER, Answer::Failure(Box::new(Failure::Cancelled)));
    }
    let inbox = slots.inbox(stream);
    for size in sizes {
        let outcome = inbox.next::<crate::Bytes>().unwrap().1.outcome;
        assert_eq!(outcome.unwrap().0, vec![size as u8; size]);
        assert_eq!(inbox.next::<crate::Bytes>().unwrap().1.outcome, Err(Failure::Cancelled));
    }
}

#[test]
fn a_ticket_outlives_the_pool() {
    let (owner, mut slots) = (Owner::default(), Slots::default());
    let tickets: Vec<_> = (0..100)
        .map(|number| {
            let (tag, ticket) = task(&mut slots, &owner);
            answer(&mut slots, tag, number);
            ticket
        })
        .collect();
    drop(slots);
    for (number, ticket) in tickets.into_iter().enumerate() {
        assert_eq!(value(&claim(ticket).unwrap()), number as u64);
    }
    assert_eq!(Arc::strong_count(&owner), 1);
}

#[test]
fn a_result_of_any_size_comes_as_it_was_given() {
    let (owner, mut slots) = (Owner::default(), Slots::default());
    for size in (0..40).chain([1000, 100_000]) {
        let (tag, ticket) = task(&mut slots, &owner);
        let bytes: Vec<u8> = (0..size).map(|at| at as u8).collect();
        slots.settle(tag, WORKER, Answer::result(&bytes));
        assert_eq!(claim(ticket).unwrap(), (WORKER, Ok(bytes)));
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
                        match claim(ticket) {
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
    assert_eq!(slots.into_inner().unwrap().open(), 0);
    assert_eq!(Arc::strong_count(&owner), 1);
}
