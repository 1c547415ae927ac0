//! `kind` and `subject_kind`: what each PG Next type means across vendors, and what `entityId` identifies in it.

use super::EventType;
use crate::{Kind, SubjectKind};

impl EventType {
    /// What the type means across vendors.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::AdditionalInformationFieldsUpdated => Kind::AdditionalFieldsUpdated,
            Self::StudioOpeningHoursUpdated => Kind::StudioUpdated,
            Self::AggregatorMemberCreated => Kind::AggregatorMemberCreated,
            Self::CustomerCreated => Kind::MemberCreated,
            Self::AppointmentBookingCancelled => Kind::AppointmentCancelled,
            Self::AppointmentBookingCreated => Kind::AppointmentBooked,
            Self::AppointmentBookingUpdated => Kind::AppointmentUpdated,
            Self::AutomaticCustomerCheckout | Self::CustomerCheckout => Kind::CheckOut,
            Self::ContractAdditionalModuleCreated => Kind::ContractModuleCreated,
            Self::ContractAdditionalModuleDeleted => Kind::ContractModuleDeleted,
            Self::ContractAdditionalModuleUpdated => Kind::ContractModuleUpdated,
            Self::ContractAdditionalModuleCancelled => Kind::ContractModuleCancelled,
            Self::ContractUpdated => Kind::ContractUpdated,
            Self::ContractCreated => Kind::ContractCreated,
            Self::ContractCancelled => Kind::ContractCancelled,
            Self::ContractIdlePeriodCreated => Kind::IdlePeriodCreated,
            Self::ContractIdlePeriodCancelled => Kind::IdlePeriodCancelled,
            Self::ContractIdlePeriodUpdated => Kind::IdlePeriodUpdated,
            Self::CustomerAccessMediumCreated => Kind::AccessMediumCreated,
            Self::CustomerAccessMediumUpdated => Kind::AccessMediumUpdated,
            Self::CustomerAccessMediumDeleted => Kind::AccessMediumDeleted,
            Self::CustomerAccessRestrictionCreated => Kind::AccessRestrictionCreated,
            Self::CustomerAccessRestrictionDeleted => Kind::AccessRestrictionDeleted,
            Self::CustomerCheckin => Kind::CheckIn,
            Self::CustomerCheckinStudiosUpdated => Kind::CheckInStudiosUpdated,
            Self::CustomerDeleted => Kind::MemberDeleted,
            Self::CustomerUpdated => Kind::MemberUpdated,
            Self::CustomerCommunicationPreferencesUpdated => Kind::ConsentUpdated,
            Self::CustomerAccessDisabled => Kind::DataAccessDisabled,
            Self::CustomerHomeStudioUpdated => Kind::HomeStudioUpdated,
            Self::ClassBookingCancelled => Kind::ClassBookingCancelled,
            Self::ClassBookingCreated => Kind::ClassBooked,
            Self::ClassBookingUpdated => Kind::ClassBookingUpdated,
            Self::ClassSlotCancelled => Kind::ClassSlotCancelled,
            Self::ClassSlotUpdated => Kind::ClassSlotUpdated,
            Self::DeviceCreated => Kind::DeviceCreated,
            Self::EmployeeCreated => Kind::EmployeeCreated,
            Self::EmployeeDeleted => Kind::EmployeeDeleted,
            Self::EmployeeUpdated => Kind::EmployeeUpdated,
            Self::FinanceDebtCollectionRunCreated => Kind::DebtCollectionRunCreated,
            Self::FinanceDebtCollectionConfigurationUpdated => Kind::DebtCollectionConfigurationUpdated,
            Self::FinanceDebtCollectionCaseUpdated => Kind::DebtCollectionCaseUpdated,
            Self::TaxAdvisorExportCreated => Kind::ExportCreated,
            Self::CustomerPaymentRejected => Kind::PaymentFailed,
            Self::ContractReversed => Kind::ContractReversed,
            Self::Other(_) => Kind::Other,
        }
    }

    /// What `entityId` identifies in an event of this type.
    ///
    /// Contract events name the customer. [`SubjectKind::Unknown`] is for types that are not listed and for
    /// `FINANCE_DEBT_COLLECTION_CONFIGURATION_UPDATED`, whose cell is blank on the vendor's page.
    #[must_use]
    pub const fn subject_kind(&self) -> SubjectKind {
        match self {
            Self::AdditionalInformationFieldsUpdated
            | Self::AutomaticCustomerCheckout
            | Self::StudioOpeningHoursUpdated => SubjectKind::Studio,
            Self::AggregatorMemberCreated
            | Self::ContractAdditionalModuleCreated
            | Self::ContractAdditionalModuleDeleted
            | Self::ContractAdditionalModuleUpdated
            | Self::ContractAdditionalModuleCancelled
            | Self::ContractUpdated
            | Self::ContractCreated
            | Self::ContractCancelled
            | Self::ContractIdlePeriodCreated
            | Self::ContractIdlePeriodCancelled
            | Self::ContractIdlePeriodUpdated
            | Self::CustomerAccessMediumCreated
            | Self::CustomerAccessMediumUpdated
            | Self::CustomerAccessMediumDeleted
            | Self::CustomerAccessRestrictionCreated
            | Self::CustomerAccessRestrictionDeleted
            | Self::CustomerCheckin
            | Self::CustomerCheckout
            | Self::CustomerCheckinStudiosUpdated
            | Self::CustomerCreated
            | Self::CustomerDeleted
            | Self::CustomerUpdated
            | Self::CustomerCommunicationPreferencesUpdated
            | Self::CustomerAccessDisabled
            | Self::CustomerHomeStudioUpdated
            | Self::CustomerPaymentRejected
            | Self::ContractReversed => SubjectKind::Customer,
            Self::AppointmentBookingCancelled
            | Self::AppointmentBookingCreated
            | Self::AppointmentBookingUpdated
            | Self::ClassBookingCancelled
            | Self::ClassBookingCreated
            | Self::ClassBookingUpdated => SubjectKind::Booking,
            Self::ClassSlotCancelled | Self::ClassSlotUpdated => SubjectKind::ClassSlot,
            Self::DeviceCreated => SubjectKind::Device,
            Self::EmployeeCreated | Self::EmployeeDeleted | Self::EmployeeUpdated => SubjectKind::Employee,
            Self::FinanceDebtCollectionRunCreated => SubjectKind::DebtCollectionRun,
            Self::FinanceDebtCollectionCaseUpdated => SubjectKind::CaseAdjustmentRequest,
            Self::TaxAdvisorExportCreated => SubjectKind::Export,
            Self::FinanceDebtCollectionConfigurationUpdated | Self::Other(_) => SubjectKind::Unknown,
        }
    }
}
