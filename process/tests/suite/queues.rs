//! Tests of queues.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use knee_process::{Bytes, Child, Consumer, Entry, Error, Process, Producer, Queue, function};

use crate::census::Census;
use crate::processes::METHODS;
use crate::runner::Test;

pub(crate) const TESTS: &[Test] = &[
    Test::new("queue::many_to_many_loses_and_doubles_nothing", many_to_many),
    Test::new("queue::order_of_one_producer_is_kept", order_is_kept),
    Test::new("queue::bound_is_kept_by_many_producers", bound_is_kept),
    Test::new("queue::grows_and_gives_memory_back", grows),
    Test::new("queue::closes_with_the_last_producer", closes),
    Test::new("queue::producers_learn_that_consumers_are_gone", consumers_gone),
    Test::new("queue::limits_and_tries", limits),
    Test::new("queue::killed_processes_disturb_nobody", killed_disturb_nobody),
    Test::new("queue::killed_producers_of_a_full_queue_leave_their_place", killed_at_the_bound),
    Test::new("queue::lanes_are_used_again", lanes_are_used_again),
    Test::new("queue::nothing_leaks", nothing_leaks),
];

pub(crate) fn entries() -> Vec<Entry> {
    vec![function(produce), function(consume), function(pump), function(put_one)]
}

/// A message that shows whether it is complete.
type Message = (u32, u64, Bytes);

fn message(producer: u32, number: u64) -> Message {
    let size = (number * 37 % 200) as usize + if number.is_multiple_of(97) { 20_000 } else { 0 };
    (producer, number, Bytes(vec![(u64::from(producer) + number) as u8; size]))
}

fn check((producer, number, bytes): Message) -> (u32, u64) {
    assert!(message(producer, number).2 == bytes, "message {number} of {producer} is damaged");
    (producer, number)
}

fn produce(mut queue: Producer<Message>, producer: u32, count: u64) {
    for number in 0..count {
        queue.put(&message(producer, number)).unwrap();
    }
}

fn consume(mut queue: Consumer<Message>) -> Vec<(u32, u64)> {
    queue.iter().map(check).collect()
}

/// Takes messages and puts them back until none has come for a while.
fn pump(mut taking: Consumer<Message>, mut putting: Producer<Message>) {
    loop {
        match taking.get() {
            Ok(message) => putting.put(&message).unwrap(),
            Err(_) => return,
        }
    }
}

fn put_one(mut queue: Producer<u64>, number: u64) {
    queue.put(&number).unwrap();
}

/// Asserts that each producer's messages are all there, once each.
fn assert_complete(found: Vec<(u32, u64)>, producers: u32, count: u64) {
    let mut by_producer: HashMap<u32, Vec<u64>> = HashMap::new();
    for (producer, number) in found {
        by_producer.entry(producer).or_default().push(number);
    }
    for producer in 0..producers {
        let mut numbers = by_producer.remove(&producer).unwrap_or_default();
        numbers.sort_unstable();
        assert!(
            numbers.iter().copied().eq(0..count),
            "producer {producer}: {} of {count}",
            numbers.len()
        );
    }
}

fn many_to_many() {
    for method in METHODS {
        for limit in [None, Some(1), Some(50)] {
            let queue = limit.map_or_else(Queue::unbounded, Queue::bounded).unwrap();
            let (producer, consumer) = queue.split();
            let count = if limit == Some(1) { 300 } else { 3000 };
            let consumers: Vec<Child<Vec<(u32, u64)>>> = (0..3)
                .map(|_| {
                    Process::new(consume, (consumer.clone(),)).start_method(method).start().unwrap()
                })
                .collect();
            let producers: Vec<_> = (0..4)
                .map(|number| {
                    let arguments = (producer.clone(), number, count);
                    Process::new(produce, arguments).start_method(method).start().unwrap()
                })
                .collect();
            drop((producer, consumer));
            for child in producers {
                assert!(child.join().unwrap().status.success());
            }
            let found = consumers.into_iter().flat_map(|child| child.outcome().unwrap()).collect();
            assert_complete(found, 4, count);
        }
    }
}

fn order_is_kept() {
    let (producer, mut consumer) = Queue::unbounded().unwrap().split();
    let children: Vec<_> = (0..3)
        .map(|number| Process::new(produce, (producer.clone(), number, 2000)).start().unwrap())
        .collect();
    drop(producer);
    let mut next = [0; 3];
    for (producer, number) in consumer.iter().map(check) {
        assert_eq!(number, next[producer as usize]);
        next[producer as usize] += 1;
    }
    assert_eq!(next, [2000; 3]);
    assert!(children.iter().all(|child| child.join().unwrap().status.success()));
}

fn bound_is_kept() {
    for limit in [1, 2, 7] {
        let (producer, mut consumer) = Queue::<Message>::bounded(limit).unwrap().split();
        let children: Vec<_> = (0..5)
            .map(|number| Process::new(produce, (producer.clone(), number, 40)).start().unwrap())
            .collect();
        drop(producer);
        let mut found = Vec::new();
        for round in 0.. {
            if round % 20 == 0 {
                // Long enough for all producers to have filled the queue.
                std::thread::sleep(Duration::from_millis(30));
                assert!(
                    consumer.len() <= limit,
                    "{} messages in a queue of {limit}",
                    consumer.len()
                );
            }
            match consumer.get() {
                Ok(message) => found.push(check(message)),
                Err(error) => {
                    assert!(matches!(error, Error::Closed), "{error}");
                    break;
                }
            }
        }
        assert_complete(found, 5, 40);
        assert!(children.iter().all(|child| child.join().unwrap().status.success()));
    }
}

fn grows() {
    let (mut producer, mut consumer) = Queue::unbounded().unwrap().split();
    for round in 0..3 {
        for number in 0..2000_u64 {
            producer.put(&(number, Bytes(vec![round; 10_000]))).unwrap();
        }
        assert_eq!(consumer.len(), 2000);
        for number in 0..2000_u64 {
            assert_eq!(consumer.get().unwrap(), (number, Bytes(vec![round; 10_000])));
        }
        assert!(consumer.is_empty());
    }
    // One that is larger than any ring so far.
    let big = (7, Bytes(vec![9; 90_000_000]));
    producer.put(&big).unwrap();
    assert!(consumer.get().unwrap() == big);
}

fn closes() {
    let (producer, mut consumer) = Queue::unbounded().unwrap().split();
    let child = Process::new(produce, (producer, 0, 100)).start().unwrap();
    assert_eq!(consumer.iter().map(check).count(), 100);
    assert!(matches!(consumer.get(), Err(Error::Closed)));
    assert!(matches!(consumer.try_get(), Err(Error::Closed)));
    assert!(matches!(consumer.get_within(Duration::from_secs(9)), Err(Error::Closed)));
    child.join().unwrap();
    // The last producer never put anything, and is killed.
    let (producer, mut consumer) = Queue::<Message>::bounded(3).unwrap().split();
    let (held, never) = Queue::<Message>::unbounded().unwrap().split();
    let child = Process::new(pump, (never, producer)).start().unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || consumer.get());
        std::thread::sleep(Duration::from_millis(50));
        assert!(!waiting.is_finished());
        child.kill();
        assert!(matches!(waiting.join().unwrap(), Err(Error::Closed)));
    });
    drop(held);
}

fn consumers_gone() {
    let (mut producer, consumer) = Queue::<u64>::bounded(2).unwrap().split();
    assert!(producer.try_put(&1).unwrap() && producer.try_put(&2).unwrap());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || producer.put(&3));
        std::thread::sleep(Duration::from_millis(50));
        assert!(!waiting.is_finished());
        drop(consumer);
        assert!(matches!(waiting.join().unwrap(), Err(Error::Closed)));
    });
}

fn limits() {
    let mut queue = Queue::<u64>::bounded(2).unwrap();
    assert!(matches!(queue.get_within(Duration::from_millis(5)), Err(Error::TimedOut(_))));
    let (mut producer, mut consumer) = queue.split();
    assert!(consumer.try_get().unwrap().is_none());
    assert!(producer.try_put(&1).unwrap() && producer.try_put(&2).unwrap());
    assert!(!producer.try_put(&3).unwrap());
    let begin = Instant::now();
    assert!(!producer.put_within(&3, Duration::from_millis(20)).unwrap());
    assert!(begin.elapsed() >= Duration::from_millis(20));
    assert_eq!(consumer.try_get().unwrap(), Some(1));
    assert!(producer.put_within(&3, Duration::from_secs(9)).unwrap());
    assert_eq!((consumer.get().unwrap(), consumer.get().unwrap()), (2, 3));
    assert!(matches!(Queue::<u64>::bounded(0), Err(Error::Setting(_))));
}

fn killed_disturb_nobody() {
    for round in 0..12_u64 {
        let limit = if round % 2 == 0 { usize::MAX } else { 5 };
        let (producer, consumer) = Queue::bounded(limit).unwrap().split();
        let count = 400;
        let reader = Process::new(consume, (consumer.clone(),)).start().unwrap();
        let (back, returning) = (producer.clone(), consumer.clone());
        // These take and put back all the time, and are killed in the middle of it.
        let pumps: Vec<_> = (0..3)
            .map(|_| Process::new(pump, (returning.clone(), back.clone())).start().unwrap())
            .collect();
        let killed_producer =
            Process::new(produce, (producer.clone(), 9, u64::MAX)).start().unwrap();
        let producers: Vec<_> = (0..2)
            .map(|number| Process::new(produce, (producer.clone(), number, count)).start().unwrap())
            .collect();
        drop((back, returning, producer, consumer));
        std::thread::sleep(Duration::from_millis(3 + round * 5));
        killed_producer.kill();
        for pump in &pumps {
            pump.kill();
            std::thread::sleep(Duration::from_millis(round % 3));
        }
        drop((killed_producer, pumps));
        for child in &producers {
            assert!(child.join().unwrap().status.success(), "round {round}");
        }
        // No process is blocked, no message is doubled, and at most the messages that the killed
        // processes held are lost.
        let mut found: Vec<_> =
            reader.outcome().unwrap().into_iter().filter(|(producer, _)| *producer != 9).collect();
        let total = found.len() as u64;
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len() as u64, total, "round {round}: a message came twice");
        assert!(total + 3 >= 2 * count, "round {round}: {total} of {}", 2 * count);
    }
}

fn killed_at_the_bound() {
    for round in 0..40 {
        let (producer, mut consumer) = Queue::<Message>::bounded(1).unwrap().split();
        let mut own = producer.clone();
        own.put(&message(8, 0)).unwrap();
        let children: Vec<_> = (0..3)
            .map(|number| {
                Process::new(produce, (producer.clone(), number, u64::MAX)).start().unwrap()
            })
            .collect();
        std::thread::sleep(Duration::from_millis(3));
        // They compete for the one place while they are killed.
        let killed = Arc::new(AtomicBool::new(false));
        let all_killed = Arc::clone(&killed);
        let taker = std::thread::spawn(move || {
            while !all_killed.load(Ordering::SeqCst) {
                let _ = consumer.get_within(Duration::from_millis(20));
            }
            consumer
        });
        for child in &children {
            std::thread::sleep(Duration::from_micros(500 * (round % 7)));
            child.kill();
            child.join().unwrap();
        }
        killed.store(true, Ordering::SeqCst);
        let mut consumer = taker.join().unwrap();
        while consumer.try_get().unwrap().is_some() {}
        assert!(
            own.put_within(&message(8, 1), Duration::from_secs(20)).unwrap(),
            "round {round}: a place is lost"
        );
        assert!(!own.try_put(&message(8, 2)).unwrap());
        assert_eq!(check(consumer.get().unwrap()), (8, 1));
    }
}

fn lanes_are_used_again() {
    let (producer, mut consumer) = Queue::unbounded().unwrap().split();
    // More producers, one after the other, than there can be at the same time.
    for number in 0..300 {
        let mut one = producer.clone();
        one.put(&number).unwrap();
    }
    for number in 0..300 {
        assert_eq!(consumer.get().unwrap(), number);
    }
    let child = Process::new(put_one, (producer.clone(), 300)).start().unwrap();
    assert_eq!(consumer.get().unwrap(), 300);
    child.join().unwrap();
    let many: Vec<_> = (0..256)
        .map(|number| {
            let mut one = producer.clone();
            one.put(&number).unwrap();
            one
        })
        .collect();
    assert!(
        matches!(producer.clone().put(&0), Err(Error::Setting(_))),
        "more than there are lanes"
    );
    drop(many);
    assert!(producer.clone().put(&0).is_ok());
}

fn nothing_leaks() {
    let census = Census::take();
    for _ in 0..10 {
        let (producer, mut consumer) = Queue::unbounded().unwrap().split();
        let child = Process::new(produce, (producer, 0, 500)).start().unwrap();
        assert_eq!(consumer.iter().count(), 500);
        child.join().unwrap();
    }
    census.assert_nothing_more();
}
