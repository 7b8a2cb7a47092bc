//! Which IP addresses are public: everything else is this host, its network, or reserved.
//! The ranges are those of IANA's special-purpose address registries. Names are resolved by the callers.
use std::net::IpAddr;
use std::sync::LazyLock;

use ipnet::IpNet;

const NOT_PUBLIC: [&str; 19] = [
    // "This network".
    "0.0.0.0/8",
    // Private (RFC 1918), loopback, link-local.
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "127.0.0.0/8",
    "169.254.0.0/16",
    // Shared by carriers (RFC 6598).
    "100.64.0.0/10",
    // Protocol assignments, documentation and benchmarks.
    "192.0.0.0/24",
    "192.0.2.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    // Multicast and reserved.
    "224.0.0.0/3",
    // Around 2000::/3, the public addresses of IPv6.
    "::/3",
    "4000::/2",
    "8000::/1",
    // 6to4, which wraps IPv4 addresses.
    "2002::/16",
    // Protocol assignments, Teredo among them, and documentation.
    "2001::/23",
    "2001:db8::/32",
];

static RANGES: LazyLock<[IpNet; 19]> =
    LazyLock::new(|| NOT_PUBLIC.map(|range| range.parse().expect("a network and its prefix length")));

/// Whether an address is of the whole internet.
pub fn is_public(address: IpAddr) -> bool {
    // An IPv4 address in an IPv6 one counts as what it is.
    let address = address.to_canonical();
    !RANGES.iter().any(|range| range.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_whole_internet_are_public() {
        for own in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "::ffff:10.0.0.1",
            "2002:7f00:1::",
            "2001::1",
            "64:ff9b::a00:1",
            "ff02::1",
            "2001:db8::1",
            "1fff:ffff::1",
            "4000::1",
        ] {
            assert!(!is_public(own.parse().expect("an address")), "{own}");
        }
        for all in
            ["1.1.1.1", "8.8.8.8", "172.32.0.1", "2003::1", "2606:4700::1111", "3ffe::1", "::ffff:8.8.8.8"]
        {
            assert!(is_public(all.parse().expect("an address")), "{all}");
        }
    }
}
