"""EGYM: one flat object an event. Facts: https://developer.egym.com/general/webhooks"""

from .case import compact, error, event, rfc3339
from .json_errors import SCALARS, broken

VENDOR = "egym"
ACCOUNT = "0c7fa1d1-8a2f-4a55-8a54-5f3f8e3f4d11"
TIMESTAMP = 1667921312188  # the vendor's example
OCCURRED_AT = "2022-11-08T15:28:32.188Z"  # worked out by hand from it; asserted in `cases`

# type, kind, what the vendor's page says about it
TYPES = [
    ("GYM_CHECKIN", "check-in", "a customer has physically checked in at a gym"),
    ("GYM_CHECKOUT", "check-out", "a customer has physically checked out from a gym"),
    ("EQUIPMENT_CHECKIN", "equipment-check-in", "a customer has physically logged in to equipment in a gym"),
    (
        "MEMBERSHIP_DELETE",
        "membership-deleted",
        "member data gets deleted from EGYM; whether the person or only membership and contract, the page leaves open",
    ),
    ("GENIUS_ONBOARDING_COMPLETED", "onboarding-completed", "a member completes EGYM Genius onboarding"),
    ("TEST", "test", "test event for webhook endpoint verification"),
]


def body(type="GYM_CHECKIN", **fields) -> dict:
    return {"accountId": ACCOUNT, "timestamp": TIMESTAMP, "type": type} | fields


def one(type="GYM_CHECKIN", kind="check-in", **fields) -> dict:
    reading = {"type": type, "kind": kind, "subject": "account", "subject_id": ACCOUNT, "occurred_at": OCCURRED_AT}
    return {"events": [reading | fields]}


def case(name, why, body, expect):
    return event(f"egym: {name}", why, vendor=VENDOR, body=body, expect=expect)


def refused(name, why, body):
    return error(f"egym: {name}", why, vendor=VENDOR, body=body)


def without(field: str, type="GYM_CHECKIN") -> dict:
    return {name: value for name, value in body(type).items() if name != field}


def cases() -> list[dict]:
    assert rfc3339(TIMESTAMP) == OCCURRED_AT
    return types() + tolerated() + required() + numbers() + broken(VENDOR, compact(body()), with_unknown, top_levels())


def with_unknown(json: str) -> str:
    return compact(body())[:-1] + f',"later":{json}}}'


def top_levels() -> list[tuple[str, str]]:
    return SCALARS + [("an array", "[" + compact(body()) + "]"), ("an empty array", "[]")]


def types() -> list[dict]:
    documented = [
        case(
            type,
            f"Documented: {meaning}. accountId is the account of the user; timestamp is in milliseconds.",
            body(type),
            one(type, kind),
        )
        for type, kind, meaning in TYPES
    ]
    return documented + [
        case(
            "a type of the future",
            "More types are announced: an unknown one is kept by its name, and the rest is read as ever.",
            body("GYM_SAUNA_ENTERED"),
            one("GYM_SAUNA_ENTERED", "other"),
        ),
        case(
            "a type in lower case",
            "Types are compared as they are written: this one is unknown, not an error.",
            body("gym_checkin"),
            one("gym_checkin", "other"),
        ),
        event(
            "egym: the same fields are one key",
            "No id is documented: time, type and account together are the best there is, and advice only.",
            vendor=VENDOR,
            body=body(),
            expect={"dedupe_key": f"egym:{TIMESTAMP}:GYM_CHECKIN:{ACCOUNT}"},
        ),
        case(
            "TEST has no key",
            "A test is triggered as often as somebody likes: two of them are two.",
            body("TEST"),
            one("TEST", "test") | {"dedupe_key": None},
        ),
        case(
            "an empty accountId has no key",
            "It names nobody, so two people's events would share the key.",
            body(accountId=""),
            one(subject_id="") | {"dedupe_key": None},
        ),
        case(
            "an accountId that is a whole float",
            "Documented as a UUID; a number is read as what it spells.",
            compact(body()).replace(f'"{ACCOUNT}"', "42.0"),
            one(subject_id="42"),
        ),
        case("an empty type", "A name like any other that is unknown.", body(""), one("", "other")),
        case(
            "TEST with nothing else",
            "What a test event carries is not documented: only its type is asked for.",
            {"type": "TEST"},
            {"events": [{"type": "TEST", "kind": "test"}], "dedupe_key": None},
        ),
        case(
            "TEST with nulls",
            "Absent or null is the same.",
            {"accountId": None, "timestamp": None, "type": "TEST"},
            {"events": [{"type": "TEST", "kind": "test"}]},
        ),
    ]


def tolerated() -> list[dict]:
    text = compact(body())
    return [
        case(
            "the vendor's example, as printed",
            "White space as on the page.",
            '{ "accountId": "%s", "timestamp": 1667921312188, "type" : "GYM_CHECKIN" }' % ACCOUNT,
            one(),
        ),
        case(
            "unknown fields",
            "Fields that come later are not in the way.",
            body(gymId=7, nested={"a": [1, 2.5, None]}),
            one(),
        ),
        case(
            "an unknown float that f64 cannot hold",
            "Nobody reads it, so nobody rounds it or fails on it.",
            with_unknown("12345678901234567890.123456789012345678901"),
            one(),
        ),
        case("an unknown field nested 50 levels deep", "Deep is not a bomb.", with_unknown("[" * 50 + "]" * 50), one()),
        case(
            "the same key in two objects",
            "Not a duplicate: each object has its own keys.",
            with_unknown('[{"type":1},{"type":2}]'),
            one(),
        ),
        case("keys in another order", "Objects have no order.", compact(dict(reversed(body().items()))), one()),
        case(
            "white space around and inside",
            "JSON's four kinds of it.",
            "\r\n\t " + text.replace(":", " :\t").replace(",", "\n,") + " \n",
            one(),
        ),
        case("an escape in the type", "GYM_\\u0043HECKIN is GYM_CHECKIN.", text.replace("GYM_C", "GYM_\\u0043"), one()),
        case("an escape in a key", "\\u0074ype is type.", text.replace('"type"', '"\\u0074ype"'), one()),
        case("an escaped solidus in the type", "\\/ is /.", text.replace("GYM_CHECKIN", "A\\/B"), one("A/B", "other")),
        case(
            "a type outside ASCII",
            "Text is text.",
            body("GYM_\u00dcBUNG_\U0001f3cb"),
            one("GYM_\u00dcBUNG_\U0001f3cb", "other"),
        ),
        case(
            "a surrogate pair as escapes",
            "\\ud83c\\udfcb is one character.",
            text.replace("GYM_CHECKIN", "\\ud83c\\udfcb"),
            one("\U0001f3cb", "other"),
        ),
    ]


def required() -> list[dict]:
    text = compact(body())
    return [
        refused("no type", "Required: without it nothing is known.", without("type")),
        refused("no accountId", "Required for every type but TEST.", without("accountId")),
        refused("no timestamp", "Required for every type but TEST.", without("timestamp")),
        refused("null type", "Null is not a name.", body() | {"type": None}),
        refused("null accountId", "Required for every type but TEST, and null is none.", body(accountId=None)),
        refused("null timestamp", "Required for every type but TEST, and null is none.", body(timestamp=None)),
        refused("type a number", "A type is a name.", body() | {"type": 7}),
        refused("accountId an object", "An id is a text.", body(accountId={"id": ACCOUNT})),
        refused("the keys in another case", "Type is not type.", text.replace('"type"', '"Type"')),
        refused("type twice", "Which one is it?", text[:-1] + ',"type":"TEST"}'),
        refused("type twice, equal", "Refused even when they agree.", text[:-1] + ',"type":"GYM_CHECKIN"}'),
        refused("type twice, once escaped", "\\u0074ype is type.", text[:-1] + ',"\\u0074ype":"TEST"}'),
        refused("accountId twice", "Which one is it?", text[:-1] + f',"accountId":"{ACCOUNT}"}}'),
        refused("timestamp twice", "Which one is it?", text[:-1] + ',"timestamp":1}'),
        refused("a lone surrogate in the type", "Half a character is no text.", text.replace("GYM_CHECKIN", "\\ud83c")),
    ]


def numbers() -> list[dict]:
    def timestamp(json: str) -> str:
        return compact(body()).replace(str(TIMESTAMP), json)

    return [
        case("timestamp 0", "The epoch itself.", timestamp("0"), one(occurred_at="1970-01-01T00:00:00Z")),
        case(
            "timestamp 1",
            "One millisecond, not one second.",
            timestamp("1"),
            one(occurred_at="1970-01-01T00:00:00.001Z"),
        ),
        case(
            "timestamp that looks like seconds",
            "Read as milliseconds: the unit is documented, not guessed from the size.",
            timestamp("1667921312"),
            one(occurred_at="1970-01-20T07:18:41.312Z"),
        ),
        case(
            "the last millisecond of 9999",
            "The end of the calendar.",
            timestamp("253402300799999"),
            one(occurred_at="9999-12-31T23:59:59.999Z"),
        ),
        case(
            "the first millisecond of 10000",
            "Beyond what RFC 3339 can write: the event is kept, without a time.",
            timestamp("253402300800000"),
            one(occurred_at=None),
        ),
        refused("timestamp negative", "No gym was open before 1970.", timestamp("-1")),
        refused(
            "timestamp at the least 64-bit integer",
            "Negative, and at the edge.",
            timestamp("-9223372036854775808"),
        ),
        refused("timestamp 1.0", "Milliseconds are whole numbers.", timestamp("1667921312188.0")),
        refused("timestamp with an exponent", "A number in this notation is no integer here.", timestamp("1e12")),
        refused("timestamp beyond 64 bits", "Not rounded into a float.", timestamp("18446744073709551616")),
        refused("timestamp of 30 digits", "Not rounded into a float.", timestamp("1" * 30)),
        refused("timestamp true", "Not a number.", timestamp("true")),
        refused("timestamp as a date", "Documented as a number.", timestamp('"2022-11-08T15:28:32.188Z"')),
    ]
