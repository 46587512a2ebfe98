//! Tasks that wait for a worker: one queue of bytes, so that a waiting task costs no allocation of
//! its own.

use std::collections::VecDeque;

/// Bytes of one block; longer tasks get a block of their own.
const BLOCK: usize = 64 << 10;
/// Tag (8 bytes), length (4 bytes) and whether it has an attachment (4 bytes) ahead of each task.
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

/// A task that waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting<'a> {
    pub(crate) tag: u64,
    pub(crate) bytes: &'a [u8],
    /// Whether it may have an attachment, which its slot keeps.
    pub(crate) attached: bool,
}

impl Backlog {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.tasks == 0
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.tasks
    }

    /// Appends a task.
    #[inline]
    pub(crate) fn push(&mut self, task: Waiting<'_>) {
        let need = HEADER + task.bytes.len();
        if self.blocks.back().is_none_or(|block| block.len() + need > BLOCK) {
            self.add_block(need);
        }
        if let Some(block) = self.blocks.back_mut() {
            let detail = task.bytes.len() as u64 | u64::from(task.attached) << 32;
            let header = u128::from(task.tag) | u128::from(detail) << 64;
            block.extend_from_slice(&header.to_le_bytes());
            block.extend_from_slice(task.bytes);
            self.tasks += 1;
        }
    }

    #[cold]
    fn add_block(&mut self, need: usize) {
        let mut block = std::mem::take(&mut self.spare);
        block.reserve(need.max(BLOCK));
        self.blocks.push_back(block);
    }

    /// Puts a task ahead of all others.
    pub(crate) fn push_front(&mut self, tag: u64, bytes: Vec<u8>) {
        self.returned.push_front((tag, bytes));
        self.tasks += 1;
    }

    /// The next task, to be taken with [`pop`](Self::pop).
    #[inline]
    pub(crate) fn front(&self) -> Option<Waiting<'_>> {
        if let Some((tag, bytes)) = self.returned.front() {
            return Some(Waiting { tag: *tag, bytes, attached: true });
        }
        let (header, rest) =
            self.blocks.front()?.get(self.read..)?.split_first_chunk::<HEADER>()?;
        let (tag, detail) = header.split_first_chunk::<8>()?;
        let detail = u64::from_le_bytes(*detail.first_chunk()?);
        let bytes = rest.get(..detail as u32 as usize)?;
        Some(Waiting { tag: u64::from_le_bytes(*tag), bytes, attached: detail >> 32 != 0 })
    }

    /// Removes the next task.
    #[inline]
    pub(crate) fn pop(&mut self) {
        let Some(length) = self.front().map(|task| task.bytes.len()) else { return };
        self.tasks -= 1;
        if !self.returned.is_empty() {
            self.returned.pop_front();
            return;
        }
        self.read += HEADER + length;
        if self.blocks.front().is_some_and(|block| self.read == block.len()) {
            self.drop_block();
        }
    }

    #[cold]
    fn drop_block(&mut self) {
        self.read = 0;
        if let Some(mut block) = self.blocks.pop_front()
            && block.capacity() <= 2 * BLOCK
        {
            block.clear();
            self.spare = block;
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
            let bytes = &vec![slot as u8; slot as usize % 40];
            backlog.push(Waiting { tag: slot, bytes, attached: slot % 3 == 0 });
        }
        backlog.push(Waiting { tag: 10_000, bytes: &vec![7; 3 * BLOCK], attached: false });
        for slot in 0..5 {
            assert_eq!(backlog.front().unwrap().tag, slot);
            backlog.pop();
        }
        backlog.push_front(4, vec![4; 4]);
        for slot in 4..=10_000_u64 {
            let Waiting { tag: found, bytes, attached } = backlog.front().unwrap();
            assert!(slot == 4 || attached == (slot < 10_000 && slot % 3 == 0));
            let length = if slot == 10_000 { 3 * BLOCK } else { slot as usize % 40 };
            assert_eq!((found, bytes.len()), (slot, length));
            assert!(bytes.iter().all(|byte| *byte == if slot == 10_000 { 7 } else { slot as u8 }));
            backlog.pop();
        }
        assert!(backlog.is_empty() && backlog.front().is_none());
    }
}
