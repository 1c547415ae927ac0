//! `EventType`: the nine event types of GymPoint, and the kind of each.

use crate::open_names::open_names;
use crate::{Kind, SubjectKind};

open_names! {
    /// What happened, in GymPoint's words, as listed on
    /// <https://gympoint.ai/knowledge-base/settings/integrations-api>.
    pub enum EventType {
        /// A new member was added.
        MemberCreated = "member.created",
        /// A member's profile was changed.
        MemberUpdated = "member.updated",
        /// A member was removed.
        MemberDeleted = "member.deleted",
        /// A membership plan became active.
        MembershipActivated = "membership.activated",
        /// A membership was cancelled (the vendor writes one l).
        MembershipCanceled = "membership.canceled",
        /// A payment was processed.
        PaymentSuccessful = "payment.successful",
        /// A payment attempt failed.
        PaymentFailed = "payment.failed",
        /// A payment was refunded.
        PaymentRefunded = "payment.refunded",
        /// A member checked in.
        CheckinCreated = "checkin.created",
    }
}

impl EventType {
    /// What the type means across vendors.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::MemberCreated => Kind::MemberCreated,
            Self::MemberUpdated => Kind::MemberUpdated,
            Self::MemberDeleted => Kind::MemberDeleted,
            Self::MembershipActivated => Kind::MembershipActivated,
            Self::MembershipCanceled => Kind::MembershipCancelled,
            Self::PaymentSuccessful => Kind::PaymentSucceeded,
            Self::PaymentFailed => Kind::PaymentFailed,
            Self::PaymentRefunded => Kind::PaymentRefunded,
            Self::CheckinCreated => Kind::CheckIn,
            Self::Other(_) => Kind::Other,
        }
    }

    /// Whom an event of this type is about.
    ///
    /// The vendor describes the `member.` types and the check-in as events of a member; what a membership's or a
    /// payment's id would identify is not published.
    #[must_use]
    pub const fn subject_kind(&self) -> SubjectKind {
        match self {
            Self::MemberCreated | Self::MemberUpdated | Self::MemberDeleted | Self::CheckinCreated => {
                SubjectKind::Member
            }
            Self::MembershipActivated
            | Self::MembershipCanceled
            | Self::PaymentSuccessful
            | Self::PaymentFailed
            | Self::PaymentRefunded
            | Self::Other(_) => SubjectKind::Unknown,
        }
    }
}
