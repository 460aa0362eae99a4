//! The local stack, from outside: the `tidings` program, HTTP, and a receiver.

mod bad_input;
mod crash;
mod delivery;
mod flow;
mod search;
