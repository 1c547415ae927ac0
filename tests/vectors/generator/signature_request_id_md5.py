"""`request-id-md5` (PerfectGym): MD5 of `{request id}:{secret}` beside the id. Proves sender and id, never the body."""

import base64

from .case import DUPLICATE, MALFORMED, MISMATCH, MISSING, accept, hmac_sha256, key, md5, reject, signature

ID_HEADER = "X-PerfectGym-Request"
SIGNATURE_HEADER = "X-PerfectGym-Signature"
SECRET = "pgm-secret-123"
ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
# Computed by an earlier, separate run of hashlib (not published by the vendor); typed here and asserted below.
DIGEST = "fdf8a0e8b6b6a04b2577a81670917f21"
BODY = b'{"event":"ContractPaymentDone","triggeredDate":"2026-01-01T00:00:00Z","data":{"contractId":12,"userId":7}}'
NOW = "2026-01-01T00:00:00Z"
PROVES = ("sender", "id")
GOOD = accept("current", *PROVES)


def digest(id=ID, secret=SECRET) -> str:
    return md5(f"{id}:{secret}".encode()).hex()


def case(
    name, why, *, expect, id=ID, text=DIGEST, headers=None, body=BODY, keys=None, now=NOW, tolerance=300, **options
):
    """A header given as None is left out."""
    if headers is None:
        headers = [(ID_HEADER, id), (SIGNATURE_HEADER, text)]
    return signature(
        f"request-id-md5: {name}",
        why,
        scheme={"type": "request-id-md5"} | options,
        keys=keys or [key("current", SECRET)],
        headers=[header for header in headers if header[1] is not None],
        body=body,
        expect=expect,
        now=now,
        tolerance=tolerance,
    )


def cases() -> list[dict]:
    assert digest() == DIGEST
    return accepted() + weakness() + presence() + order() + ids() + form() + keys_and_digests()


def accepted() -> list[dict]:
    mixed = "".join(c.upper() if n % 2 else c for n, c in enumerate(DIGEST))
    base64_digest = base64.b64encode(bytes.fromhex(DIGEST)).decode()
    base64_secret = base64.b64encode(SECRET.encode()).decode()
    return [
        case("all defaults", "The two documented headers, lower-case hex.", expect=GOOD),
        case(
            "header names in another case",
            "Header names are case-insensitive (RFC 9110, section 5.1).",
            headers=[("x-perfectgym-request", ID), ("X-PERFECTGYM-SIGNATURE", DIGEST)],
            expect=GOOD,
        ),
        case(
            "the signature first, among others",
            "The order of headers is free, and others may be doubled.",
            headers=[("via", "a"), (SIGNATURE_HEADER, DIGEST), ("via", "b"), (ID_HEADER, ID)],
            expect=GOOD,
        ),
        case(
            "a configured header",
            "header names the signature's header; the id's is as ever. The default name then means nothing.",
            headers=[(ID_HEADER, ID), ("X-Signature", DIGEST), (SIGNATURE_HEADER, "not a signature")],
            header="X-Signature",
            expect=GOOD,
        ),
        case("hex named as the encoding", "Naming the default changes nothing.", encoding="hex", expect=GOOD),
        case(
            "upper-case hex",
            "The vendor does not say how MD5HASH writes its digits, so any case is read.",
            text=DIGEST.upper(),
            expect=GOOD,
        ),
        case("mixed-case hex", "Any case, digit by digit.", text=mixed, expect=GOOD),
        case(
            "base64",
            "The other way to write 16 bytes, where it is configured.",
            text=base64_digest,
            encoding="base64",
            expect=GOOD,
        ),
        case(
            "secret given as hex",
            "The same bytes.",
            keys=[key("current", SECRET.encode().hex(), "hex")],
            expect=GOOD,
        ),
        case("secret given as base64", "The same bytes.", keys=[key("current", base64_secret, "base64")], expect=GOOD),
        case(
            "secret given as whsec",
            "The same bytes.",
            keys=[key("current", "whsec_" + base64_secret, "whsec")],
            expect=GOOD,
        ),
        case(
            "secret with a colon",
            "Only the first colon divides, because an id holds none: a secret may.",
            keys=[key("current", "a:b")],
            text=digest(secret="a:b"),
            expect=GOOD,
        ),
        case(
            "secret with text outside ASCII",
            "Text is taken as UTF-8 (the vendor does not say; our reading).",
            keys=[key("current", "Schl\u00fcssel")],
            text=digest(secret="Schl\u00fcssel"),
            expect=GOOD,
        ),
        case("no time is judged", "The scheme signs no time.", now="0001-01-01T00:00:00Z", tolerance=0, expect=GOOD),
        case("null tolerance", "The same without a tolerance.", tolerance=None, expect=GOOD),
    ]


def weakness() -> list[dict]:
    return [
        case(
            "reused with another body",
            "The digest covers the id and not the body: whoever has seen one pair can send any body with it. "
            "Accepted, and only sender and id are proved; the body is not.",
            body=BODY.replace(b'"contractId":12,"userId":7', b'"contractId":13,"userId":8'),
            expect=GOOD,
        ),
        case("reused with an empty body", "The same with no body at all.", body=b"", expect=GOOD),
        case("reused with bytes that are no JSON", "The same with any bytes.", body=bytes(range(256)), expect=GOOD),
        case(
            "reused a thousand years later",
            "Nothing expires: no time is signed. Deduplication by the proved id is the only defence.",
            now="3026-01-01T00:00:00Z",
            expect=GOOD,
        ),
    ]


def presence() -> list[dict]:
    pair = [(ID_HEADER, ID), (SIGNATURE_HEADER, DIGEST)]
    doubled = [
        case(
            f"{name} doubled, {what}",
            "Each of the two headers must occur exactly once.",
            headers=pair + [(spelling, text)],
            expect=reject(DUPLICATE),
        )
        for name, value, other in [(ID_HEADER, ID, "another-id"), (SIGNATURE_HEADER, DIGEST, "00" * 16)]
        for what, spelling, text in [
            ("same value", name, value),
            ("other value", name, other),
            ("other case of the name", name.lower(), value),
        ]
    ]
    return [
        case("no header at all", "An unsigned request never passes.", headers=[], expect=reject(MISSING)),
        case("no signature", "The signature was stripped.", text=None, expect=reject(MISSING)),
        case("no request id", "Without the id there is nothing that was signed.", id=None, expect=reject(MISSING)),
        case(
            "the headers swapped",
            "Both are there; the signature's header holds an id, which is no digest.",
            headers=[(ID_HEADER, DIGEST), (SIGNATURE_HEADER, ID)],
            expect=reject(MALFORMED),
        ),
    ] + doubled


def order() -> list[dict]:
    return [
        case(
            "an id doubled and no signature",
            "Missing is judged before duplicate.",
            headers=[(ID_HEADER, ID), (ID_HEADER, ID)],
            expect=reject(MISSING),
        ),
        case(
            "a signature doubled and no id",
            "Missing is judged before duplicate, whichever header is which.",
            headers=[(SIGNATURE_HEADER, DIGEST), (SIGNATURE_HEADER, DIGEST)],
            expect=reject(MISSING),
        ),
        case(
            "a malformed id and no signature",
            "Missing is judged before form.",
            id="a:b",
            text=None,
            expect=reject(MISSING),
        ),
        case(
            "a malformed signature and no id",
            "Missing is judged before form.",
            id=None,
            text="zz",
            expect=reject(MISSING),
        ),
        case(
            "a malformed id and a doubled signature",
            "Duplicate is judged before form.",
            headers=[(ID_HEADER, "a:b"), (SIGNATURE_HEADER, DIGEST), (SIGNATURE_HEADER, DIGEST)],
            expect=reject(DUPLICATE),
        ),
        case(
            "a malformed signature and a doubled id",
            "Duplicate is judged before form, whichever header is which.",
            headers=[(ID_HEADER, ID), (ID_HEADER, ID), (SIGNATURE_HEADER, "zz")],
            expect=reject(DUPLICATE),
        ),
        case(
            "a malformed id beside a wrong digest",
            "Form is judged before the signature.",
            id="a:b",
            text="00" * 16,
            expect=reject(MALFORMED),
        ),
    ]


def ids() -> list[dict]:
    def good(name, why, id):
        return case(f"id {name}", why, id=id, text=digest(id), expect=GOOD)

    def bad(name, why, id):
        return case(f"id {name}", why, id=id, text=digest(id), expect=reject(MALFORMED))

    every_sign = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) != ":")
    return [
        good("of one character", "The vendor does not say what an id looks like.", "7"),
        good("with every sign but the colon", "Visible ASCII; the colon divides, and nothing else does.", every_sign),
        good("with a point", "The delimiter of another scheme means nothing here.", "req.7"),
        good("of 256 bytes", "The longest.", "r" * 256),
        bad("of 257 bytes", "One more than the longest, though well signed.", "r" * 257),
        bad("empty", "It identifies nothing.", ""),
        bad("with a colon", "The colon divides id and secret in what is hashed.", "req:7"),
        bad("that is a colon", "Only a delimiter.", ":"),
        bad("with a space", "Visible ASCII only.", "req 7"),
        bad("with a tab", "Visible ASCII only, though HTTP can carry a tab.", "req\t7"),
        bad("with a letter outside ASCII", "Visible ASCII only, though HTTP can carry its bytes.", "req-\u00e9"),
        bad("with a line break", "No HTTP message can carry it.", "req-7\r\n"),
        case(
            "the colon moved between id and secret",
            "req:pgm:secret is id req with secret pgm:secret, and also id req:pgm with secret secret. An id with a "
            "colon is refused, so that one tenant's signature never serves another's secret.",
            keys=[key("current", "secret")],
            id="req:pgm",
            text=digest("req", "pgm:secret"),
            expect=reject(MALFORMED),
        ),
        case(
            "another id",
            "The id is what is signed.",
            id="0f8fad5b-d9cb-469f-a165-70867728950f",
            expect=reject(MISMATCH),
        ),
        case(
            "the id in upper case",
            "An id is bytes, not a UUID: another case is another id.",
            id=ID.upper(),
            expect=reject(MISMATCH),
        ),
    ]


def form() -> list[dict]:
    raw = bytes.fromhex(DIGEST)
    base64_digest = base64.b64encode(raw).decode()
    rows = [
        ("empty", "The header is there and says nothing.", "", {}),
        ("2 digits", "One byte of the right digest is a short digest.", DIGEST[:2], {}),
        ("30 digits", "15 bytes of the right digest.", DIGEST[:30], {}),
        ("31 digits", "An odd number of digits.", DIGEST[:31], {}),
        ("33 digits", "An odd number of digits.", DIGEST + "0", {}),
        ("34 digits", "17 bytes.", DIGEST + "00", {}),
        ("64 digits", "An HMAC-SHA-256 is not this scheme.", hmac_sha256(SECRET.encode(), ID.encode()).hex(), {}),
        ("a letter that is no digit", "g is not hex.", "g" + DIGEST[1:], {}),
        ("a space inside", "Nothing is skipped.", DIGEST[:16] + " " + DIGEST[16:], {}),
        ("dashes inside", "A digest is not a UUID.", "fdf8a0e8-b6b6-a04b-2577-a81670917f21", {}),
        ("0x in place of two digits", "x is not hex.", "0x" + DIGEST[2:], {}),
        ("md5= in front", "No prefix is configured.", "md5=" + DIGEST, {}),
        ("a letter outside ASCII", "Digits are ASCII only.", "\u00e9" + DIGEST[2:], {}),
        ("a line break", "No HTTP message can carry it.", DIGEST + "\n", {}),
        ("base64 where hex is expected", "24 characters, not all of them hex.", base64_digest, {}),
        (
            "hex where base64 is configured",
            "32 characters of that alphabet are 24 bytes.",
            DIGEST,
            {"encoding": "base64"},
        ),
        ("base64 without padding", "One spelling a digest.", base64_digest.rstrip("="), {"encoding": "base64"}),
        (
            "base64 with bits left over",
            "R for Q carries a bit that belongs to no byte.",
            base64_digest[:-3] + "R==",
            {"encoding": "base64"},
        ),
        ("base64 of 15 bytes", "A short digest.", base64.b64encode(raw[:15]).decode(), {"encoding": "base64"}),
    ]
    assert base64_digest.endswith("Q==")
    return [
        case(f"signature {name}", why, text=text, expect=reject(MALFORMED), **options)
        for name, why, text, options in rows
    ]


def keys_and_digests() -> list[dict]:
    rotation = [key("2026-05", "older-secret"), key("2026-11", SECRET)]
    padded = [key("plain", SECRET), key("padded", SECRET + "\0")]
    four = [key(f"club-{n}", f"secret-{n}") for n in range(3)]
    return [
        case("a digest of zeros", "Well formed, and nobody made it.", text="00" * 16, expect=reject(MISMATCH)),
        case("the last digit wrong", "Every digit counts.", text=DIGEST[:-1] + "2", expect=reject(MISMATCH)),
        case(
            "without the colon",
            "MD5 of id and secret side by side.",
            text=md5((ID + SECRET).encode()).hex(),
            expect=reject(MISMATCH),
        ),
        case(
            "secret before id",
            "MD5 of secret:id.",
            text=md5(f"{SECRET}:{ID}".encode()).hex(),
            expect=reject(MISMATCH),
        ),
        case("of the id alone", "Anyone can make it.", text=md5(ID.encode()).hex(), expect=reject(MISMATCH)),
        case("with an empty secret", "Anyone can make it.", text=digest(secret=""), expect=reject(MISMATCH)),
        case(
            "of the body",
            "Another scheme: MD5 of id, secret and body.",
            text=md5(f"{ID}:{SECRET}".encode() + BODY).hex(),
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
            text=digest(secret="older-secret"),
            expect=accept("2026-05", *PROVES),
        ),
        case(
            "four keys, the last one matches",
            "All keys are tried.",
            keys=four + [key("last", SECRET)],
            expect=accept("last", *PROVES),
        ),
        case(
            "two secrets that only HMAC takes for one, the shorter",
            "HMAC pads a key with zero bytes (RFC 2104, section 2); an MD5 over text tells the two apart.",
            keys=padded,
            expect=accept("plain", *PROVES),
        ),
        case(
            "two secrets that only HMAC takes for one, the longer",
            "The zero byte is hashed like any other.",
            keys=padded,
            text=digest(secret=SECRET + "\0"),
            expect=accept("padded", *PROVES),
        ),
        case("four keys, none matches", "And none of them made this.", keys=four, expect=reject(MISMATCH)),
    ]
