//! The tasks that a worker was given and has not answered, oldest first, each by its number.
//!
//! The tasks of a seat are numbered as they are given; the numbers wrap at the end of `u32`. A
//! number leads straight to the place of its task, without a search.

/// A task that a worker was given.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Flight {
    pub(crate) tag: u64,
    /// Whether it was directed to this worker, by its number.
    pub(crate) directed: bool,
}

/// How many flights there is room for at first; a power of two.
const FIRST: usize = 16;

/// A queue of flights.
#[derive(Debug)]
pub(crate) struct Flights {
    /// Their count is a power of two, so that the last bits of a number are its place.
    places: Box<[Flight]>,
    /// The number of the oldest one.
    oldest: u32,
    /// The number of the next one.
    next: u32,
}

impl Flights {
    pub(crate) fn new() -> Self {
        Self { places: vec![Flight::default(); FIRST].into(), oldest: 0, next: 0 }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.next.wrapping_sub(self.oldest) as usize
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.next == self.oldest
    }

    /// The number that the next one will have.
    #[inline]
    pub(crate) fn next_number(&self) -> u32 {
        self.next
    }

    #[inline]
    fn place(&self, number: u32) -> usize {
        number as usize & (self.places.len() - 1)
    }

    #[inline]
    pub(crate) fn push(&mut self, flight: Flight) {
        if self.len() == self.places.len() {
            self.grow();
        }
        let place = self.place(self.next);
        self.places[place] = flight;
        self.next = self.next.wrapping_add(1);
    }

    #[cold]
    fn grow(&mut self) {
        let mut places = vec![Flight::default(); 2 * self.places.len()];
        let last = places.len() - 1;
        for (number, flight) in self.iter() {
            places[number as usize & last] = flight;
        }
        self.places = places.into();
    }

    /// Removes the oldest flight if it has this number, and returns its tag.
    #[inline]
    pub(crate) fn land(&mut self, number: u32) -> Option<u64> {
        if self.is_empty() || number != self.oldest {
            return None;
        }
        self.oldest = self.oldest.wrapping_add(1);
        Some(self.places[self.place(number)].tag)
    }

    /// The oldest one.
    pub(crate) fn front(&self) -> Option<Flight> {
        (!self.is_empty()).then(|| self.places[self.place(self.oldest)])
    }

    /// Removes the youngest flight. Its number will be used again.
    pub(crate) fn pop_back(&mut self) -> Option<Flight> {
        if self.is_empty() {
            return None;
        }
        self.next = self.next.wrapping_sub(1);
        Some(self.places[self.place(self.next)])
    }

    /// Forgets all flights. The numbering goes on.
    pub(crate) fn clear(&mut self) {
        self.oldest = self.next;
    }

    /// All, with their numbers, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, Flight)> + '_ {
        let numbers = (0..self.len()).map(|step| self.oldest.wrapping_add(step as u32));
        numbers.map(|number| (number, self.places[self.place(number)]))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a plain queue, from any number on, around the end of `u32`.
        #[test]
        fn flights_land_in_the_order_in_which_they_were_given(
            before_the_end in 0_u32..100,
            steps in prop::collection::vec(0..8, 0..400),
        ) {
            let start = 0_u32.wrapping_sub(before_the_end);
            let mut flights = Flights { oldest: start, next: start, ..Flights::new() };
            let mut model = VecDeque::new();
            for (tag, step) in steps.into_iter().enumerate() {
                let number = flights.next_number();
                match step {
                    0 if model.is_empty() => prop_assert_eq!(flights.land(number), None),
                    0 => {
                        let (oldest, flight): (u32, Flight) = model.pop_front().unwrap();
                        prop_assert_eq!(flights.land(oldest.wrapping_add(1)), None);
                        prop_assert_eq!(flights.land(oldest), Some(flight.tag));
                    }
                    1 => {
                        let youngest = model.pop_back().map(|(_, flight)| flight.tag);
                        prop_assert_eq!(flights.pop_back().map(|flight| flight.tag), youngest);
                    }
                    2 if tag % 16 == 0 => {
                        flights.clear();
                        model.clear();
                    }
                    _ => {
                        let flight = Flight { tag: tag as u64, directed: step == 3 };
                        flights.push(flight);
                        model.push_back((number, flight));
                    }
                }
                let plain = |(number, flight): (u32, Flight)| (number, flight.tag, flight.directed);
                prop_assert!(flights.iter().map(plain).eq(model.iter().copied().map(plain)));
                let front = model.front().map(|(_, flight)| flight.tag);
                prop_assert_eq!(flights.front().map(|flight| flight.tag), front);
                prop_assert_eq!(flights.len(), model.len());
            }
        }
    }
}
