//! Ledgers of constructed rounds with known disturbances, and of the live machine under a competing
//! load.

use std::fs;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::tests::{add, unpack};
use super::*;

/// A machine of two CPUs whose counters the test sets.
struct Planted {
    tree: TempDir,
    watch: Watch,
    before: Snapshot,
}

impl Planted {
    fn new() -> Self {
        let tree = unpack(include_str!("fixtures/hybrid-cgroup-vm.capture"));
        let planted = |path: &str, text: &str| {
            let file = tree.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        planted("/proc/stat", &stat(100, 0, 0));
        planted("/proc/loadavg", "0.50 0.50 0.50 1/90 7");
        planted("/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "7");
        planted("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "2000000");
        let root = Root::captured(tree.path());
        let budget = Machine::read(&root).budget;
        let mut watch = Watch::open(&root, &budget);
        let before = watch.snapshot();
        Self { tree, watch, before }
    }

    fn set(&self, path: &str, text: &str) {
        fs::write(self.tree.path().join(path.trim_start_matches('/')), text).unwrap();
    }

    /// The ledger of a round of exactly one second, in which the crew used `own` CPU seconds.
    fn ledger(&mut self, own: f64) -> Ledger {
        let mut after = self.watch.snapshot();
        after.monotonic = self.before.monotonic + Duration::from_secs(1);
        after.realtime = self.before.realtime + Duration::from_secs(1);
        Ledger::between(&self.before, &after, own)
    }
}

/// `/proc/stat` of two CPUs. `user`, `iowait` and `steal` are in ticks of 10 ms.
fn stat(user: u32, iowait: u32, steal: u32) -> String {
    format!(
        "cpu  {user} 0 0 999 {iowait} 0 0 {steal} 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\ncpu1 0 0 0 0 0 0 \
         0 0 0 0\nprocs_running 3\n"
    )
}

fn causes(ledger: &Ledger) -> Vec<(Cause, Severity)> {
    ledger.disturbances().iter().map(|found| (found.cause, found.severity)).collect()
}

#[test]
fn a_quiet_round_is_quiet() {
    let mut planted = Planted::new();
    planted.set("/proc/stat", &stat(250, 0, 0));
    let ledger = planted.ledger(1.5);
    assert_eq!(ledger.foreign, Some(0.0));
    assert_eq!(ledger.steal, Some(0.0));
    assert_eq!((ledger.running, ledger.load), (Some(3), Some(0.5)));
    assert_eq!(ledger.frequency, Some(2e9));
    assert_eq!(ledger.disturbances(), []);
    assert!(!ledger.is_disturbed());
}

#[test]
fn what_others_used_is_all_that_was_used_but_our_own() {
    let mut planted = Planted::new();
    planted.set("/proc/stat", &stat(300, 0, 0));
    let ledger = planted.ledger(1.5);
    assert!((ledger.foreign.unwrap() - 0.25).abs() < 1e-9, "{ledger:?}");
    assert_eq!(causes(&ledger), [(Cause::Foreign, Severity::Repeat)]);
    assert!(ledger.disturbances()[0].text.contains("25.0 %"), "{:?}", ledger.disturbances());
}

#[test]
fn steal_is_marked_first_and_spoils_later() {
    for (ticks, expected) in [
        (3, vec![]),
        (7, vec![(Cause::Steal, Severity::Mark)]),
        (20, vec![(Cause::Steal, Severity::Repeat)]),
    ] {
        let mut planted = Planted::new();
        planted.set("/proc/stat", &stat(100, 0, ticks));
        assert_eq!(causes(&planted.ledger(0.0)), expected, "{ticks} ticks of 200");
    }
}

#[test]
fn one_tick_does_not_spoil_a_short_round() {
    let mut planted = Planted::new();
    planted.set("/proc/stat", &stat(101, 0, 1));
    let mut after = planted.watch.snapshot();
    after.monotonic = planted.before.monotonic + Duration::from_millis(50);
    after.realtime = planted.before.realtime + Duration::from_millis(50);
    let ledger = Ledger::between(&planted.before, &after, 0.0);
    assert!(ledger.foreign.unwrap() > 0.09, "a tick is a tenth of this round: {ledger:?}");
    assert_eq!(ledger.disturbances(), []);
    // Forty such rounds together are certain.
    let block = Ledger::total(&vec![ledger; 40]).unwrap();
    assert!(block.foreign_resolution.unwrap() < 0.03, "{block:?}");
    assert!(causes(&block).contains(&(Cause::Foreign, Severity::Repeat)), "{block:?}");
}

#[test]
fn throttling_without_a_quota_is_a_surprise_and_with_one_it_is_the_quota() {
    let mut planted = Planted::new();
    planted.set(
        "/sys/fs/cgroup/cpu/cpu.stat",
        "nr_periods 10\nnr_throttled 4\nthrottled_time 300000000\n",
    );
    let ledger = planted.ledger(0.0);
    assert_eq!(ledger.throttled_periods, Some(4));
    assert!((ledger.throttled.unwrap() - 0.15).abs() < 1e-9);
    assert_eq!(causes(&ledger), [(Cause::Throttled, Severity::Repeat)]);

    planted.set("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "150000");
    let changed = planted.ledger(0.0);
    assert_eq!(changed.quota, Some(1.5));
    assert_eq!(causes(&changed), [(Cause::BudgetChanged, Severity::Repeat)]);
    assert!(changed.budget_change.as_ref().unwrap().contains("from none to 1.5"), "{changed:?}");

    planted.before = planted.watch.snapshot();
    planted.set(
        "/sys/fs/cgroup/cpu/cpu.stat",
        "nr_periods 20\nnr_throttled 9\nthrottled_time 900000000\n",
    );
    let under_quota = planted.ledger(0.0);
    assert_eq!(under_quota.throttled_periods, Some(5));
    assert_eq!(under_quota.disturbances(), []);
}

#[test]
fn memory_heat_and_clocks_are_seen() {
    let mut planted = Planted::new();
    let pressure = planted.tree.path().join("proc/pressure/memory");
    let total: u64 = fs::read_to_string(&pressure)
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .rsplit('=')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    fs::write(&pressure, format!("some avg10=0 avg60=0 avg300=0 total={}\n", total + 80_000))
        .unwrap();
    planted.set("/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "9");
    let mut after = planted.watch.snapshot();
    after.monotonic = planted.before.monotonic + Duration::from_secs(1);
    after.realtime = planted.before.realtime - Duration::from_secs(3600);
    (planted.before.boottime, after.boottime) =
        (Some(Duration::ZERO), Some(Duration::from_secs(6)));
    (planted.before.uptime, after.uptime) = (Some(Duration::ZERO), Some(Duration::from_secs(1)));
    let ledger = Ledger::between(&planted.before, &after, 0.0);
    assert!((ledger.memory_pressure.unwrap() - 0.08).abs() < 1e-9);
    assert_eq!(ledger.thermal_events, Some(2));
    assert!((ledger.suspended.unwrap() - 5.0).abs() < 1e-9);
    assert!((ledger.clock_jump.unwrap() + 3606.0).abs() < 1e-9);
    assert_eq!(
        causes(&ledger),
        [
            (Cause::MemoryPressure, Severity::Repeat),
            (Cause::Thermal, Severity::Repeat),
            (Cause::Suspended, Severity::Repeat),
            (Cause::ClockJump, Severity::Mark),
        ]
    );
}

#[test]
fn a_machine_that_tells_nothing_has_an_empty_ledger() {
    let tree = TempDir::new().unwrap();
    let root = Root::captured(tree.path());
    let mut watch = Watch::open(&root, &Budget::default());
    let before = watch.snapshot();
    let ledger = Ledger::between(&before, &watch.snapshot(), 0.0);
    let known = Ledger { wall: ledger.wall, clock_jump: ledger.clock_jump, ..Ledger::default() };
    assert_eq!(ledger, known);
    assert_eq!(ledger.disturbances(), []);
    assert_eq!(Ledger::total([]), None);
}

#[test]
fn files_that_hold_nonsense_are_unknown() {
    let mut planted = Planted::new();
    for file in ["/proc/stat", "/proc/loadavg", "/proc/pressure/cpu", "/sys/fs/cgroup/cpu/cpu.stat"]
    {
        planted.set(file, "cpu x y\nsome total=\nnr_throttled\nthrottled_time -\n");
    }
    let ledger = planted.ledger(0.0);
    assert_eq!(
        (ledger.foreign, ledger.steal, ledger.throttled, ledger.load),
        (None, None, None, None)
    );
    let tree = TempDir::new().unwrap();
    add(tree.path(), "/proc/stat", "");
}

/// Ctrl-Z and `fg` send the same signal. It is harmless to a process that runs.
#[cfg(unix)]
#[test]
fn a_round_in_which_we_were_stopped_is_spoiled() {
    let mut watch = Watch::open(&Root::live(), &Budget::default());
    let before = watch.snapshot();
    signal_hook::low_level::raise(libc::SIGCONT).unwrap();
    let ledger = Ledger::between(&before, &watch.snapshot(), 0.0);
    assert!(ledger.stopped >= 1, "{ledger:?}");
    assert!(causes(&ledger).contains(&(Cause::Stopped, Severity::Repeat)), "{ledger:?}");
    assert!(!serde_json::to_string(&Ledger::default()).unwrap().contains("stopped"));
}

/// A competing load in another process is found, and our own is not mistaken for it.
#[cfg(target_os = "linux")]
#[test]
fn a_competitor_is_seen_in_the_live_ledger() {
    use std::process::{Child, Command, Stdio};
    struct Killed(Child);
    impl Drop for Killed {
        fn drop(&mut self) {
            _ = self.0.kill();
            _ = self.0.wait();
        }
    }
    let budget = Machine::read(&Root::live()).budget;
    let mut watch = Watch::open(&Root::live(), &budget);
    let shell =
        Command::new("sh").args(["-c", "while :; do :; done"]).stdout(Stdio::null()).spawn();
    let competitor = Killed(shell.unwrap());
    // The scheduler's own figure for the competitor: the first number, in nanoseconds.
    let schedstat = format!("/proc/{}/schedstat", competitor.0.id());
    let competitor_cpu = || {
        let text = fs::read_to_string(&schedstat).unwrap();
        text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
    };
    // Other tests of this program reap children meanwhile, and all of their past CPU time then
    // counts as ours. So this is repeated until none did.
    let mut seen = String::new();
    for _ in 0..10 {
        let (own, before) = (process_cpu_time().unwrap(), watch.snapshot());
        let theirs = competitor_cpu();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(400) {
            std::hint::spin_loop();
        }
        let theirs = competitor_cpu() - theirs;
        let own = process_cpu_time().unwrap() - own;
        let ledger = Ledger::between(&before, &watch.snapshot(), own);
        let capacity = f64::from(ledger.cpus.unwrap()) * ledger.wall;
        let foreign = ledger.foreign.unwrap();
        let most = (foreign + 2.0 * ledger.foreign_resolution.unwrap()) * capacity;
        let is_whole = foreign * capacity + ledger.own_cpu < capacity * 1.1;
        if theirs > 0.0 && most >= theirs && is_whole {
            return;
        }
        seen = format!("the competitor used {theirs} s: {ledger:?}");
    }
    panic!("{seen}");
}
