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

/// What a task of Slurm runs before all else: the second one is killed before it is a node.
fn kills_the_second_task(run: &Run) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let script = run.place.path().join("prolog");
    let text = "#!/bin/sh\nif [ \"$SLURM_PROCID\" = 1 ]; then kill -9 $PPID; fi\n";
    std::fs::write(&script, text).expect("it is written");
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).expect("it is ours");
    script
}

/// One allocation for all three, since starting a Slurm takes its time.
#[test]
fn slurm_starts_three_nodes_and_the_rest_goes_on_where_a_task_is_killed() {
    let [whole, early, killed] = [(); 3].map(|()| Run::local(&[]));
    let line = |run: &Run, budget: &str| {
        format!(
            "{KNEE} run sleep:ms=5 --launcher slurm --nodes 1,2,3 --workers 1,2 --modes threads \
             --listen 127.0.0.1 --out {} --budget {budget}",
            run.out().display()
        )
    };
    let prolog = kills_the_second_task(&early);
    // Nobody waits so long for it.
    let third = format!(
        "SLURM_TASK_PROLOG={} {} --node-wait 10000s; echo the early one ended with $?.",
        prolog.display(),
        line(&early, "2s")
    );
    // The second node's agent, by the name that Slurm gives it, once something is measured.
    let kill = format!(
        "(until [ \"$(grep -c '\"sample\"' {0} 2>/dev/null)\" -ge 3 ] 2>/dev/null; do sleep \
         0.05; done; for pid in $(pgrep -f 'node --connect'); do if tr '\\0' '\\n' < \
         /proc/$pid/environ | grep -qx SLURMD_NODENAME=n2; then kill -9 $pid; fi; done) &",
        killed.out().join("record.jsonl").display()
    );
    let (first, second) = (line(&whole, "4s"), line(&killed, "8s"));
    let lines = format!("{first}; echo the first ended with $?.; {third}; {kill} {second}");
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
    assert!(said.contains("the early one ended with 4."), "{said}");
    assert!(said.contains("n2 did not come (the launcher says of its task: Killed"), "{said}");
    assert!(early.record().contains("2 are left (n2 did not come)"), "{said}");
    assert!(!rounds(&early.out()).is_empty(), "{said}");
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
    let words = ["sleep:ms=5", "--nodes", "1", "--workers", "1,2", "--budget", "20s"];
    let mut run = Run::by("mpirun", &words);
    // mpirun runs as root only if the user allows it, as this test does.
    run.command.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    run.until(|rounds| !rounds.is_empty());
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
        "20s",
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
    let (_, said) = run.until(|rounds| !rounds.is_empty());
    assert!(said.contains("nodes: alpha, beta"), "{said}");
    assert!(wait(|| run.living().is_empty()), "{:?}", run.living());
}
