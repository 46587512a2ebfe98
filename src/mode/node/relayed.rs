//! Tests of nodes behind a relay that stops passing anything on, or delays orders.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::tests::{Behind, job, nodes};
use crate::mode::{Extent, ModeError, Window};
use crate::plan::Mode;

const ONE: NonZeroUsize = NonZeroUsize::MIN;
/// Bytes. Questions about the time are shorter, and orders of rounds are longer.
const SHORT: usize = 100;
const WINDOW: Window =
    Window { extent: Extent::Time(Duration::from_millis(50)), warm_up: Duration::ZERO };

/// What the relay does with the messages it gets.
#[derive(Default)]
struct Relay {
    /// Whether it passes nothing on any more. It closes nothing either.
    cut: AtomicBool,
    /// Milliseconds by which each order is delayed.
    slow: AtomicU64,
}

impl Relay {
    fn pass(self: Arc<Self>, mut from: TcpStream, mut to: TcpStream, orders: bool) {
        thread::spawn(move || {
            let mut buffer = [0; 1 << 14];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                if orders && count > SHORT {
                    thread::sleep(Duration::from_millis(self.slow.load(Ordering::Acquire)));
                }
                while self.cut.load(Ordering::Acquire) {
                    thread::park();
                }
                if to.write_all(&buffer[..count]).is_err() {
                    return;
                }
            }
            let _ = to.shutdown(std::net::Shutdown::Both);
        });
    }

    fn to(self: &Arc<Self>, address: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let own = listener.local_addr().expect("it has one");
        let relay = Arc::clone(self);
        thread::spawn(move || {
            while let Ok((near, _)) = listener.accept() {
                let far = TcpStream::connect(address).expect("it listens");
                near.set_nodelay(true).expect("it is ours");
                far.set_nodelay(true).expect("it is ours");
                let copy = |stream: &TcpStream| stream.try_clone().expect("there are descriptors");
                Arc::clone(&relay).pass(copy(&near), copy(&far), false);
                Arc::clone(&relay).pass(far, near, true);
            }
        });
        own
    }
}

/// Two nodes that seem to be on different hosts. The first one is behind this relay.
fn two(relay: &Arc<Relay>) -> (Arc<super::Cluster>, tempfile::TempDir) {
    nodes(2, &Behind { first: &|address| relay.to(address), own_hosts: true })
}

#[test]
fn a_node_that_is_cut_off_in_a_round_is_named_at_its_limit_and_the_rest_goes_on() {
    let relay = Arc::new(Relay::default());
    let (cluster, _place) = two(&relay);
    let mut crew =
        cluster.launch(Mode::Threads, &job("sleep", 2), ONE, (2, false)).expect("launched");
    crew.allow(Duration::from_secs(1));
    // The clocks are compared first, so that the next message is the order.
    cluster.fleet().sync(&[0, 1]).expect("both are there");
    relay.cut.store(true, Ordering::Release);
    match crew.round(ONE, WINDOW) {
        Err(ModeError::Node { node, how }) => {
            assert_eq!(node, "n0");
            assert!(how.contains("is lost") && how.contains("cut off"), "{how}");
        }
        other => panic!("{other:?}"),
    }
    crew.dismiss().expect("it ends");
    let two = cluster.launch(Mode::Threads, &job("sleep", 2), ONE, (2, false));
    let error = two.expect_err("one is left").to_string();
    assert!(error.contains("n0: it "), "{error}");
    let crew = cluster.launch(Mode::Threads, &job("sleep", 1), ONE, (1, false));
    crew.expect("one is left").dismiss().expect("it ends");
}

#[test]
fn a_node_that_is_cut_off_between_rounds_is_seen_before_it_is_asked_for_work() {
    let relay = Arc::new(Relay::default());
    let (cluster, _place) = two(&relay);
    relay.cut.store(true, Ordering::Release);
    let reference = cluster.survey(&job("sleep", 2), 1).expect("the other one does it");
    assert!(!reference.checksums.is_empty());
    assert_eq!(cluster.fleet().alive(), [1]);
    let lost = cluster.fleet().peers[0].lost.clone();
    assert!(lost.is_some_and(|why| why.contains("no sign of life")), "it is not named");
}

#[test]
fn a_node_that_is_late_again_and_again_is_named_and_stays() {
    let relay = Arc::new(Relay::default());
    let (cluster, _place) = two(&relay);
    let mut crew =
        cluster.launch(Mode::Threads, &job("sleep", 2), ONE, (2, false)).expect("launched");
    crew.allow(Duration::from_secs(60));
    relay.slow.store(700, Ordering::Release);
    match crew.round(ONE, WINDOW) {
        Err(ModeError::Node { node, how }) => {
            assert_eq!(node, "n0");
            assert!(how.contains("ms late, 6 times"), "{how}");
        }
        other => panic!("{other:?}"),
    }
    relay.slow.store(0, Ordering::Release);
    crew.dismiss().expect("it ends");
    assert_eq!(cluster.fleet().alive(), [0, 1]);
    let again = cluster.launch(Mode::Threads, &job("sleep", 2), ONE, (2, false));
    again.expect("both are there").dismiss().expect("it ends");
}
