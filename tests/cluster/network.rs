//! Tests of hosts that are network namespaces. Nodes connect back to the addresses of the
//! interfaces. A node that is cut off from the network without notice is named.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{KNEE, Run, has, lost, rounds, text, wait};

/// Runs lines of a shell among three hosts; `None` where that is not possible.
fn among_hosts(run: &Run, lines: &str) -> Option<Output> {
    if !["ip", "unshare", "setpriv"].into_iter().all(has) {
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/hosts.sh");
    let output = Command::new("bash")
        .arg(script)
        .args(["3", "sh", "-c"])
        .arg(lines)
        .env("KNEE_CLUSTER_TEST", run.place.path())
        .env("TMPDIR", run.place.path())
        .output()
        .expect("bash is there");
    if output.status.code() == Some(125) {
        println!("skipped: no hosts can be made here: {}", text(&output));
        return None;
    }
    Some(output)
}

#[test]
fn nodes_in_other_networks_are_measured_and_one_that_is_cut_off_is_named() {
    let run = Run::local(&[]);
    let record = run.out().join("record.jsonl");
    // Without --listen knee chooses the address. The second host is cut off once something is
    // measured.
    let lines = format!(
        "(until [ \"$(grep -c '\"sample\"' {record} 2>/dev/null)\" -ge 6 ] 2>/dev/null; do sleep \
         0.05; done; ip link set v2 down) & \
         {KNEE} run sleep:ms=5 --launcher 'ip netns exec {{host}} {KNEE} node {{args}}' --nodes \
         1,2,3 --hosts h1,h2,h3 --workers 1 --modes threads --budget 36s --out {out}; code=$?; \
         for try in $(seq 600); do pgrep -f 'node --[c]onnect' >/dev/null || break; sleep 0.1; \
         done; pgrep -fa 'node --[c]onnect' || echo all nodes ended; exit $code",
        record = record.display(),
        out = run.out().display(),
    );
    let Some(output) = among_hosts(&run, &lines) else { return };
    let said = text(&output);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("nodes: h1, h2, h3"), "{said}");
    // A node that is cut off from the coordinator ends by itself.
    assert!(said.contains("all nodes ended"), "{said}");
    assert!(lost(&run.out(), "h2"), "{said}");
    let on = |nodes: usize| {
        let all = rounds(&run.out()).into_iter();
        all.filter(move |round| round["nodes"].as_array().map(Vec::len) == Some(nodes))
    };
    assert!(on(2).any(|round| round["nodes"][1]["node"] == 2), "h1 and h3 did not go on: {said}");
    assert!(wait(|| run.living().is_empty()), "{:?}", run.living());
}
