//! `SAMPLES` of PG Next: one body for every event type.

use crate::{Provenance, Sample, Vendor};

/// A sample of every event type, `content` as far as the vendor publishes it.
#[must_use]
pub fn samples() -> &'static [Sample] {
    SAMPLES
}

const fn sample(event_type: &'static str, description: &'static str, body: &'static str) -> Sample {
    Sample::new(Vendor::PG_NEXT, event_type, Provenance::Documented, description, body)
}

const fn seen(event_type: &'static str, description: &'static str, body: &'static str) -> Sample {
    Sample::new(Vendor::PG_NEXT, event_type, Provenance::Seen, description, body)
}

const SAMPLES: &[Sample] = &[
    sample(
        "ADDITIONAL_INFORMATION_FIELDS_UPDATED",
        "An additional information field of the studio was updated.",
        r#"{"entityId":1201,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6bff","payload":[{"timestamp":1764885600176,"type":"ADDITIONAL_INFORMATION_FIELDS_UPDATED"}]}"#,
    ),
    sample(
        "AGGREGATOR_MEMBER_CREATED",
        "A person was added through an aggregator.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6ca0","payload":[{"timestamp":1764885661176,"type":"AGGREGATOR_MEMBER_CREATED","content":{"aggregatorId":31}}]}"#,
    ),
    sample(
        "APPOINTMENT_BOOKING_CANCELLED",
        "A booking of an appointment was cancelled.",
        r#"{"entityId":4402117,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6ca1","payload":[{"timestamp":1764885722176,"type":"APPOINTMENT_BOOKING_CANCELLED"}]}"#,
    ),
    sample(
        "APPOINTMENT_BOOKING_CREATED",
        "An appointment was booked.",
        r#"{"entityId":4402117,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6ca2","payload":[{"timestamp":1764885783176,"type":"APPOINTMENT_BOOKING_CREATED"}]}"#,
    ),
    sample(
        "APPOINTMENT_BOOKING_UPDATED",
        "A booking of an appointment was changed.",
        r#"{"entityId":4402117,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6ca3","payload":[{"timestamp":1764885844176,"type":"APPOINTMENT_BOOKING_UPDATED"}]}"#,
    ),
    sample(
        "AUTOMATIC_CUSTOMER_CHECKOUT",
        "Customers were checked out automatically; the content lists them.",
        r#"{"entityId":1201,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6ca4","payload":[{"timestamp":1764885905176,"type":"AUTOMATIC_CUSTOMER_CHECKOUT","content":{"checkouts":[{"customerId":7893459,"checkoutTime":"2025-12-04T22:00:00Z"},{"customerId":7893460,"checkoutTime":"2025-12-04T22:00:00Z"}]}}]}"#,
    ),
    sample(
        "CONTRACT_ADDITIONAL_MODULE_CREATED",
        "A module was added to a contract.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6ca5","payload":[{"timestamp":1764885966176,"type":"CONTRACT_ADDITIONAL_MODULE_CREATED","content":{"contractId":550120,"moduleContractId":550188}}]}"#,
    ),
    sample(
        "CONTRACT_ADDITIONAL_MODULE_DELETED",
        "A module of a contract was deleted.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6ca6","payload":[{"timestamp":1764886027176,"type":"CONTRACT_ADDITIONAL_MODULE_DELETED","content":{"contractId":550120,"moduleContractId":550188}}]}"#,
    ),
    sample(
        "CONTRACT_ADDITIONAL_MODULE_UPDATED",
        "A module of a contract was changed.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6ca7","payload":[{"timestamp":1764886088176,"type":"CONTRACT_ADDITIONAL_MODULE_UPDATED","content":{"contractId":550120,"moduleContractId":550188}}]}"#,
    ),
    sample(
        "CONTRACT_ADDITIONAL_MODULE_CANCELLED",
        "A module of a contract was cancelled.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6ca8","payload":[{"timestamp":1764886149176,"type":"CONTRACT_ADDITIONAL_MODULE_CANCELLED","content":{"contractId":550120,"moduleContractId":550188}}]}"#,
    ),
    sample(
        "CONTRACT_UPDATED",
        "A main contract was changed.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6ca9","payload":[{"timestamp":1764886210176,"type":"CONTRACT_UPDATED","content":{"contractId":550120}}]}"#,
    ),
    sample(
        "CONTRACT_CREATED",
        "A main contract was made.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6caa","payload":[{"timestamp":1764886271176,"type":"CONTRACT_CREATED","content":{"contractId":550120}}]}"#,
    ),
    sample(
        "CONTRACT_CANCELLED",
        "A main contract was cancelled.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cab","payload":[{"timestamp":1764886332176,"type":"CONTRACT_CANCELLED","content":{"contractId":550120}}]}"#,
    ),
    sample(
        "CONTRACT_IDLE_PERIOD_CREATED",
        "A contract is to rest for a while.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cac","payload":[{"timestamp":1764886393176,"type":"CONTRACT_IDLE_PERIOD_CREATED","content":{"contractId":550120,"idlePeriodId":9001,"idlePeriodAmount":14.50,"usedFreeTermsInDays":30}}]}"#,
    ),
    sample(
        "CONTRACT_IDLE_PERIOD_CANCELLED",
        "A contract's resting period was cancelled.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cad","payload":[{"timestamp":1764886454176,"type":"CONTRACT_IDLE_PERIOD_CANCELLED","content":{"contractId":550120,"idlePeriodId":9001}}]}"#,
    ),
    sample(
        "CONTRACT_IDLE_PERIOD_UPDATED",
        "A contract's resting period was changed.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cae","payload":[{"timestamp":1764886515176,"type":"CONTRACT_IDLE_PERIOD_UPDATED","content":{"contractId":550120,"idlePeriodId":9001,"usedFreeTermsInDays":14}}]}"#,
    ),
    sample(
        "CUSTOMER_ACCESS_MEDIUM_CREATED",
        "A customer was given an access medium.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6caf","payload":[{"timestamp":1764886576176,"type":"CUSTOMER_ACCESS_MEDIUM_CREATED"}]}"#,
    ),
    sample(
        "CUSTOMER_ACCESS_MEDIUM_UPDATED",
        "A customer's access medium was changed.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cb0","payload":[{"timestamp":1764886637176,"type":"CUSTOMER_ACCESS_MEDIUM_UPDATED"}]}"#,
    ),
    sample(
        "CUSTOMER_ACCESS_MEDIUM_DELETED",
        "A customer's access medium was taken away.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cb1","payload":[{"timestamp":1764886698176,"type":"CUSTOMER_ACCESS_MEDIUM_DELETED"}]}"#,
    ),
    sample(
        "CUSTOMER_ACCESS_RESTRICTION_CREATED",
        "A customer was barred from entering.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cb2","payload":[{"timestamp":1764886759176,"type":"CUSTOMER_ACCESS_RESTRICTION_CREATED"}]}"#,
    ),
    sample(
        "CUSTOMER_ACCESS_RESTRICTION_DELETED",
        "A customer is no longer barred from entering.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cb3","payload":[{"timestamp":1764886820176,"type":"CUSTOMER_ACCESS_RESTRICTION_DELETED"}]}"#,
    ),
    sample(
        "CUSTOMER_CHECKIN",
        "A customer has physically checked in.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cb4","payload":[{"timestamp":1764886881176,"type":"CUSTOMER_CHECKIN"}]}"#,
    ),
    sample(
        "CUSTOMER_CHECKOUT",
        "A customer has checked out.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cb5","payload":[{"timestamp":1764886942176,"type":"CUSTOMER_CHECKOUT"}]}"#,
    ),
    sample(
        "CUSTOMER_CHECKIN_STUDIOS_UPDATED",
        "The studios a customer may enter were changed.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cb6","payload":[{"timestamp":1764887003176,"type":"CUSTOMER_CHECKIN_STUDIOS_UPDATED","content":{"contractId":550120}}]}"#,
    ),
    sample(
        "CUSTOMER_CREATED",
        "A customer was added.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6c9f","payload":[{"timestamp":1642779144176,"type":"CUSTOMER_CREATED"}]}"#,
    ),
    sample(
        "CUSTOMER_DELETED",
        "A customer was deleted.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cb8","payload":[{"timestamp":1764887125176,"type":"CUSTOMER_DELETED"}]}"#,
    ),
    sample(
        "CUSTOMER_UPDATED",
        "A customer's data was changed.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cb9","payload":[{"timestamp":1764887186176,"type":"CUSTOMER_UPDATED"}]}"#,
    ),
    sample(
        "CUSTOMER_COMMUNICATION_PREFERENCES_UPDATED",
        "A customer's communication preferences were changed.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cba","payload":[{"timestamp":1764887247176,"type":"CUSTOMER_COMMUNICATION_PREFERENCES_UPDATED"}]}"#,
    ),
    sample(
        "CUSTOMER_ACCESS_DISABLED",
        "A customer's data can no longer be read through the API.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cbb","payload":[{"timestamp":1764887308176,"type":"CUSTOMER_ACCESS_DISABLED"}]}"#,
    ),
    sample(
        "CUSTOMER_HOME_STUDIO_UPDATED",
        "A customer moved to another home studio.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cbc","payload":[{"timestamp":1764887369176,"type":"CUSTOMER_HOME_STUDIO_UPDATED","content":{"sourceStudioId":1201,"targetStudioId":1202}}]}"#,
    ),
    sample(
        "CLASS_BOOKING_CANCELLED",
        "A booking of a class was cancelled.",
        r#"{"entityId":4402117,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cbd","payload":[{"timestamp":1764887430176,"type":"CLASS_BOOKING_CANCELLED"}]}"#,
    ),
    sample(
        "CLASS_BOOKING_CREATED",
        "A class was booked.",
        r#"{"entityId":4402117,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cbe","payload":[{"timestamp":1764887491176,"type":"CLASS_BOOKING_CREATED"}]}"#,
    ),
    sample(
        "CLASS_BOOKING_UPDATED",
        "A booking of a class was changed.",
        r#"{"entityId":4402117,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cbf","payload":[{"timestamp":1764887552176,"type":"CLASS_BOOKING_UPDATED"}]}"#,
    ),
    sample(
        "CLASS_SLOT_CANCELLED",
        "One session of a class was cancelled.",
        r#"{"entityId":88120,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cc0","payload":[{"timestamp":1764887613176,"type":"CLASS_SLOT_CANCELLED","content":{"classId":604}}]}"#,
    ),
    sample(
        "CLASS_SLOT_UPDATED",
        "One session of a class was changed.",
        r#"{"entityId":88120,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cc1","payload":[{"timestamp":1764887674176,"type":"CLASS_SLOT_UPDATED","content":{"classId":604}}]}"#,
    ),
    sample(
        "DEVICE_CREATED",
        "A device was registered.",
        r#"{"entityId":615,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cc2","payload":[{"timestamp":1764887735176,"type":"DEVICE_CREATED"}]}"#,
    ),
    sample(
        "EMPLOYEE_CREATED",
        "An employee was added.",
        r#"{"entityId":3310,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cc3","payload":[{"timestamp":1764887796176,"type":"EMPLOYEE_CREATED"}]}"#,
    ),
    sample(
        "EMPLOYEE_DELETED",
        "An employee was deleted.",
        r#"{"entityId":3310,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cc4","payload":[{"timestamp":1764887857176,"type":"EMPLOYEE_DELETED"}]}"#,
    ),
    sample(
        "EMPLOYEE_UPDATED",
        "An employee's data was changed.",
        r#"{"entityId":3310,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cc5","payload":[{"timestamp":1764887918176,"type":"EMPLOYEE_UPDATED"}]}"#,
    ),
    sample(
        "FINANCE_DEBT_COLLECTION_RUN_CREATED",
        "A debt collection run was created.",
        r#"{"entityId":71,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cc6","payload":[{"timestamp":1764887979176,"type":"FINANCE_DEBT_COLLECTION_RUN_CREATED"}]}"#,
    ),
    sample(
        "FINANCE_DEBT_COLLECTION_CONFIGURATION_UPDATED",
        "The settings for debt collection were changed; the vendor leaves open what `entityId` stands for.",
        r#"{"entityId":12,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cc7","payload":[{"timestamp":1764888040176,"type":"FINANCE_DEBT_COLLECTION_CONFIGURATION_UPDATED"}]}"#,
    ),
    sample(
        "FINANCE_DEBT_COLLECTION_CASE_UPDATED",
        "A debt collection case was updated; `entityId` is the request to adjust it.",
        r#"{"entityId":9127,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cc8","payload":[{"timestamp":1764888101176,"type":"FINANCE_DEBT_COLLECTION_CASE_UPDATED","content":{"agencyDebtCollectionCaseId":"AG-2025-117","collectionCaseId":30518}}]}"#,
    ),
    sample(
        "STUDIO_OPENING_HOURS_UPDATED",
        "A studio's opening hours were changed.",
        r#"{"entityId":1201,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cc9","payload":[{"timestamp":1764888162176,"type":"STUDIO_OPENING_HOURS_UPDATED"}]}"#,
    ),
    sample(
        "TAX_ADVISOR_EXPORT_CREATED",
        "An export for the tax adviser is ready.",
        r#"{"entityId":2044,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6cca","payload":[{"timestamp":1764888223176,"type":"TAX_ADVISOR_EXPORT_CREATED"}]}"#,
    ),
    seen(
        "CUSTOMER_PAYMENT_REJECTED",
        "A customer's payment was rejected; seen by receivers, not in the vendor's list.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6ccb","payload":[{"timestamp":1764888284176,"type":"CUSTOMER_PAYMENT_REJECTED"}]}"#,
    ),
    seen(
        "CONTRACT_REVERSED",
        "A contract was reversed; seen by receivers, not in the vendor's list.",
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6ccc","payload":[{"timestamp":1764888345176,"type":"CONTRACT_REVERSED"}]}"#,
    ),
];
