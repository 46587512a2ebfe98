//! Measures what a round costs over the stream, compared with the same crew without a stream.
//!
//! `cargo test --release --lib stream -- --ignored --nocapture`

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use knee_workloads::Params;

use super::gather::Gathering;
use super::scale::{Ended, median};
use super::{Cluster, Hello, Secret, Way, serve};
use crate::machine::{Ledger, Machine, Root, Watch, process_cpu_time};
use crate::mode::{self, Extent, Job, ModeError, Site, Window};
use crate::plan::{Mode, Registry};

/// Tells the other process, which acts as the node, where its coordinator is.
const AT: &str = "KNEE_OVERHEAD_NODE";
const ROUNDS: usize = 100;
const LENGTH: Duration = Duration::from_millis(20);

fn registry() -> Registry {
    Registry::new(&[])
}

/// The node: this test program, started again. Without the variable it does nothing.
#[test]
#[ignore = "it is the other side of the test below"]
fn act_as_a_node() {
    let Ok(address) = std::env::var(AT) else { return };
    let address: SocketAddr = address.parse().expect("an address");
    let (secret, _) = Secret::taken().expect("it is told");
    let place = tempfile::tempdir().expect("a directory");
    let machine = Machine::read(&Root::live());
    let hello = Hello::of(Some("n".to_owned()), Some(0), &machine).expect("it can be read");
    let way = Way::find(&[address], &secret, &hello).expect("somebody listens");
    serve(way, Site::new(registry(), place.path()), machine, || {});
}

/// A cluster of one node, which is another process.
fn cluster() -> (Arc<Cluster>, Ended) {
    let secret = Secret::new().expect("there is chance");
    let build = super::build::own_build().expect("it can be read");
    let listen = Some("127.0.0.1:0".parse().expect("an address"));
    let mut gathering = Gathering::open(listen, 1, secret.clone(), build).expect("a port");
    let address = gathering.addresses().expect("it has one")[0];
    let child = Command::new(std::env::current_exe().expect("it is a file"))
        .args(["--ignored", "--exact", "mode::node::overhead::act_as_a_node"])
        .env(AT, address.to_string())
        .env(super::SECRET, secret.text())
        .stdout(Stdio::null())
        .spawn();
    let child = Ended(vec![child.expect("it starts")]);
    let start = Instant::now();
    while gathering.come() < 1 {
        assert!(start.elapsed() < Duration::from_secs(60), "it does not come");
        gathering.look(Duration::from_millis(20)).expect("it is of this build");
    }
    (Arc::new(Cluster::new(gathering.close(), &Arc::default())), child)
}

#[test]
#[ignore = "its figures mean something on a quiet machine alone"]
fn a_round_over_the_stream_costs_little_more() {
    let (cluster, _child) = cluster();
    let place = tempfile::tempdir().expect("a directory");
    let site = Site::new(registry(), place.path());
    let machine = Machine::read(&Root::live());
    let mut watch = Watch::open(&Root::live(), &machine.budget);
    let one = NonZeroUsize::MIN;
    for (name, mode) in [("noop", Mode::Serial), ("noop", Mode::Threads), ("sleep", Mode::Async)] {
        let job = |nodes: Option<usize>| Job {
            workload: name.to_owned(),
            params: Params::small(registry().find(name).expect("built in").meta().params),
            seed: 1,
            checked: 0,
            nodes,
        };
        let (mut here, _) = mode::launch(mode, &site, &job(None), one).expect("it is launched");
        let mut there = cluster.launch(mode, &job(Some(1)), one, (1, false)).expect("launched");
        there.allow(Duration::from_secs(60));
        for warm_up in [Duration::ZERO, Duration::from_millis(10)] {
            let window = Window { extent: Extent::Time(LENGTH), warm_up };
            let (mut near, mut far, mut late) = (Vec::new(), Vec::new(), Vec::new());
            let mut void = 0;
            for _ in 0..ROUNDS {
                // As in a run, the machine is looked at before and after.
                let start = Instant::now();
                let (before, own) = (watch.snapshot(), process_cpu_time().unwrap_or(0.0));
                here.round(one, window).expect("it is measured");
                let used = process_cpu_time().unwrap_or(0.0) - own;
                let _ = Ledger::between(&before, &watch.snapshot(), used);
                near.push(start.elapsed());
                let start = Instant::now();
                let round = match there.round(one, window) {
                    Ok(round) => round,
                    // On a machine that is too busy it never opens in time.
                    Err(ModeError::Node { how, .. }) if how.contains("late") => {
                        void += 1;
                        continue;
                    }
                    Err(error) => panic!("{error}"),
                };
                far.push(start.elapsed());
                late.push(Duration::from_secs_f64(round.nodes[0].late));
            }
            let ((near, _), (far, far_95), (late, late_95)) =
                (median(near), median(far), median(late));
            println!(
                "{name} in {mode}, {LENGTH:.0?} after at most {warm_up:.0?}: here {near:.2?}, over \
                 the stream {far:.2?} (95 %: {far_95:.2?}), {:.2} ms more; opened {late:.1?} late \
                 (95 %: {late_95:.1?}), and \
                 {void} times too late",
                (far.as_secs_f64() - near.as_secs_f64()) * 1e3
            );
        }
        here.dismiss().expect("it ends");
        there.dismiss().expect("it ends");
    }
}
