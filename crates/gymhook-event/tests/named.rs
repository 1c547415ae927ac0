//! Which ids the events of each type name, typed from the vendors' pages and from what receivers have seen.

#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

use gymhook_event::{AnyNotification, Event, Kind, Notification as _, SubjectId, SubjectKind, Vendor};

/// One vendor: its title, a body with every field that any of its types has, where the fields are known from, and the table.
///
/// In a table a row is a type, and what its events name: the kind of thing, and the field that holds its id. `?` marks a field
/// that nobody has published or seen for this type, and that is read where it is there.
struct Documented {
    vendor: Vendor,
    title: &'static str,
    body: &'static str,
    known_from: &'static str,
    table: &'static str,
}

/// The page "Integrations & API Keys" names the events and says nothing of their payloads.
const GYMPOINT: Documented = Documented {
    vendor: Vendor::GYMPOINT,
    title: "GymPoint",
    body: r#"{"event":"TYPE","data":{"id":1,"memberId":2,"userId":3,"contractId":4,"bookingId":5,"amount":49.90}}"#,
    known_from: "the payload is not published",
    table: "
member.created
member.updated
member.deleted
membership.activated
membership.canceled
payment.successful
payment.failed
payment.refunded
checkin.created
",
};

/// "`accountId` - account id of the user, UUID"; of a test the page does not say whether it has one.
const EGYM: Documented = Documented {
    vendor: Vendor::EGYM,
    title: "EGYM",
    body: r#"{"accountId":"1","timestamp":1667921312188,"type":"TYPE"}"#,
    known_from: "published",
    table: "
GYM_CHECKIN                  account=accountId
GYM_CHECKOUT                 account=accountId
EQUIPMENT_CHECKIN            account=accountId
MEMBERSHIP_DELETE            account=accountId
GENIUS_ONBOARDING_COMPLETED  account=accountId
TEST                         account=accountId?
",
};

/// The page shows no payload but the test's; the fields are those that two receivers read.
const PERFECTGYM: Documented = Documented {
    vendor: Vendor::PERFECTGYM,
    title: "PerfectGym",
    body: r#"{"event":"TYPE","triggeredDate":"2020-06-01T14:44:46Z","data":{"userId":1,"contractId":2,
        "timeTableEventId":3,"personalTrainingBookingId":4}}"#,
    known_from: "seen by receivers",
    table: "
ClassesBooked                          class-slot=timeTableEventId user=userId
ClassesBookedOnStandbyList             class-slot=timeTableEventId user=userId
ClassesBookingCancelled                class-slot=timeTableEventId user=userId
ClassesBookingPromotedFromStandbyList  class-slot=timeTableEventId user=userId
ContractPaymentDone                    contract=contractId user=userId
ContractCreated                        contract=contractId user=userId
PersonalTrainingBooked                 booking=personalTrainingBookingId user=userId?
PersonalTrainingBookingCancelled       booking=personalTrainingBookingId user=userId?
UserCardScanned                        user=userId?
UserModified                           user=userId
UserPresenceChanged                    user=userId
AgreementAnswerModified                user=userId
Test
",
};

/// The columns `entityId` and `content` of the page "Event types".
const PG_NEXT: Documented = Documented {
    vendor: Vendor::PG_NEXT,
    title: "PG Next",
    body: r#"{"entityId":1,"uuid":"u","payload":[{"timestamp":1642779144176,"type":"TYPE","content":{
        "aggregatorId":2,"contractId":3,"moduleContractId":4,"idlePeriodId":5,"classId":6,"targetStudioId":7,
        "sourceStudioId":8,"agencyDebtCollectionCaseId":9,"collectionCaseId":10,
        "checkouts":[{"customerId":11,"checkoutTime":"2025-12-04T22:00:00Z"}]}}]}"#,
    known_from: "published",
    table: "
ADDITIONAL_INFORMATION_FIELDS_UPDATED          studio=entityId
AGGREGATOR_MEMBER_CREATED                      customer=entityId aggregator-member=aggregatorId
APPOINTMENT_BOOKING_CANCELLED                  booking=entityId
APPOINTMENT_BOOKING_CREATED                    booking=entityId
APPOINTMENT_BOOKING_UPDATED                    booking=entityId
AUTOMATIC_CUSTOMER_CHECKOUT                    customer=customerId studio=entityId
CONTRACT_ADDITIONAL_MODULE_CREATED             customer=entityId contract=contractId contract-module=moduleContractId
CONTRACT_ADDITIONAL_MODULE_DELETED             customer=entityId contract=contractId contract-module=moduleContractId
CONTRACT_ADDITIONAL_MODULE_UPDATED             customer=entityId contract=contractId contract-module=moduleContractId
CONTRACT_ADDITIONAL_MODULE_CANCELLED           customer=entityId contract=contractId contract-module=moduleContractId
CONTRACT_UPDATED                               customer=entityId contract=contractId
CONTRACT_CREATED                               customer=entityId contract=contractId
CONTRACT_CANCELLED                             customer=entityId contract=contractId
CONTRACT_IDLE_PERIOD_CREATED                   customer=entityId contract=contractId idle-period=idlePeriodId
CONTRACT_IDLE_PERIOD_CANCELLED                 customer=entityId contract=contractId idle-period=idlePeriodId
CONTRACT_IDLE_PERIOD_UPDATED                   customer=entityId contract=contractId idle-period=idlePeriodId
CUSTOMER_ACCESS_MEDIUM_CREATED                 customer=entityId
CUSTOMER_ACCESS_MEDIUM_UPDATED                 customer=entityId
CUSTOMER_ACCESS_MEDIUM_DELETED                 customer=entityId
CUSTOMER_ACCESS_RESTRICTION_CREATED            customer=entityId
CUSTOMER_ACCESS_RESTRICTION_DELETED            customer=entityId
CUSTOMER_CHECKIN                               customer=entityId
CUSTOMER_CHECKOUT                              customer=entityId
CUSTOMER_CHECKIN_STUDIOS_UPDATED               customer=entityId contract=contractId
CUSTOMER_CREATED                               customer=entityId
CUSTOMER_DELETED                               customer=entityId
CUSTOMER_UPDATED                               customer=entityId
CUSTOMER_COMMUNICATION_PREFERENCES_UPDATED     customer=entityId
CUSTOMER_ACCESS_DISABLED                       customer=entityId
CUSTOMER_HOME_STUDIO_UPDATED                   customer=entityId studio=targetStudioId
CLASS_BOOKING_CANCELLED                        booking=entityId
CLASS_BOOKING_CREATED                          booking=entityId
CLASS_BOOKING_UPDATED                          booking=entityId
CLASS_SLOT_CANCELLED                           class-slot=entityId class=classId
CLASS_SLOT_UPDATED                             class-slot=entityId class=classId
DEVICE_CREATED                                 device=entityId
EMPLOYEE_CREATED                               employee=entityId
EMPLOYEE_DELETED                               employee=entityId
EMPLOYEE_UPDATED                               employee=entityId
FINANCE_DEBT_COLLECTION_RUN_CREATED            debt-collection-run=entityId
FINANCE_DEBT_COLLECTION_CONFIGURATION_UPDATED  unknown=entityId
FINANCE_DEBT_COLLECTION_CASE_UPDATED           case-adjustment-request=entityId debt-collection-case=agencyDebtCollectionCaseId
STUDIO_OPENING_HOURS_UPDATED                   studio=entityId
TAX_ADVISOR_EXPORT_CREATED                     export=entityId
CUSTOMER_PAYMENT_REJECTED                      customer=entityId
CONTRACT_REVERSED                              customer=entityId contract=contractId?
",
};

/// `userId` of the envelope.
const POINT: Documented = Documented {
    vendor: Vendor::POINT,
    title: "Point",
    body: r#"{"eventType":"TYPE","userId":"1","userExternalId":"2","dataSource":"fitbit","clientId":"3","payload":[{"id":4}]}"#,
    known_from: "published",
    table: "
workout.created  user=userId
insight.created  user=userId
",
};

const ALL: [Documented; 5] = [GYMPOINT, EGYM, PERFECTGYM, PG_NEXT, POINT];

struct Row {
    event_type: &'static str,
    /// Kind, field, and whether anybody has seen it there.
    names: Vec<(&'static str, &'static str, bool)>,
}

impl Documented {
    fn rows(&self) -> impl Iterator<Item = Row> {
        self.table.lines().filter(|line| !line.is_empty()).map(|line| {
            let mut words = line.split_whitespace();
            let event_type = words.next().unwrap();
            let name = |word: &'static str| {
                let (kind, field) = word.split_once('=').unwrap();
                let known = !field.ends_with('?');
                (kind, field.trim_end_matches('?'), known)
            };
            Row { event_type, names: words.map(name).collect() }
        })
    }

    fn read(&self, event_type: &str) -> AnyNotification {
        AnyNotification::decode(self.vendor, self.body.replace("TYPE", event_type).as_bytes()).unwrap()
    }

    /// The value of that field of the body, a number or a string.
    fn value(&self, field: &str) -> String {
        let (_, behind) = self.body.split_once(&format!("\"{field}\":")).unwrap();
        behind.trim_start_matches('"').chars().take_while(char::is_ascii_digit).collect()
    }
}

/// The method that asks for an id of this kind, if it has one of its own, and what it answers.
fn asked<'a>(event: &Event<'a>, kind: SubjectKind) -> Option<(&'static str, Option<SubjectId<'a>>)> {
    match kind {
        SubjectKind::Contract => Some(("contract_id()", event.contract_id())),
        SubjectKind::ContractModule => Some(("contract_module_id()", event.contract_module_id())),
        SubjectKind::IdlePeriod => Some(("idle_period_id()", event.idle_period_id())),
        SubjectKind::Booking => Some(("booking_id()", event.booking_id())),
        SubjectKind::ClassSlot => Some(("class_slot_id()", event.class_slot_id())),
        SubjectKind::Class => Some(("class_id()", event.class_id())),
        SubjectKind::Studio => Some(("studio_id()", event.studio_id())),
        SubjectKind::Employee => Some(("employee_id()", event.employee_id())),
        SubjectKind::Device => Some(("device_id()", event.device_id())),
        SubjectKind::Account
        | SubjectKind::Customer
        | SubjectKind::User
        | SubjectKind::Member
        | SubjectKind::Export
        | SubjectKind::DebtCollectionRun
        | SubjectKind::DebtCollectionCase
        | SubjectKind::CaseAdjustmentRequest
        | SubjectKind::AggregatorMember
        | SubjectKind::Unknown
        | _ => None,
    }
}

#[test]
fn every_type_names_what_its_vendor_says_and_nothing_else() {
    assert!(ALL.iter().map(|documented| documented.vendor).eq(Vendor::ALL.iter().copied()));
    for documented in ALL {
        let types: Vec<_> = documented.rows().map(|row| row.event_type).collect();
        assert_eq!(types, documented.vendor.event_types());
        for Row { event_type, names } in documented.rows() {
            let notification = documented.read(event_type);
            let event = notification.event(0).unwrap();
            for kind in SubjectKind::ALL {
                let named = names.iter().find(|(word, ..)| *word == kind.as_str());
                let expected = named.map(|(_, field, _)| documented.value(field));
                let id = event.id_of(*kind).map(|id| id.to_string());
                assert_eq!(id, expected, "{event_type} {kind}");
                if let Some((name, id)) = asked(&event, *kind) {
                    assert_eq!(id.map(|id| id.to_string()), expected, "{event_type} {name}");
                }
            }
            assert_eq!(event.named().count(), names.len(), "{event_type}");
            let person =
                names.iter().find(|(word, ..)| ["account", "customer", "user", "member"].contains(word));
            let expected = person.map(|(word, field, _)| format!("{word} {}", documented.value(field)));
            assert_eq!(event.person().map(|person| person.to_string()), expected, "{event_type}");
            assert!(event.amount().is_none(), "no vendor publishes one");
        }
    }
}

#[test]
fn the_table_in_the_documentation_is_this_one() {
    let mut table = "| vendor | type | names | known from |\n|---|---|---|---|\n".to_owned();
    for documented in ALL {
        for Row { event_type, names } in documented.rows() {
            let name = |(word, field, known): &(&str, &str, bool)| {
                let kind = SubjectKind::ALL.iter().find(|kind| kind.as_str() == *word).unwrap();
                let asked = match asked(&Event::new(documented.vendor, event_type, Kind::Other), *kind) {
                    Some((method, _)) => format!("`{method}`"),
                    None if kind.is_person() => format!("`person()` ({kind})"),
                    None => format!("`id_of(SubjectKind::{kind:?})`"),
                };
                format!("{asked} from `{field}`{}", if *known { "" } else { " where it is there" })
            };
            let names = match names.iter().map(name).collect::<Vec<_>>().join("; ") {
                names if names.is_empty() => "nothing".to_owned(),
                names => names,
            };
            // Not in the vendor's list, but in those of receivers.
            let seen = ["CUSTOMER_PAYMENT_REJECTED", "CONTRACT_REVERSED"].contains(&event_type);
            let printed = (documented.vendor, event_type) == (Vendor::PERFECTGYM, "Test");
            let known_from = match documented.known_from {
                _ if seen => "seen by receivers",
                _ if printed => "published",
                known_from => known_from,
            };
            table += &format!("| {} | `{event_type}` | {names} | {known_from} |\n", documented.title);
        }
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/named.md");
    if std::env::var_os("GYMHOOK_WRITE_TABLES").is_some() {
        std::fs::write(file, &table).unwrap();
    }
    let written = std::fs::read_to_string(file).unwrap();
    assert_eq!(written, table, "GYMHOOK_WRITE_TABLES=1 cargo test -p gymhook-event writes it anew");
}

#[test]
fn to_ask_an_event_costs_no_allocation() {
    for documented in ALL {
        for Row { event_type, .. } in documented.rows() {
            let notification = documented.read(event_type);
            // Its content is read once, when it is first asked for an event.
            let event = notification.event(0).unwrap();
            let counted = allocation_counter::measure(|| {
                core::hint::black_box((event.person(), event.amount(), event.named().count()));
                for kind in SubjectKind::ALL {
                    core::hint::black_box(event.id_of(*kind));
                    core::hint::black_box(asked(&event, *kind));
                }
            });
            assert_eq!(counted.count_total, 0, "{event_type}");
        }
    }
    assert!(allocation_counter::measure(|| drop(core::hint::black_box(vec![1_u8]))).count_total > 0);
}

#[test]
fn a_type_of_one_s_own_may_say_the_amount() {
    let amount = "49.90".parse().unwrap();
    let event = Event::new(Vendor::new("acme"), "paid", Kind::PaymentSucceeded).with_amount(Some(&amount));
    assert_eq!(event.amount().map(|amount| amount.as_str()), Some("49.90"));
}
