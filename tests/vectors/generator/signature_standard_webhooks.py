"""`standard-webhooks` (v1): HMAC-SHA256 over `{id}.{time}.{body}` in three headers. Proves sender, body, time, id."""

import base64

from .case import (
    DUPLICATE,
    MALFORMED,
    MISMATCH,
    MISSING,
    TOO_NEW,
    TOO_OLD,
    accept,
    b64,
    hmac_sha256,
    key,
    reject,
    rfc3339,
    signature,
)
from .published import STANDARD_WEBHOOKS_EXAMPLE, STANDARD_WEBHOOKS_RUST

SECRET = STANDARD_WEBHOOKS_EXAMPLE["secret"]
ID = STANDARD_WEBHOOKS_EXAMPLE["id"]
T = 1614265330
BODY = STANDARD_WEBHOOKS_EXAMPLE["body"]
SIGNATURE = STANDARD_WEBHOOKS_EXAMPLE["signature"]
TAG = SIGNATURE.removeprefix("v1,")
PROVES = ("sender", "body", "time", "id")
GOOD = accept("current", *PROVES)


def sign(id=ID, t=T, body=BODY, secret=SECRET) -> str:
    """The signature over any id and any time, an attacker's or a careless sender's too."""
    raw = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + b64(hmac_sha256(raw, f"{id}.{t}.".encode() + body))


def case(
    name,
    why,
    *,
    expect,
    id=ID,
    t=T,
    text=SIGNATURE,
    headers=None,
    body=BODY,
    keys=None,
    tolerance=300,
    now=T * 1000,
    **options,
):
    """A header given as None is left out."""
    if headers is None:
        headers = [
            ("webhook-id", id),
            ("webhook-timestamp", None if t is None else str(t)),
            ("webhook-signature", text),
        ]
    return signature(
        f"standard-webhooks: {name}",
        why,
        scheme={"type": "standard-webhooks"} | options,
        keys=keys or [key("current", SECRET, "whsec")],
        headers=[header for header in headers if header[1] is not None],
        body=body,
        expect=expect,
        now=now if isinstance(now, str) else rfc3339(now),
        tolerance=tolerance,
    )


def malformed(name, why, **options):
    return case(name, why, expect=reject(MALFORMED), **options)


def cases() -> list[dict]:
    assert sign() == SIGNATURE
    return accepted() + presence() + order() + ids() + time_forms() + signatures() + tolerance() + body_and_key()


def accepted() -> list[dict]:
    rust = STANDARD_WEBHOOKS_RUST
    raw = base64.b64decode(SECRET.removeprefix("whsec_"))
    long_secret = "whsec_" + b64(bytes(range(64)))
    every_byte = bytes(range(256))
    return [
        case(
            "the published example",
            "The message that the reference libraries of Standard Webhooks share as their signing test, as published.",
            expect=GOOD,
        ),
        case(
            "the Rust reference library's example",
            "The signing test of the crate standardwebhooks 1.0.1, as published.",
            keys=[key("current", rust["secret"], "whsec")],
            id=rust["id"],
            t=rust["timestamp"],
            text=rust["signature"],
            body=rust["body"],
            now=int(rust["timestamp"]) * 1000,
            expect=GOOD,
        ),
        case(
            "header names in another case",
            "Header names are case-insensitive (RFC 9110, section 5.1).",
            headers=[("Webhook-Id", ID), ("WEBHOOK-TIMESTAMP", str(T)), ("Webhook-Signature", SIGNATURE)],
            expect=GOOD,
        ),
        case(
            "headers in another order, among others",
            "Only their names matter.",
            headers=[
                ("webhook-signature", SIGNATURE),
                ("via", "a"),
                ("webhook-timestamp", str(T)),
                ("via", "b"),
                ("webhook-id", ID),
            ],
            expect=GOOD,
        ),
        case(
            "branded header names, configured",
            "header names the signature's header; the other two share what comes before -signature.",
            headers=[("svix-id", ID), ("svix-timestamp", str(T)), ("svix-signature", SIGNATURE)],
            header="svix-signature",
            expect=GOOD,
        ),
        case(
            "secret given as base64",
            "What comes after whsec_.",
            keys=[key("current", SECRET.removeprefix("whsec_"), "base64")],
            expect=GOOD,
        ),
        case("secret given as hex", "The same 24 bytes.", keys=[key("current", raw.hex(), "hex")], expect=GOOD),
        case(
            "secret given as text",
            "A sender whose secret is plain text and who calls it so.",
            keys=[key("current", "plain text")],
            text="v1," + b64(hmac_sha256(b"plain text", f"{ID}.{T}.".encode() + BODY)),
            expect=GOOD,
        ),
        case(
            "a secret of 64 bytes",
            "The longest that the specification recommends; its base64 ends in padding.",
            keys=[key("current", long_secret, "whsec")],
            text=sign(secret=long_secret),
            expect=GOOD,
        ),
        case(
            "an empty body",
            "The signed text then ends with its second point.",
            text=sign(body=b""),
            body=b"",
            expect=GOOD,
        ),
        case("every byte from 0 to 255", "A body is bytes.", text=sign(body=every_byte), body=every_byte, expect=GOOD),
        case(
            "a body with points",
            "The first two points divide; later ones belong to the body.",
            text=sign(body=b"1.2.3"),
            body=b"1.2.3",
            expect=GOOD,
        ),
        case(
            "two signatures, the first good",
            "A list divided by spaces.",
            text=f"{SIGNATURE} v1,{b64(bytes(32))}",
            expect=GOOD,
        ),
        case(
            "two signatures, the last good",
            "Any of them may match.",
            text=f"v1,{b64(bytes(32))} {SIGNATURE}",
            expect=GOOD,
        ),
        case(
            "an undecodable signature beside a good one",
            "The header carries a usable value, and one is enough.",
            text=f"v1,zz {SIGNATURE}",
            expect=GOOD,
        ),
        case(
            "16 signatures, the last good",
            "Up to 16 are tried.",
            text=" ".join(others(15) + [SIGNATURE]),
            expect=GOOD,
        ),
        case(
            "an asymmetric signature beside it",
            "v1a is another version: ignored beside a good v1.",
            text=f"v1a,{b64(bytes(64))} {SIGNATURE}",
            expect=GOOD,
        ),
        case(
            "an unknown version behind it",
            "Ignored wherever it is.",
            text=f"{SIGNATURE} v2,anything",
            expect=GOOD,
        ),
    ]


def others(count: int) -> list[str]:
    """Well-formed signatures that no key made."""
    return ["v1," + b64(n.to_bytes(32, "big")) for n in range(1, count + 1)]


def presence() -> list[dict]:
    three = [("webhook-id", ID), ("webhook-timestamp", str(T)), ("webhook-signature", SIGNATURE)]
    doubled = [
        case(
            f"{name} doubled, {what}",
            "Each of the three headers must occur exactly once.",
            headers=three + [(spelling, text)],
            expect=reject(DUPLICATE),
        )
        for name, value, other in [
            ("webhook-id", ID, "msg_other"),
            ("webhook-timestamp", str(T), str(T + 1)),
            ("webhook-signature", SIGNATURE, f"v1,{b64(bytes(32))}"),
        ]
        for what, spelling, text in [
            ("same value", name, value),
            ("other value", name, other),
            ("other case of the name", name.title(), value),
        ]
    ]
    return [
        case("no header at all", "An unsigned request never passes.", headers=[], expect=reject(MISSING)),
        case("no id", "The id is part of what is signed.", id=None, expect=reject(MISSING)),
        case("no timestamp", "The time is part of what is signed.", t=None, expect=reject(MISSING)),
        case("no signature", "The signature was stripped.", text=None, expect=reject(MISSING)),
        case(
            "no timestamp with null tolerance",
            "Time is not judged and still part of what is signed.",
            t=None,
            tolerance=None,
            expect=reject(MISSING),
        ),
        case(
            "branded header names",
            "svix- names are another profile; there is no fallback to them.",
            headers=[("svix-id", ID), ("svix-timestamp", str(T)), ("svix-signature", SIGNATURE)],
            expect=reject(MISSING),
        ),
    ] + doubled


def order() -> list[dict]:
    return [
        case(
            "an id doubled and no signature",
            "Missing is judged before duplicate, over all headers.",
            headers=[("webhook-id", ID), ("webhook-id", ID), ("webhook-timestamp", str(T))],
            expect=reject(MISSING),
        ),
        case(
            "a signature doubled and no id",
            "Missing is judged before duplicate, whichever header is which.",
            headers=[("webhook-timestamp", str(T)), ("webhook-signature", SIGNATURE), ("webhook-signature", SIGNATURE)],
            expect=reject(MISSING),
        ),
        case(
            "a malformed id and no signature",
            "Missing is judged before form.",
            id="a.b",
            text=None,
            expect=reject(MISSING),
        ),
        case(
            "a malformed timestamp and no id",
            "Missing is judged before form.",
            id=None,
            t="-1",
            expect=reject(MISSING),
        ),
        case(
            "a malformed id and a doubled signature",
            "Duplicate is judged before form, over all headers.",
            headers=[
                ("webhook-id", "a.b"),
                ("webhook-timestamp", str(T)),
                ("webhook-signature", SIGNATURE),
                ("webhook-signature", SIGNATURE),
            ],
            expect=reject(DUPLICATE),
        ),
        case(
            "a malformed signature and a doubled id",
            "Duplicate is judged before form, whichever header is which.",
            headers=[
                ("webhook-id", ID),
                ("webhook-id", ID),
                ("webhook-timestamp", str(T)),
                ("webhook-signature", "v1,"),
            ],
            expect=reject(DUPLICATE),
        ),
        malformed(
            "a malformed id beside a wrong signature",
            "Form is judged before the signature.",
            id="a.b",
            text=f"v1,{b64(bytes(32))}",
        ),
        malformed(
            "a malformed signature beside a stale time",
            "Form is judged before time.",
            text="v1,",
            now=T * 1000 + 3_600_000,
        ),
        case(
            "stale and forged",
            "The signature is judged before time.",
            text=f"v1,{b64(bytes(32))}",
            now=T * 1000 + 3_600_000,
            expect=reject(MISMATCH),
        ),
        case(
            "from the future and forged",
            "The signature is judged before time.",
            text=f"v1,{b64(bytes(32))}",
            now=T * 1000 - 3_600_000,
            expect=reject(MISMATCH),
        ),
    ]


def ids() -> list[dict]:
    def good(name, why, id):
        return case(f"id {name}", why, id=id, text=sign(id=id), expect=GOOD)

    def bad(name, why, id):
        return malformed(f"id {name}", why, id=id, text=sign(id=id))

    return [
        good("of one character", "Short, and an id.", "7"),
        good(
            "with every sign but the point",
            "Visible ASCII; the point divides, and nothing else does.",
            "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) != "."),
        ),
        good("with a colon", "The delimiter of another scheme means nothing here.", "msg:7"),
        good("of 256 bytes", "The longest.", "m" * 256),
        bad("of 257 bytes", "One more than the longest, though well signed.", "m" * 257),
        bad("empty", "It identifies nothing.", ""),
        bad("with a point", "The point divides id and time in what is signed.", "msg.7"),
        bad("that is a point", "Only a delimiter.", "."),
        bad("ending in a point", "The delimiter at the end.", "msg_7."),
        bad("with a space", "Visible ASCII only.", "msg 7"),
        bad("with a tab", "Visible ASCII only, though HTTP can carry a tab.", "msg\t7"),
        bad("with a letter outside ASCII", "Visible ASCII only, though HTTP can carry its bytes.", "msg_\u00e9"),
        bad("with a DEL", "No HTTP message can carry it.", "msg_\x7f"),
        bad("with a line break", "No HTTP message can carry it.", "msg_7\r\nx-injected: 1"),
        malformed(
            "the point moved between id and time",
            "The signed bytes msg.1614265330.1614265331.rest read in another way: id msg.1614265330, time 1614265331, "
            "body rest. The MAC is right and the reading is the attacker's; an id with a point is refused.",
            id=f"msg.{T}",
            t=T + 1,
            text=sign(id="msg", t=T, body=f"{T + 1}.rest".encode()),
            body=b"rest",
        ),
        case(
            "the id of another message",
            "The id is signed: it cannot be exchanged to get around deduplication.",
            id="msg_other",
            expect=reject(MISMATCH),
        ),
    ]


def time_forms() -> list[dict]:
    """The signature is right for the text of the time in each of these: it is the form that is refused."""

    def form(name, why, t):
        return malformed(f"timestamp {name}", why, t=t, text=sign(t=t))

    return [
        form("empty", "No digits.", ""),
        form("with a plus", "No sign.", f"+{T}"),
        form("with a minus", "No sign, and no time before 1970.", f"-{T}"),
        form("with a leading zero", "One spelling a number.", f"0{T}"),
        form("of two zeros", "Only 0 itself begins with 0.", "00"),
        form("with a space inside", "Digits only.", "16142 65330"),
        form("with a fraction", "Digits only.", f"{T}.5"),
        form("with an exponent", "Digits only.", "1e9"),
        form("as a date", "Digits only.", "2021-02-25T15:02:10Z"),
        form("of 16 digits", "More than 15 digits are no time that anyone means.", "1614265330000000"),
        form("at the greatest 64-bit integer", "19 digits; adding a tolerance to it overflows.", "9223372036854775807"),
        form(
            "at the least 64-bit integer",
            "A sign, and 19 digits; subtracting it from a clock overflows.",
            "-9223372036854775808",
        ),
        malformed("timestamp in full-width digits", "Digits are ASCII only.", t="\uff11\uff12\uff13"),
        malformed("timestamp with a line break", "No HTTP message can carry it.", t=f"{T}\n"),
        malformed(
            "timestamp malformed with null tolerance",
            "Not judged, and still to be read.",
            t="+1",
            text=sign(t="+1"),
            tolerance=None,
        ),
    ]


def signatures() -> list[dict]:
    raw = base64.b64decode(TAG)
    rows = [
        ("empty", "The header is there and says nothing.", ""),
        (
            "with a version and no tag",
            "v1, and nothing: an empty tag must not match by being compared over no bytes.",
            "v1,",
        ),
        ("of a version only", "Not even a comma.", "v1"),
        ("without a version", "A bare tag.", TAG),
        (
            "of an asymmetric version only",
            "v1a is not read here, and not weaker or stronger: unknown.",
            f"v1a,{b64(bytes(64))}",
        ),
        ("of a newer version only", "v2 is not read, though it holds the right tag.", f"v2,{TAG}"),
        ("of an older version only", "No downgrade: v0 is not read, though it holds the right tag.", f"v0,{TAG}"),
        ("cut to 4 characters", "Three bytes of the right tag.", f"v1,{TAG[:4]}"),
        ("cut to 31 bytes", "A short tag, well encoded.", f"v1,{b64(raw[:31])}"),
        ("of 33 bytes", "A long tag, well encoded.", f"v1,{b64(raw + bytes(1))}"),
        ("without padding", "One spelling a tag.", f"v1,{TAG.rstrip('=')}"),
        ("with too much padding", "One spelling a tag.", f"v1,{TAG}="),
        ("with bits left over", "F for E carries a bit that belongs to no byte.", f"v1,{TAG[:-2]}F="),
        ("in the URL-safe alphabet", "- and _ are another encoding.", f"v1,{TAG.replace('+', '-').replace('/', '_')}"),
        ("in hex", "64 characters of the base64 alphabet are 48 bytes.", f"v1,{raw.hex()}"),
        ("with an equals sign for the comma", "That is another scheme's form.", f"v1={TAG}"),
        ("with 17 entries, the last good", "More than 16 are refused.", " ".join(others(16) + [SIGNATURE])),
        (
            "with 17 entries, the first good",
            "The limit counts the entries, not the work.",
            " ".join([SIGNATURE] + others(16)),
        ),
        ("outside ASCII", "A security header is visible ASCII and spaces.", f"{SIGNATURE} v9,\u00e9"),
        ("with a line break", "No HTTP message can carry it.", f"{SIGNATURE}\n"),
    ]
    assert TAG[-2] == "E"
    return [malformed(f"signature {name}", why, text=text) for name, why, text in rows]


def tolerance() -> list[dict]:
    tolerant = accept("current", "sender", "body", "id")

    def moment(name, why, expect, offset_ms=0, **options):
        return case(name, why, now=T * 1000 + offset_ms, expect=expect, **options)

    def signed_at(name, why, t, expect, **options):
        return case(name, why, t=t, text=sign(t=t), expect=expect, **options)

    return [
        moment("exactly at the tolerance", "300 s old: the bound belongs to it.", GOOD, 300_000),
        moment("one second past the tolerance", "301 s old.", reject(TOO_OLD), 301_000),
        moment(
            "half a second past the tolerance",
            "300.5 s old: not cut down to whole seconds.",
            reject(TOO_OLD),
            300_500,
        ),
        moment("exactly at the tolerance, from the future", "300 s ahead: the bound belongs to it.", GOOD, -300_000),
        moment("one second past the tolerance, from the future", "301 s ahead.", reject(TOO_NEW), -301_000),
        moment("zero tolerance, the very second", "A distance of 0.", GOOD, 0, tolerance=0),
        moment("zero tolerance, one second old", "More than 0.", reject(TOO_OLD), 1_000, tolerance=0),
        moment("zero tolerance, one second ahead", "More than 0.", reject(TOO_NEW), -1_000, tolerance=0),
        moment("the widest tolerance", "2^63 - 1 s: no arithmetic overflows.", GOOD, 86_400_000, tolerance=2**63 - 1),
        moment(
            "null tolerance, years later",
            "Accepted, and no time is proved.",
            tolerant,
            315_360_000_000,
            tolerance=None,
        ),
        signed_at(
            "milliseconds in the timestamp",
            "The unit is seconds, and never guessed.",
            T * 1000,
            reject(TOO_NEW),
        ),
        signed_at("the epoch itself", "0 is a canonical number.", 0, GOOD, now=0),
        signed_at("0 today", "Readable, and 56 years old.", 0, reject(TOO_OLD), now="2026-01-01T00:00:00Z"),
        signed_at(
            "15 digits",
            "31 million years ahead: too new, and no overflow.",
            999_999_999_999_999,
            reject(TOO_NEW),
        ),
        signed_at(
            "15 digits with null tolerance",
            "Not judged: no date is made of it.",
            999_999_999_999_999,
            tolerant,
            tolerance=None,
        ),
        case("a clock in the year 1", "No overflow.", now="0001-01-01T00:00:00Z", expect=reject(TOO_NEW)),
        case("a clock in the year 9999", "No overflow.", now="9999-12-31T23:59:59Z", expect=reject(TOO_OLD)),
    ]


def body_and_key() -> list[dict]:
    other = "whsec_" + b64(b"another secret of 24 by.")
    rotation = [key("2026-05", other, "whsec"), key("2026-11", SECRET, "whsec")]
    four = [key(f"k{n}", "whsec_" + b64(bytes([n]) * 24), "whsec") for n in range(3)]
    return [
        case(
            "one byte changed",
            "The signature covers the body.",
            body=BODY.replace(b"14}", b"15}"),
            expect=reject(MISMATCH),
        ),
        case(
            "the same JSON written again",
            "Without the space: equal as JSON, different as bytes.",
            body=b'{"test":2432232314}',
            expect=reject(MISMATCH),
        ),
        case("a line break added", "An added newline is a changed body.", body=BODY + b"\n", expect=reject(MISMATCH)),
        case("the time exchanged", "The time is signed.", t=T + 1, expect=reject(MISMATCH)),
        case(
            "a tag of zeros",
            "Well formed, and nobody made it.",
            text=f"v1,{b64(bytes(32))}",
            expect=reject(MISMATCH),
        ),
        case(
            "an undecodable signature beside a wrong one",
            "One is well formed, so there is something to compare, and it does not match.",
            text=f"v1,zz v1,{b64(bytes(32))}",
            expect=reject(MISMATCH),
        ),
        case(
            "16 signatures, none good",
            "All are tried, and none matches.",
            text=" ".join(others(16)),
            expect=reject(MISMATCH),
        ),
        case(
            "another secret",
            "The receiver's secret is not the sender's.",
            keys=rotation[:1],
            expect=reject(MISMATCH),
        ),
        case(
            "the secret's text taken for its bytes",
            "whsec_ announces base64; a receiver that uses the text as the key is misconfigured.",
            keys=[key("current", SECRET)],
            expect=reject(MISMATCH),
        ),
        case(
            "rotation, the newer key",
            "The proof names the key that made it.",
            keys=rotation,
            expect=accept("2026-11", *PROVES),
        ),
        case(
            "rotation, the older key",
            "The older key still counts.",
            keys=rotation,
            text=sign(secret=other),
            expect=accept("2026-05", *PROVES),
        ),
        case(
            "both signed, only the older key known",
            "A sender in rotation signs with both.",
            keys=rotation[:1],
            text=f"{SIGNATURE} {sign(secret=other)}",
            expect=accept("2026-05", *PROVES),
        ),
        case(
            "both signed, both known",
            "Accepted. Which of the two is named is left open, so it is not compared.",
            keys=rotation,
            text=f"{sign(secret=other)} {SIGNATURE}",
            expect=accept(None, *PROVES),
        ),
        case(
            "four keys, the last one matches",
            "All keys are tried.",
            keys=four + [key("last", SECRET, "whsec")],
            expect=accept("last", *PROVES),
        ),
        case("four keys, none matches", "And none of them made this.", keys=four, expect=reject(MISMATCH)),
    ]
