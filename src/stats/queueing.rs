//! Queueing theory: customers arrive, and several servers serve one customer each.

/// Erlang's C: the probability that a customer must wait when `servers` carry `load` Erlang
/// (arrivals per second times seconds of service). `None` if the servers cannot keep up, or there
/// are none.
///
/// Computed by the recursion over Erlang's B, which neither overflows nor loses digits.
pub fn erlang_c(servers: u32, load: f64) -> Option<f64> {
    let n = f64::from(servers);
    if !(load >= 0.0 && load < n) {
        return None;
    }
    let blocked = (1..=servers).fold(1.0, |b, k| load * b / (f64::from(k) + load * b));
    Some(n * blocked / (n - load * (1.0 - blocked)))
}

/// The mean wait in an M/M/n queue, over all customers, including those that need not wait. In
/// units of `service`; `None` as for [`erlang_c`].
pub fn mean_wait(servers: u32, load: f64, service: f64) -> Option<f64> {
    Some(erlang_c(servers, load)? * service / (f64::from(servers) - load))
}

/// The lower and the upper bound of the mean wait with general service times. `gaps` and `services`
/// are the squared coefficients of variation of the gaps and of the service times (1 is
/// exponential). In units of `service`; `None` as for [`erlang_c`].
///
/// The upper bound is Kingman's for several servers (Biometrika 57, 1970). The lower one is the
/// wait with a single server of n times the speed, minus the remaining time of the tasks in service
/// (Brumelle, J. Appl. Prob. 8, 1971). It holds for exponential gaps; for others it is 0.
pub fn bounds(servers: u32, load: f64, service: f64, gaps: f64, services: f64) -> Option<[f64; 2]> {
    let n = f64::from(servers);
    if !(load > 0.0 && load < n && service > 0.0) {
        return None;
    }
    let (rate, busy) = (load / service, load / n);
    let variance = services * service * service;
    let second = variance + service * service;
    let spread = gaps / (rate * rate) + variance / n + (n - 1.0) / (n * n) * service * service;
    let high = rate * spread / (2.0 * (1.0 - busy));
    let low =
        rate * second / (2.0 * n * n * (1.0 - busy)) - (n - 1.0) / n * second / (2.0 * service);
    let low = if (gaps - 1.0).abs() < 1e-9 { low.max(0.0) } else { 0.0 };
    Some([low, high])
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
    fn known_waits_lie_within_the_bounds() {
        // M/M/n exactly; M/D/n and M/E4/n by simulating 400 000 customers. The load is 0.8
        // everywhere.
        for (servers, services, wait) in [
            (1, 1.0, 4.0),
            (1, 0.0, 2.0),
            (2, 0.0, 0.905),
            (4, 0.0, 0.385),
            (2, 0.25, 1.115),
            (4, 0.25, 0.476),
            (4, 1.0, 0.745_541),
        ] {
            let load = 0.8 * f64::from(servers);
            let [low, high] = bounds(servers, load, 1.0, 1.0, services).expect("it keeps up");
            let holds = low <= wait + 1e-9 && wait <= high + 1e-9;
            assert!(holds, "{servers} {services}: {low} {wait} {high}");
        }
        let [low, _] = bounds(1, 0.8, 1.0, 1.0, 0.0).unwrap();
        assert!((low - 2.0).abs() < 1e-9, "one server has no choice: {low}");
        assert_eq!(bounds(2, 2.0, 1.0, 1.0, 1.0), None);
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
