//! The address table, checked against a copy of the registries that was made by hand.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::BTreeSet;

use gymhook_engine::http::{AddressRules, forbidden_because, special_blocks};
use ipnet::IpNet;

fn registries() -> Vec<IpNet> {
    let text = include_str!("special_addresses.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect()
}

fn agrees(registries: &[IpNet], address: IpAddr) {
    let expected = registries.iter().any(|block| block.contains(&address.to_canonical()));
    let answer = forbidden_because(address);
    assert_eq!(answer.is_some(), expected, "{address}: {answer:?}");
}

/// The block's ends, its middle, and its neighbours.
fn edges(block: &IpNet) -> Vec<IpAddr> {
    match block {
        IpNet::V4(block) => {
            let (first, last) = (u32::from(block.network()), u32::from(block.broadcast()));
            let middle = first + (last - first) / 2;
            [first.checked_sub(1), Some(first), Some(middle), Some(last), last.checked_add(1)]
                .into_iter()
                .flatten()
                .map(|bits| Ipv4Addr::from(bits).into())
                .collect()
        }
        IpNet::V6(block) => {
            let (first, last) = (u128::from(block.network()), u128::from(block.broadcast()));
            let middle = first + (last - first) / 2;
            [first.checked_sub(1), Some(first), Some(middle), Some(last), last.checked_add(1)]
                .into_iter()
                .flatten()
                .map(|bits| Ipv6Addr::from(bits).into())
                .collect()
        }
    }
}

#[test]
fn agrees_with_the_registries_at_every_edge() {
    let registries = registries();
    assert_eq!(registries.len(), 28 + 27, "the copy is whole");
    for block in &registries {
        for address in edges(block) {
            agrees(&registries, address);
        }
    }
    for block in special_blocks() {
        for address in edges(&block.network) {
            agrees(&registries, address);
        }
    }
}

#[test]
fn agrees_with_the_registries_on_a_large_sample_of_ipv4() {
    let registries = registries();
    // Both ends of every /18, and as many addresses from a full-period generator.
    for block in 0..1_u32 << 18 {
        agrees(&registries, Ipv4Addr::from(block << 14).into());
        agrees(&registries, Ipv4Addr::from((block << 14) | 0x3fff).into());
    }
    let mut bits = 1_u32;
    for _ in 0..500_000 {
        bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        agrees(&registries, Ipv4Addr::from(bits).into());
    }
}

#[test]
fn ipv4_in_ipv6_clothes_is_judged_as_ipv4_or_refused() {
    let registries = registries();
    let mut bits = 7_u32;
    for _ in 0..20_000 {
        bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let inner = Ipv4Addr::from(bits);
        let mapped = IpAddr::V6(inner.to_ipv6_mapped());
        assert_eq!(forbidden_because(mapped), forbidden_because(inner.into()), "{mapped}");
        agrees(&registries, mapped);

        let [high, low] = [(bits >> 16) as u16, (bits & 0xffff) as u16];
        for carrier in [
            Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),      // IPv4-compatible
            Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low), // IPv4-translated
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low), // NAT64, well known
            Ipv6Addr::new(0x64, 0xff9b, 1, 9, 0, 0, high, low), // NAT64, local
            Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1), // 6to4
            Ipv6Addr::new(0x2001, 0, 0x4136, 0xe378, 0x8000, 0x63bf, !high, !low), // Teredo
        ] {
            assert!(forbidden_because(carrier.into()).is_some(), "{carrier}");
        }
    }
}

#[test]
fn public_addresses_pass_and_notorious_ones_do_not() {
    for public in [
        "1.1.1.1",
        "8.8.8.8",
        "9.9.9.9",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "168.63.129.15",
        "168.63.129.17",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2001:4860:4860::8888",
        "2620:fe::fe",
        "2a00:1450:4001::1",
        "2001:200::1",
        "::ffff:1.1.1.1",
    ] {
        assert_eq!(forbidden_because(public.parse().unwrap()), None, "{public}");
    }
    for (notorious, name) in [
        ("169.254.169.254", "Link Local"),
        ("fd00:ec2::254", "Unique-Local"),
        ("100.100.100.200", "Shared Address Space"),
        ("192.0.0.192", "IETF Protocol Assignments"),
        ("168.63.129.16", "Azure host services"),
        ("::ffff:169.254.169.254", "Link Local"),
        ("127.0.0.1", "Loopback"),
        ("::1", "Loopback Address"),
        ("::", "Unspecified Address"),
        ("fec0::1", "Deprecated (Site-Local Unicast)"),
        ("255.255.255.255", "Reserved, with Limited Broadcast"),
        ("4000::1", "outside of Global Unicast 2000::/3"),
    ] {
        let block = forbidden_because(notorious.parse().unwrap()).unwrap();
        assert_eq!(block.name, name, "{notorious}");
    }
}

#[test]
fn every_block_is_named_and_reached() {
    let blocks: Vec<_> = special_blocks().collect();
    for block in &blocks {
        assert!(!block.name.is_empty() && !block.source.is_empty());
        assert_eq!(block.network, block.network.trunc(), "{block}");
        let hit = edges(&block.network).into_iter().any(|address| forbidden_because(address) == Some(*block));
        assert!(hit || block.network.prefix_len() == 0, "{block} is hidden by another and is never reported");
    }
    let distinct: BTreeSet<_> = blocks.iter().map(|block| block.network).collect();
    assert_eq!(distinct.len(), blocks.len());
}

#[test]
fn what_is_added_wins_over_the_table_and_allowing_wins_over_forbidding() {
    let net = |text: &str| text.parse::<IpNet>().unwrap();
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let rules = AddressRules::new()
        .forbidding(net("9.9.0.0/16"))
        .forbidding(net("2620:fe::/48"))
        .dangerous_allow(net("9.9.9.0/24"))
        .dangerous_allow(net("10.1.0.0/16"));
    for refused in ["9.9.8.1", "::ffff:9.9.8.1", "2620:fe::fe", "10.2.0.1", "127.0.0.1"] {
        assert!(rules.check(address(refused)).is_err(), "{refused}");
    }
    for passed in ["9.9.9.9", "10.1.2.3", "::ffff:10.1.2.3", "8.8.8.8"] {
        assert!(rules.check(address(passed)).is_ok(), "{passed}");
    }
    assert!(rules.is_dangerously_allowed(address("::ffff:10.1.2.3")));
    assert!(!rules.is_dangerously_allowed(address("8.8.8.8")));
    assert_eq!(AddressRules::default(), AddressRules::new());
}
