//! What a pool of registered functions offers: one call, many calls, calls as an iterator.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Pool;
use super::builder::Builder;
use super::handle::Handle;
use super::stream::Stream;
use super::worker::Functions;
use crate::error::Result;
use crate::outcome::{Failure, Outcome};
use crate::registry::{Function, id_of};

/// Iterators run ahead of their reader by at most this many tasks per worker, to bound memory.
const AHEAD: usize = 256;

impl Pool<Functions> {
    /// A pool of as many workers as there are usable cores.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn new() -> Result<Self> {
        Self::builder().build()
    }

    /// A pool of registered functions, to be set up further.
    pub fn builder() -> Builder<Functions> {
        Builder::of_functions()
    }

    /// Calls `function` with `args` in a worker and returns at once, with a handle to the outcome.
    ///
    /// # Errors
    /// [`NotRegistered`](crate::Error::NotRegistered), [`PoolClosed`](crate::Error::PoolClosed),
    /// [`PoolBroken`](crate::Error::PoolBroken), or [`Encode`](crate::Error::Encode) when the
    /// arguments cannot cross.
    #[inline]
    pub fn apply_async<F, Args>(&self, function: F, args: Args) -> Result<Handle<F::Output>>
    where
        F: Function<Args>,
        Args: Serialize,
    {
        let _ = function;
        self.send(Some(id_of::<F>()?), &args, None)
    }

    /// Calls `function` in the worker with this number; see [`apply_async`](Self::apply_async).
    ///
    /// # Errors
    /// As [`apply_async`](Self::apply_async), and [`Setting`](crate::Error::Setting) when there is
    /// no such worker.
    pub fn apply_to<F, Args>(
        &self,
        worker: usize,
        function: F,
        args: Args,
    ) -> Result<Handle<F::Output>>
    where
        F: Function<Args>,
        Args: Serialize,
    {
        let _ = function;
        self.send(Some(id_of::<F>()?), &args, Some(worker))
    }

    /// Calls `function` with each of `items` and returns all outcomes in their order.
    ///
    /// # Errors
    /// As [`apply_async`](Self::apply_async). A failure of a single task is in its outcome.
    pub fn map<F, T, R>(
        &self,
        function: F,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Vec<Outcome<R>>>
    where
        F: Function<(T,), Output = R>,
        T: Serialize,
        R: DeserializeOwned,
    {
        let _ = function;
        let id = id_of::<F>()?;
        let mut stream = Stream::new(&self.shared);
        let mut tags = HashMap::new();
        for (index, item) in items.into_iter().enumerate() {
            let submit = |bytes: &[u8], attachment| stream.submit(bytes, attachment);
            let tag = self.encoded(Some(id), &(item,), submit)?;
            tags.insert(tag, index);
        }
        let mut outcomes: Vec<Outcome<R>> = Vec::new();
        outcomes.resize_with(tags.len(), || Err(Failure::Cancelled));
        while stream.outstanding() > 0 {
            stream.collect();
            while let Some((tag, report)) = stream.next() {
                if let Some(index) = tags.get(&tag) {
                    outcomes[*index] = report.outcome;
                }
            }
        }
        Ok(outcomes)
    }

    /// Calls `function` with each of `items`; yields the outcomes in the order of the items. Only a
    /// bounded number of calls run ahead of the reader.
    ///
    /// # Errors
    /// [`NotRegistered`](crate::Error::NotRegistered).
    pub fn imap<F, I, R>(&self, function: F, items: I) -> Result<Ordered<'_, I::IntoIter, R>>
    where
        F: Function<(I::Item,), Output = R>,
        I: IntoIterator<Item: Serialize>,
        R: DeserializeOwned,
    {
        let early = HashMap::new();
        Ok(Ordered { inner: self.imap_unordered(function, items)?, early, next: 0 })
    }

    /// Calls `function` with each of `items`; yields each outcome as it comes, with the number of
    /// its item. Only a bounded number of calls run ahead of the reader.
    ///
    /// # Errors
    /// [`NotRegistered`](crate::Error::NotRegistered).
    pub fn imap_unordered<F, I, R>(
        &self,
        function: F,
        items: I,
    ) -> Result<Unordered<'_, I::IntoIter, R>>
    where
        F: Function<(I::Item,), Output = R>,
        I: IntoIterator<Item: Serialize>,
        R: DeserializeOwned,
    {
        let _ = function;
        Ok(Unordered {
            pool: self,
            id: id_of::<F>()?,
            items: items.into_iter(),
            stream: Stream::new(&self.shared),
            numbers: HashMap::new(),
            count: 0,
            refused: None,
            result: PhantomData,
        })
    }
}

/// The outcomes of [`Pool::imap_unordered`], as they come.
pub struct Unordered<'a, I, R> {
    pool: &'a Pool<Functions>,
    id: crate::registry::Id,
    items: I,
    stream: Stream,
    numbers: HashMap<u64, usize>,
    count: usize,
    /// The number of the item that the pool did not take, and the reason.
    refused: Option<(usize, Failure)>,
    result: PhantomData<fn() -> R>,
}

impl<I: Iterator<Item: Serialize>, R> Unordered<'_, I, R> {
    /// Gives tasks until enough are under way, or the items or the pool have ended.
    fn give(&mut self) {
        let most = AHEAD * self.pool.workers();
        // Tasks are given half of `most` at a time, so that workers are woken once for many.
        if self.stream.outstanding() > most / 2 {
            return;
        }
        while self.refused.is_none() && self.stream.outstanding() < most {
            let Some(item) = self.items.next() else { return };
            let number = self.count;
            self.count += 1;
            let submit = |bytes: &[u8], attachment| self.stream.submit(bytes, attachment);
            match self.pool.encoded(Some(self.id), &(item,), submit) {
                Ok(tag) => {
                    self.numbers.insert(tag, number);
                }
                Err(error) => {
                    self.refused = Some((number, Failure::NeverStarted(error.to_string())));
                }
            }
        }
    }
}

impl<I: Iterator<Item: Serialize>, R: DeserializeOwned> Iterator for Unordered<'_, I, R> {
    type Item = (usize, Outcome<R>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((tag, report)) = self.stream.next() {
                let number = self.numbers.remove(&tag).unwrap_or_default();
                return Some((number, report.outcome));
            }
            self.give();
            if self.stream.outstanding() == 0 {
                return self.refused.take().map(|(number, failure)| (number, Err(failure)));
            }
            self.stream.collect();
        }
    }
}

/// The outcomes of [`Pool::imap`], in the order of the items.
pub struct Ordered<'a, I, R> {
    inner: Unordered<'a, I, R>,
    early: HashMap<usize, Outcome<R>>,
    next: usize,
}

impl<I: Iterator<Item: Serialize>, R: DeserializeOwned> Iterator for Ordered<'_, I, R> {
    type Item = Outcome<R>;

    fn next(&mut self) -> Option<Outcome<R>> {
        loop {
            if let Some(outcome) = self.early.remove(&self.next) {
                self.next += 1;
                return Some(outcome);
            }
            let (number, outcome) = self.inner.next()?;
            self.early.insert(number, outcome);
        }
    }
}

impl<I, R> fmt::Debug for Unordered<'_, I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unordered").field("given", &self.count).finish_non_exhaustive()
    }
}

impl<I, R> fmt::Debug for Ordered<'_, I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ordered").field("next", &self.next).finish_non_exhaustive()
    }
}
