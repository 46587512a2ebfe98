//! Values as bytes, and the file descriptors that travel beside the bytes.
//!
//! A queue or pipe end inside a value is serialised as an index into a list of descriptors. The
//! list lives in a thread-local for the time of one [`encode_with_fds`] or [`decode_with_fds`]
//! only; elsewhere such an end refuses to be serialised.

use std::cell::{Cell, RefCell};
use std::os::fd::OwnedFd;

use postcard::ser_flavors::Flavor;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

/// The largest value that may cross, in bytes: a guard against a runaway, not a promise of speed.
pub(crate) const MAX_MESSAGE: usize = 1 << 30;

thread_local! {
    /// How many descriptors the value being serialised has handed over so far; `None` where it may
    /// hand over none.
    static HANDING: Cell<Option<u32>> = const { Cell::new(None) };
    /// The handed-over descriptors. Those of a value serialised within another come last.
    static OUTGOING: RefCell<Vec<OwnedFd>> = const { RefCell::new(Vec::new()) };
    static INCOMING: RefCell<Vec<Option<OwnedFd>>> = const { RefCell::new(Vec::new()) };
}

/// A descriptor that goes into a message.
#[derive(Debug)]
pub(crate) struct Handing<'a>(pub(crate) &'a OwnedFd);

/// A descriptor that came in a message.
#[derive(Debug)]
pub(crate) struct Handed(pub(crate) OwnedFd);

impl Serialize for Handing<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let refusal = "the end of a queue or pipe can only be handed to a process as an argument";
        let index = HANDING.get().ok_or_else(|| serde::ser::Error::custom(refusal))?;
        let copy = self.0.try_clone().map_err(serde::ser::Error::custom)?;
        OUTGOING.with_borrow_mut(|list| list.push(copy));
        HANDING.set(Some(index + 1));
        index.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Handed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let index = u32::deserialize(deserializer)? as usize;
        let fd = INCOMING.with_borrow_mut(|list| list.get_mut(index).and_then(Option::take));
        fd.map(Self)
            .ok_or_else(|| serde::de::Error::custom("a descriptor is missing in the message"))
    }
}

/// While it lives, a value may hand over descriptors. Dropping it, also in a panic, ends that.
struct Outbox {
    outer: Option<u32>,
}

impl Outbox {
    #[inline]
    fn open() -> Self {
        Self { outer: HANDING.replace(Some(0)) }
    }
}

/// Takes the descriptors that the value has handed over.
#[cold]
fn handed_over() -> Vec<OwnedFd> {
    let count = HANDING.replace(Some(0)).unwrap_or_default() as usize;
    OUTGOING.with_borrow_mut(|list| list.split_off(list.len() - count))
}

impl Drop for Outbox {
    #[inline]
    fn drop(&mut self) {
        if HANDING.get() != Some(0) {
            drop(handed_over());
        }
        HANDING.set(self.outer);
    }
}

/// Where the bytes of a value go.
pub(crate) trait Sink {
    fn append(&mut self, data: &[u8]);
    fn size(&self) -> usize;
}

impl Sink for Vec<u8> {
    #[inline]
    fn append(&mut self, data: &[u8]) {
        self.extend_from_slice(data);
    }

    #[inline]
    fn size(&self) -> usize {
        self.len()
    }
}

/// How many bytes of a message are kept on the stack.
const FEW: usize = 64;

/// A message that is being written. While it is small it is kept on the stack, so that the hot path
/// allocates nothing.
#[derive(Debug)]
pub(crate) struct Message {
    few: [u8; FEW],
    /// How many bytes of `few` are used. Larger than `few` once all bytes are in `many`.
    used: usize,
    many: Vec<u8>,
}

impl Message {
    #[inline]
    pub(crate) fn new() -> Self {
        Self { few: [0; FEW], used: 0, many: Vec::new() }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.few.get(..self.used).unwrap_or(&self.many)
    }

    #[cold]
    fn append_to_many(&mut self, data: &[u8]) {
        if self.used <= FEW {
            self.many.extend_from_slice(&self.few[..self.used]);
            self.used = FEW + 1;
        }
        self.many.extend_from_slice(data);
    }
}

impl Sink for Message {
    #[inline]
    fn append(&mut self, data: &[u8]) {
        let free = self.few.get_mut(self.used..).and_then(|free| free.get_mut(..data.len()));
        let Some(place) = free else { return self.append_to_many(data) };
        place.copy_from_slice(data);
        self.used += data.len();
    }

    #[inline]
    fn size(&self) -> usize {
        self.bytes().len()
    }
}

/// Appends serialised bytes to a sink of the caller.
struct Append<'a, S>(&'a mut S);

impl<S: Sink> Flavor for Append<'_, S> {
    type Output = ();

    #[inline]
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.append(data);
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.0.append(&[data]);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Appends `value` to `bytes`; ends of queues and pipes in it are refused.
#[inline]
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T, bytes: &mut impl Sink) -> Result<()> {
    postcard::serialize_with_flavor(value, Append(bytes))
        .map_err(|error| Error::Encode(error.to_string()))?;
    if bytes.size() > MAX_MESSAGE {
        return Err(Error::TooLarge { size: bytes.size(), limit: MAX_MESSAGE });
    }
    Ok(())
}

/// Appends `value` to `bytes`; returns the descriptors that must travel with them.
#[inline]
pub(crate) fn encode_with_fds<T: Serialize + ?Sized>(
    value: &T,
    bytes: &mut impl Sink,
) -> Result<Vec<OwnedFd>> {
    let _outbox = Outbox::open();
    encode(value, bytes)?;
    // Most values hand over none. Then neither list is touched.
    Ok(if HANDING.get() == Some(0) { Vec::new() } else { handed_over() })
}

/// The bytes of `value`, and the descriptors that must travel with them.
pub(crate) fn encoded<T: Serialize + ?Sized>(value: &T) -> Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut bytes = Vec::new();
    let fds = encode_with_fds(value, &mut bytes)?;
    Ok((bytes, fds))
}

/// Decodes a value from all of `bytes`.
#[inline]
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(Error::Decode(format!("{} bytes are left over", rest.len()))),
        Err(error) => Err(Error::Decode(error.to_string())),
    }
}

/// Decodes a value from `bytes` and takes its descriptors out of `fds`.
#[inline]
pub(crate) fn decode_with_fds<T: DeserializeOwned>(
    bytes: &[u8],
    fds: &mut Vec<OwnedFd>,
) -> Result<T> {
    // Most values come without descriptors. Then passing a vector by value would cost more than
    // decoding.
    if fds.is_empty() { decode(bytes) } else { decode_handed(bytes, fds) }
}

fn decode_handed<T: DeserializeOwned>(bytes: &[u8], fds: &mut Vec<OwnedFd>) -> Result<T> {
    let outer = INCOMING.replace(fds.drain(..).map(Some).collect());
    let value = decode(bytes);
    INCOMING.set(outer);
    value
}

/// Bytes that cross processes as one copy. A plain `Vec<u8>` crosses element by element, as serde
/// defines it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: serde::de::Error>(
                self,
                bytes: &[u8],
            ) -> std::result::Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
            fn visit_byte_buf<E: serde::de::Error>(
                self,
                bytes: Vec<u8>,
            ) -> std::result::Result<Bytes, E> {
                Ok(Bytes(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_whole_and_nothing_may_be_left_over() {
        let mut bytes = Vec::new();
        encode(&("ada", 36_u64, Bytes(vec![1, 2, 3])), &mut bytes).unwrap();
        let back: (String, u64, Bytes) = decode(&bytes).unwrap();
        assert_eq!(back, ("ada".into(), 36, Bytes(vec![1, 2, 3])));
        bytes.push(0);
        assert!(matches!(decode::<(String, u64, Bytes)>(&bytes), Err(Error::Decode(_))));
    }

    #[test]
    fn a_message_is_the_same_on_the_stack_and_beyond() {
        for step in [1, 7, FEW - 1, FEW, FEW + 1, 1000] {
            let (mut message, mut model) = (Message::new(), Vec::new());
            for round in 0..40 {
                let data = vec![round; step];
                message.append(&data);
                model.extend_from_slice(&data);
                assert_eq!((message.bytes(), message.size()), (&*model, model.len()));
            }
        }
    }

    /// Hands over a descriptor and then panics.
    struct Fails<'a>(Handing<'a>);

    impl Serialize for Fails<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
            let _ = self.0.serialize(serializer);
            panic!("half-way");
        }
    }

    #[test]
    fn a_value_that_panics_leaves_no_descriptor_behind() {
        let file = tempfile::tempfile().unwrap().into();
        let fails = Fails(Handing(&file));
        let encoded = std::panic::catch_unwind(|| encode_with_fds(&fails, &mut Vec::new()));
        assert!(encoded.is_err());
        assert!(OUTGOING.with_borrow(Vec::is_empty));
        assert!(encode(&Handing(&file), &mut Vec::new()).is_err());
    }

    #[test]
    fn a_descriptor_travels_beside_the_bytes_and_nowhere_else() {
        let file = tempfile::tempfile().unwrap();
        let file = file.into();
        let handed = Handing(&file);
        let mut bytes = Vec::new();
        assert!(encode(&handed, &mut bytes).is_err());
        bytes.clear();
        let mut fds = encode_with_fds(&handed, &mut bytes).unwrap();
        assert_eq!(fds.len(), 1);
        assert!(encode(&handed, &mut Vec::new()).is_err());
        assert!(decode_with_fds::<Handed>(&bytes, &mut fds).is_ok());
        assert!(fds.is_empty() && decode_with_fds::<Handed>(&bytes, &mut fds).is_err());
    }
}
