//! Captured and constructed machines, read as if knee ran there.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;

/// The files of a capture, laid out below a directory of their own.
pub(super) fn unpack(capture: &str) -> TempDir {
    let directory = TempDir::new().unwrap();
    for line in capture.lines() {
        let (path, text) = line.split_once(':').unwrap();
        add(directory.path(), path, text);
    }
    directory
}

/// Appends a line to a file below a directory.
pub(super) fn add(directory: &Path, path: &str, line: &str) {
    let file = directory.join(path.trim_start_matches('/'));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let before = fs::read_to_string(&file).unwrap_or_default();
    fs::write(file, before + line + "\n").unwrap();
}

macro_rules! machine {
    ($name:literal) => {{
        let capture = include_str!(concat!("fixtures/", $name, ".capture"));
        let tree = crate::machine::tests::unpack(capture);
        crate::machine::Machine::read(&crate::machine::Root::captured(tree.path()))
    }};
}
pub(super) use machine;

/// Level, kind, size in KiB, sharers, count.
fn caches(machine: &Machine) -> Vec<(u32, &str, u64, u32, u32)> {
    let row = |c: &'_ Cache| (c.level, c.size.unwrap() / 1024, c.shared_by, c.count);
    let rows = machine.caches.iter().map(|cache| (row(cache), cache.kind.as_str()));
    rows.map(|((level, size, shared, count), kind)| (level, kind, size, shared, count)).collect()
}

fn text(set: Option<&CpuSet>) -> Option<String> {
    set.map(ToString::to_string)
}

#[test]
fn hybrid_laptop() {
    let machine = machine!("hybrid-laptop");
    assert_eq!(machine.cpu_model.as_deref(), Some("12th Gen Intel(R) Core(TM) i7-1260P"));
    assert_eq!(machine.cpu_vendor.as_deref(), Some("Intel"));
    assert_eq!(machine.board.as_deref(), Some("LENOVO 21CBCTO1WW"));
    assert_eq!(machine.virtualisation.as_deref(), Some("none"));
    assert_eq!(machine.container, None);
    let topology = &machine.topology;
    assert_eq!((topology.sockets, topology.cores, topology.threads), (Some(1), Some(12), Some(16)));
    assert_eq!(topology.smt, Some(true));
    let classes: Vec<_> = topology
        .classes
        .iter()
        .map(|c| (c.name.as_str(), c.cpus.to_string(), c.cores, c.max_frequency))
        .collect();
    assert_eq!(
        classes,
        [
            ("performance", "0-7".into(), Some(4), Some(4.7e9)),
            ("efficiency", "8-15".into(), Some(8), Some(3.4e9)),
        ]
    );
    assert_eq!(topology.hardware_threads[9].class, Some(1));
    assert_eq!(topology.siblings_within(&"0-2,8".parse().unwrap()).to_string(), "0-1");
    assert_eq!(
        caches(&machine),
        [
            (1, "data", 32, 1, 8),
            (1, "data", 48, 2, 4),
            (1, "instruction", 64, 1, 8),
            (1, "instruction", 32, 2, 4),
            (2, "unified", 1280, 2, 4),
            (2, "unified", 2048, 4, 2),
            (3, "unified", 18432, 16, 1),
        ]
    );
    let frequency = &machine.frequency;
    assert_eq!(frequency.governors, ["powersave"]);
    assert_eq!(frequency.preference.as_deref(), Some("balance_performance"));
    assert_eq!(frequency.boost, Some(true));
    assert_eq!((frequency.min, frequency.max), (Some(4e8), Some(4.7e9)));
    assert_eq!(machine.budget.quota, None);
    assert_eq!(machine.budget.memory_limit, None);
    assert_eq!(machine.budget.pids_limit, Some(84_112));
    assert_eq!(machine.budget.files_limit, Some(1024));
    assert!((machine.budget.usable() - 16.0).abs() < 1e-12);
}

#[test]
fn two_socket_server() {
    let machine = machine!("smt-server");
    let topology = &machine.topology;
    assert_eq!((topology.sockets, topology.cores, topology.threads), (Some(2), Some(16), Some(32)));
    assert!(topology.classes.is_empty());
    let nodes: Vec<_> = topology.nodes.iter().map(|n| (n.node, n.cpus.to_string())).collect();
    assert_eq!(nodes, [(0, "0-7,16-23".to_owned()), (1, "8-15,24-31".to_owned())]);
    assert_eq!(topology.nodes[1].memory, Some(131_925_006 * 1024));
    assert_eq!(topology.hardware_threads[25].core, Some(9));
    assert_eq!(topology.hardware_threads[25].node, Some(1));
    assert_eq!(topology.cores_within(&"0,16,1".parse().unwrap()), Some(2));
    assert_eq!(machine.clock_source.as_deref(), Some("hpet"));
    assert_eq!(machine.board.as_deref(), Some("Dell Inc. PowerEdge R7525"));
    assert_eq!(caches(&machine).last(), Some(&(3, "unified", 32768, 2, 16)));
    assert_eq!(machine.budget.isolated, None);
}

#[test]
fn container_with_one_and_a_half_cpus_in_version_2() {
    let machine = machine!("container-v2");
    assert_eq!(machine.container.as_deref(), Some("kubernetes"));
    assert_eq!(machine.virtualisation.as_deref(), Some("amazon"));
    let budget = &machine.budget;
    assert_eq!(budget.online, Some(16));
    assert_eq!(text(budget.affinity.as_ref()).as_deref(), Some("4-11"));
    let quota = budget.quota.as_ref().unwrap();
    assert!((quota.cpus - 1.5).abs() < 1e-12 && (quota.period - 0.1).abs() < 1e-12);
    assert_eq!((quota.version, quota.levels.len()), (2, 1));
    assert!((budget.usable() - 1.5).abs() < 1e-12);
    assert_eq!(budget.memory_limit, Some(2 << 30));
    assert_eq!(budget.tasks_limit(), Some(1024));
    let counts: Vec<u32> = budget.runtimes.iter().map(|runtime| runtime.count).collect();
    assert_eq!(counts, [1, 2, 2, 2, 2, 1, 16, 8, 2, 8, 2]);
}

#[test]
fn container_with_one_and_a_half_cpus_in_version_1() {
    let machine = machine!("container-v1");
    assert_eq!(machine.container.as_deref(), Some("docker"));
    assert_eq!(machine.virtualisation.as_deref(), Some("none"));
    let quota = machine.budget.quota.as_ref().unwrap();
    assert!((quota.cpus - 1.5).abs() < 1e-12);
    assert_eq!((quota.version, quota.levels.len()), (1, 1));
    assert_eq!(quota.levels[0].group, "/sys/fs/cgroup/cpu,cpuacct");
    assert_eq!(machine.budget.memory_limit, None, "version 1 writes no limit as a huge number");
    assert_eq!(machine.budget.pids_limit, None);
    assert_eq!(machine.frequency.boost, Some(false));
    assert_eq!((machine.frequency.max, machine.frequency.limit), (Some(3.8e9), Some(2e9)));
}

#[test]
fn arm_board() {
    let machine = machine!("arm-board");
    assert_eq!(machine.cpu_model.as_deref(), Some("Cortex-A55 + Cortex-A76"));
    assert_eq!(machine.cpu_vendor.as_deref(), Some("Arm"));
    assert_eq!(machine.board.as_deref(), Some("Radxa ROCK 5B"));
    assert_eq!(machine.virtualisation, None, "nothing on this board tells");
    assert_eq!(machine.topology.sockets, None, "package -1 is no package");
    assert_eq!((machine.topology.cores, machine.topology.smt), (Some(8), Some(false)));
    let classes: Vec<_> = machine
        .topology
        .classes
        .iter()
        .map(|c| (c.name.as_str(), c.cpus.to_string(), c.capacity))
        .collect();
    assert_eq!(
        classes,
        [("performance", "4-7".into(), Some(1024)), ("efficiency", "0-3".into(), Some(414))]
    );
    assert!(machine.caches.is_empty());
}

#[test]
fn without_sys_the_rest_is_still_known() {
    let machine = machine!("no-sys");
    assert_eq!(machine.topology.threads, Some(4));
    assert_eq!((machine.topology.cores, machine.topology.sockets), (Some(2), Some(1)));
    assert_eq!(text(machine.budget.affinity.as_ref()).as_deref(), Some("1,3"));
    assert_eq!(machine.topology.cores_within(machine.budget.affinity.as_ref().unwrap()), Some(2));
    assert_eq!(machine.budget.quota, None);
    assert_eq!(machine.frequency, Frequency::default());
    assert!((machine.budget.usable() - 2.0).abs() < 1e-12);
}

#[test]
fn a_hybrid_virtual_machine_takes_its_quota_from_version_1() {
    let tree = unpack(include_str!("fixtures/hybrid-cgroup-vm.capture"));
    let machine = Machine::read(&Root::captured(tree.path()));
    assert_eq!(machine.virtualisation.as_deref(), Some("kvm"));
    assert_eq!(machine.budget.quota, None, "-1 is no quota");
    assert_eq!(machine.budget.memory_limit, None);
    fs::write(tree.path().join("sys/fs/cgroup/cpu/cpu.cfs_quota_us"), "50000\n").unwrap();
    let quota = Machine::read(&Root::captured(tree.path())).budget.quota.unwrap();
    assert!((quota.cpus - 0.5).abs() < 1e-12);
    assert_eq!(quota.version, 1);
}

#[test]
fn an_empty_tree_is_a_machine_of_which_nothing_is_known() {
    let tree = TempDir::new().unwrap();
    let machine = Machine::read(&Root::captured(tree.path()));
    assert!(machine.budget.quota_hidden, "a quota could be anywhere");
    let mut nothing = Machine::default();
    nothing.budget.quota_hidden = true;
    assert_eq!(machine, nothing);
    assert!((machine.budget.usable() - 1.0).abs() < 1e-12);
}

#[test]
fn the_smallest_quota_up_to_the_root_counts() {
    let tree = TempDir::new().unwrap();
    for (path, line) in [
        ("/proc/self/cgroup", "0::/a.slice/b.service"),
        ("/proc/self/mountinfo", "35 25 0:31 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"),
        ("/sys/fs/cgroup/a.slice/b.service/cpu.max", "800000 100000"),
        ("/sys/fs/cgroup/a.slice/cpu.max", "25000 10000"),
        ("/sys/fs/cgroup/cgroup.controllers", "cpu"),
    ] {
        add(tree.path(), path, line);
    }
    let quota = cgroup::quota(&Root::captured(tree.path())).unwrap();
    assert!((quota.cpus - 2.5).abs() < 1e-12 && (quota.period - 0.01).abs() < 1e-12);
    let levels: Vec<_> = quota.levels.iter().map(|l| (l.cpus, l.leaf, l.top)).collect();
    assert_eq!(levels, [(8.0, true, false), (2.5, false, false)]);
}

#[test]
fn a_group_outside_the_namespace_falls_back_to_what_can_be_seen() {
    for path in ["/../../other", "/host.slice/not-visible-here"] {
        let tree = TempDir::new().unwrap();
        let root = Root::captured(tree.path());
        for (file, line) in [
            ("/proc/self/cgroup", format!("0::{path}")),
            ("/proc/self/mountinfo", "35 25 0:31 / /sys/fs/cgroup rw - cgroup2 c rw".to_owned()),
            ("/sys/fs/cgroup/cpu.max", "300000 100000".to_owned()),
        ] {
            add(tree.path(), file, &line);
        }
        let quota = cgroup::quota(&root).unwrap();
        assert!((quota.cpus - 3.0).abs() < 1e-12, "{path}");
    }
}

#[test]
fn json_and_back_is_the_same_machine() {
    let machine = machine!("hybrid-laptop");
    let json = serde_json::to_string(&machine).unwrap();
    assert_eq!(serde_json::from_str::<Machine>(&json).unwrap(), machine);
    assert!(json.contains(r#""affinity":"0-15""#), "{json}");
    assert!(json.contains(r#""quota":null"#), "{json}");
}

/// A sandbox that hides the control groups may still have a limit.
#[test]
fn a_quota_that_cannot_be_seen_is_unknown_and_not_none() {
    let hidden = |files: &[(&str, &str)]| {
        let tree = TempDir::new().unwrap();
        for (path, line) in files {
            add(tree.path(), path, line);
        }
        let machine = Machine::read(&Root::captured(tree.path()));
        let told = machine.warnings().contains(&Warning::QuotaHidden);
        assert_eq!(machine.budget.quota_hidden, told);
        let facts = machine.budget.facts();
        let quota = facts.into_iter().find(|fact| fact.label == "quota").unwrap().value;
        assert_eq!(quota, if told { "unknown" } else { "none" });
        told
    };
    let status = ("/proc/self/status", "Name:\tknee");
    let unified = ("/proc/self/cgroup", "0::/a");
    let mount = ("/proc/self/mountinfo", "35 25 0:31 / /sys/fs/cgroup rw - cgroup2 c rw");
    assert!(hidden(&[]), "nothing at all can be seen");
    assert!(!hidden(&[status]), "a kernel without control groups");
    assert!(hidden(&[status, unified]), "nothing is mounted");
    assert!(hidden(&[status, unified, mount]), "something lies over the mount");
    assert!(!hidden(&[status, unified, mount, ("/sys/fs/cgroup/cgroup.controllers", "cpu")]));
}

/// Compares the live machine with other sources of the same facts.
#[cfg(target_os = "linux")]
#[test]
fn the_live_machine_agrees_with_the_standard_library() {
    let machine = Machine::read(&Root::live());
    let std = std::thread::available_parallelism().unwrap().get() as u32;
    assert_eq!(machine.budget.runtimes[0].count, std);
    assert!(machine.budget.affinity.is_some());
    assert!(machine.budget.usable() > 0.0);
    assert!(machine.memory.total.is_some_and(|bytes| bytes > 1 << 20));
    assert!(machine.kernel.is_some() && machine.architecture.is_some());
    let plain = Machine::read(&Root::captured("/"));
    assert_eq!(plain.budget.affinity, machine.budget.affinity);
    assert_eq!(plain.budget.files_limit, machine.budget.files_limit);
}
