//! Records from outside: read back whole, refused when damaged or hostile, compared, checked,
//! described by their schemas.

mod commands;
mod hostile;
mod planted;
mod reading;
mod shuffled;
