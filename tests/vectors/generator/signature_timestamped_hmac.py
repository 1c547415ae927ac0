"""`timestamped-hmac` (Point): `t=<time>,v1=<HMAC-SHA256 of "{t}.{body}">` in one header.

Proves sender, body and time.
"""

import base64

from .case import (
    DUPLICATE,
    MALFORMED,
    MISMATCH,
    MISSING,
    TOO_NEW,
    TOO_OLD,
    accept,
    hmac_sha256,
    key,
    reject,
    rfc3339,
    signature,
)
from .published import POINT_HEADER

HEADER = "point-signature"
SECRET = "point-signing-secret"
BODY = (
    b'{"eventType":"workout.created","userId":"u-1","userExternalId":"ext-1",'
    b'"dataSource":"fitbit","clientId":"c-1","payload":[{"id":1}]}'
)
T = 1669056240352  # the time on Point's page: 2022-11-21T18:44:00.352Z
# Computed by an earlier, separate run of hashlib (not published by the vendor); typed here and asserted below.
TAG = "86ef67da2c076056a41e2819b209b1a2885288765ead387b07728c2991ec736a"
PROVES = ("sender", "body", "time")
GOOD = accept("current", *PROVES)


def tag(t, body=BODY, secret=SECRET) -> str:
    """The tag over the text of `t`, whatever it looks like: an attacker's or a careless sender's too."""
    return hmac_sha256(secret.encode(), f"{t}.".encode() + body).hex()


def line(t, *tags) -> str:
    return ",".join([f"t={t}"] + [f"v1={each}" for each in tags])


def case(name, why, *, expect, value=None, headers=None, body=BODY, keys=None, tolerance=300, now=T, **options):
    if headers is None:
        headers = [(HEADER, line(T, TAG) if value is None else value)]
    return signature(
        f"timestamped-hmac: {name}",
        why,
        scheme={"type": "timestamped-hmac"} | options,
        keys=keys or [key("current", SECRET)],
        headers=headers,
        body=body,
        expect=expect,
        now=now if isinstance(now, str) else rfc3339(now),
        tolerance=tolerance,
    )


def malformed(name, why, value, **options):
    return case(name, why, value=value, expect=reject(MALFORMED), **options)


def cases() -> list[dict]:
    assert tag(T) == TAG
    return accepted() + presence() + parts() + tags() + time_forms() + tolerance() + units() + body_and_key()


def accepted() -> list[dict]:
    base64_tag = base64.b64encode(bytes.fromhex(TAG)).decode()
    every_byte = bytes(range(256))
    return [
        case(
            "all defaults",
            "Default header, milliseconds, lower-case hex, the clock at the signed moment.",
            expect=GOOD,
        ),
        case(
            "header name in another case",
            "Header names are case-insensitive (RFC 9110, section 5.1).",
            headers=[("Point-Signature", line(T, TAG))],
            expect=GOOD,
        ),
        case(
            "a configured header",
            "Other senders use the same scheme under another name; the default name then means nothing.",
            headers=[("x-webhook-signature", line(T, TAG)), (HEADER, "nothing")],
            header="x-webhook-signature",
            expect=GOOD,
        ),
        case(
            "every option named",
            "Naming the defaults changes nothing.",
            header=HEADER,
            encoding="hex",
            unit="ms",
            expect=GOOD,
        ),
        case(
            "base64",
            "The tag in base64; its padding is an = of its own.",
            value=line(T, base64_tag),
            encoding="base64",
            expect=GOOD,
        ),
        case("v1 before t", "The order of the parts is free.", value=f"v1={TAG},t={T}", expect=GOOD),
        case("a space behind the comma", "Spaces around a part are trimmed.", value=f"t={T}, v1={TAG}", expect=GOOD),
        case(
            "an unknown part beside the good ones",
            "Parts that the scheme does not know are ignored, so that a sender can add some.",
            value=f"t={T},kid=7,v1={TAG}",
            expect=GOOD,
        ),
        case("unknown parts first and last", "Wherever they are.", value=f"a=1,t={T},v1={TAG},z=", expect=GOOD),
        case("an unknown part twice", "Ignored is ignored.", value=f"kid=1,t={T},kid=2,v1={TAG}", expect=GOOD),
        case(
            "an older version beside v1",
            "v0 is neither read nor in the way.",
            value=f"t={T},v0={'00' * 32},v1={TAG}",
            expect=GOOD,
        ),
        case(
            "a newer version beside v1",
            "v2 is neither read nor in the way.",
            value=f"t={T},v1={TAG},v2=AAAA",
            expect=GOOD,
        ),
        case(
            "two v1, the first good",
            "During a rotation the sender signs with both secrets.",
            value=line(T, TAG, "00" * 32),
            expect=GOOD,
        ),
        case("two v1, the last good", "Any of them may match.", value=line(T, "00" * 32, TAG), expect=GOOD),
        case(
            "the same v1 twice",
            "Superfluous, and not ambiguous: both say the same.",
            value=line(T, TAG, TAG),
            expect=GOOD,
        ),
        case(
            "an undecodable v1 beside a good one",
            "The header carries a usable value, and one is enough.",
            value=line(T, "zz", TAG),
            expect=GOOD,
        ),
        case("16 v1, the last good", "Up to 16 tags are tried.", value=line(T, *others(15), TAG), expect=GOOD),
        case(
            "an empty body",
            "The signed text is then the time and a point.",
            value=line(T, tag(T, b"")),
            body=b"",
            expect=GOOD,
        ),
        case(
            "every byte from 0 to 255",
            "A body is bytes: no UTF-8 is demanded of it.",
            value=line(T, tag(T, every_byte)),
            body=every_byte,
            expect=GOOD,
        ),
        case(
            "a body that begins with a point",
            "The first point ends the time; later ones belong to the body.",
            value=line(T, tag(T, b"..1")),
            body=b"..1",
            expect=GOOD,
        ),
        case(
            "other headers doubled",
            "Only the scheme's own header must occur once.",
            headers=[("via", "a"), ("via", "b"), (HEADER, line(T, TAG))],
            expect=GOOD,
        ),
        case(
            "secret given as hex",
            "The same bytes.",
            keys=[key("current", SECRET.encode().hex(), "hex")],
            expect=GOOD,
        ),
        case(
            "secret given as base64",
            "The same bytes.",
            keys=[key("current", base64.b64encode(SECRET.encode()).decode(), "base64")],
            expect=GOOD,
        ),
        case(
            "secret given as whsec",
            "The same bytes.",
            keys=[key("current", "whsec_" + base64.b64encode(SECRET.encode()).decode(), "whsec")],
            expect=GOOD,
        ),
        case(
            "a whsec_ secret read as text",
            "The dashboard's text is the key, unchanged: with utf8, whsec_ is part of it.",
            keys=[key("current", "whsec_cG9pbnQ=")],
            value=line(T, tag(T, secret="whsec_cG9pbnQ=")),
            expect=GOOD,
        ),
    ]


def others(count: int) -> list[str]:
    """Well-formed tags that no key made."""
    return [f"{n:064x}" for n in range(1, count + 1)]


def presence() -> list[dict]:
    good = line(T, TAG)
    return [
        case("no header at all", "An unsigned request never passes.", headers=[], expect=reject(MISSING)),
        case(
            "the value under another name",
            "A header that is not configured proves nothing.",
            headers=[("x-signature", good)],
            expect=reject(MISSING),
        ),
        case(
            "the default name when another is configured",
            "There is no fallback.",
            header="x-signature",
            expect=reject(MISSING),
        ),
        case(
            "doubled, same value",
            "Ambiguous, even when they agree.",
            headers=[(HEADER, good)] * 2,
            expect=reject(DUPLICATE),
        ),
        case(
            "doubled, the good one first",
            "A good value does not rescue another.",
            headers=[(HEADER, good), (HEADER, line(T, "00" * 32))],
            expect=reject(DUPLICATE),
        ),
        case(
            "doubled, the good one last",
            "Nor does the order matter.",
            headers=[(HEADER, line(T, "00" * 32)), (HEADER, good)],
            expect=reject(DUPLICATE),
        ),
        case(
            "doubled in two spellings of the name",
            "One name, twice.",
            headers=[("point-signature", good), ("Point-Signature", good)],
            expect=reject(DUPLICATE),
        ),
        case(
            "time and tag in two headers",
            "Lines of one name are not joined: a list in two lines is a doubled header.",
            headers=[(HEADER, f"t={T}"), (HEADER, f"v1={TAG}")],
            expect=reject(DUPLICATE),
        ),
        case(
            "doubled and empty",
            "Presence is judged before form.",
            headers=[(HEADER, ""), (HEADER, "")],
            expect=reject(DUPLICATE),
        ),
    ]


def parts() -> list[dict]:
    return [
        malformed("empty value", "The header is there and says nothing.", ""),
        malformed("only a comma", "No part at all.", ","),
        malformed("a bare tag", "Neither t nor v1 is named.", TAG),
        malformed("no t", "Without a time there is nothing that was signed.", f"v1={TAG}"),
        malformed("no v1", "A time alone proves nothing.", f"t={T}"),
        malformed("only unknown parts", "Nothing that this scheme reads.", "a=1,b=2"),
        malformed(
            "only an older version",
            "No downgrade: v0 is not read, though it holds the right tag.",
            f"t={T},v0={TAG}",
        ),
        malformed("only a newer version", "v2 is not read, though it holds the right tag.", f"t={T},v2={TAG}"),
        malformed("v10 is not v1", "A version's name is compared whole.", f"t={T},v10={TAG}"),
        malformed(
            "two t, different",
            "Which one was signed? Ambiguous, although the first would match.",
            f"t={T},t={T + 1},v1={TAG}",
        ),
        malformed("two t, the good one last", "The order does not decide.", f"t={T + 1},t={T},v1={TAG}"),
        malformed("two t, equal", "Ambiguous is ambiguous: one time is asked for.", f"t={T},t={T},v1={TAG}"),
        malformed("parts divided by semicolons", "Then t holds all the rest and is no number.", f"t={T};v1={TAG}"),
        malformed("parts divided by spaces", "Then t holds all the rest and is no number.", f"t={T} v1={TAG}"),
        malformed("a colon for the equals sign", "No part is named.", f"t:{T},v1:{TAG}"),
        malformed(
            "17 v1, the last good",
            "More than 16 tags are refused: each costs a comparison.",
            line(T, *others(16), TAG),
        ),
        malformed("17 v1, the first good", "The limit counts the tags, not the work.", line(T, TAG, *others(16))),
        malformed("17 v1, none good", "Form is judged before the signature.", line(T, *others(17))),
        malformed("a line break between the parts", "No HTTP message can carry it.", f"t={T},\nv1={TAG}"),
        malformed("text outside ASCII", "A security header is visible ASCII.", f"t={T},v1={TAG},n\u00e4me=1"),
        malformed(
            "the header value of Point's page with its v1 cut short",
            "The value published by the vendor, without its last digit.",
            POINT_HEADER[:-1],
        ),
        case(
            "the header value of Point's page",
            "The vendor's own value reads well. Neither its secret nor its body is published, so no key here made it.",
            value=POINT_HEADER,
            expect=reject(MISMATCH),
        ),
    ]


def tags() -> list[dict]:
    base64_tag = base64.b64encode(bytes.fromhex(TAG)).decode()
    return [
        malformed("empty v1", "A part without a value.", line(T, "")),
        malformed("upper-case hex", "Senders of HMAC write lower case; one spelling a tag.", line(T, TAG.upper())),
        malformed("one upper-case digit", "Mixed case is no better.", line(T, TAG.replace("f", "F", 1))),
        malformed("2 digits", "One byte of the right tag is a short tag.", line(T, TAG[:2])),
        malformed("63 digits", "An odd number of digits.", line(T, TAG[:-1])),
        malformed("62 digits", "31 bytes of the right tag.", line(T, TAG[:-2])),
        malformed("65 digits", "An odd number of digits.", line(T, TAG + "0")),
        malformed("66 digits", "33 bytes.", line(T, TAG + "00")),
        malformed("a letter that is no digit", "g is not hex.", line(T, "g" + TAG[1:])),
        malformed("sha256= in front of the tag", "The version already names the algorithm.", line(T, "sha256=" + TAG)),
        malformed("base64 where hex is expected", "44 characters, not all of them hex.", line(T, base64_tag)),
        malformed(
            "hex where base64 is configured",
            "64 characters of that alphabet are 48 bytes.",
            line(T, TAG),
            encoding="base64",
        ),
        malformed("base64 without padding", "One spelling a tag.", line(T, base64_tag[:-1]), encoding="base64"),
        malformed(
            "base64 with bits left over",
            "The last character before the padding must leave two bits 0.",
            line(T, base64_tag[:-2] + successor(base64_tag[-2]) + "="),
            encoding="base64",
        ),
    ]


def successor(character: str) -> str:
    """The next character of the base64 alphabet: the same leading bits, and a 1 where a 0 belongs."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return alphabet[alphabet.index(character) + 1]


def time_forms() -> list[dict]:
    """The tag is right for the text of `t` in each of these: it is the form that is refused."""

    def form(name, why, t):
        return malformed(f"t {name}", why, line(t, tag(t)))

    return [
        form("empty", "No digits.", ""),
        form("with a plus", "No sign.", f"+{T}"),
        form("with a minus", "No sign, and no time before 1970.", f"-{T}"),
        form("minus zero", "No sign.", "-0"),
        form("with a leading zero", "One spelling a number.", f"0{T}"),
        form("of two zeros", "Only 0 itself begins with 0.", "00"),
        form("with a space inside", "Digits only.", "1669056 240352"),
        form("with a fraction", "Digits only.", f"{T}.0"),
        form("with an exponent", "Digits only.", "1e12"),
        form("in hex", "Digits only.", "0x1849bb0f2e0"),
        form("with thousands divided", "Digits only.", "1_669_056_240_352"),
        form("as a date", "Digits only.", "2022-11-21T18:44:00Z"),
        form("as a word", "Digits only.", "now"),
        form("as not a number", "Digits only.", "NaN"),
        form("of 16 digits", "More than 15 digits are no time that anyone means.", "1669056240352000"),
        form("of 16 digits with leading zeros", "Nor does a zero help.", "0001669056240352"),
        form("beyond 64 bits", "Refused by its length before any arithmetic.", "18446744073709551616"),
        form(
            "at the least 64-bit integer",
            "A sign, and 19 digits; subtracting it from a clock overflows.",
            "-9223372036854775808",
        ),
        form("of 100 digits", "Refused by its length before any arithmetic.", "9" * 100),
        malformed("t in full-width digits", "Digits are ASCII only.", line("\uff11\uff12\uff13", TAG)),
        malformed(
            "a malformed t with null tolerance",
            "Time is not judged, its form still is: what is signed must be readable.",
            line("+1", tag("+1")),
            tolerance=None,
        ),
        malformed("a malformed t beside a wrong tag", "Form is judged before the signature.", line("+1", "00" * 32)),
        malformed("a stale t and a short tag", "Form is judged before time.", line(1, "00")),
    ]


def tolerance() -> list[dict]:
    tolerant = accept("current", "sender", "body")

    def moment(name, why, expect, offset_ms=0, **options):
        return case(name, why, now=T + offset_ms, expect=expect, **options)

    def signed_at(name, why, t, expect, **options):
        return case(name, why, value=line(t, tag(t)), expect=expect, **options)

    return [
        moment("one millisecond old", "Well within five minutes.", GOOD, 1),
        moment("exactly at the tolerance", "300 s old: the bound belongs to it.", GOOD, 300_000),
        moment("one millisecond past the tolerance", "300.001 s old.", reject(TOO_OLD), 300_001),
        moment("one second past the tolerance", "301 s old.", reject(TOO_OLD), 301_000),
        moment(
            "exactly at the tolerance, from the future",
            "300 s ahead of our clock: the bound belongs to it.",
            GOOD,
            -300_000,
        ),
        moment("one millisecond past the tolerance, from the future", "300.001 s ahead.", reject(TOO_NEW), -300_001),
        moment("an hour old", "A replay.", reject(TOO_OLD), 3_600_000),
        moment(
            "an hour ahead",
            "A sender that signs ahead could be replayed for that hour.",
            reject(TOO_NEW),
            -3_600_000,
        ),
        moment("a narrow tolerance, at its bound", "Ten seconds.", GOOD, 10_000, tolerance=10),
        moment(
            "a narrow tolerance, past it",
            "Ten seconds and one millisecond.",
            reject(TOO_OLD),
            10_001,
            tolerance=10,
        ),
        moment("zero tolerance, the very moment", "A distance of 0 is not more than 0.", GOOD, 0, tolerance=0),
        moment("zero tolerance, one millisecond old", "More than 0.", reject(TOO_OLD), 1, tolerance=0),
        moment("zero tolerance, one millisecond ahead", "More than 0.", reject(TOO_NEW), -1, tolerance=0),
        moment(
            "a wide tolerance",
            "A day, for senders that repeat without signing again.",
            GOOD,
            86_400_000,
            tolerance=86_400,
        ),
        moment(
            "a wide tolerance, past it",
            "A day and one millisecond.",
            reject(TOO_OLD),
            86_400_001,
            tolerance=86_400,
        ),
        moment("the widest tolerance", "2^63 - 1 s: no arithmetic overflows.", GOOD, 86_400_000, tolerance=2**63 - 1),
        moment(
            "null tolerance, the very moment",
            "Not judged, so time is not among the proved.",
            tolerant,
            0,
            tolerance=None,
        ),
        moment(
            "null tolerance, ten years later",
            "Accepted for ever, and the proof shows it: no time is proved.",
            tolerant,
            315_360_000_000,
            tolerance=None,
        ),
        signed_at(
            "null tolerance, from the far future",
            "Not judged either way.",
            999_999_999_999_999,
            tolerant,
            tolerance=None,
        ),
        signed_at("the epoch itself", "0 is a canonical number.", 0, GOOD, now=0),
        signed_at("0 today", "Readable, and 56 years old.", 0, reject(TOO_OLD), now="2026-01-01T00:00:00Z"),
        signed_at("15 digits", "The longest readable time, in the year 33658.", 999_999_999_999_999, reject(TOO_NEW)),
        signed_at(
            "the last millisecond of 9999, at that moment",
            "The end of our calendar is no edge.",
            253_402_300_799_999,
            GOOD,
            now="9999-12-31T23:59:59.999Z",
        ),
        case(
            "a clock in the year 1",
            "Two thousand years apart, and no overflow.",
            now="0001-01-01T00:00:00Z",
            expect=reject(TOO_NEW),
        ),
        case(
            "a clock in the year 9999",
            "Eight thousand years apart, and no overflow.",
            now="9999-12-31T23:59:59Z",
            expect=reject(TOO_OLD),
        ),
        case(
            "stale and forged",
            "The signature is judged before time: a forger learns nothing about our clock.",
            value=line(T, "00" * 32),
            now=T + 3_600_000,
            expect=reject(MISMATCH),
        ),
        case(
            "from the future and forged",
            "The same on the other side.",
            value=line(T, "00" * 32),
            now=T - 3_600_000,
            expect=reject(MISMATCH),
        ),
        case(
            "forged with null tolerance",
            "Not judging time does not mean not judging the signature.",
            value=line(T, "00" * 32),
            tolerance=None,
            expect=reject(MISMATCH),
        ),
        case(
            "a fresh t in front of an old tag",
            "The time is signed: a new one does not go with the old tag.",
            value=line(T + 3_600_000, TAG),
            now=T + 3_600_000,
            expect=reject(MISMATCH),
        ),
    ]


def units() -> list[dict]:
    s = T // 1000
    in_seconds = line(s, tag(s))
    return [
        case("seconds", "Where the sender signs seconds.", value=in_seconds, unit="s", now=s * 1000, expect=GOOD),
        case(
            "seconds, exactly at the tolerance",
            "300 s old.",
            value=in_seconds,
            unit="s",
            now=s * 1000 + 300_000,
            expect=GOOD,
        ),
        case(
            "seconds, one second past",
            "301 s old.",
            value=in_seconds,
            unit="s",
            now=s * 1000 + 301_000,
            expect=reject(TOO_OLD),
        ),
        case(
            "seconds, half a second past",
            "300.5 s old: the distance is not cut down to whole seconds.",
            value=in_seconds,
            unit="s",
            now=s * 1000 + 300_500,
            expect=reject(TOO_OLD),
        ),
        case(
            "seconds, exactly at the tolerance ahead",
            "300 s ahead.",
            value=in_seconds,
            unit="s",
            now=s * 1000 - 300_000,
            expect=GOOD,
        ),
        case(
            "seconds, one second past ahead",
            "301 s ahead.",
            value=in_seconds,
            unit="s",
            now=s * 1000 - 301_000,
            expect=reject(TOO_NEW),
        ),
        case(
            "seconds where milliseconds are expected",
            "Well signed, and read as a day in January 1970: the unit is never guessed.",
            value=in_seconds,
            now=T,
            expect=reject(TOO_OLD),
        ),
        case(
            "milliseconds where seconds are expected",
            "Well signed, and read as a day fifty thousand years ahead.",
            unit="s",
            expect=reject(TOO_NEW),
        ),
        case(
            "15 digits of seconds",
            "31 million years ahead, far outside any calendar type: too new, and no overflow.",
            value=line(999_999_999_999_999, tag(999_999_999_999_999)),
            unit="s",
            expect=reject(TOO_NEW),
        ),
        case(
            "15 digits of seconds with null tolerance",
            "Not judged: no date is made of it.",
            value=line(999_999_999_999_999, tag(999_999_999_999_999)),
            unit="s",
            tolerance=None,
            expect=accept("current", "sender", "body"),
        ),
    ]


def body_and_key() -> list[dict]:
    older = tag(T, secret="older-secret")
    rotation = [key("2026-05", "older-secret"), key("2026-11", SECRET)]
    four = [key(f"k{n}", f"secret-{n}") for n in range(3)]
    return [
        case(
            "one byte changed",
            "The signature covers the body.",
            body=BODY.replace(b"u-1", b"u-2"),
            expect=reject(MISMATCH),
        ),
        case("a line break added", "An added newline is a changed body.", body=BODY + b"\n", expect=reject(MISMATCH)),
        case("the body lost", "No body is another body.", body=b"", expect=reject(MISMATCH)),
        case(
            "the point moved",
            "The time's last digit moved into the body: the signed bytes differ by where the point is.",
            value=line(T // 10, TAG),
            body=b"2" + BODY,
            now=T,
            expect=reject(MISMATCH),
        ),
        case(
            "the body signed without its time",
            "The time belongs to the signed text.",
            value=line(T, hmac_sha256(SECRET.encode(), BODY).hex()),
            expect=reject(MISMATCH),
        ),
        case("a tag of zeros", "Well formed, and nobody made it.", value=line(T, "00" * 32), expect=reject(MISMATCH)),
        case(
            "an undecodable v1 beside a wrong one",
            "One is well formed, so there is something to compare, and it does not match.",
            value=line(T, "zz", "00" * 32),
            expect=reject(MISMATCH),
        ),
        case(
            "16 v1, none good",
            "All are tried, and none matches.",
            value=line(T, *others(16)),
            expect=reject(MISMATCH),
        ),
        case(
            "another secret",
            "The receiver's secret is not the sender's.",
            keys=[key("current", "another")],
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
            value=line(T, older),
            expect=accept("2026-05", *PROVES),
        ),
        case(
            "both signed, only the older key known",
            "A sender in rotation signs with both; a receiver that has not changed yet still accepts.",
            keys=rotation[:1],
            value=line(T, TAG, older),
            expect=accept("2026-05", *PROVES),
        ),
        case(
            "both signed, only the newer key known",
            "And one that has changed already accepts too.",
            keys=rotation[1:],
            value=line(T, older, TAG),
            expect=accept("2026-11", *PROVES),
        ),
        case(
            "both signed, both known",
            "Accepted. Which of the two is named is left open, so it is not compared.",
            keys=rotation,
            value=line(T, older, TAG),
            expect=accept(None, *PROVES),
        ),
        case(
            "four keys, the last one matches",
            "All keys are tried.",
            keys=four + [key("last", SECRET)],
            expect=accept("last", *PROVES),
        ),
        case(
            "four keys, none matches",
            "And none of them made this.",
            keys=four + [key("other", "x")],
            expect=reject(MISMATCH),
        ),
    ]
