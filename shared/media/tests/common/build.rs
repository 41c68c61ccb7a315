//! Files made for tests.
