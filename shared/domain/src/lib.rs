//! Types and rules; no I/O.
