//! Protection against server-side request forgery (SSRF): webhooks must not reach networks that only the function can
//! reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;

/// Allows connections to public addresses and to configured networks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SsrfGuard {
    allowed: Arc<[IpNet]>,
    https_only: bool,
}

impl FromStr for SsrfGuard {
    type Err = ipnet::AddrParseError;

    /// Parses networks in CIDR notation, separated by commas.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let networks = text.split(',').map(str::trim).filter(|network| !network.is_empty());
        Ok(Self { allowed: networks.map(str::parse).collect::<Result<_, _>>()?, https_only: false })
    }
}

impl SsrfGuard {
    /// Returns a guard that also rejects connections without TLS, if `https_only` is true.
    #[must_use]
    pub fn with_https_only(self, https_only: bool) -> Self {
        Self { https_only, ..self }
    }

    /// Returns whether connections without TLS are rejected.
    pub fn requires_https(&self) -> bool {
        self.https_only
    }

    /// Returns whether a connection to an address is allowed.
    pub fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.allowed.iter().any(|network| network.contains(&address))
    }
}

/// Returns whether an address is public: the IANA special-purpose registries (RFC 6890 and its successors) do not
/// reserve it.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        // This network; private; loopback; link-local with the metadata services; multicast and reserved.
        (0 | 10 | 127 | 224..=255, _, _) | (169, 254, _) | (172, 16..=31, _) | (192, 168, _)
        // Carrier-grade NAT; protocol assignments; documentation; 6to4 relays; benchmarking.
        | (100, 64..=127, _) | (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) | (192, 88, 99) | (198, 18..=19, _)
    );
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    match segments {
        // NAT64 and 6to4 embed the IPv4 address of the actual destination.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Protocol assignments with Teredo; documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Global unicast is 2000::/3. Loopback, unique local, link-local and multicast addresses are outside of it.
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn allows(guard: &str, address: &str) -> bool {
        guard.parse::<SsrfGuard>().unwrap().allows(address.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_allowed() {
        for address in
            ["1.1.1.1", "93.184.216.34", "100.63.255.255", "172.32.0.1", "2606:4700::1111", "64:ff9b::101:101"]
        {
            assert!(allows("", address), "{address}");
        }
    }

    #[test]
    fn special_purpose_addresses_are_blocked() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "::7f00:1",
            "64:ff9b:1::1",
        ] {
            assert!(!allows("", address), "{address}");
        }
    }

    #[test]
    fn configured_networks_are_allowed() {
        assert!(allows("127.0.0.0/8, ::1/128", "127.0.0.1"));
        assert!(allows("127.0.0.0/8, ::1/128", "::1"));
        assert!(allows("127.0.0.0/8", "::ffff:127.0.0.1"));
        assert!(!allows("127.0.0.0/8", "10.0.0.1"));
        assert!("10.0.0.0/33".parse::<SsrfGuard>().is_err());
    }
}
