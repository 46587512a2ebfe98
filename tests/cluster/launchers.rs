//! Tests of launchers that are installed: an emulated Slurm, mpirun, and a stand-in for ssh.

use std::path::Path;
use std::process::Command;

use crate::support::{KNEE, Run, has, lost, rounds, text, wait};

/// Runs a line inside an allocation of three emulated nodes; `None` where that is not possible.
fn in_slurm(run: &Run, line: &str) -> Option<std::process::Output> {
    if !["srun", "slurmctld", "slurmd", "munged"].into_iter().all(has) {
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/slurm_local.sh");
    let output = Command::new("bash")
        .arg(script)
        .args(["run", "-n", "3", "-c", "2", "--", "salloc", "-N3", "--exclusive", "-Q", "sh", "-c"])
        .arg(line)
        .env("KNEE_CLUSTER_TEST", run.place.path())
        .env("TMPDIR", run.place.path())
        .output()
        .expect("bash is there");
    // A port was taken, or this container does not allow it.
    if matches!(output.status.code(), Some(124 | 125)) {
        println!("skipped: no Slurm could be started here: {}", text(&output));
        return None;
    }
    Some(output)
}

/// Both parts use one allocation, because starting a Slurm takes long.
#[test]
fn slurm_starts_three_nodes_and_the_rest_goes_on_where_a_task_is_killed() {
    let (whole, killed) = (Run::local(&[]), Run::local(&[]));
    let line = |run: &Run, budget: &str| {
        format!(
            "{KNEE} run sleep:ms=5 --launcher slurm --nodes 1,2,3 --workers 1,2 --modes threads \
             --listen 127.0.0.1 --out {} --budget {budget}",
            run.out().display()
        )
    };
    // Kills the second node's agent, by the name that Slurm gives it, once something is measured.
    let kill = format!(
        "(until [ \"$(grep -c '\"sample\"' {0} 2>/dev/null)\" -ge 3 ] 2>/dev/null; do sleep \
         0.05; done; for pid in $(pgrep -f 'node --connect'); do if tr '\\0' '\\n' < \
         /proc/$pid/environ | grep -qx SLURMD_NODENAME=n2; then kill -9 $pid; fi; done) &",
        killed.out().join("record.jsonl").display()
    );
    let (first, second) = (line(&whole, "6s"), line(&killed, "10s"));
    let lines = format!("{first}; echo the first ended with $?.; {kill} {second}");
    let Some(output) = in_slurm(&whole, &lines) else { return };
    let said = text(&output);
    let code = |code: i32| said.contains(&format!("the first ended with {code}."));
    assert!(code(0) || code(4) || code(5), "{said}");
    assert!(said.contains("nodes: n1, n2, n3"), "{said}");
    for nodes in 1..=3 {
        let has =
            |round: &serde_json::Value| round["nodes"].as_array().map(Vec::len) == Some(nodes);
        assert!(rounds(&whole.out()).iter().any(has), "{nodes} nodes were not measured: {said}");
    }
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(lost(&killed.out(), "n2"), "{said}");
    assert!(wait(|| whole.living().is_empty()), "{:?}", whole.living());
}

#[test]
fn outside_an_allocation_it_is_said_how_to_get_one_and_a_job_is_written() {
    let mut run = Run::by("slurm", &["pi", "--nodes", "1,2,4"]);
    for name in ["SLURM_JOB_ID", "SLURM_JOB_NODELIST", "SLURM_NODELIST"] {
        run.command.env_remove(name);
    }
    let output = run.output();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("salloc -N 4 --exclusive"), "{}", text(&output));
    let job = run.place.path().join("job.sh");
    run.command.arg("--sbatch").arg(&job);
    let output = run.output();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let script = std::fs::read_to_string(&job).expect("it is written");
    assert!(script.contains("#SBATCH --nodes=4"), "{script}");
    assert!(script.contains("--launcher slurm") && !script.contains("--sbatch"), "{script}");
    assert!(!run.out().exists(), "nothing was measured");
}

#[test]
fn mpirun_starts_nodes() {
    if !has("mpirun") {
        return;
    }
    let words = ["sleep:ms=5", "--nodes", "1", "--workers", "1,2", "--budget", "4s"];
    let mut run = Run::by("mpirun", &words);
    // mpirun runs as root only if the user allows it, as this test does.
    run.command.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    let output = run.output();
    assert!([Some(0), Some(4), Some(5)].contains(&output.status.code()), "{}", text(&output));
    assert!(!rounds(&run.out()).is_empty(), "{}", text(&output));
    assert!(wait(|| run.living().is_empty()), "{:?}", run.living());
}

#[test]
fn ssh_gives_the_secret_as_the_first_line_of_the_input() {
    use std::os::unix::fs::PermissionsExt;
    let words = [
        "sleep:ms=5",
        "--nodes",
        "1,2",
        "--workers",
        "1",
        "--budget",
        "4s",
        "--hosts",
        "alpha,beta",
    ];
    let mut run = Run::by("ssh", &words);
    let bin = run.place.path().join("bin");
    std::fs::create_dir(&bin).expect("a directory");
    // The stand-in does as ssh does: it has an environment of its own, and runs the words after the
    // host through a shell.
    let stand_in = "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nshift 2\n\
                    exec env -i PATH=\"$PATH\" TMPDIR=\"$TMPDIR\" \
                    KNEE_CLUSTER_TEST=\"$KNEE_CLUSTER_TEST\" sh -c \"$*\"\n";
    std::fs::write(bin.join("ssh"), stand_in).expect("it is written");
    std::fs::set_permissions(bin.join("ssh"), PermissionsExt::from_mode(0o755)).expect("ours");
    let path = std::env::var("PATH").unwrap_or_default();
    run.command.env("PATH", format!("{}:{path}", bin.display()));
    let output = run.output();
    assert!([Some(0), Some(4), Some(5)].contains(&output.status.code()), "{}", text(&output));
    assert!(text(&output).contains("nodes: alpha, beta"), "{}", text(&output));
    assert!(wait(|| run.living().is_empty()), "{:?}", run.living());
}
