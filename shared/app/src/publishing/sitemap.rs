//! The pages that everybody may see, in parts for search engines (META-4).
//!
//! A page has a place: a digest of its title's id. A part is an equal share of all places, so parts are equally long at
//! any number of titles, none is ever moved from one to another, and nothing counts them: how many parts there are
//! follows from how close pages lie together.

use vitrine_store::keys::PAGE_SHARDS;
pub use vitrine_store::published::ListedPage;

use crate::{App, AppError};

/// How many pages a part holds on average, at most.
const PAGES_A_PART: u64 = 10_000;
/// How many it can hold (sitemaps.org).
const MAX_PAGES: u32 = 50_000;
/// So many pages of a shard tell how close they lie.
const SAMPLE: u32 = 250;
/// The most that places are halved: a sitemap index names 50,000 parts at most.
const MAX_DEPTH: u8 = 15;

/// One of the `2^depth` parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SitemapPart {
    depth: u8,
    number: u32,
}

impl std::fmt::Display for SitemapPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.depth, self.number)
    }
}

impl std::str::FromStr for SitemapPart {
    type Err = AppError;
    fn from_str(text: &str) -> Result<Self, AppError> {
        let wrong = || AppError::not_found("part of the sitemap", text.chars().take(32).collect::<String>());
        let (depth, number) = text.split_once('-').ok_or_else(wrong)?;
        let part =
            Self { depth: depth.parse().map_err(|_| wrong())?, number: number.parse().map_err(|_| wrong())? };
        let there_is = part.depth <= MAX_DEPTH && part.number < 1 << part.depth;
        // One spelling only.
        if there_is && part.to_string() == text { Ok(part) } else { Err(wrong()) }
    }
}

impl SitemapPart {
    /// All parts of a depth.
    fn all(depth: u8) -> Vec<Self> {
        (0..1 << depth).map(|number| Self { depth, number }).collect()
    }

    /// Its first place and its last one.
    fn places(self) -> (u64, u64) {
        let width = u64::MAX.checked_shr(u32::from(self.depth)).unwrap_or_default();
        let first = u64::from(self.number).checked_shl(64 - u32::from(self.depth)).unwrap_or_default();
        (first, first | width)
    }
}

/// The first place and the last one of a shard.
fn shard_places(shard: u8) -> (u64, u64) {
    let first = u64::from(shard) << 62;
    (first, first | (u64::MAX >> 2))
}

/// How many pages a shard holds, by those of a sample from its beginning.
fn estimate(shard: u8, sample: &[ListedPage]) -> u64 {
    let count = sample.len() as u64;
    match sample.last() {
        Some(last) if count >= u64::from(SAMPLE) => {
            let (first, end) = shard_places(shard);
            let per_page = ((last.place - first) / count).max(1);
            (end - first) / per_page
        }
        _ => count,
    }
}

/// How often places are to be halved for so many pages.
fn depth_for(pages: u64) -> u8 {
    (0..MAX_DEPTH).find(|depth| pages >> depth <= PAGES_A_PART).unwrap_or(MAX_DEPTH)
}

impl App {
    /// The parts of the sitemap; none where nothing is public. Four queries.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn sitemap_parts(&self) -> Result<Vec<SitemapPart>, AppError> {
        let mut pages = 0;
        for shard in 0..PAGE_SHARDS {
            let (first, last) = shard_places(shard);
            pages += estimate(shard, &self.catalog.public_pages(first, last, SAMPLE).await?);
        }
        Ok(if pages == 0 { Vec::new() } else { SitemapPart::all(depth_for(pages)) })
    }

    /// The pages of a part: a query for each shard that it reaches into, and for each megabyte.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn sitemap_part(&self, part: SitemapPart) -> Result<Vec<ListedPage>, AppError> {
        let (first, last) = part.places();
        let mut pages = Vec::new();
        for shard in 0..PAGE_SHARDS {
            let (begin, end) = shard_places(shard);
            let (from, to) = (first.max(begin), last.min(end));
            let left = MAX_PAGES.saturating_sub(u32::try_from(pages.len()).unwrap_or(u32::MAX));
            if from <= to && left > 0 {
                pages.extend(self.catalog.public_pages(from, to, left).await?);
            }
        }
        Ok(pages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_all_places_once() {
        for depth in [0, 1, 2, 5, MAX_DEPTH] {
            let parts = SitemapPart::all(depth);
            assert_eq!(parts.len(), 1 << depth);
            assert_eq!(parts[0].places().0, 0);
            assert_eq!(parts[parts.len() - 1].places().1, u64::MAX);
            for pair in parts.windows(2) {
                assert_eq!(pair[0].places().1 + 1, pair[1].places().0);
            }
        }
    }

    #[test]
    fn only_the_name_of_a_part_is_one() {
        assert_eq!("3-7".parse::<SitemapPart>().unwrap().to_string(), "3-7");
        for wrong in ["", "3", "3-8", "03-7", "3-+7", "16-0", "-1-0", "3-7-1", "99999999999-0"] {
            assert!(wrong.parse::<SitemapPart>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn there_are_as_many_parts_as_pages_ask_for() {
        for (pages, depth) in [(1, 0), (10_000, 0), (25_000, 2), (1_000_000, 7), (u64::MAX, MAX_DEPTH)] {
            assert_eq!(depth_for(pages), depth, "{pages}");
        }
    }

    #[test]
    fn a_sample_tells_how_many_pages_there_are() {
        // Places of a million titles, as their ids are minted, and those of one shard of them.
        let mut places: Vec<u64> = (0..100_000_u64)
            .map(|number| vitrine_store::keys::place_of_page(&format!("99{number:012}0101").parse().unwrap()))
            .filter(|place| place >> 62 == 1)
            .collect();
        places.sort_unstable();
        let sample: Vec<ListedPage> = places
            .iter()
            .take(SAMPLE as usize)
            .map(|place| ListedPage {
                place: *place,
                mms_id: "991".parse().unwrap(),
                representation: "121".parse().unwrap(),
                changed_at: vitrine_domain::Timestamp::UNIX_EPOCH,
            })
            .collect();
        let (told, real) = (estimate(1, &sample), places.len() as u64);
        assert!(told > real * 3 / 4 && told < real * 4 / 3, "{told} of {real}");
        assert_eq!(estimate(1, &sample[..7]), 7);
        // No part of a hundred thousand is longer than half of what it may hold.
        let parts = SitemapPart::all(depth_for(100_000));
        let fullest = parts.iter().map(|part| {
            let (first, last) = part.places();
            places.iter().filter(|place| (first..=last).contains(*place)).count()
        });
        assert!(fullest.max().unwrap() < 25_000);
    }
}
