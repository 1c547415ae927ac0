//! `SchemeArgs`: the options that change a platform's scheme (headers, encoding, unit, tolerance), and the scheme that
//! follows.

use std::sync::Arc;

use clap::{Args, ValueEnum};
use gymhook::event::Vendor;
use gymhook::signature::{
    ApiKey, Encoding, RequestIdMd5, SignatureScheme, StandardWebhooks, TimeUnit, Tolerance, vendor,
};
use http::HeaderName;

use crate::failure::Failure;
use crate::platform::Platform;
use crate::when;

/// What the platform's page leaves open, or another sender does differently.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SchemeArgs {
    /// The header that carries the signature or the key
    #[arg(long, value_name = "NAME", help_heading = "Signature")]
    pub(crate) signature_header: Option<HeaderName>,
    /// How the signature is written [gympoint, perfectgym, point]
    #[arg(long, value_name = "ENCODING", help_heading = "Signature")]
    pub(crate) encoding: Option<TextEncoding>,
    /// Required prefix of the signature [gympoint]
    #[arg(long, value_name = "TEXT", help_heading = "Signature")]
    pub(crate) prefix: Option<String>,
    /// What the signed time counts [point]
    #[arg(long, value_name = "UNIT", help_heading = "Signature")]
    pub(crate) unit: Option<Unit>,
    /// How far the signed time may lie from now: 5m, or `off` [point, standard-webhooks]
    #[arg(long, value_name = "LENGTH", value_parser = tolerance, help_heading = "Signature")]
    pub(crate) tolerance: Option<Tolerance>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum TextEncoding {
    /// Lower-case hexadecimal
    Hex,
    /// Hexadecimal in either case
    HexAnyCase,
    /// Base64 with padding
    Base64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Unit {
    /// Milliseconds
    Ms,
    /// Seconds
    S,
}

fn tolerance(text: &str) -> Result<Tolerance, String> {
    if text == "off" {
        return Ok(Tolerance::not_judged());
    }
    when::length(text).map(Tolerance::symmetric).map_err(|problem| format!("{problem}, or off"))
}

impl TextEncoding {
    /// As it is written on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::HexAnyCase => "hex-any-case",
            Self::Base64 => "base64",
        }
    }
}

impl From<TextEncoding> for Encoding {
    fn from(encoding: TextEncoding) -> Self {
        match encoding {
            TextEncoding::Hex => Self::Hex,
            TextEncoding::HexAnyCase => Self::HexAnyCase,
            TextEncoding::Base64 => Self::Base64,
        }
    }
}

impl SchemeArgs {
    /// The first option that was given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let options = [
            ("--signature-header", self.signature_header.is_some()),
            ("--encoding", self.encoding.is_some()),
            ("--prefix", self.prefix.is_some()),
            ("--unit", self.unit.is_some()),
            ("--tolerance", self.tolerance.is_some()),
        ];
        options.into_iter().find_map(|(name, given)| given.then_some(name))
    }

    /// As [`SchemeArgs::scheme`], to sign with.
    pub(crate) fn signing(&self, platform: Platform) -> Result<Arc<dyn SignatureScheme>, Failure> {
        if self.tolerance.is_some() {
            return Err(Failure::usage(
                "--tolerance is for verifying, and nothing is verified here: leave it out",
            ));
        }
        self.scheme(platform)
    }

    /// The platform's scheme with what was said.
    pub(crate) fn scheme(&self, platform: Platform) -> Result<Arc<dyn SignatureScheme>, Failure> {
        match platform {
            Platform::StandardWebhooks => self.standard_webhooks(),
            Platform::Of(Vendor::GYMPOINT) => self.gympoint(),
            Platform::Of(Vendor::PERFECTGYM) => self.perfectgym(),
            Platform::Of(Vendor::POINT) => self.point(),
            Platform::Of(_) => self.api_key(platform),
        }
    }

    fn gympoint(&self) -> Result<Arc<dyn SignatureScheme>, Failure> {
        self.refuse(
            "gympoint",
            &[("--unit", self.unit.is_some()), ("--tolerance", self.tolerance.is_some())],
        )?;
        let mut scheme = vendor::gympoint();
        if let Some(header) = &self.signature_header {
            scheme = scheme.with_header(header.clone());
        }
        if let Some(encoding) = self.encoding {
            scheme = scheme.with_encoding(encoding.into());
        }
        if let Some(prefix) = &self.prefix {
            scheme = scheme.with_prefix(prefix.as_str());
        }
        Ok(Arc::new(scheme))
    }

    fn perfectgym(&self) -> Result<Arc<dyn SignatureScheme>, Failure> {
        let unknown = [
            ("--unit", self.unit.is_some()),
            ("--tolerance", self.tolerance.is_some()),
            ("--prefix", self.prefix.is_some()),
        ];
        self.refuse("perfectgym", &unknown)?;
        let mut scheme = RequestIdMd5::new();
        if let Some(header) = &self.signature_header {
            scheme = scheme.with_signature_header(header.clone());
        }
        if let Some(encoding) = self.encoding {
            scheme = scheme.with_encoding(encoding.into());
        }
        Ok(Arc::new(scheme))
    }

    fn point(&self) -> Result<Arc<dyn SignatureScheme>, Failure> {
        self.refuse("point", &[("--prefix", self.prefix.is_some())])?;
        let mut scheme = vendor::point();
        if let Some(header) = &self.signature_header {
            scheme = scheme.with_header(header.clone());
        }
        if let Some(encoding) = self.encoding {
            scheme = scheme.with_encoding(encoding.into());
        }
        if let Some(unit) = self.unit {
            scheme = scheme.with_unit(match unit {
                Unit::Ms => TimeUnit::Milliseconds,
                Unit::S => TimeUnit::Seconds,
            });
        }
        if let Some(tolerance) = self.tolerance {
            scheme = scheme.with_tolerance(tolerance);
        }
        Ok(Arc::new(scheme))
    }

    fn api_key(&self, platform: Platform) -> Result<Arc<dyn SignatureScheme>, Failure> {
        let unknown = [
            ("--encoding", self.encoding.is_some()),
            ("--prefix", self.prefix.is_some()),
            ("--unit", self.unit.is_some()),
            ("--tolerance", self.tolerance.is_some()),
        ];
        self.refuse(platform.name(), &unknown)?;
        Ok(Arc::new(ApiKey::new().with_header(self.signature_header.clone().unwrap_or(ApiKey::HEADER))))
    }

    fn standard_webhooks(&self) -> Result<Arc<dyn SignatureScheme>, Failure> {
        let unknown = [
            ("--encoding", self.encoding.is_some()),
            ("--prefix", self.prefix.is_some()),
            ("--unit", self.unit.is_some()),
        ];
        self.refuse("standard-webhooks", &unknown)?;
        let mut scheme = StandardWebhooks::new();
        if let Some(header) = &self.signature_header {
            let prefix = header.as_str().strip_suffix("-signature").ok_or_else(|| {
                Failure::usage(
                    "--signature-header of standard-webhooks ends in -signature, as webhook-signature does",
                )
            })?;
            scheme = scheme.with_header_prefix(prefix).map_err(Failure::usage)?;
        }
        if let Some(tolerance) = self.tolerance {
            scheme = scheme.with_tolerance(tolerance);
        }
        Ok(Arc::new(scheme))
    }

    fn refuse(&self, platform: &str, given: &[(&str, bool)]) -> Result<(), Failure> {
        match given.iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((name, _)) => {
                Err(Failure::usage(format!("{name} means nothing for {platform}: leave it out")))
            }
        }
    }
}
