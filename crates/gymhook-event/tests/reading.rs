//! The one reading of every documented type, against a table typed from the vendors' pages.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's helpers may fail the test")]

use gymhook_event::{AnyNotification, Kind, Notification as _, SubjectKind, Vendor, samples};

/// PG Next: type, kind, what the vendor's page says `entityId` is.
const PG_NEXT: &str = "
ADDITIONAL_INFORMATION_FIELDS_UPDATED            additional-fields-updated              studio
AGGREGATOR_MEMBER_CREATED                        aggregator-member-created              customer
APPOINTMENT_BOOKING_CANCELLED                    appointment-cancelled                  booking
APPOINTMENT_BOOKING_CREATED                      appointment-booked                     booking
APPOINTMENT_BOOKING_UPDATED                      appointment-updated                    booking
AUTOMATIC_CUSTOMER_CHECKOUT                      check-out                              studio
CONTRACT_ADDITIONAL_MODULE_CREATED               contract-module-created                customer
CONTRACT_ADDITIONAL_MODULE_DELETED               contract-module-deleted                customer
CONTRACT_ADDITIONAL_MODULE_UPDATED               contract-module-updated                customer
CONTRACT_ADDITIONAL_MODULE_CANCELLED             contract-module-cancelled              customer
CONTRACT_UPDATED                                 contract-updated                       customer
CONTRACT_UPDATE                                  contract-updated                       customer
CONTRACT_CREATED                                 contract-created                       customer
CONTRACT_CANCELLED                               contract-cancelled                     customer
CONTRACT_IDLE_PERIOD_CREATED                     idle-period-created                    customer
CONTRACT_IDLE_PERIOD_CANCELLED                   idle-period-cancelled                  customer
CONTRACT_IDLE_PERIOD_UPDATED                     idle-period-updated                    customer
CUSTOMER_ACCESS_MEDIUM_CREATED                   access-medium-created                  customer
CUSTOMER_ACCESS_MEDIUM_UPDATED                   access-medium-updated                  customer
CUSTOMER_ACCESS_MEDIUM_DELETED                   access-medium-deleted                  customer
CUSTOMER_ACCESS_RESTRICTION_CREATED              access-restriction-created             customer
CUSTOMER_ACCESS_RESTRICTION_DELETED              access-restriction-deleted             customer
CUSTOMER_CHECKIN                                 check-in                               customer
CUSTOMER_CHECKOUT                                check-out                              customer
CUSTOMER_CHECKIN_STUDIOS_UPDATED                 check-in-studios-updated               customer
CUSTOMER_CREATED                                 member-created                         customer
CUSTOMER_DELETED                                 member-deleted                         customer
CUSTOMER_UPDATED                                 member-updated                         customer
CUSTOMER_COMMUNICATION_PREFERENCES_UPDATED       consent-updated                        customer
CUSTOMER_ACCESS_DISABLED                         data-access-disabled                   customer
CUSTOMER_HOME_STUDIO_UPDATED                     home-studio-updated                    customer
CLASS_BOOKING_CANCELLED                          class-booking-cancelled                booking
CLASS_BOOKING_CREATED                            class-booked                           booking
CLASS_BOOKING_UPDATED                            class-booking-updated                  booking
CLASS_SLOT_CANCELLED                             class-slot-cancelled                   class-slot
CLASS_SLOT_UPDATED                               class-slot-updated                     class-slot
DEVICE_CREATED                                   device-created                         device
EMPLOYEE_CREATED                                 employee-created                       employee
EMPLOYEE_DELETED                                 employee-deleted                       employee
EMPLOYEE_UPDATED                                 employee-updated                       employee
FINANCE_DEBT_COLLECTION_RUN_CREATED              debt-collection-run-created            debt-collection-run
FINANCE_DEBT_COLLECTION_CONFIGURATION_UPDATED    debt-collection-configuration-updated  unknown
FINANCE_DEBT_COLLECTION_CASE_UPDATED             debt-collection-case-updated           case-adjustment-request
STUDIO_OPENING_HOURS_UPDATED                     studio-updated                         studio
TAX_ADVISOR_EXPORT_CREATED                       export-created                         export
CUSTOMER_PAYMENT_REJECTED                        payment-failed                         customer
CONTRACT_REVERSED                                contract-reversed                      customer
A_TYPE_OF_NEXT_MONTH                             other                                  unknown
";

const EGYM: &str = "
GYM_CHECKIN                  check-in              account
GYM_CHECKOUT                 check-out             account
EQUIPMENT_CHECKIN            equipment-check-in    account
MEMBERSHIP_DELETE            membership-deleted    account
GENIUS_ONBOARDING_COMPLETED  onboarding-completed  account
TEST                         test                  account
A_TYPE_OF_NEXT_MONTH         other                 account
";

const GYMPOINT: &str = "
member.created        member-created        member
member.updated        member-updated        member
member.deleted        member-deleted        member
membership.activated  membership-activated  unknown
membership.canceled   membership-cancelled  unknown
payment.successful    payment-succeeded     unknown
payment.failed        payment-failed        unknown
payment.refunded      payment-refunded      unknown
checkin.created       check-in              member
membership.cancelled  other                 unknown
";

/// PerfectGym: type, kind, subject, the field of `data` with the subject's id.
const PERFECTGYM: &str = "
ClassesBooked                          class-booked             class-slot  timeTableEventId
ClassesBookedOnStandbyList             class-waitlisted         class-slot  timeTableEventId
ClassesBookedOnStadbyList              class-waitlisted         class-slot  timeTableEventId
ClassesBookingCancelled                class-booking-cancelled  class-slot  timeTableEventId
ClassesBookingPromotedFromStandbyList  class-promoted           class-slot  timeTableEventId
ContractPaymentDone                    payment-succeeded        contract    contractId
ContractCreated                        contract-created         contract    contractId
PersonalTrainingBooked                 appointment-booked       booking     personalTrainingBookingId
PersonalTrainingBookingCancelled       appointment-cancelled    booking     personalTrainingBookingId
UserCardScanned                        access-attempted         user        userId
UserModified                           member-updated           user        userId
UserPresenceChanged                    check-in                 user        userId
AgreementAnswerModified                consent-updated          user        userId
";

const POINT: &str = "
workout.created  workout-recorded  user
insight.created  insight-recorded  user
sleep.created    other             user
";

/// The tables above, with the names that people use, one for each vendor.
const DOCUMENTED: [(Vendor, &str, &str); 5] = [
    (Vendor::GYMPOINT, "GymPoint", GYMPOINT),
    (Vendor::EGYM, "EGYM", EGYM),
    (Vendor::PERFECTGYM, "PerfectGym", PERFECTGYM),
    (Vendor::PG_NEXT, "PG Next", PG_NEXT),
    (Vendor::POINT, "Point", POINT),
];

fn rows(table: &str) -> impl Iterator<Item = Vec<&str>> {
    table.lines().filter(|line| !line.is_empty()).map(|line| line.split_whitespace().collect())
}

#[track_caller]
fn assert_reading(
    vendor: Vendor,
    body: &str,
    row: &[&str],
    subject_id: Option<&str>,
    occurred_at: Option<i64>,
) {
    let notification = AnyNotification::decode(vendor, body.as_bytes()).unwrap();
    let event = notification.event(0).unwrap();
    assert_eq!(event.vendor, vendor);
    assert_eq!(event.event_type, row[0]);
    assert_eq!(event.kind.as_str(), row[1], "{}", row[0]);
    assert_eq!(event.subject.kind.as_str(), row[2], "{}", row[0]);
    assert_eq!(event.subject.id.map(|id| id.to_string()).as_deref(), subject_id, "{}", row[0]);
    assert_eq!(event.occurred_at.map(|at| at.unix_timestamp()), occurred_at, "{}", row[0]);
}

#[test]
fn pg_next_reads_entity_id_by_type() {
    assert_eq!(rows(PG_NEXT).count(), 44 + 2 + 1 + 1, "published, seen, alias, unknown");
    for row in rows(PG_NEXT) {
        let body = format!(
            r#"{{"entityId":7893459,"uuid":"u","payload":[{{"timestamp":1642779144176,"type":"{}"}}]}}"#,
            row[0]
        );
        assert_reading(Vendor::PG_NEXT, &body, &row, Some("7893459"), Some(1_642_779_144));
    }
}

#[test]
fn egym_is_about_the_account() {
    for row in rows(EGYM) {
        let body = format!(r#"{{"accountId":"a-1","timestamp":1667921312188,"type":"{}"}}"#, row[0]);
        assert_reading(Vendor::EGYM, &body, &row, Some("a-1"), Some(1_667_921_312));
    }
}

#[test]
fn gympoint_claims_no_id_and_no_time() {
    for row in rows(GYMPOINT) {
        let body = format!(r#"{{"event":"{}","data":{{"id":"m_1"}}}}"#, row[0]);
        assert_reading(Vendor::GYMPOINT, &body, &row, None, None);
    }
}

#[test]
fn perfectgym_takes_the_subject_from_data() {
    for row in rows(PERFECTGYM) {
        let data = r#"{"userId":1,"timeTableEventId":2,"contractId":3,"personalTrainingBookingId":4}"#;
        let id = match row[3] {
            "userId" => "1",
            "timeTableEventId" => "2",
            "contractId" => "3",
            _ => "4",
        };
        let body =
            format!(r#"{{"event":"{}","triggeredDate":"2020-06-01T14:44:46Z","data":{data}}}"#, row[0]);
        assert_reading(Vendor::PERFECTGYM, &body, &row, Some(id), Some(1_591_022_686));
        let person = format!(r#"{{"event":"{}","data":{{"user":{{"userId":"9\u0039"}}}}}}"#, row[0]);
        let row = [row[0], row[1], "user"];
        assert_reading(Vendor::PERFECTGYM, &person, &row, Some("99"), None);
    }
    for event_type in ["Test", "Purchase"] {
        let body = format!(r#"{{"event":"{event_type}","data":{{"userId":1}}}}"#);
        let kind = if event_type == "Test" { "test" } else { "other" };
        assert_reading(Vendor::PERFECTGYM, &body, &[event_type, kind, "unknown"], None, None);
    }
}

#[test]
fn point_is_about_the_user_when_it_happened() {
    for row in rows(POINT) {
        let body = format!(
            r#"{{"eventType":"{}","userId":"u-1","payload":[{{"end":"2022-11-21T18:00:00Z","createdAt":"2022-11-21T18:44:00.352Z"}}]}}"#,
            row[0]
        );
        // 18:00:00, when the workout ended; an insight happens when it is created.
        let occurred_at = if row[0] == "insight.created" { 1_669_056_240 } else { 1_669_053_600 };
        assert_reading(Vendor::POINT, &body, &row, Some("u-1"), Some(occurred_at));
    }
}

#[test]
fn every_sample_is_documented_and_every_documented_type_has_a_sample() {
    assert_eq!(DOCUMENTED.map(|(vendor, ..)| vendor), *Vendor::ALL);
    for (vendor, _, table) in DOCUMENTED {
        let aliases = ["CONTRACT_UPDATE", "ClassesBookedOnStadbyList"];
        let mut documented: Vec<_> = rows(table)
            .filter(|row| row[1] != "other" && !aliases.contains(&row[0]))
            .map(|row| row[0])
            .collect();
        if vendor == Vendor::PERFECTGYM {
            documented.push("Test");
        }
        let mut sampled: Vec<_> =
            samples().filter(|sample| sample.vendor == vendor).map(|sample| sample.event_type).collect();
        documented.sort_unstable();
        sampled.sort_unstable();
        assert_eq!(sampled, documented, "{vendor}");
    }
}

#[test]
fn every_sample_decodes_as_its_type_and_survives_encoding() {
    for sample in samples() {
        let notification = AnyNotification::decode(sample.vendor, sample.body.as_bytes()).unwrap();
        // The sample's list names two customers.
        let events = if sample.event_type == "AUTOMATIC_CUSTOMER_CHECKOUT" { 2 } else { 1 };
        assert_eq!(notification.events().len(), events, "{}", sample.event_type);
        for event in notification.events() {
            assert_eq!(event.event_type, sample.event_type);
            assert_ne!(event.kind, Kind::Other, "{}", sample.event_type);
            assert_eq!(
                event.occurred_at.is_some(),
                sample.vendor != Vendor::GYMPOINT,
                "{}",
                sample.event_type
            );
        }
        let encoded = gymhook_event::encode(&notification).unwrap();
        assert_eq!(core::str::from_utf8(&encoded).unwrap(), sample.body);
        assert_eq!(gymhook_event::check_strict(&encoded), Ok(()));
        assert!(!sample.description.is_empty());
    }
}

#[test]
fn the_words_of_subjects_are_those_that_vectors_use() {
    let words: Vec<_> = SubjectKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let listed = "account customer user member booking class-slot class contract contract-module idle-period studio device employee export \
                  debt-collection-run debt-collection-case case-adjustment-request aggregator-member unknown";
    assert_eq!(words, listed.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn the_words_of_kinds_include_those_that_vectors_use() {
    let listed = "check-in check-out equipment-check-in access-attempted member-created member-updated member-deleted \
                  aggregator-member-created membership-deleted additional-fields-updated \
                  membership-activated membership-cancelled contract-created contract-updated contract-cancelled \
                  payment-succeeded payment-failed payment-refunded class-booked class-booking-updated \
                  class-booking-cancelled class-waitlisted class-promoted class-slot-updated class-slot-cancelled \
                  appointment-booked appointment-updated appointment-cancelled onboarding-completed workout-recorded \
                  insight-recorded test other";
    for word in listed.split_whitespace() {
        assert!(Kind::ALL.iter().any(|kind| kind.as_str() == word), "{word}");
    }
}

/// Doubts that a reader of the table has to know.
const NOTES: [(Kind, &str); 4] = [
    (Kind::MembershipDeleted, "in doubt: perhaps only data about membership and contract"),
    (Kind::AggregatorMemberCreated, "no contract; `member-created` may come, too"),
    (Kind::AdditionalFieldsUpdated, "a definition or an entry: not said"),
    (Kind::AccessAttempted, "with or without success"),
];

#[test]
fn the_table_of_kinds_is_what_the_types_mean() {
    let named = |(vendor, title, _): (Vendor, &'static str, &str)| {
        vendor
            .event_types()
            .into_iter()
            .map(move |name| (vendor.kind_of(name).unwrap(), title, format!("`{name}`")))
    };
    let names: Vec<_> = DOCUMENTED.into_iter().flat_map(named).collect();
    let mut table = "| kind | platform | what it calls it | note |\n|---|---|---|---|\n".to_owned();
    for kind in Kind::ALL.iter().filter(|kind| **kind != Kind::Other) {
        let mut called: Vec<(&str, Vec<&str>)> = Vec::new();
        for (_, vendor, name) in names.iter().filter(|(of, ..)| of == kind) {
            match called.last_mut() {
                Some((last, names)) if last == vendor => names.push(name),
                _ => called.push((vendor, vec![name])),
            }
        }
        assert!(!called.is_empty(), "{kind} has no type");
        let note = NOTES.iter().find(|(of, _)| of == kind).map_or("", |(_, note)| note);
        for (vendor, names) in called {
            table += &format!("| `{kind}` | {vendor} | {} | {note} |\n", names.join(", "));
        }
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/kinds.md");
    if std::env::var_os("GYMHOOK_WRITE_TABLES").is_some() {
        std::fs::write(file, &table).unwrap();
    }
    let written = std::fs::read_to_string(file).unwrap();
    assert_eq!(written, table, "GYMHOOK_WRITE_TABLES=1 cargo test -p gymhook-event writes it anew");
}

#[test]
fn every_sample_says_where_its_fields_are_known_from() {
    use gymhook_event::Provenance::{Documented, Ours, Seen};
    for sample in samples() {
        // GymPoint publishes no body; PerfectGym prints its test alone; PG Next's list has 44 of the 46.
        let known_from = match (sample.vendor, sample.event_type) {
            (Vendor::GYMPOINT, _) => Ours,
            (Vendor::PERFECTGYM, "Test") => Documented,
            (Vendor::PERFECTGYM, _)
            | (Vendor::PG_NEXT, "CUSTOMER_PAYMENT_REJECTED" | "CONTRACT_REVERSED") => Seen,
            _ => Documented,
        };
        assert_eq!(sample.provenance, known_from, "{sample}");
        assert!(sample.to_string().contains(&format!("({known_from})")), "{sample}");
    }
}
