//! The code to be measured: primes by the sieve of Eratosthenes.

/// How many primes there are below `bound`.
pub fn primes_below(bound: usize) -> usize {
    count(&mut vec![true; bound])
}

/// Like [`primes_below`], with memory that is used again: one entry per number.
pub fn count(prime: &mut [bool]) -> usize {
    prime.fill(true);
    prime.iter_mut().take(2).for_each(|entry| *entry = false);
    for number in 2..prime.len() {
        if prime[number] {
            prime.iter_mut().skip(number * number).step_by(number).for_each(|entry| *entry = false);
        }
    }
    prime.iter().filter(|entry| **entry).count()
}

#[cfg(test)]
mod tests {
    use super::primes_below;

    #[test]
    fn the_first_primes_are_counted() {
        assert_eq!([0, 2, 3, 10, 100, 1000].map(primes_below), [0, 0, 1, 4, 25, 168]);
    }
}
