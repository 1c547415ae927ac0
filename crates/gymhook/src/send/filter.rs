//! `EventFilter`: which events a subscription wants, and `FilterError`.

use core::fmt;
use std::collections::BTreeSet;

use gymhook_event::{Kind, Vendor};

use crate::text::{nearest, nearest_beginning};

/// Which events a subscription wants: one type, all types with a prefix, or one kind across vendors.
///
/// As text, `member.created` is a type, `member.*` every type that begins with `member.`, `kind:check-in` a [`Kind`], and
/// `unlisted:member.merged` a type that is newer than this crate. Parsing never fails; [`EventFilter::check`] refuses filters
/// that can never match.
///
/// ```
/// use gymhook::event::{Kind, Vendor};
/// use gymhook::send::EventFilter;
///
/// let all_of_members = EventFilter::from("member.*");
/// assert!(all_of_members.matches(None, "member.created"));
/// assert!(!all_of_members.matches(None, "membership.activated"));
///
/// let check_ins = EventFilter::from(Kind::CheckIn);
/// assert!(check_ins.matches(Some(Vendor::GYMPOINT), "checkin.created"));
///
/// let refused = EventFilter::from("member.craeted").check("gympoint").unwrap_err();
/// assert!(refused.to_string().contains("did you mean \"member.created\"?"), "{refused}");
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum EventFilter {
    /// This type, in the vendor's spelling.
    Exact(String),
    /// Every type with this prefix; written with a trailing `*`.
    Prefix(String),
    /// Every type that the vendor has for this kind; written as `kind:` and its name.
    Kind(Kind),
    /// This type, although this crate does not know it; written as `unlisted:` and the type.
    Unlisted(String),
}

const KIND: &str = "kind:";
const UNLISTED: &str = "unlisted:";

impl EventFilter {
    /// A type that is newer than this crate: it is not looked up among the vendor's types.
    #[must_use]
    pub fn unlisted(event_type: impl Into<String>) -> Self {
        Self::Unlisted(event_type.into())
    }

    /// Whether it matches events of this type. A kind needs the vendor of the type.
    #[must_use]
    pub fn matches(&self, vendor: Option<Vendor>, event_type: &str) -> bool {
        match self {
            Self::Exact(wanted) | Self::Unlisted(wanted) => wanted == event_type,
            Self::Prefix(beginning) => event_type.starts_with(beginning),
            Self::Kind(kind) => vendor.and_then(|vendor| vendor.kind_of(event_type)) == Some(*kind),
        }
    }

    /// Checks that it can match what this platform sends; `platform` is a [`Vendor`]'s name, or your own, whose types and
    /// kinds are not known.
    ///
    /// # Errors
    /// [`FilterError`] says what is wrong, with the nearest type that the platform has.
    pub fn check(&self, platform: &str) -> Result<(), FilterError> {
        let filter = || self.to_string();
        let vendor = platform.parse::<Vendor>().ok();
        let types = vendor.map(Vendor::event_types).unwrap_or_default();
        let platform = platform.to_owned();
        match self {
            Self::Exact(name) | Self::Unlisted(name) => {
                check_text(name, &filter())?;
                if name.contains('*') {
                    return Err(FilterError::Star { filter: filter() });
                }
                let is_listed = types.is_empty() || types.contains(&name.as_str());
                if matches!(self, Self::Unlisted(_)) || is_listed {
                    return Ok(());
                }
                if let Some(kind) = name.strip_prefix(KIND) {
                    let names = Kind::ALL.iter().map(|kind| kind.as_str());
                    return Err(FilterError::NoSuchKind {
                        name: kind.to_owned(),
                        nearest: nearest(kind, names),
                    });
                }
                let nearest = nearest(name, types.into_iter());
                Err(FilterError::NotSent { filter: filter(), platform, nearest })
            }
            Self::Prefix(beginning) => {
                check_text(beginning, &filter())?;
                if beginning.contains('*') {
                    return Err(FilterError::Star { filter: filter() });
                }
                if types.is_empty() || types.iter().any(|name| name.starts_with(beginning)) {
                    return Ok(());
                }
                let nearest = nearest_beginning(beginning, types.into_iter());
                Err(FilterError::NotSent { filter: filter(), platform, nearest })
            }
            // A type that is newer than this crate is of that kind.
            Self::Kind(Kind::Other) if vendor.is_some() => Ok(()),
            Self::Kind(kind) => match vendor {
                None => Err(FilterError::KindsUnknown { kind: *kind, platform }),
                Some(vendor) if types.iter().any(|name| vendor.kind_of(name) == Some(*kind)) => Ok(()),
                Some(_) => Err(FilterError::KindNotSent { kind: *kind, platform }),
            },
        }
    }

    /// Checks that a list of filters, and the types that have their own URLs, can match what this platform sends.
    ///
    /// # Errors
    /// The first [`FilterError`].
    pub fn check_all<'f>(
        platform: &str,
        filters: Option<&BTreeSet<Self>>,
        types: impl IntoIterator<Item = &'f String>,
    ) -> Result<(), FilterError> {
        if filters.is_some_and(BTreeSet::is_empty) {
            return Err(FilterError::NoFilter);
        }
        filters.into_iter().flatten().try_for_each(|filter| filter.check(platform))?;
        types.into_iter().try_for_each(|name| match Self::from(name.as_str()) {
            one @ (Self::Exact(_) | Self::Unlisted(_)) => one.check(platform),
            several @ (Self::Prefix(_) | Self::Kind(_)) => {
                Err(FilterError::NotOneType { filter: several.to_string() })
            }
        })
    }
}

fn check_text(text: &str, filter: &str) -> Result<(), FilterError> {
    if text.is_empty() {
        return Err(FilterError::Empty);
    }
    // `trim` leaves a byte order mark, which is just as invisible.
    if text.trim_matches(|edge: char| edge.is_whitespace() || edge == '\u{feff}') != text {
        return Err(FilterError::WhiteSpace { filter: filter.to_owned() });
    }
    match text.chars().find(|character| character.is_control()) {
        Some(character) => Err(FilterError::Control { filter: filter.to_owned(), character }),
        None => Ok(()),
    }
}

impl From<&str> for EventFilter {
    fn from(text: &str) -> Self {
        if let Some(name) = text.strip_prefix(UNLISTED) {
            return Self::Unlisted(name.to_owned());
        }
        if let Some(kind) = text.strip_prefix(KIND).and_then(Kind::from_name) {
            return Self::Kind(kind);
        }
        match text.strip_suffix('*').filter(|beginning| !beginning.is_empty()) {
            Some(beginning) => Self::Prefix(beginning.to_owned()),
            None => Self::Exact(text.to_owned()),
        }
    }
}

impl From<String> for EventFilter {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<Kind> for EventFilter {
    fn from(kind: Kind) -> Self {
        Self::Kind(kind)
    }
}

/// The text that it is parsed from.
impl fmt::Display for EventFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Prefix(beginning) => write!(f, "{beginning}*"),
            Self::Kind(kind) => write!(f, "{KIND}{kind}"),
            Self::Unlisted(name) => write!(f, "{UNLISTED}{name}"),
        }
    }
}

/// Why a filter can never match. Caused by its author.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// It contains a control character.
    #[error("event filter {filter:?} has the control character U+{:04X}: remove it", u32::from(*character))]
    Control {
        /// The filter.
        filter: String,
        /// The first control character.
        character: char,
    },
    /// It is empty.
    #[error("an event filter is empty: name a type; to match every type, omit the filter")]
    Empty,
    /// The platform has no type of this kind.
    #[error("{platform} has no event of kind {kind}: name another kind, or the types you mean")]
    KindNotSent {
        /// The kind.
        kind: Kind,
        /// The platform.
        platform: String,
    },
    /// The kinds of the platform's types are not known.
    #[error(
        "the kinds of platform {platform:?} are not known, so {kind} can match nothing: name its types instead"
    )]
    KindsUnknown {
        /// The kind.
        kind: Kind,
        /// The platform.
        platform: String,
    },
    /// The list of filters has no entry.
    #[error(
        "the list of event filters is empty, so nothing would ever be sent: name a type; to match every type, omit the list"
    )]
    NoFilter,
    /// There is no such kind.
    #[error("there is no kind {name:?} of events{}", hint(*nearest))]
    NoSuchKind {
        /// The name.
        name: String,
        /// The kind with the nearest name.
        nearest: Option<&'static str>,
    },
    /// It is not a single type, where one is required.
    #[error("event filter {filter:?} is not a single type: a URL can be set for one type only")]
    NotOneType {
        /// The filter.
        filter: String,
    },
    /// The platform has no such type.
    #[error(
        "{platform} has no event that fits {filter:?}{}: write \"unlisted:\" before a type that is newer than this crate",
        hint(*nearest)
    )]
    NotSent {
        /// The filter.
        filter: String,
        /// The platform.
        platform: String,
        /// The nearest type.
        nearest: Option<&'static str>,
    },
    /// A star is somewhere other than at the end.
    #[error(
        "event filter {filter:?}: a star is allowed only at the end, as in \"member.*\"; to match every type, omit the filter"
    )]
    Star {
        /// The filter.
        filter: String,
    },
    /// It begins or ends with white space.
    #[error("event filter {filter:?} has leading or trailing white space: remove it")]
    WhiteSpace {
        /// The filter.
        filter: String,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!(" (did you mean {nearest:?}?)")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_reads_as_it_is_written() {
        let all = [
            EventFilter::Exact("member.created".to_owned()),
            EventFilter::Prefix("member.".to_owned()),
            EventFilter::Kind(Kind::CheckIn),
            EventFilter::Unlisted("member.merged".to_owned()),
            EventFilter::Unlisted("kind:check-in".to_owned()),
        ];
        let texts = [
            "member.created",
            "member.*",
            "kind:check-in",
            "unlisted:member.merged",
            "unlisted:kind:check-in",
        ];
        for (filter, text) in all.into_iter().zip(texts) {
            assert_eq!(filter.to_string(), text);
            assert_eq!(EventFilter::from(text), filter);
        }
        for kind in Kind::ALL {
            assert_eq!(EventFilter::from(EventFilter::from(*kind).to_string()), EventFilter::Kind(*kind));
        }
    }

    #[test]
    fn what_can_never_match_is_refused_and_the_nearest_is_named() {
        let said =
            |filter: &str, platform: &str| EventFilter::from(filter).check(platform).unwrap_err().to_string();
        let table = [
            (
                "*",
                "event filter \"*\": a star is allowed only at the end, as in \"member.*\"; to match every type, omit the filter",
            ),
            (
                "member.*.x",
                "event filter \"member.*.x\": a star is allowed only at the end, as in \"member.*\"; to match every type, omit the filter",
            ),
            (
                "mem*.*",
                "event filter \"mem*.*\": a star is allowed only at the end, as in \"member.*\"; to match every type, omit the filter",
            ),
            ("", "an event filter is empty: name a type; to match every type, omit the filter"),
            (
                "member.created ",
                "event filter \"member.created \" has leading or trailing white space: remove it",
            ),
            (
                "\u{feff}member.created\n",
                "event filter \"\\u{feff}member.created\\n\" has leading or trailing white space: remove it",
            ),
            ("a\0b", "event filter \"a\\0b\" has the control character U+0000: remove it"),
            (
                "member.craeted",
                "gympoint has no event that fits \"member.craeted\" (did you mean \"member.created\"?): write \"unlisted:\" before a type that is newer than this crate",
            ),
            (
                "Member.Created",
                "gympoint has no event that fits \"Member.Created\" (did you mean \"member.created\"?): write \"unlisted:\" before a type that is newer than this crate",
            ),
            (
                "GYM_CHECKIN",
                "gympoint has no event that fits \"GYM_CHECKIN\": write \"unlisted:\" before a type that is newer than this crate",
            ),
            (
                "membr.*",
                "gympoint has no event that fits \"membr.*\" (did you mean \"member.created\"?): write \"unlisted:\" before a type that is newer than this crate",
            ),
            ("kind:chek-in", "there is no kind \"chek-in\" of events (did you mean \"check-in\"?)"),
            (
                "kind:workout-recorded",
                "gympoint has no event of kind workout-recorded: name another kind, or the types you mean",
            ),
        ];
        for (filter, message) in table {
            assert_eq!(said(filter, "gympoint"), message);
        }
        assert_eq!(
            said("kind:check-in", "acme"),
            "the kinds of platform \"acme\" are not known, so check-in can match nothing: name its types instead"
        );
        for filter in ["*", "", " a", "a\u{7f}", "unlisted:", "unlisted:a*", "unlisted: a"] {
            assert!(EventFilter::from(filter).check("acme").is_err(), "{filter:?} of a custom platform");
        }
    }

    #[test]
    fn what_a_platform_sends_is_wanted_by_name_by_beginning_and_by_kind() {
        for &vendor in Vendor::ALL {
            for name in vendor.event_types() {
                let kind = vendor.kind_of(name).unwrap();
                let beginning = EventFilter::Prefix(name.chars().take(4).collect());
                for filter in [EventFilter::from(name), beginning, EventFilter::from(kind)] {
                    assert_eq!(filter.check(vendor.as_str()), Ok(()), "{filter}");
                    assert!(filter.matches(Some(vendor), name), "{filter}");
                }
            }
            let unlisted = EventFilter::unlisted("newer.than.this");
            assert_eq!(unlisted.check(vendor.as_str()), Ok(()));
            assert!(unlisted.matches(Some(vendor), "newer.than.this"));
            assert!(EventFilter::from(Kind::Other).matches(Some(vendor), "newer.than.this"));
            assert_eq!(EventFilter::from(Kind::Other).check(vendor.as_str()), Ok(()));
        }
        for filter in ["any.type", "any.*"] {
            assert_eq!(EventFilter::from(filter).check("acme"), Ok(()));
        }
        assert!(!EventFilter::from(Kind::CheckIn).matches(None, "checkin.created"));
        assert!(!EventFilter::from("member.*").matches(None, "member"));
    }

    #[test]
    fn a_set_of_filters_and_the_types_of_urls_are_judged_together() {
        let check = |filters: Option<Vec<EventFilter>>, types: &[&str]| {
            let types: Vec<_> = types.iter().map(ToString::to_string).collect();
            EventFilter::check_all("egym", filters.map(BTreeSet::from_iter).as_ref(), &types)
        };
        assert_eq!(check(None, &["GYM_CHECKIN"]), Ok(()));
        assert_eq!(check(Some(vec![Kind::CheckIn.into()]), &[]), Ok(()));
        assert_eq!(check(Some(vec![]), &[]), Err(FilterError::NoFilter));
        assert!(check(Some(vec![Kind::CheckIn.into(), "gym_checkin".into()]), &[]).is_err());
        for bad in ["GYM_*", "kind:check-in", "GYM_CHEKIN"] {
            assert!(check(None, &[bad]).is_err(), "{bad} is no type");
        }
    }
}
