//! `forbidden_because` and `special_blocks`: which addresses are on the public internet. Nothing is sent to any other.
//!
//! The table denies by default. For IPv4 it denies every block of IANA's special-purpose registry, globally reachable or not,
//! and multicast and the reserved class E. For IPv6 it allows only the global unicast space 2000::/3, without the
//! special-purpose blocks in it. An IPv4-mapped address (`::ffff:a.b.c.d`) is checked as the IPv4 address that the system
//! would call; every other way of embedding IPv4 in IPv6 is denied as a block.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A block of addresses that are not public endpoints, and its source.
///
/// `Display` gives all of it: `10.0.0.0/8 (Private-Use, RFC 1918)`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct SpecialBlock {
    /// The block.
    pub network: IpNet,
    /// What it is for, in the words of its registry.
    pub name: &'static str,
    /// The document that set it aside.
    pub source: &'static str,
}

/// The block because of which this address must not be sent to; `None` for an address of the public internet.
///
/// ```
/// use gymhook_engine::http::forbidden_because;
///
/// assert_eq!(forbidden_because("9.9.9.9".parse()?), None);
/// let metadata = forbidden_because("169.254.169.254".parse()?).ok_or("a cloud's metadata service")?;
/// assert_eq!(metadata.to_string(), "169.254.0.0/16 (Link Local, RFC 3927)");
/// let mapped = forbidden_because("::ffff:10.0.0.1".parse()?).ok_or("IPv4 in IPv6 clothes")?;
/// assert_eq!(mapped.source, "RFC 1918");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[must_use]
pub fn forbidden_because(address: IpAddr) -> Option<SpecialBlock> {
    match address.to_canonical() {
        IpAddr::V4(address) => v4_block(address).map(SpecialBlock::from),
        IpAddr::V6(address) => {
            let special = V6_BLOCKS.iter().find(|block| block.has_v6(address)).copied();
            special.or_else(|| (!GLOBAL_UNICAST.contains(&address)).then_some(NOT_GLOBAL_UNICAST))
        }
    }
}

/// Every block of the table, IPv4 first; the last one is all of IPv6 that is not global unicast.
pub fn special_blocks() -> impl Iterator<Item = SpecialBlock> {
    let v4 = V4_BLOCKS.iter().map(SpecialBlock::from);
    v4.chain(V6_BLOCKS.iter().copied()).chain([NOT_GLOBAL_UNICAST])
}

impl SpecialBlock {
    const fn v6(segments: [u16; 8], prefix: u8, name: &'static str, source: &'static str) -> Self {
        let [a, b, c, d, e, f, g, h] = segments;
        let network = Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix);
        Self { network: IpNet::V6(network), name, source }
    }

    fn has_v6(&self, address: Ipv6Addr) -> bool {
        matches!(&self.network, IpNet::V6(network) if network.contains(&address))
    }
}

impl From<&V4Block> for SpecialBlock {
    fn from(block: &V4Block) -> Self {
        Self { network: block.network.into(), name: block.name, source: block.source }
    }
}

impl fmt::Display for SpecialBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.network, self.name, self.source)
    }
}

struct V4Block {
    network: Ipv4Net,
    name: &'static str,
    source: &'static str,
}

impl V4Block {
    const fn new(octets: [u8; 4], prefix: u8, name: &'static str, source: &'static str) -> Self {
        let [a, b, c, d] = octets;
        Self { network: Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix), name, source }
    }
}

/// The last block that begins at the address or before it: no other can hold it.
fn v4_block(address: Ipv4Addr) -> Option<&'static V4Block> {
    let begun = V4_BLOCKS.partition_point(|block| block.network.addr() <= address);
    V4_BLOCKS.get(begun.checked_sub(1)?).filter(|block| block.network.contains(&address))
}

/// <https://www.iana.org/assignments/iana-ipv4-special-registry/>, without the parts of blocks that are denied as a whole;
/// multicast from <https://www.iana.org/assignments/multicast-addresses/>. In order, none within another.
const V4_BLOCKS: &[V4Block] = &[
    V4Block::new([0, 0, 0, 0], 8, "\"This network\"", "RFC 791"),
    V4Block::new([10, 0, 0, 0], 8, "Private-Use", "RFC 1918"),
    V4Block::new([100, 64, 0, 0], 10, "Shared Address Space", "RFC 6598"),
    V4Block::new([127, 0, 0, 0], 8, "Loopback", "RFC 1122"),
    // Answers inside every virtual machine of that cloud, from an address that looks public.
    V4Block::new([168, 63, 129, 16], 32, "Azure host services", "learn.microsoft.com"),
    V4Block::new([169, 254, 0, 0], 16, "Link Local", "RFC 3927"),
    V4Block::new([172, 16, 0, 0], 12, "Private-Use", "RFC 1918"),
    V4Block::new([192, 0, 0, 0], 24, "IETF Protocol Assignments", "RFC 6890"),
    V4Block::new([192, 0, 2, 0], 24, "Documentation (TEST-NET-1)", "RFC 5737"),
    V4Block::new([192, 31, 196, 0], 24, "AS112-v4", "RFC 7535"),
    V4Block::new([192, 52, 193, 0], 24, "AMT", "RFC 7450"),
    V4Block::new([192, 88, 99, 0], 24, "Deprecated (6to4 Relay Anycast)", "RFC 7526"),
    V4Block::new([192, 168, 0, 0], 16, "Private-Use", "RFC 1918"),
    V4Block::new([192, 175, 48, 0], 24, "Direct Delegation AS112 Service", "RFC 7534"),
    V4Block::new([198, 18, 0, 0], 15, "Benchmarking", "RFC 2544"),
    V4Block::new([198, 51, 100, 0], 24, "Documentation (TEST-NET-2)", "RFC 5737"),
    V4Block::new([203, 0, 113, 0], 24, "Documentation (TEST-NET-3)", "RFC 5737"),
    V4Block::new([224, 0, 0, 0], 4, "Multicast", "RFC 5771"),
    V4Block::new([240, 0, 0, 0], 4, "Reserved, with Limited Broadcast", "RFC 1112, RFC 919"),
];

/// <https://www.iana.org/assignments/iana-ipv6-special-registry/>, with multicast, and with what earlier documents set aside.
/// Those outside 2000::/3 would be denied without an entry: the entries give the reason a name.
const V6_BLOCKS: &[SpecialBlock] = &[
    SpecialBlock::v6([0, 0, 0, 0, 0, 0, 0, 0], 128, "Unspecified Address", "RFC 4291"),
    SpecialBlock::v6([0, 0, 0, 0, 0, 0, 0, 1], 128, "Loopback Address", "RFC 4291"),
    SpecialBlock::v6([0, 0, 0, 0, 0, 0, 0, 0], 96, "IPv4-Compatible Addresses", "RFC 4291"),
    SpecialBlock::v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, "IPv4-Translated Addresses", "RFC 2765"),
    SpecialBlock::v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, "IPv4-IPv6 Translation", "RFC 6052"),
    SpecialBlock::v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "IPv4-IPv6 Translation", "RFC 8215"),
    SpecialBlock::v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "Discard-Only Address Block", "RFC 6666"),
    SpecialBlock::v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64, "Dummy IPv6 Prefix", "RFC 9780"),
    SpecialBlock::v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "TEREDO", "RFC 4380"),
    SpecialBlock::v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, "Benchmarking", "RFC 5180"),
    SpecialBlock::v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "IETF Protocol Assignments", "RFC 2928"),
    SpecialBlock::v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "Documentation", "RFC 3849"),
    SpecialBlock::v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4", "RFC 3056"),
    SpecialBlock::v6(
        [0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0],
        48,
        "Direct Delegation AS112 Service",
        "RFC 7534",
    ),
    SpecialBlock::v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "Documentation", "RFC 9637"),
    SpecialBlock::v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "Segment Routing (SRv6) SIDs", "RFC 9602"),
    SpecialBlock::v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "Unique-Local", "RFC 4193"),
    SpecialBlock::v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "Link-Local Unicast", "RFC 4291"),
    SpecialBlock::v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "Deprecated (Site-Local Unicast)", "RFC 3879"),
    SpecialBlock::v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "Multicast", "RFC 4291"),
];

/// <https://www.iana.org/assignments/ipv6-address-space/>: the one block that global unicast addresses are assigned from.
const GLOBAL_UNICAST: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

const NOT_GLOBAL_UNICAST: SpecialBlock =
    SpecialBlock::v6([0, 0, 0, 0, 0, 0, 0, 0], 0, "outside of Global Unicast 2000::/3", "RFC 4291");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ipv4_blocks_stand_in_order_and_apart() {
        for pair in V4_BLOCKS.windows(2) {
            assert!(pair[0].network.broadcast() < pair[1].network.network(), "{}", pair[1].network);
        }
        assert!(V4_BLOCKS.iter().all(|block| block.network == block.network.trunc()));
    }
}
