//! `EventType`: the 44 published event types of PG Next, and two more that receivers have seen.

use crate::open_names::open_names;

open_names! {
    /// What happened, in PG Next's words, as listed on
    /// <https://developer.sportalliance.com/apis/perfectgym/webhooks/event-types>.
    ///
    /// The list grows by about one type a month; what is not in it arrives as [`EventType::Other`].
    pub enum EventType {
        /// "An additional information field was updated", of the studio that `entityId` names; whether that is the field's
        /// definition or a customer's entry in it, the page does not say.
        AdditionalInformationFieldsUpdated = "ADDITIONAL_INFORMATION_FIELDS_UPDATED",
        /// A person was added through an aggregator; whether a `CUSTOMER_CREATED` of the same person comes beside it, the page
        /// does not say.
        AggregatorMemberCreated = "AGGREGATOR_MEMBER_CREATED",
        /// A booking of an appointment was cancelled.
        AppointmentBookingCancelled = "APPOINTMENT_BOOKING_CANCELLED",
        /// An appointment was booked.
        AppointmentBookingCreated = "APPOINTMENT_BOOKING_CREATED",
        /// A booking of an appointment was changed.
        AppointmentBookingUpdated = "APPOINTMENT_BOOKING_UPDATED",
        /// One or many customers were checked out automatically; the content lists them, and each is an event.
        AutomaticCustomerCheckout = "AUTOMATIC_CUSTOMER_CHECKOUT",
        /// A module was added to a contract.
        ContractAdditionalModuleCreated = "CONTRACT_ADDITIONAL_MODULE_CREATED",
        /// A module of a contract was deleted.
        ContractAdditionalModuleDeleted = "CONTRACT_ADDITIONAL_MODULE_DELETED",
        /// A module of a contract was changed.
        ContractAdditionalModuleUpdated = "CONTRACT_ADDITIONAL_MODULE_UPDATED",
        /// A module of a contract was cancelled.
        ContractAdditionalModuleCancelled = "CONTRACT_ADDITIONAL_MODULE_CANCELLED",
        /// A main contract was changed; the vendor's page on use cases spells it `CONTRACT_UPDATE`, which is
        /// read too.
        ContractUpdated = "CONTRACT_UPDATED" | "CONTRACT_UPDATE",
        /// A main contract was made.
        ContractCreated = "CONTRACT_CREATED",
        /// A main contract was cancelled.
        ContractCancelled = "CONTRACT_CANCELLED",
        /// A contract is to rest for a while.
        ContractIdlePeriodCreated = "CONTRACT_IDLE_PERIOD_CREATED",
        /// A contract's resting period was cancelled.
        ContractIdlePeriodCancelled = "CONTRACT_IDLE_PERIOD_CANCELLED",
        /// A contract's resting period was changed.
        ContractIdlePeriodUpdated = "CONTRACT_IDLE_PERIOD_UPDATED",
        /// A customer was given an access medium.
        CustomerAccessMediumCreated = "CUSTOMER_ACCESS_MEDIUM_CREATED",
        /// A customer's access medium was changed.
        CustomerAccessMediumUpdated = "CUSTOMER_ACCESS_MEDIUM_UPDATED",
        /// A customer's access medium was taken away.
        CustomerAccessMediumDeleted = "CUSTOMER_ACCESS_MEDIUM_DELETED",
        /// A customer was barred from entering.
        CustomerAccessRestrictionCreated = "CUSTOMER_ACCESS_RESTRICTION_CREATED",
        /// A customer is no longer barred from entering.
        CustomerAccessRestrictionDeleted = "CUSTOMER_ACCESS_RESTRICTION_DELETED",
        /// A customer has physically checked in.
        CustomerCheckin = "CUSTOMER_CHECKIN",
        /// A customer has checked out.
        CustomerCheckout = "CUSTOMER_CHECKOUT",
        /// The studios a customer may enter were changed.
        CustomerCheckinStudiosUpdated = "CUSTOMER_CHECKIN_STUDIOS_UPDATED",
        /// A customer was added.
        CustomerCreated = "CUSTOMER_CREATED",
        /// A customer was deleted.
        CustomerDeleted = "CUSTOMER_DELETED",
        /// A customer's data was changed.
        CustomerUpdated = "CUSTOMER_UPDATED",
        /// A customer's communication preferences were changed.
        CustomerCommunicationPreferencesUpdated = "CUSTOMER_COMMUNICATION_PREFERENCES_UPDATED",
        /// A customer's data can no longer be read through the API.
        CustomerAccessDisabled = "CUSTOMER_ACCESS_DISABLED",
        /// A customer moved to another home studio.
        CustomerHomeStudioUpdated = "CUSTOMER_HOME_STUDIO_UPDATED",
        /// A booking of a class was cancelled.
        ClassBookingCancelled = "CLASS_BOOKING_CANCELLED",
        /// A class was booked.
        ClassBookingCreated = "CLASS_BOOKING_CREATED",
        /// A booking of a class was changed.
        ClassBookingUpdated = "CLASS_BOOKING_UPDATED",
        /// One session of a class was cancelled.
        ClassSlotCancelled = "CLASS_SLOT_CANCELLED",
        /// One session of a class was changed.
        ClassSlotUpdated = "CLASS_SLOT_UPDATED",
        /// A device was registered.
        DeviceCreated = "DEVICE_CREATED",
        /// An employee was added.
        EmployeeCreated = "EMPLOYEE_CREATED",
        /// An employee was deleted.
        EmployeeDeleted = "EMPLOYEE_DELETED",
        /// An employee's data was changed.
        EmployeeUpdated = "EMPLOYEE_UPDATED",
        /// A debt collection run was created.
        FinanceDebtCollectionRunCreated = "FINANCE_DEBT_COLLECTION_RUN_CREATED",
        /// The settings for debt collection were changed; the vendor leaves open what `entityId` stands for.
        FinanceDebtCollectionConfigurationUpdated = "FINANCE_DEBT_COLLECTION_CONFIGURATION_UPDATED",
        /// A debt collection case was updated; `entityId` is the request to adjust it, the content names the case.
        FinanceDebtCollectionCaseUpdated = "FINANCE_DEBT_COLLECTION_CASE_UPDATED",
        /// A studio's opening hours were changed.
        StudioOpeningHoursUpdated = "STUDIO_OPENING_HOURS_UPDATED",
        /// An export for the tax adviser is ready.
        TaxAdvisorExportCreated = "TAX_ADVISOR_EXPORT_CREATED",
        /// A customer's payment was rejected; seen by receivers, not in the vendor's list.
        CustomerPaymentRejected = "CUSTOMER_PAYMENT_REJECTED",
        /// A contract was reversed; seen by receivers, not in the vendor's list.
        ContractReversed = "CONTRACT_REVERSED",
    }
}
