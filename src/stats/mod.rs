#![doc = include_str!("README.md")]

pub mod compare;
pub mod dunnett;
pub mod exceed;
pub mod joint;
pub mod knee;
pub mod least_squares;
pub mod median;
pub mod moderate;
pub mod nested;
pub mod normal;
pub mod polish;
pub mod queueing;
pub mod regret;
pub mod special;
pub mod student;
pub mod trend;
