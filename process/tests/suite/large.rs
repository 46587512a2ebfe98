//! Tests of pools with tasks and results that are too large for a ring.

use knee_process::{Bytes, Depth, Handle, Pool, Transport};

use crate::pools::{echo, kinds, nap};
use crate::runner::Test;

pub(crate) const TESTS: &[Test] = &[
    Test::new("large::tasks_and_results_come_as_they_were", large_tasks),
    Test::new("large::results_do_not_block_small_ones", many_large),
    Test::new("large::tasks_that_were_taken_back_are_not_mixed_up", taken_back_large),
];

fn large_tasks() {
    for (kind, pool) in kinds() {
        for size in [0, 1, 8_000, 8_192, 9_000, 16_000, 70_000, 3_000_000] {
            let bytes: Vec<u8> = (0..size).map(|number: usize| (number * 7) as u8).collect();
            let back = pool.apply_async(echo, (Bytes(bytes.clone()),)).unwrap().wait().unwrap();
            assert!(back.0 == bytes, "{kind}: {size} bytes came back changed");
        }
    }
}

fn many_large() {
    for transport in [Transport::Ring, Transport::Socket] {
        let pool = Pool::builder().workers(2).transport(transport).build().unwrap();
        let handles: Vec<_> = (0..200_usize)
            .map(|number| {
                let size = if number % 3 == 0 { 300_000 } else { 10 };
                pool.apply_async(echo, (Bytes(vec![number as u8; size]),)).unwrap()
            })
            .collect();
        for (number, handle) in handles.into_iter().enumerate() {
            let bytes = handle.wait().unwrap().0;
            let size = if number % 3 == 0 { 300_000 } else { 10 };
            let wrong = bytes.iter().position(|byte| *byte != number as u8);
            assert!(
                bytes.len() == size && wrong.is_none(),
                "{transport:?}: result {number} has {} bytes, and number {wrong:?} is {:?}",
                bytes.len(),
                wrong.map(|at| bytes[at])
            );
        }
    }
}

fn taken_back_large() {
    let pool = Pool::builder().workers(2).queue_depth(Depth::Fixed(64)).build().unwrap();
    let large = |value: u8| pool.apply_async(echo, (Bytes(vec![value; 100_000]),)).unwrap();
    for turn in 0..3 {
        // The tasks behind the long one are taken back from its worker and given to the other.
        let long = pool.apply_async(nap, (500,)).unwrap();
        let first: Vec<_> = (0..8).map(|number| (number, large(number))).collect();
        let check = |tasks: Vec<(u8, Handle<Bytes>)>| {
            for (value, handle) in tasks {
                let bytes = handle.wait().unwrap().0;
                assert!(bytes == vec![value; 100_000], "{turn}: {value} came as {}", bytes[0]);
            }
        };
        check(first);
        assert!(!long.is_done(), "nothing was taken back");
        assert_eq!(long.wait(), Ok(500));
        // These must not be taken for those that its worker was given before.
        check((100..108).map(|number| (number, large(number))).collect());
    }
}
