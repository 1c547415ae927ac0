//! `EventType`: the twelve event types of PerfectGym, one of which is a test, and the kind of each.

use crate::Kind;
use crate::open_names::open_names;

open_names! {
    /// What happened, in PerfectGym's words, as listed on
    /// <https://kb.perfectgym.com/article/how-use-and-set-webhooks>.
    pub enum EventType {
        /// A class was booked.
        ClassesBooked = "ClassesBooked",
        /// A class was booked and the person stays on its standby list; the vendor's page spells it
        /// `ClassesBookedOnStadbyList`, which is read too.
        ClassesBookedOnStandbyList = "ClassesBookedOnStandbyList" | "ClassesBookedOnStadbyList",
        /// A booking of a class was cancelled.
        ClassesBookingCancelled = "ClassesBookingCancelled",
        /// A person moved from the standby list to the class's list.
        ClassesBookingPromotedFromStandbyList = "ClassesBookingPromotedFromStandbyList",
        /// A payment for a contract was made.
        ContractPaymentDone = "ContractPaymentDone",
        /// A contract was added, for a new member or an old one.
        ContractCreated = "ContractCreated",
        /// A personal training was booked.
        PersonalTrainingBooked = "PersonalTrainingBooked",
        /// A booking of a personal training was cancelled.
        PersonalTrainingBookingCancelled = "PersonalTrainingBookingCancelled",
        /// Someone tried, successfully or not, to enter a club or zone by card, fingerprint or QR code.
        UserCardScanned = "UserCardScanned",
        /// The personal data of a guest or member was changed.
        UserModified = "UserModified",
        /// A member entered the club.
        UserPresenceChanged = "UserPresenceChanged",
        /// A person answered an agreement differently; seen by receivers, not on the vendor's page.
        AgreementAnswerModified = "AgreementAnswerModified",
        /// A test of all webhooks, sent by hand.
        Test = "Test",
    }
}

impl EventType {
    /// What the type means across vendors.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::ClassesBooked => Kind::ClassBooked,
            Self::ClassesBookedOnStandbyList => Kind::ClassWaitlisted,
            Self::ClassesBookingCancelled => Kind::ClassBookingCancelled,
            Self::ClassesBookingPromotedFromStandbyList => Kind::ClassPromoted,
            Self::ContractPaymentDone => Kind::PaymentSucceeded,
            Self::ContractCreated => Kind::ContractCreated,
            Self::PersonalTrainingBooked => Kind::AppointmentBooked,
            Self::PersonalTrainingBookingCancelled => Kind::AppointmentCancelled,
            Self::UserCardScanned => Kind::AccessAttempted,
            Self::UserModified => Kind::MemberUpdated,
            Self::UserPresenceChanged => Kind::CheckIn,
            Self::AgreementAnswerModified => Kind::ConsentUpdated,
            Self::Test => Kind::Test,
            Self::Other(_) => Kind::Other,
        }
    }
}
