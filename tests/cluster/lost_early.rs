//! Tests of nodes that are lost before anything is measured, or through the work itself: they are
//! named, and the others go on.

use crate::support::{KNEE, Run, ended, failures, has, lost, nodes_of, rounds};

fn on(run: &Run, nodes: usize) -> usize {
    let all = rounds(&run.out()).into_iter();
    all.filter(|round| round["nodes"].as_array().map(Vec::len) == Some(nodes)).count()
}

#[test]
fn the_first_task_costs_a_node_and_the_next_one_takes_its_place() {
    // The first task of all kills its parent process, which is the node.
    let task = "if mkdir \"$KNEE_CLUSTER_TEST/gone\" 2>/dev/null; then p=$PPID; while [ $p -gt 1 ] \
                && ! grep -qz -e --connect /proc/$p/cmdline; do p=$(sed 's/.*) . //;s/ .*//' \
                /proc/$p/stat); done; kill -9 $p; sleep 100; fi";
    let words = ["--nodes", "1,2,3", "--workers", "1", "--budget", "5s", "--"];
    let mut run = Run::local(&[&words[..], &["sh", "-c", task]].concat());
    let (code, said) = ended(run.start());
    assert_eq!(code, Some(4), "{said}");
    assert!(run.place.path().join("gone").exists(), "no node was killed: {said}");
    assert!(lost(&run.out(), "node1"), "{said}");
    assert!(on(&run, 1) > 0 && on(&run, 2) > 0 && on(&run, 3) == 0, "{said}");
    run.assert_gone();
}

#[test]
fn a_node_that_is_lost_in_a_launch_is_not_waited_for() {
    if !has("python3") {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("work.py");
    // The second node never runs anything serially, so it is lost in a launch.
    let text = "\
import os, signal, time
pid = os.getppid()
while pid > 1:
    with open(f'/proc/{pid}/cmdline', 'rb') as file:
        words = file.read().split(b'\\0')
    if b'--connect' in words:
        if b'node2' in words:
            os.kill(pid, signal.SIGKILL)
            time.sleep(100)
        break
    with open(f'/proc/{pid}/stat') as file:
        pid = int(file.read().rsplit(')', 1)[1].split()[1])
def work(n):
    time.sleep(0.002)
";
    std::fs::write(&file, text).expect("it is written");
    let function = format!("{}:work", file.display());
    let words = ["--nodes", "1,2,3", "--workers", "1", "--modes", "threads", "--budget", "60s"];
    let mut run = Run::local(&[&words[..], &["--python", &function]].concat());
    let out = run.out();
    let (code, said) =
        run.until(|rounds| lost(&out, "node2") && rounds.iter().any(|one| nodes_of(one) == 1));
    assert!(code == 4 || code == 130, "{code}: {said}");
    assert!(on(&run, 3) == 0, "{said}");
    run.assert_gone();
}

#[test]
fn who_is_killed_before_it_has_come_is_not_waited_for() {
    // The end of the launcher shows that a node is missing. Waiting for the other nodes takes as
    // long as they need.
    let launcher =
        format!("sh -c 'if [ {{host}} = b ]; then kill -9 $$; fi; exec {KNEE} node {{args}}'");
    let words = ["sleep:ms=5", "--nodes", "1,2", "--hosts", "b,c", "--workers", "1"];
    let more = ["--modes", "threads", "--budget", "2s", "--node-wait", "10000s"];
    let mut run = Run::by(&launcher, &[&words[..], &more].concat());
    let (code, said) = ended(run.start());
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("b did not come (the launcher ended (signal: 9"), "{said}");
    assert!(run.record().contains("1 are left (b did not come)"), "{said}");
    assert!(on(&run, 1) > 0, "{said}");
    run.assert_gone();
}

#[test]
fn a_node_without_memory_is_named() {
    let launcher = format!(
        "sh -c 'if [ {{host}} = b ]; then ulimit -v 400000; fi; exec {KNEE} node {{args}}'"
    );
    let words = ["memory:size=32M", "--nodes", "1,2", "--hosts", "a,b", "--workers", "2"];
    let more = ["--modes", "threads", "--budget", "60s"];
    let mut run = Run::by(&launcher, &[&words[..], &more].concat());
    let out = run.out();
    let names_it = |failure: &serde_json::Value| failure["reason"].to_string().contains("node b: ");
    let (code, said) = run.until(|rounds| {
        failures(&out).iter().any(names_it) && rounds.iter().any(|one| nodes_of(one) == 1)
    });
    assert!(code == 4 || code == 130, "{code}: {said}");
    assert!(on(&run, 2) == 0, "{said}");
    run.assert_gone();
}
