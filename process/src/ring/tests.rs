//! The ring against a model, and against a process that scribbles over it.

use std::collections::VecDeque;
use std::mem::offset_of;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use proptest::prelude::*;

use super::{CONTROL, Consumer, Producer, Words, word_of};
use crate::error::Error;
use crate::shm::{self, Mapping};

const SIZE: usize = 4096;
/// Where the positions lie.
const POSITIONS: [usize; 3] =
    [offset_of!(Words, tail), offset_of!(Words, claimed), offset_of!(Words, freed)];

fn ring() -> (Arc<Mapping>, Producer, Consumer) {
    let file = shm::create("knee-test", (CONTROL + SIZE) as u64).unwrap();
    // The mapping covers whole pages; the file is as large as was asked for.
    let memory = Arc::new(Mapping::new(file.as_fd(), 0, CONTROL + SIZE).unwrap());
    let producer = Producer::new(&memory, 0, SIZE).unwrap();
    let consumer = Consumer::revocable(&memory, 0, SIZE).unwrap();
    (memory, producer, consumer)
}

#[derive(Debug, Clone)]
enum Step {
    Push(Vec<u8>),
    Write(Vec<u8>),
    WriteAndTakeBack(Vec<u8>),
    Publish,
    Pop,
    Revoke,
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = prop::collection::vec(any::<u8>(), 0..900);
    prop_oneof![
        4 => bytes.clone().prop_map(Step::Push),
        2 => bytes.clone().prop_map(Step::Write),
        1 => bytes.prop_map(Step::WriteAndTakeBack),
        1 => Just(Step::Publish),
        5 => Just(Step::Pop),
        1 => Just(Step::Revoke),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_record_comes_once_and_in_order(steps in prop::collection::vec(step(), 1..400)) {
        let (_memory, mut producer, mut consumer) = ring();
        // What is published, and what is only written.
        let (mut model, mut unseen) = (VecDeque::new(), VecDeque::new());
        let mut bytes = Vec::new();
        for (tag, step) in steps.into_iter().enumerate() {
            match step {
                Step::Push(record) => {
                    if producer.push(7, tag as u32, &record).unwrap() {
                        unseen.push_back((tag as u32, record));
                    }
                    model.append(&mut unseen);
                }
                Step::Write(record) => {
                    if producer.write(7, tag as u32, &record).unwrap() {
                        unseen.push_back((tag as u32, record));
                    }
                }
                Step::WriteAndTakeBack(record) => {
                    if producer.write(7, tag as u32, &record).unwrap() {
                        producer.take_back(record.len());
                    }
                }
                Step::Publish => {
                    producer.publish();
                    model.append(&mut unseen);
                }
                Step::Pop => {
                    let found = consumer.pop(&mut bytes).unwrap();
                    let found = found.map(|header| (header.tag, bytes.clone()));
                    prop_assert_eq!(found, model.pop_front());
                }
                Step::Revoke => {
                    model.append(&mut unseen);
                    let mut at = producer.revoke().unwrap();
                    bytes.clear();
                    while let Some((header, next)) = producer.reread(at, &mut bytes).unwrap() {
                        let found = (header.tag, std::mem::take(&mut bytes));
                        prop_assert_eq!(Some(found), model.pop_front());
                        at = next;
                    }
                    prop_assert!(model.is_empty());
                }
            }
        }
    }

    #[test]
    fn damaged_positions_are_errors(
        which in prop::sample::select(POSITIONS.to_vec()),
        value: u64,
        records in 0..5_usize,
    ) {
        let (memory, mut producer, mut consumer) = ring();
        let mut bytes = Vec::new();
        for _ in 0..records {
            producer.push(1, 2, &[3; 100]).unwrap();
        }
        consumer.pop(&mut bytes).unwrap();
        memory.word(which).store(value, Relaxed);
        // Whatever the words hold, each call ends inside the ring with an answer or an error.
        for _ in 0..50 {
            let _ = consumer.pop(&mut bytes);
            let _ = producer.push(1, 2, &[3; 500]);
            let _ = producer.revoke().map(|at| producer.reread(at, &mut Vec::new()));
        }
    }

    #[test]
    fn damaged_records_are_errors(at in 0..256_usize, value: u64) {
        let (memory, mut producer, mut consumer) = ring();
        for _ in 0..4 {
            producer.push(1, 2, &[3; 48]).unwrap();
        }
        memory.word(CONTROL + at / 8 * 8).store(value, Relaxed);
        let mut bytes = Vec::new();
        for _ in 0..6 {
            match consumer.pop(&mut bytes) {
                Ok(_) => prop_assert!(bytes.len() <= SIZE),
                Err(error) => {
                    prop_assert!(matches!(error, Error::Damaged(_)));
                    break;
                }
            }
        }
    }
}

#[test]
fn few_bytes_are_the_first_ones_of_a_word() {
    let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
    for length in 1..=bytes.len() {
        let word = word_of(&bytes[..length]).to_ne_bytes();
        assert_eq!(word[..length], bytes[..length]);
    }
}

#[test]
fn two_threads_pass_a_million_records_and_lose_no_wake_up() {
    let (_memory, mut producer, mut consumer) = ring();
    let (bell, other) =
        (crate::sys::bell::Bell::new().unwrap(), crate::sys::bell::Bell::new().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for tag in 0..1_000_000_u32 {
                while !producer.push(1, tag, &tag.to_le_bytes()).unwrap() {
                    if producer.doze(4) {
                        other.wait(None).unwrap();
                    }
                }
                if producer.sleeper().is_some() {
                    bell.ring();
                }
            }
        });
        let mut bytes = Vec::new();
        for tag in 0..1_000_000_u32 {
            let header = loop {
                if let Some(header) = consumer.pop(&mut bytes).unwrap() {
                    break header;
                }
                if consumer.doze(1) {
                    bell.wait(None).unwrap();
                }
                consumer.rouse();
            };
            assert_eq!((header.tag, bytes.as_slice()), (tag, tag.to_le_bytes().as_slice()));
            if consumer.starved() {
                other.ring();
            }
        }
    });
}
