//! `Kind`: the kind of an event, what happened, in words that are the same for all vendors.

use core::fmt;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// What an event means, whoever sent it.
        ///
        /// The vendors name the same happening differently (`checkin.created`, `GYM_CHECKIN`, `UserPresenceChanged`,
        /// `CUSTOMER_CHECKIN`); code that serves several of them matches on this instead. The exact type as received
        /// stays in [`Event::event_type`](crate::Event::event_type).
        ///
        #[doc = include_str!("kinds.md")]
        ///
        /// The list grows as vendors do, so a `match` needs a last arm: treat what it catches as [`Kind::Other`].
        ///
        /// ```
        /// use gymhook_event::Kind;
        ///
        /// assert_eq!(Kind::CheckIn.to_string(), "check-in");
        /// assert!(Kind::PaymentRefunded.moves_money());
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[$doc])* $variant,)+
        }

        impl Kind {
            /// Every kind, in the order of the declaration; [`Kind::Other`] is last.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name in kebab case, fit for logs and metric labels: a closed set.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

kinds! {
    /// A person entered a gym.
    CheckIn = "check-in",
    /// A person left a gym, or was checked out of it.
    CheckOut = "check-out",
    /// A person logged in to a machine.
    EquipmentCheckIn = "equipment-check-in",
    /// Someone tried to pass a door, with or without success.
    AccessAttempted = "access-attempted",
    /// A card, fingerprint or other key was given to a person.
    AccessMediumCreated = "access-medium-created",
    /// A person's card or other key was changed.
    AccessMediumUpdated = "access-medium-updated",
    /// A person's card or other key was taken away.
    AccessMediumDeleted = "access-medium-deleted",
    /// A person was barred from entering.
    AccessRestrictionCreated = "access-restriction-created",
    /// A person is no longer barred from entering.
    AccessRestrictionDeleted = "access-restriction-deleted",
    /// The set of studios a person may enter changed.
    CheckInStudiosUpdated = "check-in-studios-updated",
    /// A person was added.
    MemberCreated = "member-created",
    /// A person's data changed.
    MemberUpdated = "member-updated",
    /// A person's data was deleted.
    MemberDeleted = "member-deleted",
    /// A person came through an aggregator; there is no contract, and a [`MemberCreated`](Self::MemberCreated) of the same
    /// person may come beside it.
    AggregatorMemberCreated = "aggregator-member-created",
    /// A person's data can no longer be read by the receiver.
    DataAccessDisabled = "data-access-disabled",
    /// A person's communication preferences or answers to agreements changed.
    ConsentUpdated = "consent-updated",
    /// A person moved to another home studio.
    HomeStudioUpdated = "home-studio-updated",
    /// A membership became active.
    MembershipActivated = "membership-activated",
    /// A membership was cancelled.
    MembershipCancelled = "membership-cancelled",
    /// A membership was deleted, and data of its member with it. **How much is in doubt**: perhaps only data about membership
    /// and contract, perhaps the person. Read the person from the vendor's API before deleting anything: it cannot be undone.
    MembershipDeleted = "membership-deleted",
    /// A contract was made.
    ContractCreated = "contract-created",
    /// A contract was changed.
    ContractUpdated = "contract-updated",
    /// A contract was cancelled.
    ContractCancelled = "contract-cancelled",
    /// A contract was undone, as if it had not been made.
    ContractReversed = "contract-reversed",
    /// A module was added to a contract.
    ContractModuleCreated = "contract-module-created",
    /// A module of a contract was changed.
    ContractModuleUpdated = "contract-module-updated",
    /// A module of a contract was cancelled.
    ContractModuleCancelled = "contract-module-cancelled",
    /// A module of a contract was deleted.
    ContractModuleDeleted = "contract-module-deleted",
    /// A contract is to rest for a while.
    IdlePeriodCreated = "idle-period-created",
    /// A contract's resting period was changed.
    IdlePeriodUpdated = "idle-period-updated",
    /// A contract's resting period was cancelled.
    IdlePeriodCancelled = "idle-period-cancelled",
    /// A payment went through.
    PaymentSucceeded = "payment-succeeded",
    /// A payment failed or was rejected.
    PaymentFailed = "payment-failed",
    /// A payment was paid back.
    PaymentRefunded = "payment-refunded",
    /// A debt collection run was created.
    DebtCollectionRunCreated = "debt-collection-run-created",
    /// A debt collection case was updated.
    DebtCollectionCaseUpdated = "debt-collection-case-updated",
    /// The settings for debt collection changed.
    DebtCollectionConfigurationUpdated = "debt-collection-configuration-updated",
    /// An export for a tax adviser is ready.
    ExportCreated = "export-created",
    /// A place in a class was booked.
    ClassBooked = "class-booked",
    /// A booking of a class was changed.
    ClassBookingUpdated = "class-booking-updated",
    /// A booking of a class was cancelled.
    ClassBookingCancelled = "class-booking-cancelled",
    /// A person was put on a class's waiting list.
    ClassWaitlisted = "class-waitlisted",
    /// A person moved up from a class's waiting list.
    ClassPromoted = "class-promoted",
    /// One session of a class was changed.
    ClassSlotUpdated = "class-slot-updated",
    /// One session of a class was cancelled.
    ClassSlotCancelled = "class-slot-cancelled",
    /// An appointment, such as a personal training, was booked.
    AppointmentBooked = "appointment-booked",
    /// An appointment was changed.
    AppointmentUpdated = "appointment-updated",
    /// An appointment was cancelled.
    AppointmentCancelled = "appointment-cancelled",
    /// A person finished their first guided set-up.
    OnboardingCompleted = "onboarding-completed",
    /// A workout was recorded.
    WorkoutRecorded = "workout-recorded",
    /// Something was concluded from a person's workouts.
    InsightRecorded = "insight-recorded",
    /// A device was registered.
    DeviceCreated = "device-created",
    /// An employee was added.
    EmployeeCreated = "employee-created",
    /// An employee's data changed.
    EmployeeUpdated = "employee-updated",
    /// An employee was removed.
    EmployeeDeleted = "employee-deleted",
    /// A studio's own data changed, such as its opening hours.
    StudioUpdated = "studio-updated",
    /// An additional information field of a studio was updated; the vendor does not say whether that is the field's
    /// definition or somebody's entry in it.
    AdditionalFieldsUpdated = "additional-fields-updated",
    /// The vendor tries whether the endpoint answers; nothing happened.
    Test = "test",
    /// A type that this crate has no word for; it may be new.
    Other = "other",
}

impl Kind {
    /// The kind with this name, in kebab case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// Whether acting on the event moves money or a claim to it.
    ///
    /// Before such an event is believed, ask for a proof that covers the body, or read the fact back from the
    /// vendor's API: a bearer key says who sent a request, not what was in it.
    #[must_use]
    pub const fn moves_money(self) -> bool {
        matches!(
            self,
            Self::PaymentSucceeded
                | Self::PaymentFailed
                | Self::PaymentRefunded
                | Self::DebtCollectionRunCreated
                | Self::DebtCollectionCaseUpdated
                | Self::DebtCollectionConfigurationUpdated
        )
    }

    /// Whether acting on the event gives, changes or takes away what a person may use: membership, contract with its
    /// modules and rests, the person's record itself, keys and bars at the door.
    ///
    /// The advice of [`Kind::moves_money`] holds here too.
    #[must_use]
    pub const fn changes_membership(self) -> bool {
        matches!(
            self,
            Self::MemberCreated
                | Self::MemberUpdated
                | Self::MemberDeleted
                | Self::AggregatorMemberCreated
                | Self::MembershipActivated
                | Self::MembershipCancelled
                | Self::MembershipDeleted
                | Self::ContractCreated
                | Self::ContractUpdated
                | Self::ContractCancelled
                | Self::ContractReversed
                | Self::ContractModuleCreated
                | Self::ContractModuleUpdated
                | Self::ContractModuleCancelled
                | Self::ContractModuleDeleted
                | Self::IdlePeriodCreated
                | Self::IdlePeriodUpdated
                | Self::IdlePeriodCancelled
                | Self::AccessMediumCreated
                | Self::AccessMediumUpdated
                | Self::AccessMediumDeleted
                | Self::AccessRestrictionCreated
                | Self::AccessRestrictionDeleted
                | Self::CheckInStudiosUpdated
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_kebab_case() {
        let mut names: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Kind::ALL.len());
        assert!(Kind::ALL.iter().all(|kind| Kind::from_name(kind.as_str()) == Some(*kind)));
        assert_eq!(Kind::from_name("CheckIn"), None);
        assert!(names.iter().all(|name| name.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase())));
    }

    #[test]
    fn money_and_membership_are_found_by_their_words() {
        // An independent reading: what the names of the kinds themselves speak of.
        let speaks_of =
            |kind: &Kind, words: &[&str]| words.iter().any(|word| kind.as_str().starts_with(word));
        let membership = [
            "member",
            "aggregator-member-",
            "contract-",
            "idle-period-",
            "access-medium-",
            "access-restriction-",
            "check-in-studios-",
        ];
        for kind in Kind::ALL {
            assert_eq!(kind.moves_money(), speaks_of(kind, &["payment-", "debt-collection-"]), "{kind}");
            assert_eq!(kind.changes_membership(), speaks_of(kind, &membership), "{kind}");
        }
    }

    #[test]
    fn harmless_kinds_ask_for_no_stronger_proof() {
        for kind in [Kind::CheckIn, Kind::Test, Kind::Other, Kind::WorkoutRecorded, Kind::ClassBooked] {
            assert!(!kind.moves_money() && !kind.changes_membership(), "{kind}");
        }
    }
}
