//! Takes an H.264 byte stream apart into groups of pictures that can be decoded on their own.
//!
//! Source: ITU-T H.264, Annex B (start codes), 7.3.1 (NAL units), 7.4.1.2 (order of NAL units).

use std::ops::Range;

/// A group that a fresh decoder can decode: parameter sets, an IDR picture, and all pictures up to
/// the next IDR picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// The parameter sets that came before it, each once, as ranges of the stream.
    pub(super) headers: Vec<Range<usize>>,
    /// The slices, each with the units that come before it.
    pub(super) slices: Vec<Range<usize>>,
    /// How many pictures the slices make.
    pub(super) pictures: usize,
}

/// The types of NAL units that this module tells apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nal {
    Slice,
    IdrSlice,
    ParameterSet,
    Other,
}

/// The groups of `stream`; none where it is not H.264 in Annex B format or never has an IDR
/// picture.
pub(super) fn groups(stream: &[u8]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut headers: Vec<Range<usize>> = Vec::new();
    // Where the next slice begins, with the units before it.
    let mut pending = None;
    let starts = start_codes(stream);
    for (index, &start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(stream.len());
        let unit = start..end;
        let kind = kind(&stream[unit.clone()]);
        let begin = *pending.get_or_insert(start);
        if kind == Nal::ParameterSet
            && !headers.iter().any(|h| stream[h.clone()] == stream[unit.clone()])
        {
            headers.push(unit.clone());
        }
        if matches!(kind, Nal::Slice | Nal::IdrSlice) {
            let opens = opens_picture(&stream[unit]);
            if kind == Nal::IdrSlice && opens {
                groups.push(Group { headers: headers.clone(), slices: Vec::new(), pictures: 0 });
            }
            // Slices before the first IDR picture refer to pictures that are missing.
            if let Some(group) = groups.last_mut() {
                group.slices.push(begin..end);
                group.pictures += usize::from(opens);
            }
            pending = None;
        }
    }
    groups
}

/// Where the start codes are, the leading zero of a long one included.
fn start_codes(stream: &[u8]) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut at = 0;
    while let Some(found) = stream[at..].windows(3).position(|three| three == [0, 0, 1]) {
        let code = at + found;
        starts.push(if code > 0 && stream[code - 1] == 0 { code - 1 } else { code });
        at = code + 3;
    }
    starts
}

fn kind(unit: &[u8]) -> Nal {
    match header(unit).map(|at| unit[at] & 31) {
        Some(1) => Nal::Slice,
        Some(5) => Nal::IdrSlice,
        Some(7 | 8) => Nal::ParameterSet,
        _ => Nal::Other,
    }
}

/// Whether a slice is the first of its picture: its first macroblock is number 0, written as a
/// single 1 bit.
fn opens_picture(unit: &[u8]) -> bool {
    header(unit).and_then(|at| unit.get(at + 1)).is_some_and(|byte| byte & 0x80 != 0)
}

/// Where the byte after the start code is.
fn header(unit: &[u8]) -> Option<usize> {
    let at = unit.windows(3).position(|three| three == [0, 0, 1])? + 3;
    (at < unit.len()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPS: &[u8] = &[0, 0, 0, 1, 0x67, 9];
    const PPS: &[u8] = &[0, 0, 1, 0x68, 9];
    const IDR: &[u8] = &[0, 0, 1, 0x65, 0x88, 1];
    const FIRST: &[u8] = &[0, 0, 1, 0x41, 0x9A, 2];
    const MORE: &[u8] = &[0, 0, 1, 0x41, 0x1A, 3];
    const SEI: &[u8] = &[0, 0, 1, 0x06, 5];

    #[test]
    fn groups_begin_at_idr_pictures_and_know_their_pictures() {
        let stream = [FIRST, SPS, PPS, SEI, IDR, MORE, FIRST, SPS, IDR, FIRST, SEI].concat();
        let groups = groups(&stream);
        assert_eq!(groups.len(), 2);
        assert_eq!((groups[0].slices.len(), groups[0].pictures), (3, 2));
        assert_eq!((groups[1].slices.len(), groups[1].pictures), (2, 2));
        let header = |range: &Range<usize>| stream[range.clone()].to_vec();
        assert_eq!(groups[1].headers.iter().map(header).collect::<Vec<_>>(), [SPS, PPS]);
        let first = &stream[groups[0].slices[0].clone()];
        assert_eq!(first, [SPS, PPS, SEI, IDR].concat());
    }

    #[test]
    fn what_is_no_stream_has_no_groups() {
        for bytes in [&b""[..], b"\0\0", b"\0\0\x01", b"plain text", &[0; 1000], FIRST] {
            assert!(groups(bytes).is_empty(), "{bytes:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(0_u8..7, 0..300)) {
            for group in groups(&bytes) {
                proptest::prop_assert!(group.pictures <= group.slices.len());
            }
        }
    }
}
