"""`api-key` (EGYM, PG Next): the secret itself in one header. Proves the sender, and nothing about the request."""

import hashlib

from .case import DUPLICATE, MALFORMED, MISSING, UNKNOWN_KEY, accept, key, reject, signature

HEADER = "x-api-key"
SECRET = "5b0e3c1a-7d7f-4c55-9d0a-2f5d3a1c9e77"
BODY = b'{"accountId":"0c7fa1d1-8a2f-4a55-8a54-5f3f8e3f4d11","timestamp":1667921312188,"type":"GYM_CHECKIN"}'
NOW = "2026-01-01T00:00:00Z"
GOOD = accept("current", "sender")


def studio_key(number: int) -> str:
    """A key that looks random and is the same in every run."""
    return hashlib.sha256(f"studio {number}".encode()).hexdigest()[:40]


STUDIOS = [key(f"studio-{number}", studio_key(number)) for number in range(100)]


def case(name, why, *, expect, value=SECRET, headers=None, body=BODY, keys=None, now=NOW, tolerance=300, **options):
    return signature(
        f"api-key: {name}",
        why,
        scheme={"type": "api-key"} | options,
        keys=keys or [key("current", SECRET)],
        headers=[(HEADER, value)] if headers is None else headers,
        body=body,
        expect=expect,
        now=now,
        tolerance=tolerance,
    )


def cases() -> list[dict]:
    return accepted() + presence() + form() + unknown() + many()


def accepted() -> list[dict]:
    every_sign = "".join(chr(c) for c in range(0x21, 0x7F))
    return [
        case("all defaults", "The header of both vendors and a key that is known.", expect=GOOD),
        case(
            "header name in another case",
            "Header names are case-insensitive (RFC 9110, section 5.1).",
            headers=[("X-API-KEY", SECRET)],
            expect=GOOD,
        ),
        case(
            "a configured header",
            "Another name may be set; the default name then means nothing.",
            headers=[("x-webhook-token", SECRET), (HEADER, "not a key of ours")],
            header="x-webhook-token",
            expect=GOOD,
        ),
        case(
            "another body",
            "The key covers no body: any body is accepted, and only the sender is proved.",
            body=b'{"type":"TEST"}',
            expect=GOOD,
        ),
        case("an empty body", "The same with no body.", body=b"", expect=GOOD),
        case("every byte from 0 to 255", "The same with any bytes.", body=bytes(range(256)), expect=GOOD),
        case(
            "no time is judged",
            "No time is signed, so none is proved, whatever clock and tolerance say.",
            now="9999-12-31T23:59:59Z",
            tolerance=0,
            expect=GOOD,
        ),
        case("null tolerance", "The same without a tolerance.", tolerance=None, expect=GOOD),
        case(
            "other headers doubled",
            "Only the scheme's own header must occur once.",
            headers=[("via", "a"), (HEADER, SECRET), ("via", "b")],
            expect=GOOD,
        ),
        case(
            "secret given as hex",
            "The header carries the decoded bytes, not their hex.",
            keys=[key("current", SECRET.encode().hex(), "hex")],
            expect=GOOD,
        ),
        case(
            "secret given as base64",
            "The same bytes; c2VjcmV0LWtleS0x is secret-key-1.",
            keys=[key("current", "c2VjcmV0LWtleS0x", "base64")],
            value="secret-key-1",
            expect=GOOD,
        ),
        case(
            "secret given as whsec",
            "The same bytes behind whsec_.",
            keys=[key("current", "whsec_c2VjcmV0LWtleS0x", "whsec")],
            value="secret-key-1",
            expect=GOOD,
        ),
        case(
            "a key that looks like another encoding",
            "With utf8 the text is the key, unchanged.",
            keys=[key("current", "whsec_c2VjcmV0LWtleS0x")],
            value="whsec_c2VjcmV0LWtleS0x",
            expect=GOOD,
        ),
        case(
            "a key of one character",
            "Weak, and the integrator's choice. Only an empty one is refused.",
            keys=[key("current", "k")],
            value="k",
            expect=GOOD,
        ),
        case(
            "a key of every visible sign",
            "Commas, quotes and colons are part of a key.",
            keys=[key("current", every_sign)],
            value=every_sign,
            expect=GOOD,
        ),
    ]


def presence() -> list[dict]:
    return [
        case("no header at all", "A request without a key never passes.", headers=[], expect=reject(MISSING)),
        case(
            "the key in another header",
            "Authorization is not the documented place.",
            headers=[("authorization", SECRET)],
            expect=reject(MISSING),
        ),
        case(
            "the default name when another is configured",
            "There is no fallback.",
            header="x-webhook-token",
            expect=reject(MISSING),
        ),
        case(
            "doubled, same value",
            "Ambiguous, even when they agree.",
            headers=[(HEADER, SECRET)] * 2,
            expect=reject(DUPLICATE),
        ),
        case(
            "doubled, the good one first",
            "A good key does not rescue another.",
            headers=[(HEADER, SECRET), (HEADER, "guess")],
            expect=reject(DUPLICATE),
        ),
        case(
            "doubled, the good one last",
            "Nor does the order matter: no guessing in bulk.",
            headers=[(HEADER, "guess"), (HEADER, SECRET)],
            expect=reject(DUPLICATE),
        ),
        case(
            "doubled in two spellings of the name",
            "One name, twice.",
            headers=[(HEADER, SECRET), ("X-Api-Key", SECRET)],
            expect=reject(DUPLICATE),
        ),
        case(
            "doubled and empty",
            "Presence is judged before form.",
            headers=[(HEADER, ""), (HEADER, "")],
            expect=reject(DUPLICATE),
        ),
        case(
            "the keys of two studios",
            "Which studio sent it? Two known keys are as ambiguous as two unknown ones.",
            headers=[(HEADER, studio_key(1)), (HEADER, studio_key(2))],
            keys=STUDIOS[:3],
            expect=reject(DUPLICATE),
        ),
    ]


def form() -> list[dict]:
    rows = [
        ("empty value", "The header is there and says nothing.", ""),
        ("a letter outside ASCII", "A key is visible ASCII.", SECRET + "\u00e9"),
        ("a line break in the value", "No HTTP message can carry it.", SECRET + "\n"),
        ("a NUL in the value", "No HTTP message can carry it.", SECRET + "\x00"),
    ]
    return [case(name, why, value=value, expect=reject(MALFORMED)) for name, why, value in rows]


def unknown() -> list[dict]:
    rows = [
        ("a key that nobody has", "Well formed and unknown.", "00000000-0000-0000-0000-000000000000"),
        ("one character short", "A prefix of a key is not the key.", SECRET[:-1]),
        ("one character", "Nor is its first character.", SECRET[:1]),
        ("one character long", "A key with something behind it is another key.", SECRET + "0"),
        ("the key twice", "Nor is a repetition.", SECRET * 2),
        ("the last character wrong", "Every character counts.", SECRET[:-1] + "8"),
        ("another case", "Keys are compared byte for byte.", SECRET.upper()),
        ("two keys behind a comma", "One value; a list is no key.", f"{SECRET},{SECRET}"),
        ("the key's name", "The id of a key is public and is not the key.", "current"),
        ("the key in hex", "The configured text is the key, not another spelling of it.", SECRET.encode().hex()),
        (
            "the key's digest",
            "What a table of keys may hold is not a key.",
            hashlib.sha256(SECRET.encode()).hexdigest(),
        ),
    ]
    return [case(name, why, value=value, expect=reject(UNKNOWN_KEY)) for name, why, value in rows]


def many() -> list[dict]:
    found = [
        case(
            f"100 keys, number {number}",
            "The body does not say which studio sent it: the key does, and the proof names the studio.",
            keys=STUDIOS,
            value=studio_key(number),
            expect=accept(f"studio-{number}", "sender"),
        )
        for number in (0, 1, 57, 98, 99)
    ]
    similar = [key("short", "gym-1"), key("long", "gym-10"), key("longest", "gym-100")]
    return found + [
        case(
            "100 keys, none of them",
            "The key of studio 100, which is not among them.",
            keys=STUDIOS,
            value=studio_key(100),
            expect=reject(UNKNOWN_KEY),
        ),
        case(
            "keys that begin alike, the short one",
            "The whole value decides.",
            keys=similar,
            value="gym-1",
            expect=accept("short", "sender"),
        ),
        case(
            "keys that begin alike, the longest",
            "The whole value decides.",
            keys=similar,
            value="gym-100",
            expect=accept("longest", "sender"),
        ),
        case(
            "keys that begin alike, none",
            "The whole value decides.",
            keys=similar,
            value="gym-1000",
            expect=reject(UNKNOWN_KEY),
        ),
    ]
