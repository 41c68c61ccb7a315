//! B37: one reader of ranges, checked against the standard library's reader of addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use crate::rights::IpRange;
use crate::rights::ip::IpRangeError;

fn check(text: &str, expected: Result<&str, &str>) {
    let found = text.parse::<IpRange>();
    match (found, expected) {
        (Ok(range), Ok(spelling)) => assert_eq!(range.to_string(), spelling, "{text}"),
        (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{text}: {error}"),
        (found, expected) => panic!("{text}: {found:?}, expected {expected:?}"),
    }
}

#[test]
fn b37_a_range_has_one_spelling() {
    for (text, spelling) in [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7/32", "192.0.2.7"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.6/31", "192.0.2.6/31"),
        ("192.0.2.0-192.0.2.255", "192.0.2.0/24"),
        ("192.0.2.1-192.0.2.9", "192.0.2.1-192.0.2.9"),
        ("  192.0.2.1 - 192.0.2.9 ", "192.0.2.1-192.0.2.9"),
        ("192.0.2.9-192.0.2.9", "192.0.2.9"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8:0:0::/32", "2001:db8::/32"),
        ("2001:db8::1-2001:db8::ffff", "2001:db8::1-2001:db8::ffff"),
        ("::/0", "::/0"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::ffff:192.0.2.1-192.0.2.9", "192.0.2.1-192.0.2.9"),
    ] {
        check(text, Ok(spelling));
    }
}

#[test]
fn b37_what_can_be_read_in_two_ways_is_refused() {
    for (text, part) in [
        ("", "must be an address"),
        ("campus", "must be an address"),
        ("192.0.2", "must be an address"),
        ("192.0.2.256", "must be an address"),
        ("192.0.02.1", "must be an address"),
        ("0300.0.2.1", "must be an address"),
        ("0xC0.0.2.1", "must be an address"),
        ("3221225985", "must be an address"),
        ("192. 0.2.1", "must be an address"),
        ("192.0.2.1\t", "must be an address"),
        ("192.0.2.1\n", "must be an address"),
        ("192.0.2.*", "must be an address"),
        ("[2001:db8::1]", "must be an address"),
        ("192.0.2.1:80", "must be an address"),
        ("fe80::1%eth0", "must not name a zone"),
        ("192.0.2.0/", "from 0 to 32"),
        ("192.0.2.0/33", "from 0 to 32"),
        ("192.0.2.0/+24", "from 0 to 32"),
        ("192.0.2.0/024", "from 0 to 32"),
        ("192.0.2.0/255.255.255.0", "from 0 to 32"),
        ("192.0.2.0 /24", "must be an address"),
        ("2001:db8::/129", "from 0 to 128"),
        ("::ffff:192.0.2.0/24", "from 0 to 128"),
        ("192.0.2.9/24", "the block is `192.0.2.0/24`"),
        ("2001:db8::1/32", "the block is `2001:db8::/32`"),
        ("192.0.2.9-192.0.2.1", "lower address first"),
        ("192.0.2.1-2001:db8::1", "of the same kind"),
        ("192.0.2.1-192.0.2.2-192.0.2.3", "must be an address"),
        ("192.0.2.0/24-192.0.3.0/24", "must be an address"),
        ("-", "must be an address"),
    ] {
        check(text, Err(part));
    }
    assert_eq!("1".repeat(101).parse::<IpRange>(), Err(IpRangeError::TooLong));
}

#[test]
fn b37_an_ipv4_address_in_ipv6_clothes_is_the_ipv4_address() {
    let range: IpRange = "192.0.2.0/24".parse().unwrap();
    assert!(range.contains("::ffff:192.0.2.7".parse().unwrap()));
    assert!(!range.contains("::192.0.2.7".parse().unwrap()));
    assert!(!"::/0".parse::<IpRange>().unwrap().contains("::ffff:192.0.2.7".parse().unwrap()));
    assert!(!"0.0.0.0/0".parse::<IpRange>().unwrap().contains("::1".parse().unwrap()));
}

/// Texts that look like addresses and often are.
fn nearly_an_address() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<u32>().prop_map(|bits| Ipv4Addr::from_bits(bits).to_string()),
        any::<u128>().prop_map(|bits| Ipv6Addr::from_bits(bits).to_string()),
        "[0-9]{1,4}(\\.[0-9]{1,4}){3}",
        "[0-9a-f:.]{1,24}",
        "[ -~]{0,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn one_address_is_read_where_the_standard_library_reads_one(text in nearly_an_address()) {
        let reference: Option<IpAddr> = text.trim_matches(' ').parse().ok();
        let found = text.parse::<IpRange>().ok();
        if text.contains(['-', '/']) {
            prop_assert!(reference.is_none());
        } else {
            prop_assert_eq!(found.is_some(), reference.is_some(), "{}", text);
        }
        if let (Some(range), Some(address)) = (found, reference) {
            prop_assert!(range.contains(address));
        }
    }

    #[test]
    fn a_block_holds_what_has_its_first_bits_v4(network: u32, prefix in 0_u32..=32, asked: u32, near in 0_u32..40) {
        let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
        let range: IpRange = format!("{}/{prefix}", Ipv4Addr::from_bits(network & mask)).parse().unwrap();
        for asked in [asked, network.wrapping_add(near), network.wrapping_sub(near), network ^ (1 << (near % 32))] {
            let address = Ipv4Addr::from_bits(asked);
            prop_assert_eq!(range.contains(address.into()), asked & mask == network & mask);
            prop_assert_eq!(range.contains(address.to_ipv6_mapped().into()), asked & mask == network & mask);
        }
    }

    #[test]
    fn a_block_holds_what_has_its_first_bits_v6(network: u128, prefix in 0_u32..=128, asked: u128, bit in 0_u32..128) {
        let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
        let address = Ipv6Addr::from_bits(network & mask);
        prop_assume!(address.to_ipv4_mapped().is_none());
        let range: IpRange = format!("{address}/{prefix}").parse().unwrap();
        for asked in [asked, network, network ^ (1 << bit)] {
            let address = Ipv6Addr::from_bits(asked);
            let expected = address.to_ipv4_mapped().is_none() && asked & mask == network & mask;
            prop_assert_eq!(range.contains(address.into()), expected);
        }
    }

    #[test]
    fn from_to_holds_what_lies_between(a: u32, b: u32, asked: u32) {
        let (first, last) = (Ipv4Addr::from_bits(a.min(b)), Ipv4Addr::from_bits(a.max(b)));
        let range: IpRange = format!("{first}-{last}").parse().unwrap();
        for asked in [Ipv4Addr::from_bits(asked), first, last] {
            prop_assert_eq!(range.contains(asked.into()), first <= asked && asked <= last);
        }
        prop_assert_eq!(format!("{last}-{first}").parse::<IpRange>().is_ok(), first == last);
    }

    #[test]
    fn the_spelling_is_read_back_as_the_same_range(a: u128, b: u128, v4: bool) {
        let text = if v4 {
            let (a, b) = ((a as u32).min(b as u32), (a as u32).max(b as u32));
            format!("{}-{}", Ipv4Addr::from_bits(a), Ipv4Addr::from_bits(b))
        } else {
            let (a, b) = (Ipv6Addr::from_bits(a.min(b)), Ipv6Addr::from_bits(a.max(b)));
            prop_assume!(a.to_ipv4_mapped().is_none() && b.to_ipv4_mapped().is_none());
            format!("{a}-{b}")
        };
        let range: IpRange = text.parse().unwrap();
        prop_assert_eq!(range.to_string().parse::<IpRange>(), Ok(range));
    }
}
