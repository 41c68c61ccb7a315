//! Tests that cross crates live in `system/`; this library is empty.
