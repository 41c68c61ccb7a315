//! Ranges of addresses as librarians write them: one address, a block (`10.0.0.0/8`), from-to (B37).
//!
//! There is one reader and one spelling. What a range means is never guessed: a text that two readers could take for
//! different ranges is refused when a policy is saved.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest text that is read; the longest range there is has 81 characters.
const MAX_CHARACTERS: usize = 100;
/// The first bits of an IPv4 address that is written as an IPv6 one.
const MAPPED_BITS: u8 = 96;

/// Why a text is not a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IpRangeError {
    /// Longer than any range.
    #[error("is too long for a range of addresses")]
    TooLong,
    /// No address where one must be.
    #[error(
        "must be an address, a block such as `192.0.2.0/24` or `2001:db8::/32`, or two addresses with `-` between them"
    )]
    NotAnAddress,
    /// A network interface behind a `%`.
    #[error("must not name a zone with `%`")]
    Zone,
    /// The number behind the slash.
    #[error("must have a whole number from 0 to {0} behind the `/`")]
    Prefix(u8),
    /// Bits of the address that the block does not look at.
    #[error("has an address inside the block and not at its beginning; the block is `{0}`")]
    HostBits(IpRange),
    /// The second address comes before the first.
    #[error("must have the lower address first")]
    Inverted,
    /// One address of each kind.
    #[error("must have two addresses of the same kind")]
    Mixed,
}

/// The addresses from one to another, both in it, of one kind.
///
/// INVARIANT: both ends are of one kind, in canonical form, and the first is not above the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IpRange {
    first: IpAddr,
    last: IpAddr,
}

/// An address in its one form: an IPv4 address in IPv6 clothes is the IPv4 address.
pub fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// The address as a number, and how many bits its kind has.
fn bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    }
}

fn address(bits: u128, width: u8) -> IpAddr {
    match u32::try_from(bits) {
        Ok(bits) if width == 32 => IpAddr::V4(Ipv4Addr::from_bits(bits)),
        _ => IpAddr::V6(Ipv6Addr::from_bits(bits)),
    }
}

/// The bits behind a prefix, all set.
fn behind(prefix: u8, width: u8) -> u128 {
    let free = u32::from(width.saturating_sub(prefix));
    if free >= 128 { u128::MAX } else { (1_u128 << free) - 1 }
}

impl IpRange {
    /// Whether an address, in either clothes, is in the range.
    pub fn contains(&self, address: IpAddr) -> bool {
        let ((first, width), (last, _)) = (bits(self.first), bits(self.last));
        let (asked, asked_width) = bits(canonical(address));
        width == asked_width && (first..=last).contains(&asked)
    }

    /// The block's prefix, where the range is a block.
    fn prefix(&self) -> Option<u8> {
        let ((first, width), (last, _)) = (bits(self.first), bits(self.last));
        (0..=width).find(|prefix| {
            let free = behind(*prefix, width);
            first & free == 0 && first | free == last
        })
    }

    fn block(text: &str, prefix: &str) -> Result<Self, IpRangeError> {
        let written = parse_address(text)?;
        let canonical = canonical(written);
        // The prefix of a mapped address counts the 96 bits before the IPv4 address.
        let mapped = written.is_ipv6() && canonical.is_ipv4();
        let (first, width) = bits(canonical);
        let before = if mapped { MAPPED_BITS } else { 0 };
        let wrong = IpRangeError::Prefix(width + before);
        let plain = !prefix.is_empty()
            && prefix.bytes().all(|byte| byte.is_ascii_digit())
            && (prefix == "0" || !prefix.starts_with('0'));
        let prefix: u8 = prefix.parse().ok().filter(|_| plain).ok_or(wrong.clone())?;
        let prefix = prefix.checked_sub(before).filter(|prefix| *prefix <= width).ok_or(wrong)?;
        let free = behind(prefix, width);
        let range = Self { first: address(first & !free, width), last: address(first | free, width) };
        if first & free == 0 { Ok(range) } else { Err(IpRangeError::HostBits(range)) }
    }
}

fn parse_address(text: &str) -> Result<IpAddr, IpRangeError> {
    if text.contains('%') {
        return Err(IpRangeError::Zone);
    }
    text.parse().map_err(|_| IpRangeError::NotAnAddress)
}

impl FromStr for IpRange {
    type Err = IpRangeError;

    /// Reads a range. Spaces around it and around the dash are let through; they are not kept.
    fn from_str(text: &str) -> Result<Self, IpRangeError> {
        if text.len() > MAX_CHARACTERS {
            return Err(IpRangeError::TooLong);
        }
        let text = text.trim_matches(' ');
        if let Some((from, to)) = text.split_once('-') {
            let first = canonical(parse_address(from.trim_end_matches(' '))?);
            let last = canonical(parse_address(to.trim_start_matches(' '))?);
            let ((low, width), (high, other)) = (bits(first), bits(last));
            return match (width == other, low <= high) {
                (false, _) => Err(IpRangeError::Mixed),
                (true, false) => Err(IpRangeError::Inverted),
                (true, true) => Ok(Self { first, last }),
            };
        }
        if let Some((network, prefix)) = text.split_once('/') {
            return Self::block(network, prefix);
        }
        let one = canonical(parse_address(text)?);
        Ok(Self { first: one, last: one })
    }
}

impl fmt::Display for IpRange {
    /// Writes a single address alone, a block with its prefix, and any other range from-to.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            return write!(f, "{}", self.first);
        }
        match self.prefix() {
            Some(prefix) => write!(f, "{}/{prefix}", self.first),
            None => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

impl TryFrom<String> for IpRange {
    type Error = IpRangeError;
    fn try_from(text: String) -> Result<Self, IpRangeError> {
        text.parse()
    }
}

impl From<IpRange> for String {
    fn from(range: IpRange) -> String {
        range.to_string()
    }
}
