//! The files of the system that a watch reads, and what they say.

use super::*;

const STAT: &str = "cpu  300 0 100 800 40 10 10 20 0 0\ncpu0 100 0 50 500 20 5 5 10 0 0\n\
                    cpu1 200 0 50 300 20 5 5 10 0 0\nintr 5 1 2\nctxt 7\nprocs_running 3\n";

#[test]
fn all_cpus_or_the_watched_ones_are_summed() {
    let all = parse_stat(STAT, None).unwrap();
    assert!((all.busy - 4.2).abs() < 1e-9 && (all.steal - 0.2).abs() < 1e-9, "{all:?}");
    assert!((all.resolution - 0.015).abs() < 1e-9);
    let one = parse_stat(STAT, Some(&"1".parse().unwrap())).unwrap();
    assert!((one.busy - 2.6).abs() < 1e-9 && (one.iowait - 0.2).abs() < 1e-9, "{one:?}");
    assert_eq!(parse_stat("intr 5", None), None);
    assert_eq!(parse_stat(STAT, Some(&"9".parse().unwrap())), None);
}

#[test]
fn the_finer_sources_are_read_in_their_own_units() {
    assert_eq!(parse_per_cpu("1500000000 500000000 \n", None), Some(2.0));
    assert_eq!(parse_per_cpu("1500000000 500000000", Some(&"1".parse().unwrap())), Some(0.5));
    assert_eq!(parse_per_cpu("", None), None);
    let root = "usage_usec 9000000\nuser_usec 1500000\nsystem_usec 500000\n";
    assert_eq!(parse_root_stat(root), Some(2.0));
    let v2 = "nr_periods 9\nnr_throttled 4\nthrottled_usec 250000\n";
    assert_eq!(parse_throttling(v2, 2), Some((4, 0.25)));
    let v1 = "nr_periods 9\nnr_throttled 4\nthrottled_time 250000000\n";
    assert_eq!(parse_throttling(v1, 1), Some((4, 0.25)));
    let pressure = "some avg10=0.02 avg60=0.25 avg300=1.02 total=32069151\nfull avg10=0 total=0\n";
    assert_eq!(parse_pressure(pressure), Some(32.069_151));
}
