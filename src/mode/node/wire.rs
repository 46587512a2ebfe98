//! Messages over a stream that nobody else can read or alter. Both ends have proven that they know
//! the secret. It uses the Noise protocol, pattern NNpsk0.
//!
//! A frame is a length of two bytes and one Noise message. One of our messages is cut into as many
//! frames as needed; the first byte of each says whether another follows. The node speaks first. If
//! it does not know the secret, its first frame cannot be read and gets no answer.

use std::sync::Arc;

use snow::{Builder, HandshakeState, StatelessTransportState};

use super::secret::Secret;

const PATTERN: &str = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s";
/// The largest Noise message, including its tag.
const LONGEST_FRAME: usize = 65_535;
const TAG: usize = 16;
/// Bytes of our message in a frame, without the byte that says whether another follows.
const PART: usize = LONGEST_FRAME - TAG - 1;
/// No message of ours is longer.
const LONGEST_MESSAGE: usize = 16 << 20;
/// Size of either handshake message: a fresh key and a tag.
pub(super) const GREETING: usize = 32 + TAG;
/// Size of the length before each frame.
pub(super) const HEAD: usize = 2;

/// What is wrong with a stream. Whoever finds it closes the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// A message was not sealed with the secret of this run, or it was altered on its way.
    #[error("it does not know the secret of this run, or somebody altered what it said")]
    Secret,
    /// The bytes are no frame, or no message of ours.
    #[error("it does not keep to the protocol")]
    Protocol,
}

/// One end of the stream before the secret is proven.
#[derive(Debug)]
pub(super) struct Handshake(Box<HandshakeState>);

/// Seals what is sent.
#[derive(Debug)]
pub(super) struct Seal {
    keys: Arc<StatelessTransportState>,
    nonce: u64,
    /// The part that is being sealed.
    part: Vec<u8>,
}

/// Opens what is received, and joins the parts of a message.
#[derive(Debug)]
pub(super) struct Inbox {
    keys: Arc<StatelessTransportState>,
    nonce: u64,
    /// Bytes of an incomplete frame.
    raw: Vec<u8>,
    /// The part that was opened last.
    part: Vec<u8>,
    /// Parts of an incomplete message.
    message: Vec<u8>,
}

impl Handshake {
    /// The node's end, which speaks first.
    pub(super) fn node(secret: &Secret) -> Result<Self, WireError> {
        Self::of(secret, true)
    }

    /// The coordinator's end, which answers.
    pub(super) fn coordinator(secret: &Secret) -> Result<Self, WireError> {
        Self::of(secret, false)
    }

    fn of(secret: &Secret, first: bool) -> Result<Self, WireError> {
        let wrong = |_| WireError::Protocol;
        let parameters = PATTERN.parse().map_err(wrong)?;
        let builder = Builder::new(parameters).psk(0, secret.bytes()).map_err(wrong)?;
        let state = if first { builder.build_initiator() } else { builder.build_responder() };
        Ok(Self(Box::new(state.map_err(wrong)?)))
    }

    /// The handshake message of this end, framed.
    pub(super) fn speak(&mut self) -> Result<Vec<u8>, WireError> {
        let mut message = [0; GREETING];
        let length = self.0.write_message(&[], &mut message).map_err(|_| WireError::Protocol)?;
        Ok(framed(&message[..length]))
    }

    /// Takes the handshake message of the other end, without its length.
    pub(super) fn hear(&mut self, message: &[u8]) -> Result<(), WireError> {
        let read = self.0.read_message(message, &mut [0; GREETING]);
        read.map(|_| ()).map_err(|_| WireError::Secret)
    }

    /// Ends the handshake, after both ends have spoken.
    pub(super) fn done(self) -> Result<(Seal, Inbox), WireError> {
        let keys = self.0.into_stateless_transport_mode().map_err(|_| WireError::Protocol)?;
        let keys = Arc::new(keys);
        let inbox = Inbox {
            keys: Arc::clone(&keys),
            nonce: 0,
            raw: Vec::new(),
            part: Vec::new(),
            message: Vec::new(),
        };
        Ok((Seal { keys, nonce: 0, part: Vec::new() }, inbox))
    }
}

/// Frames a Noise message.
fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEAD + message.len());
    frame.extend_from_slice(&(message.len() as u16).to_be_bytes());
    frame.extend_from_slice(message);
    frame
}

impl Seal {
    /// Adds the frames of a message to `out`.
    pub(super) fn seal(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<(), WireError> {
        let mut parts = message.chunks(PART).peekable();
        let empty: &[u8] = &[];
        let mut next = parts.next().or(Some(empty));
        while let Some(part) = next {
            next = parts.next();
            self.part.clear();
            self.part.push(u8::from(next.is_some()));
            self.part.extend_from_slice(part);
            let length = self.part.len() + TAG;
            out.reserve(HEAD + length);
            out.extend_from_slice(&(length as u16).to_be_bytes());
            let at = out.len();
            out.resize(at + length, 0);
            let sealed = self.keys.write_message(self.nonce, &self.part, &mut out[at..]);
            sealed.map_err(|_| WireError::Protocol)?;
            self.nonce += 1;
        }
        forget_if_long(&mut self.part);
        Ok(())
    }
}

/// Releases the memory that a long message needed.
fn forget_if_long(buffer: &mut Vec<u8>) {
    const LONG: usize = 4096;
    if buffer.capacity() > LONG {
        *buffer = Vec::new();
    }
}

impl Inbox {
    /// Takes received bytes.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
    }

    /// The next whole message; `None` if more bytes must arrive first.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, WireError> {
        let mut at = 0;
        let mut whole = None;
        while whole.is_none() {
            let Some(head) = self.raw.get(at..at + HEAD) else { break };
            let length = usize::from(u16::from_be_bytes([head[0], head[1]]));
            if length <= TAG {
                return Err(WireError::Protocol);
            }
            let Some(sealed) = self.raw.get(at + HEAD..at + HEAD + length) else { break };
            self.part.resize(length, 0);
            let read = self.keys.read_message(self.nonce, sealed, &mut self.part);
            let read = read.map_err(|_| WireError::Secret)?;
            self.nonce += 1;
            at += HEAD + length;
            let (more, part) = self.part[..read].split_first().ok_or(WireError::Protocol)?;
            if self.message.len() + part.len() > LONGEST_MESSAGE || *more > 1 {
                return Err(WireError::Protocol);
            }
            self.message.extend_from_slice(part);
            whole = (*more == 0).then(|| std::mem::take(&mut self.message));
        }
        self.raw.drain(..at);
        forget_if_long(&mut self.part);
        if self.raw.is_empty() {
            forget_if_long(&mut self.raw);
        }
        Ok(whole)
    }

    /// How many received bytes do not yet make a message.
    pub(super) fn waiting(&self) -> usize {
        self.raw.len() + self.message.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Ends = ((Seal, Inbox), (Seal, Inbox));

    fn ends(node: &Secret, coordinator: &Secret) -> Result<Ends, WireError> {
        let mut first = Handshake::node(node)?;
        let mut second = Handshake::coordinator(coordinator)?;
        second.hear(&first.speak()?[HEAD..])?;
        first.hear(&second.speak()?[HEAD..])?;
        Ok((first.done()?, second.done()?))
    }

    fn known() -> Ends {
        let secret = Secret::new().expect("there is chance");
        ends(&secret, &secret).expect("both know it")
    }

    #[test]
    fn messages_of_any_length_arrive_whole_and_in_pieces() {
        let ((mut seal, _), (_, mut inbox)) = known();
        for length in [0, 1, PART - 1, PART, PART + 1, 3 * PART] {
            let message: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let mut sent = Vec::new();
            seal.seal(&message, &mut sent).expect("it is sealed");
            let (last, before) = sent.split_last().expect("there is something");
            for piece in before.chunks(10_007) {
                inbox.put(piece);
                assert_eq!(inbox.next(), Ok(None));
            }
            inbox.put(&[*last]);
            assert_eq!(inbox.next(), Ok(Some(message)));
            assert_eq!(inbox.waiting(), 0);
        }
    }

    #[test]
    fn another_secret_is_found_out_by_the_first_message() {
        let secrets = [Secret::new().expect("chance"), Secret::new().expect("chance")];
        assert_eq!(ends(&secrets[0], &secrets[1]).err(), Some(WireError::Secret));
    }

    #[test]
    fn what_was_altered_or_repeated_is_refused() {
        let ((mut seal, _), (_, mut inbox)) = known();
        let mut sent = Vec::new();
        seal.seal(b"stop", &mut sent).expect("it is sealed");
        inbox.put(&sent);
        assert_eq!(inbox.next(), Ok(Some(b"stop".to_vec())));
        inbox.put(&sent);
        assert_eq!(inbox.next(), Err(WireError::Secret), "said twice");
        let ((mut seal, _), (_, mut inbox)) = known();
        let mut sent = Vec::new();
        seal.seal(b"stop", &mut sent).expect("it is sealed");
        sent[5] ^= 1;
        inbox.put(&sent);
        assert_eq!(inbox.next(), Err(WireError::Secret), "altered");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic_or_grow_without_end(bytes: Vec<u8>) {
            let secret = Secret::new().expect("there is chance");
            let mut hearing = Handshake::coordinator(&secret).expect("it is made");
            proptest::prop_assert!(hearing.hear(&bytes).is_err());
            let (_, (_, mut inbox)) = known();
            inbox.put(&bytes);
            proptest::prop_assert!(!matches!(inbox.next(), Ok(Some(_))));
            proptest::prop_assert!(inbox.waiting() <= bytes.len());
        }
    }
}
