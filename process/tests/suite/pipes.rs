//! Tests of pipes.

use std::time::Duration;

use knee_process::{
    Bytes, Duplex, Entry, Error, Process, Receiver, Sender, duplex, function, pipe,
};

use crate::census::Census;
use crate::processes::{METHODS, sleep_for_ever};
use crate::runner::Test;

pub(crate) const TESTS: &[Test] = &[
    Test::new("pipe::messages_come_in_order_at_every_size", in_order),
    Test::new("pipe::end_of_file_when_the_sender_is_gone", end_of_file),
    Test::new("pipe::sender_learns_that_the_receiver_is_gone", receiver_gone),
    Test::new("pipe::limits_and_tries", limits),
    Test::new("pipe::duplex_answers", duplex_answers),
    Test::new("pipe::message_cut_off_by_death_is_no_message", cut_off),
    Test::new("pipe::ends_can_be_handed_on", handed_on),
    Test::new("pipe::ends_do_not_cross_in_messages", not_in_messages),
    Test::new("pipe::nothing_leaks", nothing_leaks),
];

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        function(send_sizes),
        function(flood),
        function(answer),
        function(hold),
        function(send_then_hold),
        function(pass_on),
    ]
}

fn message(number: usize) -> Vec<u8> {
    let size = [0, 1, 63, 64, 4_096, 65_000, 70_000, 1_000_000][number % 8] + number % 5;
    vec![number as u8; size]
}

fn send_sizes(mut sender: Sender<(u64, Bytes)>, count: usize) {
    for number in 0..count {
        sender.send(&(number as u64, Bytes(message(number)))).unwrap();
    }
}

fn flood(mut sender: Sender<Bytes>) {
    let message = Bytes(vec![7; 5_000_000]);
    while sender.send(&message).is_ok() {}
}

fn answer(mut pipe: Duplex<u64, Bytes>) {
    while let Ok(bytes) = pipe.recv() {
        pipe.send(&bytes.0.iter().map(|byte| u64::from(*byte)).sum()).unwrap();
    }
}

fn hold(_receiver: Receiver<u64>) {
    sleep_for_ever();
}

fn send_then_hold(mut sender: Sender<u64>) {
    sender.send(&1).unwrap();
    sender.send(&2).unwrap();
    sleep_for_ever();
}

fn pass_on(sender: Sender<(u64, Bytes)>) {
    let child = Process::new(send_sizes, (sender, 16)).start().unwrap();
    assert!(child.join().unwrap().status.success());
}

fn in_order() {
    for method in METHODS {
        let (sender, mut receiver) = pipe().unwrap();
        let child = Process::new(send_sizes, (sender, 400)).start_method(method).start().unwrap();
        for number in 0..400 {
            let (found, bytes) = receiver.recv().unwrap();
            assert_eq!(found, number as u64);
            assert!(bytes.0 == message(number), "message {number} has changed");
        }
        assert!(matches!(receiver.recv(), Err(Error::Closed)));
        assert!(child.join().unwrap().status.success());
    }
}

fn end_of_file() {
    let (sender, mut receiver) = pipe::<u64>().unwrap();
    let child = Process::new(send_then_hold, (sender,)).start().unwrap();
    assert_eq!(receiver.recv().unwrap(), 1);
    assert!(receiver.poll(Duration::from_secs(20)).unwrap());
    child.kill();
    child.join().unwrap();
    // What was sent before the death is there, then the end.
    assert_eq!(receiver.recv().unwrap(), 2);
    assert!(matches!(receiver.recv(), Err(Error::Closed)));
    assert!(matches!(receiver.try_recv(), Err(Error::Closed)));
    assert!(receiver.poll(Duration::ZERO).unwrap(), "the end can be received without waiting");
    // The receiver is blocked when the sender dies.
    let (sender, mut receiver) = pipe::<u64>().unwrap();
    let child = Process::new(send_then_hold, (sender,)).start().unwrap();
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || receiver.iter().sum::<u64>());
        std::thread::sleep(Duration::from_millis(100));
        child.kill();
        assert_eq!(reader.join().unwrap(), 3);
    });
}

fn receiver_gone() {
    let (mut sender, receiver) = pipe::<u64>().unwrap();
    drop(receiver);
    assert!(matches!(sender.send(&1), Err(Error::Closed)));
    let (mut sender, receiver) = pipe::<u64>().unwrap();
    let child = Process::new(hold, (receiver,)).start().unwrap();
    std::thread::scope(|scope| {
        // It fills the pipe and waits there until the receiver is killed.
        let writer = scope.spawn(move || while sender.send(&1).is_ok() {});
        std::thread::sleep(Duration::from_millis(100));
        assert!(!writer.is_finished());
        child.kill();
        writer.join().unwrap();
    });
}

fn limits() {
    let (mut sender, mut receiver) = pipe::<Bytes>().unwrap();
    assert!(receiver.try_recv().unwrap().is_none());
    assert!(!receiver.poll(Duration::from_millis(10)).unwrap());
    assert!(matches!(receiver.recv_within(Duration::from_millis(10)), Err(Error::TimedOut(_))));
    let mut sent = 0;
    while sender.send_within(&Bytes(vec![sent as u8; 1000]), Duration::from_millis(20)).unwrap() {
        sent += 1;
    }
    assert!(sent > 100, "only {sent} messages of 1000 bytes fit");
    for number in 0..sent {
        assert_eq!(receiver.recv().unwrap().0, vec![number as u8; 1000]);
    }
    assert!(receiver.try_recv().unwrap().is_none());
    sender.send_bytes(b"plain").unwrap();
    let mut bytes = Vec::new();
    receiver.recv_bytes(&mut bytes).unwrap();
    assert_eq!(bytes, b"plain");
}

fn duplex_answers() {
    for method in METHODS {
        let (mut ours, theirs) = duplex::<Bytes, u64>().unwrap();
        let child = Process::new(answer, (theirs,)).start_method(method).start().unwrap();
        for number in 0..200 {
            ours.send(&Bytes(vec![1; number * 100])).unwrap();
            assert_eq!(ours.recv().unwrap(), number as u64 * 100);
        }
        drop(ours);
        assert!(child.join().unwrap().status.success(), "the child sees the end");
    }
}

fn cut_off() {
    let (sender, mut receiver) = pipe::<Bytes>().unwrap();
    let child = Process::new(flood, (sender,)).start().unwrap();
    assert_eq!(receiver.recv().unwrap().0.len(), 5_000_000);
    // The next one fills the pipe and cannot be finished.
    std::thread::sleep(Duration::from_millis(50));
    child.kill();
    child.join().unwrap();
    assert!(matches!(receiver.recv(), Err(Error::Closed)));
}

fn handed_on() {
    let (sender, mut receiver) = pipe().unwrap();
    let child = Process::new(pass_on, (sender,)).start().unwrap();
    assert_eq!(receiver.iter().count(), 16);
    assert!(child.join().unwrap().status.success());
    // An end that has been used before.
    let (mut sender, mut receiver) = pipe().unwrap();
    sender.send(&(9, Bytes(vec![]))).unwrap();
    let _ = receiver.recv().unwrap();
    let child = Process::new(send_sizes, (sender, 8)).start().unwrap();
    assert_eq!(receiver.iter().count(), 8);
    assert!(child.join().unwrap().status.success());
}

fn not_in_messages() {
    let (mut sender, _receiver) = pipe::<Sender<u64>>().unwrap();
    let (other, _other) = pipe::<u64>().unwrap();
    let error = sender.send(&other).unwrap_err();
    assert!(matches!(error, Error::Encode(_)), "{error}");
}

fn nothing_leaks() {
    let census = Census::take();
    for _ in 0..20 {
        let (sender, mut receiver) = pipe().unwrap();
        let child = Process::new(send_sizes, (sender, 8)).start().unwrap();
        assert_eq!(receiver.iter().count(), 8);
        child.join().unwrap();
        let (one, other) = duplex::<u64, u64>().unwrap();
        drop((one, other));
    }
    census.assert_nothing_more();
}
