//! Tasks that wait for a worker: one queue of bytes, so that a waiting task costs no allocation of its own.

use std::collections::VecDeque;

/// Bytes of one block; longer tasks get a block of their own.
const BLOCK: usize = 64 << 10;
/// Tag and length ahead of each task.
const HEADER: usize = 16;

/// A first-in, first-out queue of small byte strings, each with the tag of its task.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    blocks: VecDeque<Vec<u8>>,
    read: usize,
    tasks: usize,
    spare: Vec<u8>,
    /// Tasks that came back from a worker and go first.
    returned: VecDeque<(u64, Vec<u8>)>,
}

impl Backlog {
    pub(crate) fn is_empty(&self) -> bool {
        self.tasks == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.tasks
    }

    /// Appends a task.
    pub(crate) fn push(&mut self, tag: u64, bytes: &[u8]) {
        let need = HEADER + bytes.len();
        if self.blocks.back().is_none_or(|block| block.len() + need > BLOCK) {
            let mut block = std::mem::take(&mut self.spare);
            block.reserve(need.max(BLOCK));
            self.blocks.push_back(block);
        }
        if let Some(block) = self.blocks.back_mut() {
            block.extend_from_slice(&tag.to_le_bytes());
            block.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            block.extend_from_slice(bytes);
            self.tasks += 1;
        }
    }

    /// Puts a task ahead of all others.
    pub(crate) fn push_front(&mut self, tag: u64, bytes: Vec<u8>) {
        self.returned.push_front((tag, bytes));
        self.tasks += 1;
    }

    /// The next task, to be taken with [`pop`](Self::pop).
    pub(crate) fn front(&self) -> Option<(u64, &[u8])> {
        if let Some((tag, bytes)) = self.returned.front() {
            return Some((*tag, bytes));
        }
        let (tag, rest) = self.blocks.front()?.get(self.read..)?.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<8>()?;
        Some((u64::from_le_bytes(*tag), rest.get(..u64::from_le_bytes(*length) as usize)?))
    }

    /// Removes the next task.
    pub(crate) fn pop(&mut self) {
        let Some(length) = self.front().map(|(_, bytes)| bytes.len()) else { return };
        self.tasks -= 1;
        if self.returned.pop_front().is_some() {
            return;
        }
        self.read += HEADER + length;
        if self.blocks.front().is_some_and(|block| self.read == block.len()) {
            self.read = 0;
            if let Some(mut block) = self.blocks.pop_front()
                && block.capacity() <= 2 * BLOCK
            {
                block.clear();
                self.spare = block;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_come_out_in_order_and_returned_ones_first() {
        let mut backlog = Backlog::default();
        for slot in 0..10_000_u64 {
            backlog.push(slot, &vec![slot as u8; slot as usize % 40]);
        }
        backlog.push(10_000, &vec![7; 3 * BLOCK]);
        for slot in 0..5 {
            assert_eq!(backlog.front().unwrap().0, slot);
            backlog.pop();
        }
        backlog.push_front(4, vec![4; 4]);
        for slot in 4..=10_000_u64 {
            let (found, bytes) = backlog.front().unwrap();
            let length = if slot == 10_000 { 3 * BLOCK } else { slot as usize % 40 };
            assert_eq!((found, bytes.len()), (slot, length));
            assert!(bytes.iter().all(|byte| *byte == if slot == 10_000 { 7 } else { slot as u8 }));
            backlog.pop();
        }
        assert!(backlog.is_empty() && backlog.front().is_none());
    }
}
