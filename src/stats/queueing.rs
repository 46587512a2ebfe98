//! Queues in theory: many who ask, and some who serve one after another.

/// The probability that one who comes must wait, where all `servers` are busy with `load` Erlang
/// (arrivals per second times seconds of service): Erlang's C. `None` where the servers cannot keep
/// up, or there are none.
///
/// By the recursion over Erlang's B, which neither overflows nor cancels.
pub fn erlang_c(servers: u32, load: f64) -> Option<f64> {
    let n = f64::from(servers);
    if !(load >= 0.0 && load < n) {
        return None;
    }
    let blocked = (1..=servers).fold(1.0, |b, k| load * b / (f64::from(k) + load * b));
    Some(n * blocked / (n - load * (1.0 - blocked)))
}

/// How long one waits on average in an M/M/n queue, those included who need not, in units of
/// `service`; `None` as for [`erlang_c`].
pub fn mean_wait(servers: u32, load: f64, service: f64) -> Option<f64> {
    Some(erlang_c(servers, load)? * service / (f64::from(servers) - load))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published tables, and sums in forty digits.
    #[test]
    fn table_values_come_out() {
        for (servers, load, waits) in [
            (1, 0.5, 0.5),
            (2, 1.0, 0.333_333),
            (2, 1.8, 0.852_632),
            (3, 2.0, 0.444_444),
            (4, 3.2, 0.596_432),
            (5, 4.0, 0.554_113),
            (8, 6.4, 0.457_645),
            (10, 6.0, 0.101_299),
            (10, 8.0, 0.409_180),
            (20, 18.0, 0.550_769),
            (100, 90.0, 0.216_940),
        ] {
            let found = erlang_c(servers, load).expect("it keeps up");
            assert!((found - waits).abs() < 1e-6, "{servers} {load}: {found}");
        }
        for (servers, load, wait) in [(2, 1.0, 0.333_333), (4, 3.2, 0.745_541), (8, 6.4, 0.286_028)]
        {
            let found = mean_wait(servers, load, 1.0).expect("it keeps up");
            assert!((found - wait).abs() < 1e-6, "{servers} {load}: {found}");
        }
    }

    #[test]
    fn the_edges_are_what_they_must_be() {
        assert_eq!(erlang_c(4, 0.0), Some(0.0));
        for (servers, load) in [(4, 4.0), (4, 5.0), (0, 0.0), (2, f64::NAN), (2, -1.0)] {
            assert_eq!(erlang_c(servers, load), None, "{servers} {load}");
        }
        assert!(erlang_c(4096, 4095.0).is_some_and(|waits| (0.0..=1.0).contains(&waits)));
    }
}
