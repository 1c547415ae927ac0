"""GymPoint: nine event names; nothing else about the body is published.

Page: https://gympoint.ai/knowledge-base/settings/integrations-api
The envelope `{"event" or "type": name, "data": any}` is this project's reading, kept open. Which field holds an id or a
time is not known: a member's event is about a member, and no id, no time and no dedupe key is made up.
"""

from .case import compact, error, event
from .json_errors import SCALARS, broken

VENDOR = "gympoint"

# type, kind, what the vendor's page says about it
TYPES = [
    ("member.created", "member-created", "a new member is added"),
    ("member.updated", "member-updated", "a member's profile is changed"),
    ("member.deleted", "member-deleted", "a member is removed"),
    ("membership.activated", "membership-activated", "a membership plan becomes active"),
    ("membership.canceled", "membership-cancelled", "a membership is canceled (one l on the wire)"),
    ("payment.successful", "payment-succeeded", "a payment processes successfully"),
    ("payment.failed", "payment-failed", "a payment attempt fails"),
    ("payment.refunded", "payment-refunded", "a payment is refunded"),
    ("checkin.created", "check-in", "a member checks in"),
]


def body(name="member.created", **fields) -> dict:
    return {"event": name, "data": {"id": "m_1"}} | fields


def one(type="member.created", kind="member-created") -> dict:
    member = kind.startswith("member-") or kind == "check-in"
    subject = {"subject": "member" if member else "unknown", "subject_id": None}
    return {"events": [{"type": type, "kind": kind} | subject | {"occurred_at": None}], "dedupe_key": None}


def case(name, why, body, expect):
    return event(f"gympoint: {name}", why, vendor=VENDOR, body=body, expect=expect)


def refused(name, why, body):
    return error(f"gympoint: {name}", why, vendor=VENDOR, body=body)


def cases() -> list[dict]:
    return types() + tolerated() + required() + broken(VENDOR, compact(body()), with_unknown, top_levels())


def with_unknown(json: str) -> str:
    return compact(body())[:-1] + f',"later":{json}}}'


def top_levels() -> list[tuple[str, str]]:
    return SCALARS + [("an array", "[" + compact(body()) + "]"), ("an empty array", "[]")]


def types() -> list[dict]:
    by_event = [
        case(type, f"Documented: {meaning}. The name is under event.", body(type), one(type, kind))
        for type, kind, meaning in TYPES
    ]
    by_type = [
        case(
            f"{type} under type",
            "The envelope is not published; the other common name of the field is read too.",
            {"type": type, "data": {"id": "m_1"}},
            one(type, kind),
        )
        for type, kind, _ in TYPES
    ]
    return by_event + by_type + [
        case("a type of the future", "Kept by its name.", body("class.booked"), one("class.booked", "other")),
        case(
            "the British spelling",
            "membership.cancelled is not on the page: kept as unknown, not corrected.",
            body("membership.cancelled"),
            one("membership.cancelled", "other"),
        ),
        case("another case", "Member.Created is unknown.", body("Member.Created"), one("Member.Created", "other")),
    ]


def tolerated() -> list[dict]:
    text = compact(body())
    return [
        case(
            "unknown fields",
            "Nothing about the envelope is published: everything else is kept.",
            body(id="evt_1", createdAt="2026-01-01T00:00:00Z", x=[1.5]),
            one(),
        ),
        case("data a list", "Any JSON.", body(data=[1, 2, 3]), one()),
        case("data a string", "Any JSON.", body(data="m_1"), one()),
        case(
            "data a number that f64 cannot hold",
            "Kept as text, not rounded.",
            '{"event":"payment.failed","data":0.1000000000000000055511151231257827}',
            one("payment.failed", "payment-failed"),
        ),
        case("data empty", "Any JSON.", body(data={}), one()),
        case(
            "keys in another order",
            "Objects have no order.",
            '{"data":{"id":"m_1"},"event":"member.created"}',
            one(),
        ),
        case(
            "an escape in the name",
            "member\\u002ecreated is member.created.",
            text.replace("member.created", "member\\u002ecreated"),
            one(),
        ),
        case("an escape in a key", "\\u0065vent is event.", text.replace('"event"', '"\\u0065vent"'), one()),
        case(
            "a duplicate-looking key in two objects",
            "Each object has its own keys.",
            body(data={"event": "x", "data": {"event": "y"}}),
            one(),
        ),
        case("white space around", "JSON's four kinds of it.", "\r\n\t " + text + " \n", one()),
    ]


def required() -> list[dict]:
    text = compact(body())
    return [
        refused("no name at all", "Neither event nor type.", {"data": {"id": "m_1"}}),
        refused("a null name", "Null is not a name.", body() | {"event": None}),
        refused("a number for a name", "A type is a name.", body() | {"event": 7}),
        refused("event twice", "Which one is it?", text[:-1] + ',"event":"payment.refunded"}'),
        refused("event twice, once escaped", "\\u0065vent is event.", text[:-1] + ',"\\u0065vent":"payment.refunded"}'),
        refused("data twice", "Which one is it?", text[:-1] + ',"data":{"id":"m_2"}}'),
        refused(
            "a duplicate key inside data",
            "Which member is it? Data is judged as strictly as the envelope.",
            '{"event":"member.deleted","data":{"id":"m_1","id":"m_2"}}',
        ),
    ]
