//! Many tasks without a handle each: outcomes are collected in the order of their ends, and taken in batches.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::handle::Report;
use super::link::{Attachment, Link};
use super::raw::RawReport;
use super::shared::Shared;
use super::sheet::Route;
use crate::codec;
use crate::error::Result;
use crate::registry::Id;

/// As many tasks are encoded before they are handed over at once.
const BATCH: usize = 256;

/// A place where the outcomes of some tasks gather.
#[derive(Debug)]
pub(crate) struct Stream {
    shared: Arc<Shared>,
    id: u32,
    /// Tasks whose outcome was not taken.
    outstanding: usize,
}

impl Stream {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        let id = shared.lock().open_stream();
        Self { shared: Arc::clone(shared), id, outstanding: 0 }
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

    /// Waits for at least one outcome and moves all that are there to `reports`, with the tags of their tasks.
    pub(crate) fn collect(&mut self, reports: &mut Vec<(u64, RawReport)>) {
        let id = self.id as usize;
        let before = reports.len();
        self.shared.wait(None, |state| {
            while let Some(tag) = state.streams[id].pop_front() {
                reports.extend(state.slots.take(tag).map(|report| (tag, report)));
            }
            (reports.len() > before).then_some(())
        });
        self.outstanding -= reports.len() - before;
    }

    /// Keeps the workers busy with what `next` gives, until it gives no more and all outcomes are there.
    pub(crate) fn run<T: Serialize, R: DeserializeOwned>(
        mut self,
        call: Option<Id>,
        mut next: impl FnMut() -> Option<T>,
        mut on: impl FnMut(Report<R>),
    ) -> Result<()> {
        let mut batch = Batch::default();
        let mut reports = Vec::new();
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
            self.collect(&mut reports);
            for (_, raw) in reports.drain(..) {
                on(Report::read(raw));
            }
        }
        Ok(())
    }

    /// How many more tasks to give now; some even while the workers are still starting.
    fn wanted(&self) -> usize {
        let state = self.shared.lock();
        state.appetite().max(self.shared.settings.workers.saturating_sub(self.outstanding))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.shared.lock().close_stream(self.id);
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

    /// Hands all over, under one lock; returns how many there were.
    fn send(&mut self, shared: &Arc<Shared>, route: Route) -> Result<usize> {
        let count = self.tasks.len();
        if count == 0 {
            return Ok(0);
        }
        let mut state = shared.lock();
        let mut start = 0;
        for (end, attachment) in self.tasks.drain(..) {
            state.submit(route, None, &self.bytes[start..end], attachment, shared)?;
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
