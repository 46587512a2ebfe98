//! Slots against planted tasks: who gets which outcome, what is used again, and who frees what.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use super::super::raw::{Answer, Small, WorkerId};
use super::super::sheet::{Route, SLOTS, Ticket};
use super::Slots;
use crate::outcome::Failure;
use crate::sys::fences::make_light;

type Owner = Arc<()>;

/// A task for a handle.
fn task(slots: &mut Slots<Owner>, owner: &Owner) -> (u64, Ticket<Owner>) {
    let tag = slots.insert(Route::Handle, None, owner);
    (tag, slots.ticket(tag))
}

const WORKER: WorkerId = WorkerId::new(3, 4);

fn answer(slots: &mut Slots<Owner>, tag: u64, value: u64) {
    // Both ways that a result may come must do the same.
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
        // A second outcome is nobody's.
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
fn sheets_are_used_again_even_beside_handles_that_are_kept() {
    let (owner, mut slots) = (Owner::default(), Slots::default());
    let mut kept = Vec::new();
    for number in 0..100_000_u64 {
        let (tag, ticket) = task(&mut slots, &owner);
        answer(&mut slots, tag, number);
        // One handle in a thousand is never waited for.
        if number % 1000 == 0 { kept.push((number, ticket)) } else { drop(claim(ticket).unwrap()) }
    }
    let needed = kept.len() + 1;
    assert!(slots.sheets.len() <= 2 * needed, "{} sheets, {needed} needed", slots.sheets.len());
    for (number, ticket) in kept {
        assert_eq!(value(&claim(ticket).unwrap()), number);
    }
}

#[test]
fn a_slot_that_was_used_again_is_not_taken_for_its_former_task() {
    let (owner, mut slots) = (Owner::default(), Slots::default());
    let first: Vec<u64> = (0..SLOTS)
        .map(|number| {
            let (tag, ticket) = task(&mut slots, &owner);
            answer(&mut slots, tag, number.into());
            drop(claim(ticket));
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
fn a_stream_gets_its_outcomes_in_the_order_of_their_ends_until_it_is_closed() {
    let (owner, mut slots) = (Owner::default(), Slots::default());
    for _ in 0..10 {
        let streams = [slots.open_stream(), slots.open_stream()];
        let tags: Vec<u64> = (0..SLOTS as usize)
            .map(|number| slots.insert(Route::Stream(streams[number % 2]), None, &owner))
            .collect();
        for tag in tags.iter().rev().take(SLOTS as usize / 2) {
            slots.settle(*tag, WORKER, Answer::result(&[7]));
            slots.settle(*tag, WORKER, Answer::result(&[8]));
        }
        for (number, stream) in streams.into_iter().enumerate() {
            let own = tags.iter().skip(number).step_by(2).rev().take(SLOTS as usize / 4);
            let mut inbox = std::mem::take(slots.inbox(stream));
            assert_eq!(inbox.len(), SLOTS as usize / 4);
            for tag in own {
                let (found, report) = inbox.next::<u8>().unwrap();
                assert_eq!((found, report.outcome, report.pid), (*tag, Ok(7), 4));
            }
            assert!(inbox.next::<u8>().is_none() && inbox.is_empty());
            slots.close_stream(stream);
        }
        let open = slots.all_open();
        assert_eq!(open.len(), SLOTS as usize / 2);
        for tag in open {
            answer(&mut slots, tag, 7);
        }
        assert!(slots.sheets.len() == 1 && slots.open() == 0);
        assert!(streams.iter().all(|stream| slots.inbox(*stream).is_empty()));
    }
}

#[test]
fn a_stream_keeps_results_of_all_sizes_and_failures() {
    let (owner, mut slots) = (Owner::default(), Slots::default());
    let stream = slots.open_stream();
    let sizes = [0, 1, 16, 17, 4000, 5000, 100_000];
    for size in sizes {
        let tag = slots.insert(Route::Stream(stream), None, &owner);
        let mut bytes = Vec::new();
        crate::codec::encode(&crate::Bytes(vec![size as u8; size]), &mut bytes).unwrap();
        slots.settle(tag, WORKER, Answer::result(&bytes));
        let tag = slots.insert(Route::Stream(stream), None, &owner);
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
                drop(claim(ticket).unwrap());
            }
            assert_eq!(Arc::strong_count(&owner), 3);
            slots.let_go();
        } else {
            slots.let_go();
            assert_eq!(Arc::strong_count(&owner), 3);
            for (number, ticket) in tickets.into_iter().enumerate() {
                assert_eq!(value(&claim(ticket).unwrap()), number as u64);
            }
        }
        assert_eq!(Arc::strong_count(&owner), 1);
    }
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
fn a_reader_that_panics_gives_its_slot_back() {
    let (owner, mut slots) = (Owner::default(), Slots::default());
    for number in 0..10 * u64::from(SLOTS) {
        let (tag, ticket) = task(&mut slots, &owner);
        answer(&mut slots, tag, number);
        let read = std::panic::AssertUnwindSafe(|| ticket.claim(|_, _| panic!("while reading")));
        std::panic::catch_unwind(read).map(drop).unwrap_err();
    }
    assert!(slots.sheets.len() <= 2);
}

/// The pool goes while handles are claimed, with full fences and with light ones: whoever is last
/// frees a sheet, once.
#[test]
fn threads_claim_while_the_pool_goes() {
    for light in [false, true] {
        if light {
            make_light();
        }
        for round in 0..200 {
            let owner = Owner::default();
            let mut slots = Slots::default();
            let mut parts = [Vec::new(), Vec::new(), Vec::new()];
            for number in 0..300_u64 {
                let (tag, ticket) = task(&mut slots, &owner);
                answer(&mut slots, tag, number);
                parts[number as usize % 3].push((number, ticket));
            }
            std::thread::scope(|scope| {
                for part in parts {
                    scope.spawn(move || {
                        for (number, ticket) in part {
                            assert_eq!(value(&claim(ticket).unwrap()), number);
                        }
                    });
                }
                (0..round * 20).for_each(|_| std::hint::spin_loop());
                slots.let_go();
            });
            assert_eq!(Arc::strong_count(&owner), 1);
        }
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
    let mut slots = slots.into_inner().unwrap();
    assert_eq!(slots.open(), 0);
    slots.let_go();
    assert_eq!(Arc::strong_count(&owner), 1);
}
