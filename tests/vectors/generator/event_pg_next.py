"""PG Next (Magicline): `{entityId, uuid, payload: [{timestamp, type, content?}]}`.

Page: https://developer.sportalliance.com/apis/perfectgym/webhooks/event-types. What `entityId` means differs from type
to type, and is the subject here.
"""

from .case import compact, error, event, rfc3339
from .json_errors import SCALARS, broken

VENDOR = "pg-next"
ENTITY = 7893459  # the vendor's example
UUID = "095be615-a8ad-4c33-8e9c-c7612fbf6c9f"  # the vendor's example
TIMESTAMP = 1642779144176  # the vendor's example
OCCURRED_AT = "2022-01-21T15:32:24.176Z"

EXAMPLE = """{
  "entityId": 7893459,
  "uuid": "095be615-a8ad-4c33-8e9c-c7612fbf6c9f",
  "payload": [
    {
      "timestamp": 1642779144176,
      "type": "CUSTOMER_CREATED"
    }
  ]
}
"""

CONTRACT = {"contractId": 1001}
MODULE = {"contractId": 1001, "moduleContractId": 1002}
IDLE = {"contractId": 1001, "idlePeriodId": 55, "idlePeriodAmount": 12.5, "usedFreeTermsInDays": 14}
CHECKOUTS = {"checkouts": [{"customerId": 123, "checkoutTime": "2023-10-01T12:00:00Z"}]}

# type, kind (None: not compared), what entityId is, content
TYPES = [
    ("ADDITIONAL_INFORMATION_FIELDS_UPDATED", "additional-fields-updated", "studio", None),
    ("AGGREGATOR_MEMBER_CREATED", "aggregator-member-created", "customer", {"aggregatorId": "agg-9"}),
    ("APPOINTMENT_BOOKING_CANCELLED", "appointment-cancelled", "booking", None),
    ("APPOINTMENT_BOOKING_CREATED", "appointment-booked", "booking", None),
    ("APPOINTMENT_BOOKING_UPDATED", "appointment-updated", "booking", None),
    ("AUTOMATIC_CUSTOMER_CHECKOUT", "check-out", "studio", CHECKOUTS),
    ("CONTRACT_ADDITIONAL_MODULE_CREATED", "contract-module-created", "customer", MODULE),
    ("CONTRACT_ADDITIONAL_MODULE_DELETED", "contract-module-deleted", "customer", MODULE),
    ("CONTRACT_ADDITIONAL_MODULE_UPDATED", "contract-module-updated", "customer", MODULE),
    ("CONTRACT_ADDITIONAL_MODULE_CANCELLED", "contract-module-cancelled", "customer", MODULE),
    ("CONTRACT_UPDATED", "contract-updated", "customer", CONTRACT),
    ("CONTRACT_CREATED", "contract-created", "customer", CONTRACT),
    ("CONTRACT_CANCELLED", "contract-cancelled", "customer", CONTRACT),
    ("CONTRACT_IDLE_PERIOD_CREATED", "idle-period-created", "customer", IDLE),
    ("CONTRACT_IDLE_PERIOD_CANCELLED", "idle-period-cancelled", "customer", IDLE),
    ("CONTRACT_IDLE_PERIOD_UPDATED", "idle-period-updated", "customer", IDLE),
    ("CUSTOMER_ACCESS_MEDIUM_CREATED", "access-medium-created", "customer", None),
    ("CUSTOMER_ACCESS_MEDIUM_UPDATED", "access-medium-updated", "customer", None),
    ("CUSTOMER_ACCESS_MEDIUM_DELETED", "access-medium-deleted", "customer", None),
    ("CUSTOMER_ACCESS_RESTRICTION_CREATED", "access-restriction-created", "customer", None),
    ("CUSTOMER_ACCESS_RESTRICTION_DELETED", "access-restriction-deleted", "customer", None),
    ("CUSTOMER_CHECKIN", "check-in", "customer", None),
    ("CUSTOMER_CHECKOUT", "check-out", "customer", None),
    ("CUSTOMER_CHECKIN_STUDIOS_UPDATED", "check-in-studios-updated", "customer", CONTRACT),
    ("CUSTOMER_CREATED", "member-created", "customer", None),
    ("CUSTOMER_DELETED", "member-deleted", "customer", None),
    ("CUSTOMER_UPDATED", "member-updated", "customer", None),
    ("CUSTOMER_COMMUNICATION_PREFERENCES_UPDATED", "consent-updated", "customer", None),
    ("CUSTOMER_ACCESS_DISABLED", "data-access-disabled", "customer", None),
    ("CUSTOMER_HOME_STUDIO_UPDATED", "home-studio-updated", "customer", {"sourceStudioId": 1, "targetStudioId": 2}),
    ("CLASS_BOOKING_CANCELLED", "class-booking-cancelled", "booking", None),
    ("CLASS_BOOKING_CREATED", "class-booked", "booking", None),
    ("CLASS_BOOKING_UPDATED", "class-booking-updated", "booking", None),
    ("CLASS_SLOT_CANCELLED", "class-slot-cancelled", "class-slot", {"classId": 300}),
    ("CLASS_SLOT_UPDATED", "class-slot-updated", "class-slot", {"classId": 300}),
    ("DEVICE_CREATED", "device-created", "device", None),
    ("EMPLOYEE_CREATED", "employee-created", "employee", None),
    ("EMPLOYEE_DELETED", "employee-deleted", "employee", None),
    ("EMPLOYEE_UPDATED", "employee-updated", "employee", None),
    ("FINANCE_DEBT_COLLECTION_RUN_CREATED", "debt-collection-run-created", "debt-collection-run", None),
    ("FINANCE_DEBT_COLLECTION_CONFIGURATION_UPDATED", "debt-collection-configuration-updated", "unknown", None),
    (
        "FINANCE_DEBT_COLLECTION_CASE_UPDATED",
        "debt-collection-case-updated",
        "case-adjustment-request",
        {"agencyDebtCollectionCaseId": "A-1"},
    ),
    ("STUDIO_OPENING_HOURS_UPDATED", "studio-updated", "studio", None),
    ("TAX_ADVISOR_EXPORT_CREATED", "export-created", "export", None),
]


def item(type="CUSTOMER_CHECKIN", content=None, timestamp=TIMESTAMP) -> dict:
    return {"timestamp": timestamp, "type": type} | ({} if content is None else {"content": content})


def body(*items: dict, **fields) -> dict:
    return {"entityId": ENTITY, "uuid": UUID, "payload": list(items) or [item()]} | fields


def one(type="CUSTOMER_CHECKIN", kind="check-in", subject="customer", **fields) -> dict:
    reading = {"type": type} | ({} if kind is None else {"kind": kind})
    return reading | {"subject": subject, "subject_id": str(ENTITY), "occurred_at": OCCURRED_AT} | fields


def checked_out(customer, at) -> dict:
    return {
        "type": "AUTOMATIC_CUSTOMER_CHECKOUT",
        "kind": "check-out",
        "subject": "customer",
        "subject_id": customer,
        "related": "studio",
        "related_id": str(ENTITY),
        "person_id": customer,
        "occurred_at": at,
        "recorded_at": OCCURRED_AT,
    }


def case(name, why, body, *events, **expect):
    return event(f"pg-next: {name}", why, vendor=VENDOR, body=body, expect={"events": list(events)} | expect)


def refused(name, why, body):
    return error(f"pg-next: {name}", why, vendor=VENDOR, body=body)


def without(field: str) -> dict:
    return {name: value for name, value in body().items() if name != field}


def cases() -> list[dict]:
    assert len(TYPES) == 44 and rfc3339(TIMESTAMP) == OCCURRED_AT
    return (
        types()
        + payloads()
        + contents()
        + ids()
        + tolerated()
        + required()
        + numbers()
        + broken(VENDOR, compact(body()), with_unknown, top_levels())
    )


def with_unknown(json: str) -> str:
    return compact(body())[:-1] + f',"later":{json}}}'


def top_levels() -> list[tuple[str, str]]:
    return SCALARS + [
        ("an array", "[" + compact(body()) + "]"),
        ("an empty array", "[]"),
        ("one event without its envelope", compact(item())),
    ]


def types() -> list[dict]:
    documented = []
    for type, kind, subject, content in TYPES:
        why = f"Documented: entityId is of the kind {subject}."
        reading = one(type, kind, subject)
        if subject == "unknown":
            why = "Documented with an empty description of entityId: what it means is not known, so it is not guessed."
        if subject == "case-adjustment-request":
            why = "Documented: entityId is a caseAdjustmentRequestId, and content carries the case's own id."
            reading |= {"related": "debt-collection-case", "related_id": "A-1"}
        if content is CONTRACT or content is MODULE or content is IDLE:
            reading |= {"related": "contract", "related_id": "1001", "person_id": str(ENTITY)}
        if type == "AGGREGATOR_MEMBER_CREATED":
            why += " content.aggregatorId is the aggregator member id."
            reading |= {"related": "aggregator-member", "related_id": "agg-9", "person_id": str(ENTITY)}
        if type == "AUTOMATIC_CUSTOMER_CHECKOUT":
            why += " Each pair of customerId and checkoutTime is one person's check-out, in the studio."
            reading = checked_out("123", "2023-10-01T12:00:00Z")
        documented.append(case(type, why, body(item(type, content)), reading))
    return documented + [
        case(
            "CUSTOMER_PAYMENT_REJECTED",
            "Not in the published list; a live receiver reads entityId as the customer.",
            body(item("CUSTOMER_PAYMENT_REJECTED")),
            one("CUSTOMER_PAYMENT_REJECTED", "payment-failed"),
        ),
        case(
            "CONTRACT_REVERSED",
            "Not in the published list; a live receiver reads entityId as the customer.",
            body(item("CONTRACT_REVERSED")),
            one("CONTRACT_REVERSED", "contract-reversed"),
        ),
        case(
            "the spelling of the use-case page",
            "CONTRACT_UPDATE there, CONTRACT_UPDATED in the list of types: one meaning; the name stays as received.",
            body(item("CONTRACT_UPDATE", CONTRACT)),
            one("CONTRACT_UPDATE", "contract-updated"),
        ),
        case(
            "a type of the future",
            "The list keeps growing: kept by its name, and what its entityId means is not guessed.",
            body(item("CUSTOMER_TELEPORTED")),
            one("CUSTOMER_TELEPORTED", "other", "unknown"),
        ),
        case(
            "a type in lower case",
            "customer_checkin is unknown, not an error.",
            body(item("customer_checkin")),
            one("customer_checkin", "other", "unknown"),
        ),
    ]


def payloads() -> list[dict]:
    later = item("CUSTOMER_UPDATED", timestamp=TIMESTAMP + 1000)
    return [
        case(
            "the vendor's example",
            "As printed on the page; the uuid is the event's own id.",
            EXAMPLE,
            one("CUSTOMER_CREATED", "member-created"),
        ),
        case(
            "dedupe key",
            "The uuid is unique an event, so it is what deduplication goes by.",
            body(),
            one(),
            dedupe_key=UUID,
        ),
        case("an empty uuid has no key", "It would merge everything.", body(uuid=""), one(), dedupe_key=None),
        case("payload empty", "An array, currently of one: none is no event, and no error.", body(payload=[])),
        case(
            "payload of two",
            "Each is an event; entityId is for all.",
            body(item(), later),
            one(),
            one("CUSTOMER_UPDATED", "member-updated", occurred_at="2022-01-21T15:32:25.176Z"),
        ),
        case(
            "payload of two with different meanings of entityId",
            "The same number, read by each event's own type.",
            body(item("CLASS_SLOT_UPDATED"), item("STUDIO_OPENING_HOURS_UPDATED")),
            one("CLASS_SLOT_UPDATED", "class-slot-updated", "class-slot"),
            one("STUDIO_OPENING_HOURS_UPDATED", "studio-updated", "studio"),
        ),
        case(
            "payload of two, equal",
            "Two entries are two events: nothing is merged.",
            body(item(), item()),
            one(),
            one(),
        ),
        refused(
            "payload with a number in it",
            "All or nothing: no event is dropped silently.",
            body(payload=[item(), 7]),
        ),
        refused("payload with null in it", "All or nothing.", body(payload=[None])),
        refused("payload a string", "Documented as an array.", body(payload="CUSTOMER_CHECKIN")),
        refused("payload null", "Required.", body(payload=None)),
    ]


def contents() -> list[dict]:
    exact = compact(body(item("CONTRACT_IDLE_PERIOD_CREATED", {"idlePeriodAmount": 0})))
    return [
        case("content null", "Optional.", body(item() | {"content": None}), one()),
        case("content empty", "Optional.", body(item(content={})), one()),
        case(
            "content with unknown fields",
            "Fields get added to known types.",
            body(item("CONTRACT_CREATED", CONTRACT | {"later": [1.5, {"x": None}]})),
            one("CONTRACT_CREATED", "contract-created"),
        ),
        case(
            "content on a type documented without",
            "It may get one.",
            body(item(content={"reason": "gate 2"})),
            one(),
        ),
        case(
            "content on an unknown type",
            "Kept.",
            body(item("CUSTOMER_TELEPORTED", {"to": 7})),
            one("CUSTOMER_TELEPORTED", "other", "unknown"),
        ),
        case(
            "a float in content that f64 cannot hold",
            "Kept as text, not rounded.",
            exact.replace(":0}", ":12.50000000000000000000000000000001}"),
            one("CONTRACT_IDLE_PERIOD_CREATED", "idle-period-created"),
        ),
        case(
            "content ids as digit strings",
            "The types of these ids are not documented.",
            body(item("CONTRACT_CANCELLED", {"contractId": "1001"})),
            one("CONTRACT_CANCELLED", "contract-cancelled"),
        ),
        case(
            "content with the use-case page's name of the case id",
            "agencyCollectionCaseId there, agencyDebtCollectionCaseId in the list of types.",
            body(item("FINANCE_DEBT_COLLECTION_CASE_UPDATED", {"agencyCollectionCaseId": "A-1"})),
            {
                "type": "FINANCE_DEBT_COLLECTION_CASE_UPDATED",
                "subject": "case-adjustment-request",
                "subject_id": str(ENTITY),
                "related": "debt-collection-case",
                "related_id": "A-1",
                "occurred_at": OCCURRED_AT,
            },
        ),
        case(
            "many checked out at once",
            "One event for each person, with their own time.",
            body(
                item(
                    "AUTOMATIC_CUSTOMER_CHECKOUT",
                    {
                        "checkouts": [
                            {"customerId": 123, "checkoutTime": "2023-10-01T12:00:00Z"},
                            {"customerId": "124", "checkoutTime": "2023-10-01T14:01:00+02:00"},
                            {"customerId": 125, "checkoutTime": "late"},
                        ]
                    },
                )
            ),
            checked_out("123", "2023-10-01T12:00:00Z"),
            checked_out("124", "2023-10-01T12:01:00Z"),
            checked_out("125", None),
        ),
        case(
            "checked out, between other events",
            "The order stays that of the payload.",
            body(item(), item("AUTOMATIC_CUSTOMER_CHECKOUT", CHECKOUTS), item("CUSTOMER_CHECKOUT")),
            one(),
            checked_out("123", "2023-10-01T12:00:00Z"),
            one("CUSTOMER_CHECKOUT", "check-out"),
        ),
        case(
            "checked out, the list in an object",
            "The page prints checkouts:{[...]}, which is no JSON; an object around the array is what it may mean.",
            body(item("AUTOMATIC_CUSTOMER_CHECKOUT", {"checkouts": CHECKOUTS})),
            checked_out("123", "2023-10-01T12:00:00Z"),
        ),
        case(
            "checked out, without a list",
            "That somebody was checked out is still said: one event of the studio.",
            body(item("AUTOMATIC_CUSTOMER_CHECKOUT")),
            one("AUTOMATIC_CUSTOMER_CHECKOUT", "check-out", "studio", person_id=None),
        ),
        case(
            "another field of content in another form",
            "Each field is read by itself.",
            body(item("CONTRACT_IDLE_PERIOD_CREATED", {"idlePeriodAmount": {}, "contractId": 1001})),
            one("CONTRACT_IDLE_PERIOD_CREATED", "idle-period-created", related="contract", related_id="1001"),
        ),
    ]


def ids() -> list[dict]:
    configuration = body(item("FINANCE_DEBT_COLLECTION_CONFIGURATION_UPDATED"))
    missing = {name: value for name, value in configuration.items() if name != "entityId"}
    reading = {
        "type": "FINANCE_DEBT_COLLECTION_CONFIGURATION_UPDATED",
        "subject": "unknown",
        "subject_id": None,
        "occurred_at": OCCURRED_AT,
    }
    return [
        case("entityId a digit string", "Receivers have seen both.", body(entityId=str(ENTITY)), one()),
        case("entityId 0", "A number like any other.", body(entityId=0), one(subject_id="0")),
        case(
            "entityId beyond 53 bits",
            "An int64, not a float: no digit is lost.",
            body(entityId=9007199254740993),
            one(subject_id="9007199254740993"),
        ),
        case(
            "entityId at the greatest int64",
            "The documented type's edge.",
            body(entityId=2**63 - 1),
            one(subject_id="9223372036854775807"),
        ),
        case(
            "no entityId where its meaning is blank",
            "The schema requires it and the list of types leaves it blank for this one: read without it.",
            missing,
            reading,
        ),
        case("null entityId where its meaning is blank", "Null is none.", configuration | {"entityId": None}, reading),
    ]


def tolerated() -> list[dict]:
    text = compact(body())
    return [
        case(
            "unknown fields at every level",
            "The vendor asks to ignore unknown properties.",
            body(item() | {"later": {"a": 1}}, studio="x", more=[1.5]),
            one(),
        ),
        case("an unknown field nested 50 levels deep", "Deep is not a bomb.", with_unknown("[" * 50 + "]" * 50), one()),
        case("keys in another order", "Objects have no order.", compact(dict(reversed(body().items()))), one()),
        case(
            "an escape in the type",
            "CUSTOMER\\u005fCHECKIN is CUSTOMER_CHECKIN.",
            text.replace("CUSTOMER_", "CUSTOMER\\u005f"),
            one(),
        ),
        case("an escape in a key", "entity\\u0049d is entityId.", text.replace("entityId", "entity\\u0049d"), one()),
        case("an escape in the uuid", "\\u0030 is 0.", text.replace('"095', '"\\u003095'), one(), dedupe_key=UUID),
        case("white space around", "JSON's four kinds of it.", "\r\n\t " + text + " \n", one()),
    ]


def required() -> list[dict]:
    text = compact(body())
    cancelled = compact(body(item("CONTRACT_CANCELLED", CONTRACT)))
    return [
        refused("no entityId", "Required by the schema.", without("entityId")),
        refused("null entityId", "Required by the schema, and null is none.", body(entityId=None)),
        refused("no uuid", "Required by the schema.", without("uuid")),
        refused("null uuid", "Required by the schema.", body(uuid=None)),
        refused("no payload", "Required by the schema.", without("payload")),
        refused("an event without type", "Required by the schema.", body(payload=[{"timestamp": TIMESTAMP}])),
        refused("an event without timestamp", "Required by the schema.", body(payload=[{"type": "CUSTOMER_CHECKIN"}])),
        refused("type a number", "A type is a name.", body(payload=[{"timestamp": TIMESTAMP, "type": 7}])),
        refused("entityId twice", "Which customer is it?", text[:-1] + ',"entityId":1}'),
        refused("entityId twice, once escaped", "entity\\u0049d is entityId.", text[:-1] + ',"entity\\u0049d":1}'),
        refused("uuid twice", "Which one is it?", text[:-1] + f',"uuid":"{UUID}"}}'),
        refused("payload twice", "Which one is it?", text[:-1] + ',"payload":[]}'),
        refused(
            "type twice in one event",
            "Which one is it?",
            text.replace('"type":', '"type":"CUSTOMER_DELETED","type":'),
        ),
        refused(
            "a duplicate key inside content",
            "Which contract is it?",
            cancelled.replace('{"contractId":1001}', '{"contractId":1001,"contractId":1002}'),
        ),
    ]


def numbers() -> list[dict]:
    def entity(json: str) -> str:
        return compact(body()).replace(f'"entityId":{ENTITY}', f'"entityId":{json}')

    def timestamp(json: str) -> str:
        return compact(body()).replace(str(TIMESTAMP), json)

    return [
        case("entityId 1.0", "A whole float is what it spells.", entity("1.0"), one(subject_id="1")),
        case("entityId with an exponent", "1e3 spells 1000.", entity("1e3"), one(subject_id="1000")),
        case(
            "entityId of 30 digits",
            "Beyond int64: not rounded into a float, not cut.",
            entity("1" * 30),
            one(subject_id="1" * 30),
        ),
        case(
            "entityId one more than int64 holds",
            "Beyond the documented type's edge, and still an id.",
            entity("9223372036854775808"),
            one(subject_id="9223372036854775808"),
        ),
        refused("entityId 1.5", "An id is whole.", entity("1.5")),
        refused("entityId true", "Not an id.", entity("true")),
        refused("entityId an object", "Not an id.", entity('{"id":1}')),
        refused("entityId a list", "Not an id.", entity("[1]")),
        refused("timestamp 1.5", "Milliseconds are whole numbers.", timestamp("1642779144176.5")),
        refused("timestamp of 30 digits", "Not rounded into a float.", timestamp("1" * 30)),
        refused("timestamp a list", "Not a number.", timestamp("[1642779144176]")),
        case("timestamp 0", "The epoch itself.", timestamp("0"), one(occurred_at="1970-01-01T00:00:00Z")),
    ]
