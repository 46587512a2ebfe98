//! Headings as people write them, in several languages.

use proptest::prelude::*;

use super::{Kind, Statistic, counts_workers, meaning, vocabulary};

#[test]
fn every_row_of_the_vocabulary_is_known_by_each_of_its_words() {
    for (sense, words) in vocabulary::WORDS {
        for word in words {
            assert_eq!(vocabulary::sense(word), Some(sense), "{word} stands in two rows");
            assert_eq!(word.to_lowercase(), *word, "words are in lower case");
        }
    }
}

#[test]
fn headings_mean_what_people_mean_by_them() {
    for (kind, headings) in [
        (Kind::Workers, &["threads", "OMP_NUM_THREADS", "# of clients", "maxWorkers", "Kerne"][..]),
        (Kind::Time, &["Elapsed Time (sec)", "time_ms", "Zeit / ms", "ms/op", "temps (s)", "s/it"]),
        (Kind::Rate, &["ops/s", "throughput_req_s", "GFLOPS", "Durchsatz", "ns/day", "t/s"]),
        (Kind::Speedup, &["Speed Up", "Beschleunigung"]),
        (Kind::Efficiency, &["parallel efficiency (%)", "Effizienz"]),
        (Kind::Latency, &["avg_latency_ms", "Antwortzeit (ms)"]),
        (
            Kind::Aside,
            &["p99_ms", "cpu time", "energy_J", "thread-MPI vs OpenMPI", "processes_idle"],
        ),
        (Kind::Unknown, &["size", "pool", "v1"]),
    ] {
        for heading in headings {
            assert_eq!(meaning(heading).kind, kind, "{heading}");
        }
    }
    for (statistic, heading) in [
        (Statistic::Median, "median (ms)"),
        (Statistic::Deviation, "Std Dev (s)"),
        (Statistic::Minimum, "Min [s]"),
        (Statistic::Maximum, "max_ms"),
    ] {
        assert_eq!(meaning(heading).statistic, statistic, "{heading}");
    }
    for name in ["threads_idle", "thread_id", "time", "cpu_count", "size", "pid", "", "t"] {
        assert!(!counts_workers(name), "{name}");
    }
}

proptest! {
    #[test]
    fn any_heading_has_a_meaning(heading in any::<String>()) {
        let _ = (meaning(&heading), counts_workers(&heading), vocabulary::mode_in(&heading));
    }
}
