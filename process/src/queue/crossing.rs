//! How the ends of a queue cross to another process, and how they are shown.

use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::board::Board;
use super::{Consumer, Producer, Queue};
use crate::codec::{Handed, Handing};
use crate::error::Result;
use crate::sys::bell::Bell;

/// The descriptors of an end as they cross.
type Fds = (Handed, Handed, Handed, Handed);

fn hand_over<S: Serializer>(
    board: &Board,
    alive: &OwnedFd,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let (items, space) = (board.items.fd(), board.space.fd());
    (Handing(&board.memory), Handing(items), Handing(space), Handing(alive)).serialize(serializer)
}

fn receive<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<(Arc<Board>, Arc<OwnedFd>), D::Error> {
    let (memory, items, space, alive) = Fds::deserialize(deserializer)?;
    let board = Board::open(memory.0, Bell::from_fd(items.0), Bell::from_fd(space.0));
    Ok((Arc::new(board.map_err(serde::de::Error::custom)?), Arc::new(alive.0)))
}

impl<T> Serialize for Producer<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hand_over(&self.board, &self.alive, serializer)
    }
}

impl<'de, T> Deserialize<'de> for Producer<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        receive(deserializer).map(|(board, alive)| Self::new(board, alive))
    }
}

impl<T> Serialize for Consumer<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hand_over(&self.board, &self.alive, serializer)
    }
}

impl<'de, T> Deserialize<'de> for Consumer<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        receive(deserializer).map(|(board, alive)| Self::new(board, alive))
    }
}

impl<T> Serialize for Queue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.producer, &self.consumer).serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Queue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Deserialize::deserialize(deserializer)
            .map(|(producer, consumer)| Self { producer, consumer })
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").finish_non_exhaustive()
    }
}
