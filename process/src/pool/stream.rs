//! Many tasks without a handle each. Outcomes are collected in the order in which the tasks end,
//! and are taken in batches.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::handle::Report;
use super::inbox::Inbox;
use super::link::{Attachment, Link};
use super::shared::Shared;
use super::slots::Route;
use crate::codec;
use crate::error::Result;
use crate::registry::Id;

/// So many tasks are encoded and then handed over together.
const BATCH: usize = 256;

/// A place where the outcomes of some tasks gather.
#[derive(Debug)]
pub(crate) struct Stream {
    shared: Arc<Shared>,
    id: u32,
    /// Tasks whose outcome was not yet collected.
    outstanding: usize,
    /// Outcomes that were collected and not yet read.
    inbox: Inbox,
}

impl Stream {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        let id = shared.lock().slots.open_stream();
        Self { shared: Arc::clone(shared), id, outstanding: 0, inbox: Inbox::default() }
    }

    /// Gives an encoded task to the pool; returns its tag.
    #[inline]
    pub(crate) fn submit(
        &mut self,
        bytes: &[u8],
        attachment: Option<Box<Attachment>>,
    ) -> Result<u64> {
        let tag = self.shared.submit_to_stream(self.id, bytes, attachment)?;
        self.outstanding += 1;
        Ok(tag)
    }

    pub(crate) fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// The next [collected](Self::collect) outcome, and the tag of its task; `None` when all were
    /// read.
    #[inline]
    pub(crate) fn next<R: DeserializeOwned>(&mut self) -> Option<(u64, Report<R>)> {
        self.inbox.next()
    }

    /// When all collected outcomes were read: waits for at least one more, and collects all that
    /// are there.
    pub(crate) fn collect(&mut self) {
        self.inbox.clear();
        let (id, inbox) = (self.id, &mut self.inbox);
        self.shared.wait(None, |state| {
            let gathered = state.slots.inbox(id);
            // The stream takes the full inbox, and the pool goes on with the memory of the empty
            // one.
            (!gathered.is_empty()).then(|| std::mem::swap(gathered, inbox))
        });
        self.outstanding -= self.inbox.len();
    }

    /// Keeps the workers busy with the tasks that `next` returns, until it returns `None` and all
    /// outcomes are there.
    pub(crate) fn run<T: Serialize, R: DeserializeOwned>(
        mut self,
        call: Option<Id>,
        mut next: impl FnMut() -> Option<T>,
        mut on: impl FnMut(Report<R>),
    ) -> Result<()> {
        let mut batch = Batch::default();
        let mut more = true;
        while more || self.outstanding > 0 {
            let mut wanted = if more { self.wanted() } else { 0 };
            while more && wanted > 0 {
                while more && wanted > 0 && batch.tasks() < BATCH {
                    more = match next() {
                        Some(task) => batch.add(call, &task, &self.shared).map(|()| true)?,
                        None => false,
                    };
                    wanted -= usize::from(more);
                }
                self.outstanding += batch.send(&self.shared, Route::Stream(self.id))?;
            }
            if self.outstanding == 0 {
                continue;
            }
            self.collect();
            self.inbox.read_all(&mut on);
        }
        Ok(())
    }

    /// How many more tasks to give now; some even while the workers are still starting.
    fn wanted(&self) -> usize {
        let state = self.shared.lock();
        state.appetite().max(state.active.saturating_sub(self.outstanding))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.shared.lock().slots.close_stream(self.id);
    }
}

/// Tasks that are encoded and not yet handed over.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    tasks: Vec<(usize, Option<Box<Attachment>>)>,
}

impl Batch {
    fn tasks(&self) -> usize {
        self.tasks.len()
    }

    fn add<T: Serialize>(&mut self, call: Option<Id>, task: &T, shared: &Shared) -> Result<()> {
        let start = self.bytes.len();
        if let Some(id) = call {
            self.bytes.extend_from_slice(&id.0.to_le_bytes());
        }
        let fds = codec::encode_with_fds(task, &mut self.bytes)?;
        let transport = shared.settings.transport;
        let mut attachment = None;
        if !fds.is_empty() || Link::must_attach(transport, self.bytes.len() - start) {
            attachment = Some(Box::new(Attachment::pack(transport, &self.bytes[start..], fds)?));
            self.bytes.truncate(start);
        }
        self.tasks.push((self.bytes.len(), attachment));
        Ok(())
    }

    /// Hands all tasks over under one lock; returns how many there were.
    fn send(&mut self, shared: &Arc<Shared>, route: Route) -> Result<usize> {
        let count = self.tasks.len();
        if count == 0 {
            return Ok(0);
        }
        let mut state = shared.lock();
        let mut start = 0;
        for (end, attachment) in self.tasks.drain(..) {
            state.submit(route, None, &self.bytes[start..end], attachment)?;
            start = end;
        }
        if state.needs_keeper() {
            shared.keeper.ring();
        }
        drop(state);
        self.bytes.clear();
        Ok(count)
    }
}
