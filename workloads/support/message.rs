//! Messages between the processes of a workload. Each holds its own number and a proof that it is
//! complete.

use crate::{Error, Result, mix};

/// The size in bytes of the smallest message: pass, batch, number and proof.
pub(crate) const SMALLEST: u64 = 32;

/// A batch of messages. The content of each follows from the seed, the batch and the message's
/// number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch {
    pub(crate) seed: u64,
    pub(crate) number: u64,
    /// How many batches went before it. It tells apart two passes of the same batch.
    pub(crate) pass: u64,
}

impl Batch {
    fn proof(self, message: u64) -> u64 {
        mix(mix(self.seed, self.number), message)
    }

    /// Makes `bytes` the message of this number. Only its first and last bytes are written.
    pub(crate) fn write(self, message: u64, bytes: &mut [u8]) {
        let end = bytes.len() - 8;
        bytes[..8].copy_from_slice(&self.pass.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..24].copy_from_slice(&message.to_le_bytes());
        bytes[end..].copy_from_slice(&self.proof(message).to_le_bytes());
    }

    /// The batch that a message says it belongs to.
    pub(crate) fn of(seed: u64, bytes: &[u8]) -> Result<Self> {
        let (Some(pass), Some(number)) = (word(bytes, 0), word(bytes, 8)) else {
            return Err(Error::wrong("a message came back too short"));
        };
        Ok(Self { seed, number, pass })
    }

    /// The number of a message of this batch, and its proof.
    pub(crate) fn read(self, bytes: &[u8], length: usize) -> Result<(u64, u64)> {
        let own = Self::of(self.seed, bytes)?;
        let proof = bytes.len().checked_sub(8).and_then(|at| word(bytes, at));
        let (Some(message), Some(proof)) = (word(bytes, 16), proof) else {
            return Err(Error::wrong("a message came back too short"));
        };
        let same = (own.number, own.pass) == (self.number, self.pass);
        if bytes.len() != length || !same || proof != self.proof(message) {
            let batch = self.number;
            return Err(Error::wrong(format!(
                "message {message} of batch {batch} came back changed"
            )));
        }
        Ok((message, proof))
    }

    /// The sum of the proofs of all messages of the batch.
    pub(crate) fn sum(self, messages: u64) -> u64 {
        (0..messages).fold(0, |sum, message| sum.wrapping_add(self.proof(message)))
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8).and_then(|word| word.try_into().ok()).map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_message_is_found_out() {
        let batch = Batch { seed: 1, number: 2, pass: 0 };
        let mut bytes = vec![0; 40];
        batch.write(3, &mut bytes);
        assert_eq!(batch.read(&bytes, 40).unwrap().0, 3);
        assert_eq!(batch.read(&bytes, 40).unwrap().1, batch.sum(4).wrapping_sub(batch.sum(3)));
        for (at, length) in [(0, 40), (8, 40), (39, 40), (20, 41)] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(batch.read(&changed, length).is_err(), "{at}");
        }
        assert!(batch.read(&bytes[..20], 20).is_err() && batch.read(&[], 0).is_err());
    }
}
