"""PerfectGym: `{event, triggeredDate, data}`. Page: https://kb.perfectgym.com/article/how-use-and-set-webhooks

The page names the events and prints only the payload of Test. The fields of the other payloads are what public
receivers read (userId, contractId, timeTableEventId, personalTrainingBookingId). The subject is what the event's name
says: of a contract's event the contract, of a class's the slot in the timetable, of a training's the booking, of a user's
the user. The vendor's id of a request is in a header, so no body has a dedupe key.
"""

from .case import compact, error, event
from .json_errors import SCALARS, broken

VENDOR = "perfectgym"
DATE = "2020-06-01T14:44:46Z"  # the vendor's example
TEST_DATA = {
    "valueLong": 12345678,
    "valueText": "some text value",
    "nestedData": {"text": "nested some text value", "date": DATE, "amount": 33.78},
}

# type, kind, data, subject with its id, what is known about it
TYPES = [
    (
        "ClassesBooked",
        "class-booked",
        {"timeTableEventId": 501, "userId": 42},
        ("class-slot", "501"),
        "the booking for classes has been made",
    ),
    (
        "ClassesBookedOnStandbyList",
        "class-waitlisted",
        {"timeTableEventId": 501, "userId": 42},
        ("class-slot", "501"),
        "booked, but the user stays on a standby list",
    ),
    (
        "ClassesBookingCancelled",
        "class-booking-cancelled",
        {"timeTableEventId": 501, "userId": 42},
        ("class-slot", "501"),
        "the booking for classes has been cancelled",
    ),
    (
        "ClassesBookingPromotedFromStandbyList",
        "class-promoted",
        {"timeTableEventId": 501, "userId": 42},
        ("class-slot", "501"),
        "moved from the standby list to the main list",
    ),
    (
        "ContractPaymentDone",
        "payment-succeeded",
        {"contractId": 12, "userId": 42},
        ("contract", "12"),
        "the payment for any contract transaction has been made",
    ),
    (
        "ContractCreated",
        "contract-created",
        {"userId": 42, "contractId": 12},
        ("contract", "12"),
        "the contract has been added to the system",
    ),
    (
        "PersonalTrainingBooked",
        "appointment-booked",
        {"personalTrainingBookingId": 77},
        ("booking", "77"),
        "a Personal Training session has been booked",
    ),
    (
        "PersonalTrainingBookingCancelled",
        "appointment-cancelled",
        {"personalTrainingBookingId": 77},
        ("booking", "77"),
        "that booking has been cancelled",
    ),
    (
        "UserCardScanned",
        "access-attempted",
        {"userId": 42},
        ("user", "42"),
        "an attempt, successful or not, to access a club and zone",
    ),
    (
        "UserModified",
        "member-updated",
        {"userId": 42},
        ("user", "42"),
        "the personal data of a user, guest or member, was modified",
    ),
    ("UserPresenceChanged", "check-in", {"userId": 42}, ("user", "42"), "the club member has entered the club"),
]


def body(type="UserModified", data=None, date=DATE) -> dict:
    return {"event": type, "triggeredDate": date, "data": {"userId": 42} if data is None else data}


def one(type="UserModified", kind="member-updated", **fields) -> dict:
    return {"type": type, "kind": kind, "occurred_at": DATE} | fields


def case(name, why, body, *events):
    expect = {"events": list(events), "dedupe_key": None}
    return event(f"perfectgym: {name}", why, vendor=VENDOR, body=body, expect=expect)


def refused(name, why, body):
    return error(f"perfectgym: {name}", why, vendor=VENDOR, body=body)


def cases() -> list[dict]:
    bodies = broken(VENDOR, compact(body()), with_unknown, SCALARS)
    return types() + batches() + dates() + tolerated() + required() + bodies


def with_unknown(json: str) -> str:
    return compact(body())[:-1] + f',"later":{json}}}'


def types() -> list[dict]:
    documented = []
    for type, kind, data, subject, meaning in TYPES:
        reading = one(type, kind, subject=subject[0], subject_id=subject[1], recorded_at=None)
        if "userId" in data:
            reading |= {"person_id": "42"}
            reading |= {"related": None} if subject[0] == "user" else {"related": "user", "related_id": "42"}
        documented.append(case(type, f"Documented: {meaning}.", body(type, data), reading))
    return documented + [
        case(
            "Test",
            "The payload printed on the vendor's page, with the braces that the page lost.",
            body("Test", TEST_DATA),
            one("Test", "test", subject="unknown", subject_id=None),
        ),
        case(
            "AgreementAnswerModified",
            "The twelfth event: not on the page, but a live receiver subscribes to it and reads userId.",
            body("AgreementAnswerModified"),
            one("AgreementAnswerModified", "consent-updated", subject="user", subject_id="42"),
        ),
        case(
            "the misspelling of the vendor's page",
            "The page writes ClassesBookedOnStadbyList, the live system ...StandbyList: one meaning, two names.",
            body("ClassesBookedOnStadbyList", {"timeTableEventId": 501, "userId": 42}),
            one("ClassesBookedOnStadbyList", "class-waitlisted"),
        ),
        case(
            "a type of the future",
            "New events are being added: kept by its name.",
            body("LockerOpened"),
            one("LockerOpened", "other"),
        ),
        case(
            "a type in another case",
            "userModified is unknown, not an error.",
            body("userModified"),
            one("userModified", "other"),
        ),
    ]


def batches() -> list[dict]:
    two = [body("UserModified"), body("UserPresenceChanged", {"userId": 43})]
    return [
        case(
            "an array of two",
            "One event a request is the rule; a live receiver takes an array too, and so does this reading, in order.",
            two,
            one(subject_id="42"),
            one("UserPresenceChanged", "check-in", subject_id="43"),
        ),
        case("an array of one", "The same as the object alone.", two[:1], one()),
        case(
            "an array with an unknown type",
            "It keeps its place.",
            [body("LockerOpened"), body()],
            one("LockerOpened", "other"),
            one(),
        ),
        refused("an array with something else in it", "All or nothing: no event is dropped silently.", [body(), 7]),
        refused(
            "an array with a broken notification",
            "All or nothing.",
            [body(), {"triggeredDate": DATE, "data": {}}],
        ),
        refused("an array of arrays", "A batch has one level.", [[body()]]),
    ]


def dates() -> list[dict]:
    return [
        case(
            "a fraction of a second",
            "ISO 8601 allows it.",
            body(date="2020-06-01T14:44:46.1234567Z"),
            one(occurred_at="2020-06-01T14:44:46.1234567Z"),
        ),
        case(
            "an offset",
            "14:44:46 at +02:00 is 12:44:46 in UTC; the page promises UTC only typically.",
            body(date="2020-06-01T14:44:46+02:00"),
            one(occurred_at="2020-06-01T12:44:46Z"),
        ),
        case(
            "a negative offset over midnight",
            "22:30 at -05:00 is 03:30 on the next day.",
            body(date="2020-06-01T22:30:00-05:00"),
            one(occurred_at="2020-06-02T03:30:00Z"),
        ),
        case("no zone", "utc-based-time: without a zone it is UTC.", body(date="2020-06-01T14:44:46"), one()),
        case(
            "an offset without a colon",
            "ISO 8601's basic form of it; 16:44:46 at +02:00 is 14:44:46 in UTC.",
            body(date="2020-06-01T16:44:46+0200"),
            one(),
        ),
        case(
            "no seconds",
            "ISO 8601 allows less precision.",
            body(date="2020-06-01T14:44Z"),
            one(occurred_at="2020-06-01T14:44:00Z"),
        ),
        case("the basic form", "ISO 8601 without separators.", body(date="20200601T144446Z"), one()),
        case(
            "a comma before the fraction",
            "ISO 8601 prefers it.",
            body(date="2020-06-01T14:44:46,5Z"),
            one(occurred_at="2020-06-01T14:44:46.5Z"),
        ),
        case(
            "a date that is a number",
            "Not documented, and its unit not known: no event is refused for its date.",
            body() | {"triggeredDate": 1591022686},
            one(occurred_at=None, subject="user", subject_id="42"),
        ),
        case(
            "a date that is an object",
            "No event is refused for its date.",
            body() | {"triggeredDate": {"utc": DATE}},
            one(occurred_at=None, subject="user", subject_id="42"),
        ),
        case(
            "a date that cannot be read",
            "No event is refused for its date.",
            body(date="01.06.2020 14:44"),
            one(occurred_at=None, subject="user", subject_id="42"),
        ),
        case("a leap day", "2024 has one.", body(date="2024-02-29T00:00:00Z"), one(occurred_at="2024-02-29T00:00:00Z")),
    ]


def tolerated() -> list[dict]:
    exact = compact(body("Test", {"amount": 0})).replace(":0}", ":33.780000000000000000000000000000001}")
    text = compact(body())
    return [
        case(
            "userId a digit string",
            "Live receivers have seen ids as numbers and as digit strings.",
            body(data={"userId": "42"}),
            one(subject="user", subject_id="42"),
        ),
        case(
            "userId beyond 53 bits",
            "Ids are integers, not floats: no digit is lost.",
            body(data={"userId": 9007199254740993}),
            one(subject="user", subject_id="9007199254740993"),
        ),
        case(
            "userId beyond 64 bits",
            "A number is what its digits spell.",
            compact(body()).replace(":42}", ":123456789012345678901234567890}"),
            one(subject="user", subject_id="123456789012345678901234567890"),
        ),
        case(
            "userId a whole float",
            "42.0 spells 42.",
            compact(body()).replace(":42}", ":42.0}"),
            one(subject="user", subject_id="42"),
        ),
        case(
            "user a text beside userId",
            "The schema is not published: a field in another form costs no other.",
            body("ContractCreated", {"contractId": 12, "userId": 42, "user": "Ada"}),
            one("ContractCreated", "contract-created", subject="contract", subject_id="12", person_id="42"),
        ),
        case(
            "paymentPlanName a number",
            "The schema is not published: a field in another form costs no other.",
            body("ContractCreated", {"paymentPlanName": 12, "contractId": 12, "userId": 42}),
            one("ContractCreated", "contract-created", subject="contract", subject_id="12", person_id="42"),
        ),
        case(
            "contractId an object beside userId",
            "Whom it concerns is still known.",
            body("ContractCreated", {"contractId": {"id": 12}, "userId": 42}),
            one("ContractCreated", "contract-created", subject="user", subject_id="42", person_id="42"),
        ),
        case("data empty", "Every field of data is optional.", body(data={}), one()),
        case(
            "data with unknown fields",
            "Kept, and not in the way.",
            body(data={"userId": 42, "clubId": 3, "tags": ["a", 1.5, None]}),
            one(subject="user", subject_id="42"),
        ),
        case("an unknown field beside data", "Kept, and not in the way.", body() | {"version": 2}, one()),
        case(
            "an amount that f64 cannot hold",
            "Money keeps its text; nobody rounds it here.",
            exact,
            one("Test", "test"),
        ),
        case("keys in another order", "Objects have no order.", compact(dict(reversed(body().items()))), one()),
        case(
            "an escape in the name",
            "User\\u004dodified is UserModified.",
            text.replace("UserM", "User\\u004d"),
            one(),
        ),
        case("an escape in a key", "\\u0065vent is event.", text.replace('"event"', '"\\u0065vent"'), one()),
        case(
            "text outside ASCII in data",
            "Text is text.",
            body(data={"userId": 42, "name": "Zo\u00eb \U0001f3cb"}),
            one(subject_id="42"),
        ),
        case("white space around", "JSON's four kinds of it.", "\r\n\t " + text + " \n", one()),
    ]


def required() -> list[dict]:
    text = compact(body())
    return [
        refused("no event", "Without a name nothing is known.", {"triggeredDate": DATE, "data": {}}),
        refused("a null event", "Null is not a name.", body() | {"event": None}),
        refused("event a number", "A type is a name.", body() | {"event": 7}),
        refused("event twice", "Which one is it?", text[:-1] + ',"event":"Test"}'),
        refused("data twice", "Which one is it?", text[:-1] + ',"data":{"userId":43}}'),
        refused("triggeredDate twice", "Which one is it?", text[:-1] + f',"triggeredDate":"{DATE}"}}'),
        refused(
            "a duplicate key inside data",
            "Which user is it?",
            '{"event":"UserModified","triggeredDate":"%s","data":{"userId":42,"userId":43}}' % DATE,
        ),
        refused(
            "the example as the page prints it",
            "Without its outer braces it is no JSON.",
            '"event": "Test",\n"triggeredDate": "2020-06-01T14:44:46Z"',
        ),
    ]
