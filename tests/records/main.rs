//! Tests of records from outside: they are read back complete, refused when damaged or hostile,
//! compared, checked, and described by their schemas.

mod commands;
mod hostile;
mod planted;
mod reading;
mod shuffled;
