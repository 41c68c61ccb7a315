//! What has arrived already, read a page at a time along with the walk through the folder: both are in S3's order.

use std::collections::VecDeque;

use crate::api::Api;
use crate::failure::Failure;
use crate::wire::{Arrived, ArrivedPage};

/// How many files a page has.
const PAGE: &str = "1000";

/// The files of an ingest on the other side.
pub struct ArrivedFiles<'a> {
    api: &'a Api,
    path: String,
    page: VecDeque<Arrived>,
    next: Option<String>,
    started: bool,
    /// How many were there and not here, and the first of them.
    pub strangers: (u64, Vec<String>),
}

impl<'a> ArrivedFiles<'a> {
    /// The files of the ingest at `ingest_path`.
    pub fn new(api: &'a Api, ingest_path: &str) -> Self {
        Self {
            api,
            path: format!("{ingest_path}/files"),
            page: VecDeque::new(),
            next: None,
            started: false,
            strangers: (0, Vec::new()),
        }
    }

    /// The file of this name, if it is there. Names must be asked for in their order.
    ///
    /// # Errors
    /// An API that does not answer.
    pub fn take(&mut self, name: &str) -> Result<Option<Arrived>, Failure> {
        while let Some(first) = self.peek()? {
            if first.name.as_str() > name {
                return Ok(None);
            }
            let Some(found) = self.page.pop_front() else { break };
            if found.name == name {
                return Ok(Some(found));
            }
            self.stranger(found.name);
        }
        Ok(None)
    }

    /// Goes to the end, so that `strangers` is complete.
    ///
    /// # Errors
    /// An API that does not answer.
    pub fn finish(&mut self) -> Result<(), Failure> {
        while self.peek()?.is_some() {
            if let Some(found) = self.page.pop_front() {
                self.stranger(found.name);
            }
        }
        Ok(())
    }

    fn stranger(&mut self, name: String) {
        // The mark of the vendor's folder contract is nobody's file.
        if name == ".lock" {
            return;
        }
        self.strangers.0 += 1;
        if self.strangers.1.len() < 3 {
            self.strangers.1.push(name);
        }
    }

    fn peek(&mut self) -> Result<Option<&Arrived>, Failure> {
        while self.page.is_empty() && (!self.started || self.next.is_some()) {
            let cursor = self.next.take();
            let mut query = vec![("limit", PAGE)];
            query.extend(cursor.as_deref().map(|cursor| ("next", cursor)));
            let page: ArrivedPage = self.api.get(&self.path, &query)?;
            self.started = true;
            // A cursor that does not move would never end.
            self.next = page.next.filter(|next| Some(next) != cursor.as_ref());
            self.page = page.file.into();
        }
        Ok(self.page.front())
    }
}
