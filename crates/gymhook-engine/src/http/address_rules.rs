//! `AddressRules`: which addresses one transport may send to, the public ones, with the exceptions that its builder
//! allows or forbids.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{SpecialBlock, forbidden_because};

/// Which addresses may be sent to: those of the public internet, except the forbidden ones, plus the private and other
/// networks that were dangerously allowed.
///
/// ```
/// use gymhook_engine::http::AddressRules;
///
/// // This company's office has public addresses that are never a receiver.
/// let rules = AddressRules::new().forbidding("8.8.4.0/24".parse()?);
/// assert!(rules.check("8.8.8.8".parse()?).is_ok());
/// assert!(rules.check("8.8.4.4".parse()?).is_err());
/// assert!(rules.check("127.0.0.1".parse()?).is_err());
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AddressRules {
    forbidden: Vec<IpNet>,
    private: Vec<IpNet>,
    allowed: Vec<IpNet>,
}

impl AddressRules {
    /// The public internet.
    #[must_use]
    pub const fn new() -> Self {
        Self { forbidden: Vec::new(), private: Vec::new(), allowed: Vec::new() }
    }

    /// Also forbids this network: public addresses that lead inside, or your own NAT64 prefix. A network given by one of its
    /// addresses, such as `8.8.4.4/24`, is forbidden as a whole.
    #[must_use]
    pub fn forbidding(mut self, network: IpNet) -> Self {
        self.forbidden.push(network.trunc());
        self
    }

    /// Allows this network, whatever the table says, even over plain `http` and to any port.
    ///
    /// For tests, and for receivers in your own network. Anybody who may enter a URL can then reach everything in it.
    #[must_use]
    pub fn dangerous_allow(mut self, network: IpNet) -> Self {
        self.allowed.push(network.trunc());
        self
    }

    /// Allows this private network, for receivers inside your own network: over `https`, as the platform's rule says.
    ///
    /// Anybody who may enter a URL can then reach everything in it that speaks TLS with a trusted certificate, and can probe
    /// the rest. The addresses at which clouds serve credentials stay forbidden. Names of private networks (`crm.internal`,
    /// `crm`) are allowed as well; their addresses are checked on connecting.
    ///
    /// # Errors
    /// [`NotPrivate`]: the network is not within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10 or fc00::/7.
    pub fn dangerous_allow_private_network(mut self, network: IpNet) -> Result<Self, NotPrivate> {
        let network = network.trunc();
        if !PRIVATE.iter().any(|private| private.contains(&network)) {
            return Err(NotPrivate { network });
        }
        self.private.push(network);
        Ok(self)
    }

    /// Whether any private network is allowed.
    #[must_use]
    pub fn allows_private_networks(&self) -> bool {
        !self.private.is_empty()
    }

    /// The private networks that were dangerously allowed.
    #[must_use]
    pub fn private_networks(&self) -> &[IpNet] {
        &self.private
    }

    /// Whether this address may be sent to.
    ///
    /// # Errors
    /// [`ForbiddenAddress`], with the block that it lies in.
    pub fn check(&self, address: IpAddr) -> Result<(), ForbiddenAddress> {
        let address = address.to_canonical();
        if self.is_dangerously_allowed(address) {
            return Ok(());
        }
        if let Some(network) = self.forbidden.iter().find(|network| network.contains(&address)) {
            return Err(ForbiddenAddress::Configured { address, network: *network });
        }
        if let Some(service) = METADATA.iter().find(|service| **service == address) {
            return Err(ForbiddenAddress::Metadata { address: *service });
        }
        if self.private.iter().any(|network| network.contains(&address)) {
            return Ok(());
        }
        forbidden_because(address).map_or(Ok(()), |block| Err(ForbiddenAddress::Special { address, block }))
    }

    /// Whether only [`AddressRules::dangerous_allow`] lets this address through.
    #[must_use]
    pub fn is_dangerously_allowed(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.allowed.iter().any(|network| network.contains(&address))
    }

    /// The networks that were dangerously allowed.
    #[must_use]
    pub fn dangerously_allowed(&self) -> &[IpNet] {
        &self.allowed
    }
}

/// RFC 1918, RFC 6598 and RFC 4193.
const PRIVATE: [IpNet; 5] = [
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8)),
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10)),
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12)),
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7)),
];

/// Where clouds serve credentials to whoever asks from inside, as far as it lies in private networks: 169.254.169.254 does not.
const METADATA: [IpAddr; 3] = [
    // Amazon's, and Google's (docs.aws.amazon.com, docs.cloud.google.com).
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    // Alibaba's (alibabacloud.com/help).
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
];

/// A network that is not private cannot be allowed as one. Caused by the configuration.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{network} is not within a private network: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10 or fc00::/7"
)]
#[non_exhaustive]
pub struct NotPrivate {
    /// The network.
    pub network: IpNet,
}

/// Why an address is refused. Caused by the endpoint's URL.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ForbiddenAddress {
    /// It is in a network that this installation excludes.
    #[error("{address} is in {network}, which is excluded here")]
    Configured {
        /// The address.
        address: IpAddr,
        /// The network.
        network: IpNet,
    },
    /// A cloud serves credentials there; it is in a private network that may otherwise be allowed.
    #[error(
        "{address} is a cloud's metadata service: nothing is sent there, whatever private network is allowed"
    )]
    Metadata {
        /// The address.
        address: IpAddr,
    },
    /// It is not an address of the public internet.
    #[error("{address} is not on the public internet: {block}")]
    Special {
        /// The address.
        address: IpAddr,
        /// The block that contains it.
        block: SpecialBlock,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_network_is_allowed_without_what_lies_beside_it_or_serves_credentials() {
        let allow =
            |network: &str| AddressRules::new().dangerous_allow_private_network(network.parse().unwrap());
        let rules = allow("10.20.0.1/16").unwrap().forbidding("10.20.30.0/24".parse().unwrap());
        let check = |rules: &AddressRules, address: &str| rules.check(address.parse().unwrap());
        assert!(check(&rules, "10.20.0.0").is_ok() && check(&rules, "::ffff:10.20.255.255").is_ok());
        assert!(check(&rules, "9.9.9.9").is_ok());
        for refused in ["10.19.255.255", "10.21.0.0", "10.20.30.1", "127.0.0.1", "169.254.169.254", "fd00::1"]
        {
            assert!(check(&rules, refused).is_err(), "{refused}");
        }
        // Plain http is for what was allowed without any rule.
        assert!(!rules.is_dangerously_allowed("10.20.0.0".parse().unwrap()));

        for (network, service) in [
            ("fc00::/7", "fd00:ec2::254"),
            ("fd20::/16", "fd20:ce::254"),
            ("100.64.0.0/10", "100.100.100.200"),
        ] {
            let refused = check(&allow(network).unwrap(), service);
            assert!(matches!(refused, Err(ForbiddenAddress::Metadata { .. })), "{service}: {refused:?}");
        }
        for network in [
            "0.0.0.0/0",
            "10.0.0.0/7",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "8.8.8.0/24",
            "::/0",
            "fe80::/10",
            "::1/128",
        ] {
            assert!(allow(network).is_err(), "{network}");
        }
    }

    #[test]
    fn a_network_goes_by_its_own_name_whichever_of_its_addresses_names_it() {
        let rules = AddressRules::new()
            .forbidding("8.8.4.4/24".parse().unwrap())
            .dangerous_allow("127.0.0.1/8".parse().unwrap());
        let forbidden = rules.check("8.8.4.8".parse().unwrap()).unwrap_err();
        assert_eq!(forbidden.to_string(), "8.8.4.8 is in 8.8.4.0/24, which is excluded here");
        assert_eq!(rules.dangerously_allowed(), ["127.0.0.0/8".parse().unwrap()]);
    }
}
