//! The colours and markers of series. Readers with any colour vision can tell them apart.

use super::scene::{Ink, Marker};
use crate::plan::Mode;

/// Red, green and blue.
pub(super) type Rgb = (u8, u8, u8);

/// Colours of the series on white: the palette of Okabe and Ito (2008, "Color Universal Design"),
/// without its yellow, which is hard to see on white.
const LIGHT: [Rgb; 8] = [
    (0x00, 0x72, 0xb2), // Blue.
    (0xd5, 0x5e, 0x00), // Vermilion.
    (0x00, 0x9e, 0x73), // Bluish green.
    (0xcc, 0x79, 0xa7), // Reddish purple.
    (0xe6, 0x9f, 0x00), // Orange.
    (0x56, 0xb4, 0xe9), // Sky blue.
    (0x7a, 0x6c, 0x00), // Its yellow, darkened.
    (0x55, 0x55, 0x55), // Its black, softened.
];

/// Palette index of the serial mode.
pub const SERIAL: usize = Mode::Serial.description().colour;

/// The palette index of a mode, the same in every plot of every run.
fn place_of_mode(name: &str) -> Option<usize> {
    Mode::named(name).map(|mode| mode.description().colour)
}

/// One palette index per name. Modes have their own; other names (machines, curves measured
/// elsewhere) get the remaining ones in order.
pub(super) fn places<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<usize> {
    let names: Vec<&str> = names.into_iter().collect();
    let mut taken: Vec<usize> = names.iter().filter_map(|name| place_of_mode(name)).collect();
    let mut places = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let known = place_of_mode(name).filter(|_| !names[..index].contains(name));
        let place = known.unwrap_or_else(|| {
            // There is one more index than names, so one is free.
            let free = (0..=names.len() + 8).find(|place| !taken.contains(place)).unwrap_or(0);
            taken.push(free);
            free
        });
        places.push(place);
    }
    places
}

/// The colour of a palette index.
pub(super) fn colour_index(place: usize) -> usize {
    place % LIGHT.len()
}

/// The marker of a palette index. Where colours repeat, markers differ.
pub(super) fn marker(place: usize) -> Marker {
    let count = Marker::ALL.len();
    Marker::ALL[(place + place / count) % count]
}

/// The colour of a role on white.
pub(super) fn on_white(ink: Ink) -> Rgb {
    match ink {
        Ink::Text => (0x1f, 0x23, 0x28),
        Ink::Muted => (0x5b, 0x63, 0x6d),
        Ink::Faint => (0xe1, 0xe4, 0xe8),
        Ink::Paper => (0xff, 0xff, 0xff),
        Ink::Series(place) => LIGHT[colour_index(place)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_keep_their_colour_and_others_never_share_one() {
        assert_eq!(places(["process-pool", "threads"]), [1, 0]);
        assert_eq!(places(["threads", "laptop", "tower", "threads"]), [0, 1, 2, 3]);
        let many: Vec<String> = (0..40).map(|index| format!("machine {index}")).collect();
        let places = places(many.iter().map(String::as_str));
        assert_eq!(places, (0..40).collect::<Vec<_>>());
        let looks: std::collections::BTreeSet<String> = places
            .iter()
            .map(|place| format!("{:?} {:?}", on_white(Ink::Series(*place)), marker(*place)))
            .collect();
        assert_eq!(looks.len(), 40);
    }
}
