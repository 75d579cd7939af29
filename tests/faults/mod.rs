//! What must hold when everything happens at once, or stops in the middle.

mod attacks;
mod clocks;
mod hangup;
mod intruders;
mod log_order;
mod races;
