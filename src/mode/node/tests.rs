//! Nodes that are threads of this process, behind a relay that delays messages.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use knee_workloads::Params;

use super::gather::Gathering;
use super::{Cluster, Hello, Secret, Way, serve};
use crate::clock;
use crate::machine::{Machine, Root};
use crate::mode::{Extent, Job, ModeError, Site, Window};
use crate::plan::{Mode, Registry};

const LONG: Duration = Duration::from_secs(60);
/// The delays of a relay on the way to the coordinator, and on the way from it.
type Delays = (Duration, Duration);

/// Passes everything from `from` to `to`, with this delay.
fn delayed(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let (said, later) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        for (at, bytes) in later {
            thread::sleep(at.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                return;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
    thread::spawn(move || {
        let mut buffer = [0; 1 << 14];
        while let Ok(count) = from.read(&mut buffer) {
            let at = Instant::now() + delay;
            if count == 0 || said.send((at, buffer[..count].to_vec())).is_err() {
                return;
            }
        }
    });
}

/// The address of a relay to this one.
fn relay(to: SocketAddr, (there, back): Delays) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it has one");
    thread::spawn(move || {
        while let Ok((near, _)) = listener.accept() {
            let far = TcpStream::connect(to).expect("it listens");
            near.set_nodelay(true).expect("it is ours");
            far.set_nodelay(true).expect("it is ours");
            let copy = |stream: &TcpStream| stream.try_clone().expect("there are descriptors");
            delayed(copy(&near), copy(&far), there);
            delayed(far, near, back);
        }
    });
    address
}

/// A node that is a thread; its registry holds the built-in workloads.
fn node(
    address: SocketAddr,
    secret: &Secret,
    (name, own_host): (&str, bool),
    scratch: &std::path::Path,
) {
    let (secret, name, scratch) = (secret.clone(), name.to_owned(), scratch.to_owned());
    thread::spawn(move || {
        let machine = Machine::read(&Root::live());
        let mut hello = Hello::of(Some(name), Some(0), &machine).expect("it can be read");
        if own_host {
            hello.boot.clone_from(&hello.name);
        }
        let Ok(way) = Way::find(&[address], &secret, &hello) else { return };
        serve(way, Site::new(Registry::new(&[]), scratch), machine, || {});
    });
}

/// How nodes reach the coordinator.
pub(super) struct Behind<'r> {
    /// Gives the address that the first node uses for the address of the coordinator.
    pub(super) first: &'r dyn Fn(SocketAddr) -> SocketAddr,
    /// Whether each node claims to be on its own host.
    pub(super) own_hosts: bool,
}

/// This many nodes. The first of them is behind a relay.
fn cluster(count: usize, delays: Option<Delays>) -> (Arc<Cluster>, tempfile::TempDir) {
    let first = |address| delays.map_or(address, |delays| relay(address, delays));
    nodes(count, &Behind { first: &first, own_hosts: false })
}

/// This many nodes.
pub(super) fn nodes(count: usize, behind: &Behind<'_>) -> (Arc<Cluster>, tempfile::TempDir) {
    let place = tempfile::tempdir().expect("a directory");
    let secret = Secret::new().expect("there is chance");
    let build = super::build::own_build().expect("it can be read");
    let listen = Some("127.0.0.1:0".parse().expect("an address"));
    let mut gathering =
        Gathering::open(listen, count, secret.clone(), build).expect("there is a port");
    let address = gathering.addresses().expect("it has one")[0];
    for number in 0..count {
        let by = if number == 0 { (behind.first)(address) } else { address };
        node(by, &secret, (&format!("n{number}"), behind.own_hosts), place.path());
    }
    let start = clock::now();
    while gathering.come() < count {
        assert!(clock::since(start) < LONG, "they do not come");
        gathering.look(Duration::from_millis(20)).expect("they are of this build");
    }
    (Arc::new(Cluster::new(gathering.close(), &Arc::default())), place)
}

pub(super) fn job(name: &str, nodes: usize) -> Job {
    let registry = Registry::new(&[]);
    let workload = registry.find(name).expect("it is built in");
    let params = Params::small(workload.meta().params);
    Job { workload: name.to_owned(), params, seed: 1, checked: 4, nodes: Some(nodes) }
}

#[test]
fn unequal_ways_lie_within_the_error_that_is_told() {
    let (there, back) = (Duration::from_millis(2), Duration::from_millis(12));
    let (cluster, _place) = cluster(1, Some((there, back)));
    let mut fleet = cluster.fleet();
    fleet.sync(&[0]).expect("it answers");
    let now = clock::shared_nanos();
    let offset = fleet.peers[0].offset;
    // Both ends read the same clock, so the true offset is 0.
    let wrong = offset.there(now).expect("it is known") as f64 - now as f64;
    let error = offset.error(now);
    assert!(wrong.abs() <= error, "{wrong} is more than {error}");
    let half = (there + back).as_nanos() as f64 / 2.0;
    assert!(error >= half, "{error} promises more than can be known of a way of {half}");
    assert!(wrong >= half - error - 1e6, "5 ms of 7 are the relay's: {wrong} +- {error}");
}

#[test]
fn rounds_of_any_mode_are_measured_on_all_nodes_and_rates_add() {
    let (cluster, _place) = cluster(2, Some((Duration::from_millis(1), Duration::from_millis(3))));
    let job = job("sleep", 2);
    let reference = cluster.survey(&job, 1).expect("it can be done");
    assert!(!reference.checksums.is_empty());
    let two = NonZeroUsize::new(2).expect("it is not 0");
    for mode in [Mode::Serial, Mode::Threads, Mode::ThreadPerTask, Mode::Async] {
        let mut crew = cluster.launch(mode, &job, two, (2, false)).expect("it is launched");
        crew.allow(LONG);
        for warm_up in [Duration::ZERO, Duration::from_millis(10)] {
            let extent = Extent::Time(Duration::from_millis(50));
            let round = match crew.round(two, Window { extent, warm_up }) {
                Ok(round) => round,
                // On a very busy machine no node opens in time, and the error says so.
                Err(ModeError::Node { how, .. }) if how.contains("late") => continue,
                Err(error) => panic!("{mode}: {error}"),
            };
            assert_eq!(round.nodes.len(), 2, "{mode}");
            let sum: f64 = round.nodes.iter().map(|node| node.throughput).sum();
            assert!((sum - round.rate()).abs() < 1e-9 * sum.max(1.0), "{mode}");
            let tasks: u64 = round.nodes.iter().map(|node| node.tasks).sum();
            assert_eq!(tasks, round.laps[0].tasks, "{mode}");
            assert!(tasks >= 2, "{mode}: each node did a task");
            assert_eq!(round.laps[0].latency.len(), tasks, "{mode}");
            let known = |(number, sum): &(u64, u64)| reference.checksums[*number as usize] == *sum;
            assert!(round.laps[0].checks.iter().all(known), "{mode}");
        }
        crew.dismiss().expect("it ends");
    }
    let batch = Window { extent: Extent::Tasks(7), warm_up: Duration::ZERO };
    let mut crew = cluster.launch(Mode::Threads, &job, two, (2, false)).expect("it is launched");
    crew.allow(LONG);
    let round = crew.round(two, batch).expect("it is measured");
    let each: Vec<u64> = round.nodes.iter().map(|node| node.tasks).collect();
    assert_eq!(each, [4, 3]);
}

#[test]
fn a_task_that_fails_names_its_node_and_the_others_go_on() {
    let (cluster, _place) = cluster(2, None);
    let mut wrong = job("sleep", 2);
    wrong.workload = "no-such".to_owned();
    let one = NonZeroUsize::MIN;
    let error = cluster.launch(Mode::Threads, &wrong, one, (2, false)).expect_err("there is none");
    assert!(error.to_string().starts_with("node n"), "{error}");
    let again = cluster.launch(Mode::Threads, &job("sleep", 2), one, (2, false));
    again.expect("both are there").dismiss().expect("it ends");
    let three = cluster.launch(Mode::Threads, &job("sleep", 3), one, (3, false));
    let error = three.expect_err("there are two").to_string();
    assert!(error.contains("3 are wanted, and 2 are left"), "{error}");
}

#[test]
fn a_lost_node_is_named_and_fewer_are_left() {
    let (cluster, _place) = cluster(2, None);
    cluster.fleet().peers[1].lose("it was cut off".to_owned());
    let error = cluster.launch(Mode::Threads, &job("sleep", 2), NonZeroUsize::MIN, (2, false));
    let error = error.expect_err("one is gone").to_string();
    assert!(error.contains("n1: it was cut off"), "{error}");
    let one = cluster.launch(Mode::Threads, &job("sleep", 1), NonZeroUsize::MIN, (1, false));
    one.expect("one is left").dismiss().expect("it ends");
}
