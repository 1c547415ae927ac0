"""Point: `{eventType, userId, userExternalId, dataSource, clientId, payload: [...]}`.

Page: https://www.areyouonpoint.co/docs/webhooks-event-types. One object of the payload is one event. A
workout happened when it ended and was recorded at createdAt; an insight happens when it is created.
"""

from .case import compact, error, event
from .json_errors import SCALARS, broken

VENDOR = "point"
USER = "u-1"

CREATED_AT = "2022-11-21T18:44:00Z"
ENDED_AT = "2022-11-21T18:30:00Z"

WORKOUT = {
    "id": 1,
    "activityId": 9,
    "userId": USER,
    "activityName": "Running",
    "calories": 312.5,
    "distance": 5012.25,
    "duration": 1800,
    "start": "2022-11-21T18:00:00.000Z",
    "end": "2022-11-21T18:30:00.000Z",
    "ratings": {"energy": 4, "difficulty": None, "instructor": None},
    "createdAt": "2022-11-21T18:44:00.000Z",
    "updatedAt": "2022-11-21T18:44:00.000Z",
    "workoutRecommendationId": None,
    "workoutIntensity": 3,
    "externalMetadata": {},
}
INSIGHT = {
    "id": 2,
    "userId": USER,
    "insight": "usual_workout_time",
    "additionalFields": {"hour": 18},
    "createdAt": "2022-11-21T18:44:00.000Z",
    "updatedAt": "2022-11-21T18:44:00.000Z",
    "lastProcessedAt": None,
}
INSIGHT_TYPES = [
    "exertion_optimal_am",
    "exertion_optimal_pm",
    "calorie_burn_optimal_am",
    "calorie_burn_optimal_pm",
    "duration_optimal_am",
    "duration_optimal_pm",
    "hrv_decrease_medsev",
    "hrv_decrease_hisev",
    "record_calories_burned",
    "record_calories_burned_across_all_workout_types",
    "record_exertion_rate",
    "record_exertion_rate_across_all_workout_types",
    "most_efficient_workout_type",
    "longest_workout_type",
    "avg_workout_calories_burned",
    "avg_workout_exertion_rate",
    "avg_workout_duration",
    "usual_workout_time",
    "optimal_workout_routine",
    "duration_tip",
    "workout_hr_zone5_high_minutes",
    "week_hr_zones_low_minutes_burn_fat",
    "week_hr_zones_low_minutes_burn_carb",
    "week_hr_zones_high_minutes_burn_carb",
    "week_hr_zone5_high_minutes",
    "workout_intensity_too_high",
    "day_intensity_too_high",
    "first_workout_in_a_while_intensity_too_high",
    "activity_level",
]


def body(type="workout.created", *items: dict, **fields) -> dict:
    return {
        "eventType": type,
        "userId": USER,
        "userExternalId": "ext-1",
        "dataSource": "fitbit",
        "clientId": "c-1",
        "payload": list(items) or [WORKOUT],
    } | fields


def one(type="workout.created", kind="workout-recorded", **fields) -> dict:
    return {"type": type, "kind": kind, "subject": "user", "subject_id": USER} | fields


def case(name, why, body, *events):
    return event(f"point: {name}", why, vendor=VENDOR, body=body, expect={"events": list(events)})


def refused(name, why, body):
    return error(f"point: {name}", why, vendor=VENDOR, body=body)


def without(field: str) -> dict:
    return {name: value for name, value in body().items() if name != field}


def cases() -> list[dict]:
    assert len(INSIGHT_TYPES) == 29
    bodies = broken(VENDOR, compact(body()), with_unknown, top_levels())
    return types() + payloads() + keys() + times() + tolerated() + required() + bodies


def with_unknown(json: str) -> str:
    return compact(body())[:-1] + f',"later":{json}}}'


def top_levels() -> list[tuple[str, str]]:
    return SCALARS + [("an array", "[" + compact(body()) + "]"), ("an empty array", "[]")]


def types() -> list[dict]:
    insight = one("insight.created", "insight-recorded", occurred_at=CREATED_AT, recorded_at=CREATED_AT)
    return [
        case("workout.created", "Documented, with every field of a workout.", body(), one(occurred_at=ENDED_AT, recorded_at=CREATED_AT)),
        case(
            "insight.created",
            "Documented, with every field of an insight.",
            body("insight.created", INSIGHT),
            insight,
        ),
        *(
            case(
                f"insight {name}",
                "One of the 29 insight types of the vendor's SDK.",
                body("insight.created", INSIGHT | {"insight": name}),
                insight,
            )
            for name in INSIGHT_TYPES
        ),
        case(
            "an insight of the future",
            "Kept by its name.",
            body("insight.created", INSIGHT | {"insight": "slept_well"}),
            insight,
        ),
        case(
            "a type of the future",
            "Kept by its name, with its payload.",
            body("sleep.created", {"id": 3, "minutes": 412.5}),
            one("sleep.created", "other"),
        ),
        case(
            "a type in another case",
            "Workout.Created is unknown, not an error.",
            body("Workout.Created"),
            one("Workout.Created", "other"),
        ),
    ]


def payloads() -> list[dict]:
    return [
        case(
            "three workouts",
            "One to many objects: each is an event.",
            body("workout.created", WORKOUT, WORKOUT | {"id": 2}, WORKOUT | {"id": 3}),
            one(),
            one(),
            one(),
        ),
        case("two workouts, equal", "Nothing is merged.", body("workout.created", WORKOUT, WORKOUT), one(), one()),
        event(
            "point: payload empty",
            "Documented as one to many. None is not refused; whether it still counts as an event is left open.",
            vendor=VENDOR,
            body=body(payload=[]),
            expect={"error": False},
        ),
        case(
            "two of a type of the future",
            "Each is an event.",
            body("sleep.created", {"id": 3}, {"id": 4}),
            one("sleep.created", "other"),
            one("sleep.created", "other"),
        ),
        case(
            "the short workout of the signature's example",
            "Items are read leniently: an id alone will do.",
            body("workout.created", {"id": 1}),
            one(),
        ),
        case(
            "nullable fields null",
            "The SDK treats activityId and ratings as nullable.",
            body("workout.created", WORKOUT | {"activityId": None, "ratings": None, "externalMetadata": None}),
            one(),
        ),
        case(
            "ids as digit strings",
            "The SDK has an insight's id as a string.",
            body("insight.created", INSIGHT | {"id": "2"}),
            one("insight.created", "insight-recorded"),
        ),
        case(
            "unknown fields in an item",
            "Kept.",
            body("workout.created", WORKOUT | {"steps": 6000, "hr": [{"zone": 2, "min": 3.5}]}),
            one(),
        ),
        case(
            "whole numbers where floats are documented",
            "312 is a number too.",
            body("workout.created", WORKOUT | {"calories": 312, "distance": 0}),
            one(),
        ),
        case(
            "a float that f64 cannot hold",
            "Kept as text, not rounded, and not an error.",
            compact(body()).replace("312.5", "312.500000000000000000000000000001"),
            one(),
        ),
    ]


def keyed(name, why, body, key):
    return event(f"point: {name}", why, vendor=VENDOR, body=body, expect={"dedupe_key": key})


def keys() -> list[dict]:
    two = [{"id": 10}, {"id": 9}]
    return [
        keyed(
            "the same ids are one key",
            "No id of the event is documented: client, user, type and sorted ids are the best there is, and advice only.",
            body("workout.created", *two),
            "point:c-1:u-1:workout.created:9:10",
        ),
        keyed(
            "another user is another key",
            "Whether ids of workouts are unique over users is not documented: two people never merge.",
            body("workout.created", *two, userId="u-2"),
            "point:c-1:u-2:workout.created:9:10",
        ),
        keyed(
            "an insight sent again",
            "A new lastProcessedAt leaves the key as it was: it resembles the first, and is another notification.",
            body("insight.created", INSIGHT | {"lastProcessedAt": CREATED_AT}),
            "point:c-1:u-1:insight.created:2",
        ),
        keyed("an empty clientId has no key", "It names nobody.", body(clientId=""), None),
        keyed("an empty userId has no key", "It names nobody.", body(userId=""), None),
        keyed("an empty id has no key", "It names nothing.", body("workout.created", {"id": ""}), None),
        keyed("an item without id has no key", "Two of them could be two.", body("workout.created", {"id": 1}, {}), None),
    ]


def times() -> list[dict]:
    return [
        case(
            "a workout without createdAt",
            "When it happened is known, when it was recorded is not.",
            body("workout.created", {"id": 1, "end": "2022-11-21T18:30:00.000Z"}),
            one(occurred_at=ENDED_AT, recorded_at=None),
        ),
        case(
            "a workout without end",
            "When it was recorded is not taken for when it happened.",
            body("workout.created", {"id": 1, "createdAt": CREATED_AT}),
            one(occurred_at=None, recorded_at=CREATED_AT),
        ),
        case(
            "an end that cannot be read",
            "None, and the other time is read by itself.",
            body("workout.created", WORKOUT | {"end": "soon"}),
            one(occurred_at=None, recorded_at=CREATED_AT),
        ),
        case(
            "a createdAt that is a number",
            "None, and the other time is read by itself.",
            body("workout.created", WORKOUT | {"createdAt": 1669056240}),
            one(occurred_at=ENDED_AT, recorded_at=None),
        ),
    ]


def tolerated() -> list[dict]:
    text = compact(body())
    return [
        case(
            "null userExternalId",
            "Whether it may be null is not said: it is read.",
            body(userExternalId=None),
            one(),
        ),
        case(
            "userId a whole float",
            "7.0 spells 7.",
            text.replace('"userId":"u-1","userExternalId"', '"userId":7.0,"userExternalId"'),
            one(subject_id="7"),
        ),
        case(
            "userId beyond 64 bits",
            "A number is what its digits spell.",
            text.replace('"userId":"u-1","userExternalId"', '"userId":18446744073709551616,"userExternalId"'),
            one(subject_id="18446744073709551616"),
        ),
        case("a data source of the future", "The spellings are not published.", body(dataSource="oura-ring-4"), one()),
        case("unknown fields", "Kept.", body(version=2, nested={"a": [None]}), one()),
        case(
            "keys in another order",
            "The payload may come before its type.",
            compact(dict(reversed(body().items()))),
            one(),
        ),
        case(
            "an escape in the type",
            "workout\\u002ecreated is workout.created.",
            text.replace("workout.created", "workout\\u002ecreated"),
            one(),
        ),
        case(
            "an escape in a key",
            "event\\u0054ype is eventType.",
            text.replace("eventType", "event\\u0054ype"),
            one(),
        ),
        case("white space around", "JSON's four kinds of it.", "\r\n\t " + text + " \n", one()),
    ]


def required() -> list[dict]:
    text = compact(body())
    return [
        refused("no eventType", "Without a name nothing is known.", without("eventType")),
        refused("null eventType", "Null is not a name.", body(eventType=None)),
        refused("eventType a number", "A type is a name.", body(eventType=7)),
        refused("no payload", "Documented as always there.", without("payload")),
        refused("payload null", "Documented as an array.", body(payload=None)),
        refused("payload a string", "Documented as an array.", body(payload="workout")),
        refused("eventType twice", "Which one is it?", text[:-1] + ',"eventType":"insight.created"}'),
        refused("userId twice", "Which user is it?", text[:-1] + ',"userId":"u-2"}'),
        refused("payload twice", "Which one is it?", text[:-1] + ',"payload":[]}'),
        refused(
            "a duplicate key inside an item",
            "Which workout is it?",
            compact(body("workout.created", {"id": 1})).replace('{"id":1}', '{"id":1,"id":2}'),
        ),
    ]
