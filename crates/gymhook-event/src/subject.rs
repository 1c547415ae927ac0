//! `Subject`, `SubjectKind` and `SubjectId`: the person or thing that an event is about.

use core::fmt;

/// What the id of an event stands for, and the id where there is one.
///
/// ```
/// use gymhook_event::{Subject, SubjectId, SubjectKind};
///
/// let subject = Subject::new(SubjectKind::Customer, Some(SubjectId::Number(7893459)));
/// assert_eq!(subject.to_string(), "customer 7893459");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Subject<'a> {
    /// What the id stands for.
    pub kind: SubjectKind,
    /// The vendor's id; `None` where the notification names none.
    pub id: Option<SubjectId<'a>>,
}

impl<'a> Subject<'a> {
    /// Nothing is known about the subject.
    pub const UNKNOWN: Self = Self { kind: SubjectKind::Unknown, id: None };

    /// A subject of that kind, with its id if the notification names it.
    #[must_use]
    pub const fn new(kind: SubjectKind, id: Option<SubjectId<'a>>) -> Self {
        Self { kind, id }
    }
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "{} {id}", self.kind),
            None => self.kind.fmt(f),
        }
    }
}

macro_rules! subject_kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// What a subject's id stands for.
        ///
        /// The words are the vendors' own: a PG Next *customer*, an EGYM *account* and a GymPoint *member* may be the
        /// same person, but their ids belong to different lists and must not be compared.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum SubjectKind {
            $($(#[$doc])* $variant,)+
        }

        impl SubjectKind {
            /// Every kind of subject; [`SubjectKind::Unknown`] is last.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name in kebab case.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

subject_kinds! {
    /// A person's account (EGYM).
    Account = "account",
    /// A person as a customer (PG Next).
    Customer = "customer",
    /// A person as a user (PerfectGym: guests and members; Point).
    User = "user",
    /// A person as a member (GymPoint).
    Member = "member",
    /// One booking of a class or an appointment.
    Booking = "booking",
    /// One session of a class at one time.
    ClassSlot = "class-slot",
    /// A class, of which there are sessions.
    Class = "class",
    /// A contract.
    Contract = "contract",
    /// An additional module of a contract, by the id of its own contract (PG Next).
    ContractModule = "contract-module",
    /// An idle period of a contract.
    IdlePeriod = "idle-period",
    /// A studio or club.
    Studio = "studio",
    /// A device.
    Device = "device",
    /// A person who works for the gym.
    Employee = "employee",
    /// An export file.
    Export = "export",
    /// A debt collection run.
    DebtCollectionRun = "debt-collection-run",
    /// A debt collection case, by the agency's id where it is set, else by PG Next's.
    DebtCollectionCase = "debt-collection-case",
    /// A request to adjust a debt collection case (PG Next).
    CaseAdjustmentRequest = "case-adjustment-request",
    /// A person in an aggregator's own list (PG Next); not comparable with the gym's customers.
    AggregatorMember = "aggregator-member",
    /// The vendor does not say what the id stands for, or the type is new.
    Unknown = "unknown",
}

impl SubjectKind {
    /// Whether the id is a guest's or member's in the vendor's own list; employees and an aggregator's members are not.
    #[must_use]
    pub const fn is_person(self) -> bool {
        matches!(self, Self::Account | Self::Customer | Self::User | Self::Member)
    }
}

impl fmt::Display for SubjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A subject's id as it was received; `Display` gives its text without allocating.
///
/// Exhaustive on purpose: an id in JSON is a number or a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectId<'a> {
    /// Received as a JSON number.
    Number(i64),
    /// Received as a JSON string.
    Text(&'a str),
}

impl fmt::Display for SubjectId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.pad(text),
        }
    }
}
