//! Which addresses may be called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range of addresses: `10.0.0.0/8`, `fd00::/8`, or a single one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    first: IpAddr,
    bits: u32,
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no range of addresses such as 10.0.0.0/8 or fd00::/8");
        let (address, bits) = text.split_once('/').unwrap_or((text, ""));
        let first: IpAddr = address.parse().map_err(|_| wrong())?;
        let whole = if first.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            "" if !text.contains('/') => whole,
            bits => bits.parse().map_err(|_| wrong())?,
        };
        if bits > whole {
            return Err(wrong());
        }
        Ok(Self { first, bits })
    }
}

impl Range {
    fn holds(self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let differ = u32::from(first) ^ u32::from(address);
                differ.leading_zeros() >= self.bits
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let differ = u128::from(first) ^ u128::from(address);
                differ.leading_zeros() >= self.bits
            }
            _ => false,
        }
    }
}

/// Whether an address may be called: a public one, or one of `allow`.
pub(super) fn may_be_called(address: IpAddr, allow: &[Range]) -> bool {
    // An IPv4 address in the clothes of IPv6 is that IPv4 address.
    let address = address.to_canonical();
    let allowed = allow.iter().any(|range| range.holds(address));
    allowed
        || match address {
            IpAddr::V4(address) => is_public(address),
            IpAddr::V6(address) => is_public_v6(address),
        }
}

fn is_public(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // This network, carriers' networks, protocols, documentation, measurements.
        (0, ..)
        | (192, 0, 0 | 2)
        | (192, 88, 99)
        | (198, 18 | 19, _)
        | (198, 51, 100)
        | (203, 0, 113) => true,
        (100, b, _) => (64..128).contains(&b),
        // Multicast and what is reserved.
        _ => a >= 224,
    };
    !(special || address.is_private() || address.is_loopback() || address.is_link_local())
}

/// Only what the world routes; ways that lead to IPv4 are judged by where they lead.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let embedded = |high: u16, low: u16| {
        let bits = (u32::from(high) << 16) | u32::from(low);
        is_public(Ipv4Addr::from(bits))
    };
    match parts {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => embedded(high, low),
        // Tunnels, and what is for protocols and documentation.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn public_addresses_may_be_called_and_no_others() {
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "192.167.1.1",
            "223.255.255.1",
            "2606:4700::1111",
            "2a00:1450::1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::1",
            "::ffff:1.1.1.1",
        ] {
            assert!(may_be_called(ip(public), &[]), "{public}");
        }
        for other in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.1.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!may_be_called(ip(other), &[]), "{other}");
        }
    }

    #[test]
    fn a_range_allows_what_it_holds() {
        let ranges = |texts: &[&str]| -> Vec<Range> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let allow = ranges(&["127.0.0.0/8", "10.1.2.3", "fd00::/8"]);
        for (address, wanted) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("::ffff:127.0.0.1", true),
            ("128.0.0.1", true),
            ("10.1.2.3", true),
            ("10.1.2.4", false),
            ("fdff::1", true),
            ("fe80::1", false),
            ("::1", false),
        ] {
            assert_eq!(may_be_called(ip(address), &allow), wanted, "{address}");
        }
        assert!(may_be_called(ip("10.0.0.1"), &ranges(&["0.0.0.0/0"])));
        for bad in [
            "",
            "/",
            "x",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0/8",
            "fd00::/129",
            "10.0.0.0/-1",
        ] {
            assert!(bad.parse::<Range>().is_err(), "{bad}");
        }
    }
}
