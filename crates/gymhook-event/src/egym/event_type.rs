//! `EventType`: the six event types of EGYM, and the kind of each.

use crate::Kind;
use crate::open_names::open_names;

open_names! {
    /// What happened, in EGYM's words, as listed on <https://developer.egym.com/general/webhooks>.
    ///
    /// The vendor announces that more will come: they arrive as [`EventType::Other`].
    pub enum EventType {
        /// A person has physically checked in at a gym.
        GymCheckin = "GYM_CHECKIN",
        /// A person has physically checked out from a gym.
        GymCheckout = "GYM_CHECKOUT",
        /// A person has logged in to equipment in a gym.
        EquipmentCheckin = "EQUIPMENT_CHECKIN",
        /// "Occurs once member data gets deleted from EGYM", says the page, and the name says membership. EGYM's API deletes
        /// either everything about a person or, by default, only data about membership and contract; which of the two
        /// emits this is not said. So it is read as [`Kind::MembershipDeleted`], not as the deletion of a person.
        MembershipDelete = "MEMBERSHIP_DELETE",
        /// A member completed the EGYM Genius onboarding.
        GeniusOnboardingCompleted = "GENIUS_ONBOARDING_COMPLETED",
        /// A test of the endpoint, triggered through EGYM's API.
        Test = "TEST",
    }
}

impl EventType {
    /// What the type means across vendors.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::GymCheckin => Kind::CheckIn,
            Self::GymCheckout => Kind::CheckOut,
            Self::EquipmentCheckin => Kind::EquipmentCheckIn,
            Self::MembershipDelete => Kind::MembershipDeleted,
            Self::GeniusOnboardingCompleted => Kind::OnboardingCompleted,
            Self::Test => Kind::Test,
            Self::Other(_) => Kind::Other,
        }
    }
}
