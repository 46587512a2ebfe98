//! Tests of the bound: programs of a known kind with their measured figures, and causes that must
//! not be named without evidence.

use super::super::curve::{Input, analyse};
use super::super::observation::Observation;
use super::{Evidence, Witness};

/// Workers, throughput, CPU seconds per second, seconds per second spent waiting for a CPU.
type Rows = [(f64, f64, f64, f64); 4];

/// The bound of a curve, from what was seen of its workers.
fn bound_of(claimed: &str, rows: &[(f64, f64, f64, f64)]) -> (String, Vec<String>) {
    let mut observations = Vec::new();
    let mut cells = Vec::new();
    for (i, &(workers, throughput, cpu, queued)) in rows.iter().enumerate() {
        for noise in [0.995, 1.0, 1.005, 1.002, 0.998] {
            observations.push(Observation::plain(workers, throughput * noise));
        }
        cells.push(Witness {
            workers,
            cpu: Some(cpu),
            cpu_per_unit: Some(cpu / throughput),
            queued: Some(queued),
            ..Witness::default()
        });
        assert!(i == 0 || rows[i - 1].0 < workers);
    }
    let evidence = Evidence {
        claimed: Some(claimed.to_owned()),
        usable_cpus: Some(2.0),
        cells,
        ..Evidence::default()
    };
    told(evidence, observations)
}

fn told(evidence: Evidence, observations: Vec<Observation>) -> (String, Vec<String>) {
    let input = Input { evidence, ..Input::plain("threads", observations, 1) };
    let bound = analyse(&input).bound.unwrap();
    (bound.label, bound.evidence)
}

/// Measured on two cores: eight small programs with 1, 2, 8 and 16 workers.
#[test]
fn probes_of_known_kind_are_told_apart() {
    let cases: [(&str, &str, Rows); 7] = [
        (
            "cpu",
            "cpu",
            [
                (1., 26_100., 1., 0.),
                (2., 51_200., 2., 0.),
                (8., 51_400., 2., 6.),
                (16., 52_700., 2., 14.),
            ],
        ),
        (
            "memory",
            "memory",
            [(1., 395., 1., 0.), (2., 577., 2., 0.), (8., 647., 2., 6.), (16., 747., 2., 14.)],
        ),
        (
            "io",
            "io",
            [
                (1., 853., 0.07, 0.),
                (2., 1651., 0.13, 0.),
                (8., 6913., 0.4, 0.24),
                (16., 13_778., 0.8, 0.5),
            ],
        ),
        (
            "io",
            "io",
            [
                (1., 6259., 0.38, 0.),
                (2., 9249., 0.66, 0.2),
                (8., 17_934., 1.04, 3.),
                (16., 24_074., 1.4, 6.),
            ],
        ),
        (
            "sync",
            "sync",
            [
                (1., 9413., 0.99, 0.),
                (2., 8193., 1.1, 0.1),
                (8., 8856., 1.12, 0.9),
                (16., 8826., 1.1, 1.8),
            ],
        ),
        (
            "sync",
            "sync",
            [
                (1., 4.2e6, 1., 0.),
                (2., 0.99e6, 2., 0.),
                (8., 1.2e6, 2., 6.),
                (16., 0.89e6, 2., 14.),
            ],
        ),
        (
            "sync",
            "sync",
            [
                (1., 517_000., 1., 0.),
                (2., 927_000., 2., 0.),
                (8., 335_000., 2., 6.),
                (16., 169_000., 2., 14.),
            ],
        ),
    ];
    for (label, claimed, rows) in cases {
        let (got, evidence) = bound_of(claimed, &rows);
        assert_eq!(got, label, "{rows:?}: {evidence:?}");
        assert!(!evidence.is_empty());
    }
    let (_, evidence) = bound_of("cpu", &cases[0].2);
    assert_eq!(evidence[0], "100 % of each core busy");
    assert!(evidence[1].contains("flat beyond 2 = the usable cores"), "{evidence:?}");
}

#[test]
fn a_claim_decides_only_between_what_the_witnesses_allow() {
    // A unit costs 1.2 x the CPU time with more workers, and all cores are busy. For pure computing
    // the cause is a shared pipeline, not memory.
    let dearer = [(1., 100., 1., 0.), (2., 167., 2., 0.), (3., 166., 2., 1.), (4., 165., 2., 2.)];
    let (label, evidence) = bound_of("cpu", &dearer);
    assert_eq!(label, "cpu");
    assert!(evidence[1].contains("1.20 x the CPU time with 2 workers as with one"), "{evidence:?}");
    assert_eq!(bound_of("memory", &dearer).0, "memory");
    let even = [(1., 100., 1., 0.), (2., 199., 2., 0.), (3., 200., 2., 1.), (4., 198., 2., 2.)];
    let (label, evidence) = bound_of("memory", &even);
    assert_eq!(label, "cpu", "two cores do not fill this memory");
    assert!(evidence[1].contains("memory keeps up with all cores"), "{evidence:?}");
    assert_eq!(bound_of("ipc", &even).0, "ipc", "it does nothing but pass messages on");
}

#[test]
fn short_tasks_are_bound_by_the_harness_and_a_quota_is_seen() {
    let rows: Vec<Observation> = [1.0, 2.0, 4.0]
        .iter()
        .flat_map(|&n| [0.99, 1.0, 1.01].map(|noise| Observation::plain(n, 1e5 * noise)))
        .collect();
    let evidence = Evidence { dispatch: Some(8e-6), task: Some(2e-6), ..Evidence::default() };
    let input = Input { evidence, ..Input::plain("process-pool", rows.clone(), 1) };
    assert_eq!(analyse(&input).bound.unwrap().label, "harness");
    let cells = [1.0, 2.0, 4.0]
        .map(|workers| Witness {
            workers,
            cpu: Some(1.0),
            throttled: Some(0.1),
            ..Witness::default()
        })
        .to_vec();
    let evidence =
        Evidence { quota: Some(1.0), usable_cpus: Some(1.0), cells, ..Evidence::default() };
    let input = Input { evidence, ..Input::plain("threads", rows, 1) };
    assert_eq!(analyse(&input).bound.unwrap().label, "quota");
}

/// Sixteen cores poll one device. Each unit costs more CPU time with more workers, but nothing
/// shows memory or locks as the cause.
#[test]
fn waiting_busily_for_a_device_is_not_called_memory_or_sync() {
    let polled = [(1., 100., 1., 0.), (2., 104., 2., 0.), (8., 105., 2., 6.), (16., 104., 2., 14.)];
    let (label, evidence) = bound_of("cpu", &polled);
    assert_eq!(label, "unclear", "{evidence:?}");
    assert!(evidence[0].contains("1.92 x the CPU time"), "{evidence:?}");
    assert!(evidence[1].contains("waiting busily for a device"), "{evidence:?}");
}

/// A program that gets half of a CPU, because a neighbour has the other half, does not wait for
/// anything.
#[test]
fn what_a_neighbour_explains_is_no_cause() {
    let rows = [(1.0, 100.0, 1.0), (2.0, 103.0, 1.1)];
    let observations = rows.iter().flat_map(|&(workers, rate, _)| {
        [0.99, 1.0, 1.01, 1.0, 0.995].map(|noise| Observation::plain(workers, rate * noise))
    });
    let observations: Vec<Observation> = observations.collect();
    let with = |foreign: f64| {
        let cell = |&(workers, rate, cpu): &(f64, f64, f64)| Witness {
            workers,
            cpu: Some(cpu),
            cpu_per_unit: Some(cpu / rate),
            foreign: Some(foreign),
            ..Witness::default()
        };
        let evidence = Evidence {
            claimed: Some("cpu".to_owned()),
            usable_cpus: Some(2.0),
            cells: rows.iter().map(cell).collect(),
            ..Evidence::default()
        };
        told(evidence, observations.clone())
    };
    assert_eq!(with(0.0).0, "sync", "two that do no more than one wait for each other");
    let (label, evidence) = with(0.48);
    assert_eq!(label, "unclear");
    assert!(evidence[0].contains("others had 48 % of the CPUs"), "{evidence:?}");
}

#[test]
fn a_program_that_runs_for_a_fixed_time_is_told_so() {
    let observations: Vec<Observation> = [1.0, 2.0, 4.0]
        .iter()
        .flat_map(|&n| [0.1, 0.1001, 0.0999].map(|rate| Observation::plain(n, rate)))
        .collect();
    let cells = [1.0, 2.0, 4.0].map(|workers| Witness {
        workers,
        cpu: Some(1.0),
        cpu_per_unit: Some(10.0),
        ..Witness::default()
    });
    let evidence = Evidence {
        claimed: Some("cpu".to_owned()),
        usable_cpus: Some(2.0),
        swept: true,
        cells: cells.to_vec(),
        ..Evidence::default()
    };
    let (label, said) = told(evidence, observations);
    assert_eq!(label, "unclear");
    assert!(said[0].contains("it seems to run for a fixed time"), "{said:?}");
    assert!(!said.iter().any(|text| text.contains("keeps the rest waiting")), "{said:?}");
}

/// Three processes with small work on a GPU: each computes and launches, and the GPU is full from
/// three on. A process that waits for its GPU keeps its CPU busy by polling.
#[test]
fn a_full_gpu_is_named_with_its_evidence() {
    let label = |gpu: [f64; 4], at_rest: f64, rates: [f64; 4]| {
        let rates = rates.iter().zip(1..);
        let observations = rates.clone().flat_map(|(&rate, n)| {
            [0.99, 1.0, 1.01].map(|noise| Observation::plain(f64::from(n), rate * noise))
        });
        let cell = |((&rate, n), &gpu): ((&f64, i32), &f64)| Witness {
            workers: f64::from(n),
            cpu: Some(f64::from(n)),
            cpu_per_unit: Some(f64::from(n) / rate),
            gpu: Some(gpu),
            gpu_at_rest: Some(at_rest),
            ..Witness::default()
        };
        let cells = rates.clone().zip(&gpu).map(cell).collect();
        let usable_cpus = Some(16.0);
        told(Evidence { usable_cpus, cells, ..Evidence::default() }, observations.collect())
    };
    let small = [100.0, 190.0, 260.0, 262.0];
    let (bound, evidence) = label([0.37, 0.71, 0.97, 0.98], 0.0, small);
    assert_eq!(bound, "gpu");
    assert_eq!(
        evidence[0],
        "GPU busy 97 % of the time with 3 workers, 37 % of the time with 1 worker"
    );
    assert!(evidence[1].contains("flat beyond 3"), "{evidence:?}");
    let (bound, evidence) = label([0.99; 4], 0.0, [50.0, 50.1, 49.9, 50.0]);
    assert_eq!(bound, "gpu", "large matrices fill it from one process on: {evidence:?}");
    assert!(evidence[0].ends_with("with 1 worker"), "{evidence:?}");
    let (bound, evidence) = label([0.37, 0.71, 0.97, 0.98], 0.4, small);
    assert_eq!(bound, "unclear");
    assert!(evidence[0].contains("never less than 40 %"), "{evidence:?}");
    assert_ne!(label([0.3; 4], 0.0, small).0, "gpu", "it is idle most of the time");
    assert_ne!(label([0.97; 4], 0.0, [100.0, 200.0, 300.0, 400.0]).0, "gpu", "it still gives more");
}
