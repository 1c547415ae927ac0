//! The address table with what one installation adds to it.

use core::net::IpAddr;

use ipnet::IpNet;

use super::{SpecialBlock, forbidden_because};

/// Which addresses may be sent to: those of the public internet, less one's own, plus what was dangerously allowed.
///
/// ```
/// use gymhook_engine::http::AddressRules;
///
/// // This company's office has public addresses that are nobody's webhook.
/// let rules = AddressRules::new().forbidding("8.8.4.0/24".parse()?);
/// assert!(rules.check("8.8.8.8".parse()?).is_ok());
/// assert!(rules.check("8.8.4.4".parse()?).is_err());
/// assert!(rules.check("127.0.0.1".parse()?).is_err());
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AddressRules {
    forbidden: Vec<IpNet>,
    allowed: Vec<IpNet>,
}

impl AddressRules {
    /// The public internet.
    #[must_use]
    pub const fn new() -> Self {
        Self { forbidden: Vec::new(), allowed: Vec::new() }
    }

    /// Without this network, too: public addresses that lead inside, or a NAT64 prefix of one's own. Of a network given by one
    /// of its addresses, `8.8.4.4/24`, the rest is taken as well.
    #[must_use]
    pub fn forbidding(mut self, network: IpNet) -> Self {
        self.forbidden.push(network.trunc());
        self
    }

    /// With this network, whatever the table says of it, and there over plain `http` and to any port, too.
    ///
    /// For tests, and for receivers in one's own network. Whoever may enter a URL can then reach everything in it.
    #[must_use]
    pub fn dangerous_allow(mut self, network: IpNet) -> Self {
        self.allowed.push(network.trunc());
        self
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

/// Why an address is not sent to. Whoever chose the endpoint is to blame.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ForbiddenAddress {
    /// It lies in a network that this installation excludes.
    #[error("{address} lies in {network}, which is excluded here")]
    Configured {
        /// The address.
        address: IpAddr,
        /// The network.
        network: IpNet,
    },
    /// It is not an address of the public internet.
    #[error("{address} is not on the public internet: {block}")]
    Special {
        /// The address.
        address: IpAddr,
        /// The block it lies in.
        block: SpecialBlock,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_goes_by_its_own_name_whichever_of_its_addresses_names_it() {
        let rules = AddressRules::new()
            .forbidding("8.8.4.4/24".parse().unwrap())
            .dangerous_allow("127.0.0.1/8".parse().unwrap());
        let forbidden = rules.check("8.8.4.8".parse().unwrap()).unwrap_err();
        assert_eq!(forbidden.to_string(), "8.8.4.8 lies in 8.8.4.0/24, which is excluded here");
        assert_eq!(rules.dangerously_allowed(), ["127.0.0.0/8".parse().unwrap()]);
    }
}
