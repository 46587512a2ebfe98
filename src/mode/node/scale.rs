//! Simulates hundreds of nodes: processes that send what nodes send, with known rates. It measures
//! the coordinator: one order to all nodes with all answers, and its memory.
//!
//! `cargo test --release --lib hundreds -- --ignored --nocapture`

use std::num::NonZeroUsize;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use knee_workloads::Params;

use super::gather::Gathering;
use super::message::{Answer, Hello, Laps, Numbered, Order, VERSION};
use super::peer::text;
use super::{Cluster, NodeRound, Secret, Way};
use crate::clock;
use crate::machine::{Machine, cpu_time_of};
use crate::mode::{Extent, Job, Lap, Usage, Window};
use crate::plan::Mode;

/// Tells a simulated node its number and its coordinator.
const NODE: &str = "KNEE_SIMULATED_NODE";
const BUILD: &str = "simulated";
const ROUNDS: usize = 30;

/// The known rate of a node: seven tasks per second, each of a millisecond, and one more for each
/// number before its own.
fn planted(number: u32) -> f64 {
    7.0 + f64::from(number)
}

/// The answer of a node, the same for all except its rate: a histogram of a thousand latencies.
fn laps(number: u32) -> Laps {
    let mut latency: Histogram<u64> = Lap::histogram();
    for task in 0..1000_u64 {
        latency
            .saturating_record(1_000_000 + knee_workloads::mix(u64::from(number), task) % 400_000);
    }
    let steps = latency.iter_recorded();
    Laps {
        tasks: 1000,
        units: 1000,
        rates: vec![planted(number)],
        latency: steps.map(|step| (step.value_iterated_to(), step.count_at_value())).collect(),
        checks: Vec::new(),
        warm_ns: 0,
        span_ns: 1,
        usage: Usage::default(),
        handover: None,
        printed_p99: None,
        node: NodeRound {
            node: 0,
            throughput: planted(number),
            tasks: 1000,
            late: 0.0,
            clock_error: 0.0,
            ledger: None,
            usage: None,
        },
    }
}

/// The node: this test program, started again for each node. Without the variable it does nothing.
#[test]
#[ignore = "it is the other side of the test below"]
fn act_as_a_node() {
    use std::io::{Read, Write};
    let Ok(what) = std::env::var(NODE) else { return };
    let (number, address) = what.split_once(' ').expect("both are told");
    let number: u32 = number.parse().expect("a number");
    let (secret, _) = Secret::taken().expect("it is told");
    let hello = Hello {
        crew: VERSION,
        knee: env!("CARGO_PKG_VERSION").to_owned(),
        build: BUILD.to_owned(),
        name: format!("n{number}"),
        rank: Some(number),
        boot: format!("boot{number}"),
        machine: Machine::default(),
    };
    let address = address.parse().expect("an address");
    let Way { mut stream, mut seal, mut inbox } =
        Way::find(&[address], &secret, &hello).expect("somebody listens");
    let laps = laps(number);
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        inbox.put(&buffer[..count]);
        let heard_ns = clock::shared_nanos();
        while let Ok(Some(message)) = inbox.next() {
            let order: Numbered<Order> = serde_json::from_slice(&message).expect("an order");
            let said = match order.said {
                Order::Launch { .. } => Answer::Ready {},
                Order::Round(_) => Answer::Laps(Box::new(laps.clone())),
                Order::Ping {} => Answer::Pong { heard_ns, answered_ns: clock::shared_nanos() },
                _ => Answer::Bye {},
            };
            let mut sealed = Vec::new();
            let answer = text(&Numbered { id: order.id, said });
            seal.seal(&answer, &mut sealed).expect("it is sealed");
            if stream.write_all(&sealed).is_err() {
                return;
            }
        }
    }
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_ascii_whitespace().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// CPU seconds that processes have used.
fn cpu_of(processes: &[u32]) -> f64 {
    processes.iter().filter_map(|pid| cpu_time_of(*pid)).sum()
}

fn ids(children: &Ended) -> Vec<u32> {
    children.0.iter().map(Child::id).collect()
}

/// Processes that end with the test.
pub(super) struct Ended(pub(super) Vec<Child>);

impl Drop for Ended {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub(super) fn median(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() * 95 / 100])
}

fn measured(count: u32) {
    let secret = Secret::new().expect("there is chance");
    let listen = Some("127.0.0.1:0".parse().expect("an address"));
    let mut gathering =
        Gathering::open(listen, count as usize, secret.clone(), BUILD.to_owned()).expect("a port");
    let address = gathering.addresses().expect("it has one")[0];
    let program = std::env::current_exe().expect("it is a file");
    let start = |number: u32| {
        Command::new(&program)
            .args(["--ignored", "--exact", "mode::node::scale::act_as_a_node"])
            .env(NODE, format!("{number} {address}"))
            .env(super::SECRET, secret.text())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts")
    };
    let before = resident();
    let children = Ended((0..count).map(start).collect());
    let began = Instant::now();
    while gathering.come() < count as usize {
        assert!(began.elapsed() < Duration::from_secs(300), "{} came", gathering.come());
        gathering.look(Duration::from_millis(20)).expect("they are fit");
    }
    let come = began.elapsed();
    let cluster = Arc::new(Cluster::new(gathering.close(), &Arc::default()));
    let job = Job {
        workload: "noop".to_owned(),
        params: Params::default(),
        seed: 1,
        checked: 0,
        nodes: Some(count as usize),
    };
    let one = NonZeroUsize::MIN;
    let mut crew =
        cluster.launch(Mode::Threads, &job, one, (count as usize, false)).expect("launched");
    let all: Vec<usize> = (0..count as usize).collect();
    let (mut barriers, mut rounds) = (Vec::new(), Vec::new());
    let used = || (cpu_of(&[std::process::id()]), cpu_of(&ids(&children)));
    let before_barriers = used();
    for _ in 0..ROUNDS {
        let orders: Vec<(usize, Order)> =
            all.iter().map(|node| (*node, Order::Dismiss { crew: 1 << 40 })).collect();
        let start = Instant::now();
        cluster.fleet().ask("barrier", &orders, Duration::from_secs(60)).expect("all answer");
        barriers.push(start.elapsed());
    }
    let after_barriers = used();
    let own = (after_barriers.0 - before_barriers.0) / ROUNDS as f64 * 1e3;
    let theirs = (after_barriers.1 - before_barriers.1) / ROUNDS as f64 * 1e3;
    for _ in 0..ROUNDS {
        let window = Window { extent: Extent::Tasks(1000), warm_up: Duration::ZERO };
        let start = Instant::now();
        let round = crew.round(one, window).expect("all are there");
        rounds.push(start.elapsed());
        let wanted: f64 = (0..count).map(planted).sum();
        assert!((round.rate() - wanted).abs() < 1e-6 * wanted, "{} is not {wanted}", round.rate());
        assert_eq!(round.laps[0].tasks, 1000 * u64::from(count));
        assert_eq!(round.laps[0].latency.len(), 1000 * u64::from(count));
    }
    let each = (resident().saturating_sub(before)) as f64 / f64::from(count);
    let ((barrier, barrier_95), (round, round_95)) = (median(barriers), median(rounds));
    println!(
        "{count} nodes: all came in {come:.0?}; barrier {barrier:.1?} (95 %: {barrier_95:.1?}; CPU \
         {own:.1} ms of the coordinator and {theirs:.1} ms of all nodes together), order and \
         merging of a round {round:.1?} (95 %: {round_95:.1?}), {each:.0} kB each"
    );
    crew.dismiss().expect("it ends");
}

#[test]
#[ignore = "it starts hundreds of processes; its figures mean something on a quiet machine alone"]
fn hundreds_of_nodes_are_ordered_and_merged() {
    for count in [64, 512] {
        measured(count);
    }
}
