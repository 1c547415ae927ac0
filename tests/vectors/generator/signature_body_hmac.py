"""`body-hmac` (GymPoint): HMAC-SHA256 over the raw body in one header. Proves sender and body, no time, no id."""

import base64
import hashlib

from .case import DUPLICATE, MALFORMED, MISMATCH, MISSING, accept, hmac_sha256, key, reject, signature
from .published import RFC_4231

HEADER = "X-GymPoint-Signature"
SECRET = "gympoint-secret"
BODY = b'{"event":"member.created","data":{"id":"m_1"}}'
# Computed by an earlier, separate run of hashlib (not published by the vendor); typed here and asserted below.
TAG = bytes.fromhex("5c0d8138dc096264ab7d6250185c3234c2247a4cfffd880df721b57cb937c29f")
TAG_BASE64 = "XA2BONwJYmSrfWJQGFwyNMIkekz//YgN9yG1fLk3wp8="
NOW = "2026-01-01T00:00:00Z"
PROVES = ("sender", "body")


def case(name, why, *, expect, headers=None, body=BODY, keys=None, tolerance=300, now=NOW, **options):
    return signature(
        f"body-hmac: {name}",
        why,
        scheme={"type": "body-hmac"} | options,
        keys=keys or [key("current", SECRET)],
        headers=[(HEADER, TAG.hex())] if headers is None else headers,
        body=body,
        expect=expect,
        now=now,
        tolerance=tolerance,
    )


def value(name, why, text, reason, **options):
    """One rejected spelling of the signature's value."""
    return case(name, why, headers=[(HEADER, text)], expect=reject(reason), **options)


def cases() -> list[dict]:
    assert hmac_sha256(SECRET.encode(), BODY) == TAG and base64.b64encode(TAG).decode() == TAG_BASE64
    return rfc_4231() + accepted() + presence() + form() + body_and_key()


def rfc_4231() -> list[dict]:
    whole = [
        case(
            f"RFC 4231 test case {number}",
            f"The HMAC-SHA-256 value of RFC 4231, section 4.{number + 1}, through the whole verifier: "
            f"a key of {len(secret)} bytes, a body of {len(data)} bytes.",
            keys=[key("rfc", secret.hex(), "hex")],
            headers=[(HEADER, tag)],
            body=data,
            expect=accept("rfc", *PROVES),
        )
        for number, secret, data, tag in RFC_4231
        if len(tag) == 64
    ]
    number, secret, data, tag = RFC_4231[4]
    assert number == 5 and len(tag) == 32
    cut = case(
        "RFC 4231 test case 5 is cut to 128 bits",
        "RFC 4231, section 4.6, publishes only the first 16 bytes of the tag. They are right, and still refused: "
        "a verifier that compares as many bytes as the peer sends can be passed with one byte.",
        keys=[key("rfc", secret.hex(), "hex")],
        headers=[(HEADER, tag)],
        body=data,
        expect=reject(MALFORMED),
    )
    return whole + [cut]


def accepted() -> list[dict]:
    good = accept("current", *PROVES)
    hex_tag = TAG.hex()
    every_byte = bytes(range(256))
    base64_key = base64.b64encode(SECRET.encode()).decode()
    return [
        case("all defaults", "The default header, lower-case hex, no prefix.", expect=good),
        case(
            "header name in another case",
            "Header names are case-insensitive (RFC 9110, section 5.1).",
            headers=[("x-gympoint-SIGNATURE", hex_tag)],
            expect=good,
        ),
        case(
            "the default configuration takes an optional sha256=",
            "The vendor publishes no prefix, and many senders write one: without a configured prefix both spellings "
            "are read.",
            headers=[(HEADER, "sha256=" + hex_tag)],
            expect=good,
        ),
        case(
            "a configured header",
            "The vendor does not publish its header's name, so it can be set; the default name then means nothing.",
            headers=[("X-Hub-Signature-256", hex_tag), (HEADER, "not a signature")],
            header="X-Hub-Signature-256",
            expect=good,
        ),
        case(
            "hex named as the encoding",
            "Naming the default encoding changes nothing.",
            encoding="hex",
            expect=good,
        ),
        case(
            "base64",
            "Standard base64 with padding, where it is configured.",
            headers=[(HEADER, TAG_BASE64)],
            encoding="base64",
            expect=good,
        ),
        case(
            "a configured prefix with hex",
            "The configured prefix comes before the digits.",
            headers=[(HEADER, "sha256=" + hex_tag)],
            prefix="sha256=",
            expect=good,
        ),
        case(
            "a custom prefix",
            "A prefix is any text, not only an algorithm's name.",
            headers=[(HEADER, "v0:" + hex_tag)],
            prefix="v0:",
            expect=good,
        ),
        case(
            "header, prefix and base64 together",
            "The options are independent of one another.",
            headers=[("X-Signature", "hmac " + TAG_BASE64)],
            header="X-Signature",
            prefix="hmac ",
            encoding="base64",
            expect=good,
        ),
        case(
            "secret given as hex",
            "67796d706f696e742d736563726574 is gympoint-secret.",
            keys=[key("current", "67796d706f696e742d736563726574", "hex")],
            expect=good,
        ),
        case(
            "secret given as base64",
            f"{base64_key} is gympoint-secret.",
            keys=[key("current", base64_key, "base64")],
            expect=good,
        ),
        case(
            "secret given as whsec",
            "The form of Standard Webhooks, whsec_ and base64, gives the same bytes.",
            keys=[key("current", "whsec_" + base64_key, "whsec")],
            expect=good,
        ),
        signed(
            "a whsec_ secret read as text",
            "With the encoding utf8 the secret is the text, unchanged; whsec_ is then six bytes of the key.",
            "whsec_" + base64_key,
            BODY,
        ),
        signed("secret with text outside ASCII", "Text is taken as UTF-8.", "Schlüssel-für-Gäste-🏋", BODY),
        signed(
            "a secret of one byte",
            "A short secret is the integrator's choice: weak, and it works. Only an empty one is refused.",
            "x",
            BODY,
        ),
        signed("an empty body", "No bytes are also a body, and they can be signed.", SECRET, b""),
        signed("every byte from 0 to 255", "A body is bytes: no UTF-8 is demanded of it.", SECRET, every_byte),
        signed(
            "a body that is not UTF-8",
            "Truncated UTF-8 must not be repaired before it is hashed.",
            SECRET,
            b"\xc3",
        ),
        signed(
            "a body that is not JSON",
            "Verifying comes before parsing and does not depend on it.",
            SECRET,
            b"not json, and a NUL \x00",
        ),
        case(
            "no time is judged",
            "The scheme signs no time: no clock and no tolerance refuses anything, and time is not proved.",
            now="9999-12-31T23:59:59Z",
            tolerance=0,
            expect=good,
        ),
        case(
            "null tolerance",
            "The same without a tolerance.",
            tolerance=None,
            expect=good,
        ),
        case(
            "other headers doubled",
            "Only the scheme's own header must occur once.",
            headers=[("accept", "a"), ("accept", "b"), (HEADER, hex_tag), ("x-api-key", "1"), ("x-api-key", "2")],
            expect=good,
        ),
    ]


def signed(name, why, secret, body):
    tag = hmac_sha256(secret.encode(), body).hex()
    return case(
        name, why, keys=[key("current", secret)], headers=[(HEADER, tag)], body=body, expect=accept("current", *PROVES)
    )


def presence() -> list[dict]:
    hex_tag = TAG.hex()
    return [
        case("no header at all", "An unsigned request never passes.", headers=[], expect=reject(MISSING)),
        case(
            "the signature under another name",
            "A signature in a header that is not configured is no signature.",
            headers=[("X-Signature", hex_tag)],
            expect=reject(MISSING),
        ),
        case(
            "the default name when another is configured",
            "A configured header replaces the default; there is no fallback to it.",
            header="X-Signature",
            expect=reject(MISSING),
        ),
        case(
            "doubled, same value",
            "Two headers are ambiguous, even when they agree: a proxy and the application may read different ones.",
            headers=[(HEADER, hex_tag), (HEADER, hex_tag)],
            expect=reject(DUPLICATE),
        ),
        case(
            "doubled, the good one first",
            "A good value does not rescue a second one.",
            headers=[(HEADER, hex_tag), (HEADER, "00" * 32)],
            expect=reject(DUPLICATE),
        ),
        case(
            "doubled, the good one last",
            "Nor does the order matter.",
            headers=[(HEADER, "00" * 32), (HEADER, hex_tag)],
            expect=reject(DUPLICATE),
        ),
        case(
            "doubled in two spellings of the name",
            "x-gympoint-signature and X-GYMPOINT-SIGNATURE are one name, so it occurs twice.",
            headers=[("x-gympoint-signature", hex_tag), ("X-GYMPOINT-SIGNATURE", hex_tag)],
            expect=reject(DUPLICATE),
        ),
        case(
            "doubled and malformed",
            "Presence is judged before form: two headers are ambiguous whatever they hold.",
            headers=[(HEADER, ""), (HEADER, "zz")],
            expect=reject(DUPLICATE),
        ),
    ]


def form() -> list[dict]:
    hex_tag = TAG.hex()
    return [
        value("empty value", "The header is there and says nothing.", "", MALFORMED),
        case(
            "upper-case hex",
            "The encoding is not published: upper case is the same bytes.",
            headers=[(HEADER, hex_tag.upper())],
            expect=accept("current", *PROVES),
        ),
        case(
            "one upper-case digit",
            "The encoding is not published: mixed case is the same bytes.",
            headers=[(HEADER, hex_tag.replace("c", "C", 1))],
            expect=accept("current", *PROVES),
        ),
        value(
            "upper-case hex where lower case is configured",
            "One spelling a tag, where the sender's is known.",
            hex_tag.upper(),
            MALFORMED,
            encoding="hex",
        ),
        value("one digit", "A short tag is never compared.", hex_tag[:1], MALFORMED),
        value("two digits", "One whole byte of the right tag is still a short tag.", hex_tag[:2], MALFORMED),
        value("63 digits", "An odd number of digits is no number of bytes.", hex_tag[:63], MALFORMED),
        value("62 digits", "31 bytes of the right tag.", hex_tag[:62], MALFORMED),
        value("65 digits", "The right tag and half a byte.", hex_tag + "0", MALFORMED),
        value("66 digits", "The right tag and one more byte.", hex_tag + "00", MALFORMED),
        value("the tag twice", "The right tag, and again.", hex_tag * 2, MALFORMED),
        value("a letter that is no digit", "g is not hex.", "g" + hex_tag[1:], MALFORMED),
        value("0x in front", "A notation of programmers is not part of the value.", "0x" + hex_tag, MALFORMED),
        value("0x in place of two digits", "The length is right and x is not hex.", "0x" + hex_tag[2:], MALFORMED),
        value("a space in the middle", "Nothing is skipped.", hex_tag[:32] + " " + hex_tag[32:], MALFORMED),
        value("colons between bytes", "Nothing is skipped.", TAG.hex(":"), MALFORMED),
        value(
            "two values behind a comma",
            "A list is what a proxy makes of two headers.",
            f"{hex_tag}, {hex_tag}",
            MALFORMED,
        ),
        value("a letter outside ASCII", "\u00e9 is two bytes that are no digits.", "\u00e9" + hex_tag[2:], MALFORMED),
        value("a full-width digit", "Digits are ASCII only.", "\uff15" + hex_tag[1:], MALFORMED),
        value("a line break in the value", "No HTTP message can carry it.", hex_tag + "\n", MALFORMED),
        value("a NUL in the value", "No HTTP message can carry it.", hex_tag + "\x00", MALFORMED),
        value("the prefix alone", "A prefix, and no tag behind it.", "sha256=", MALFORMED),
        value("the prefix in upper case", "The optional prefix is exactly sha256=.", "SHA256=" + hex_tag, MALFORMED),
        value("the prefix twice", "It is taken off once.", "sha256=sha256=" + hex_tag, MALFORMED),
        value("a prefix of another algorithm", "No downgrade: sha1= is not read.", "sha1=" + hex_tag, MALFORMED),
        value("a prefix that is not configured", "Only sha256= is optional.", "v0:" + hex_tag, MALFORMED),
        value(
            "a configured prefix is required",
            "Then the bare tag is not the configured form.",
            hex_tag,
            MALFORMED,
            prefix="sha256=",
        ),
        value(
            "sha256= where v0: is configured",
            "A configured prefix replaces the optional one.",
            "sha256=" + hex_tag,
            MALFORMED,
            prefix="v0:",
        ),
        value(
            "a configured prefix in another case",
            "A prefix is compared byte for byte.",
            "V0:" + hex_tag,
            MALFORMED,
            prefix="v0:",
        ),
        value(
            "a configured prefix and no tag",
            "The prefix is right and nothing follows.",
            "v0:",
            MALFORMED,
            prefix="v0:",
        ),
        value(
            "hex where base64 is configured",
            "64 characters of the base64 alphabet are 48 bytes, not 32.",
            hex_tag,
            MALFORMED,
            encoding="base64",
        ),
        value(
            "base64 where hex is configured",
            "44 characters, and not all of them hex.",
            TAG_BASE64,
            MALFORMED,
            encoding="hex",
        ),
        value(
            "base64 without padding",
            "One spelling a tag: the padding belongs to it.",
            TAG_BASE64[:-1],
            MALFORMED,
            encoding="base64",
        ),
        value(
            "base64 with too much padding",
            "Nor does more of it do.",
            TAG_BASE64 + "=",
            MALFORMED,
            encoding="base64",
        ),
        value(
            "base64 with bits left over",
            "43 characters carry two bits more than 32 bytes. They must be 0: 9 for 8 is the same tag respelt.",
            TAG_BASE64[:-2] + "9=",
            MALFORMED,
            encoding="base64",
        ),
        value(
            "the URL-safe alphabet",
            "_ for / is another encoding.",
            TAG_BASE64.replace("/", "_"),
            MALFORMED,
            encoding="base64",
        ),
        value("base64 of 31 bytes", "A short tag.", base64.b64encode(TAG[:31]).decode(), MALFORMED, encoding="base64"),
        value(
            "base64 of 33 bytes",
            "A long tag.",
            base64.b64encode(TAG + b"\0").decode(),
            MALFORMED,
            encoding="base64",
        ),
        value("base64 of no bytes", "Only padding.", "====", MALFORMED, encoding="base64"),
        value("base64 empty", "Nothing at all.", "", MALFORMED, encoding="base64"),
        value(
            "base64 with a space",
            "Nothing is skipped.",
            TAG_BASE64[:20] + " " + TAG_BASE64[20:],
            MALFORMED,
            encoding="base64",
        ),
    ]


def body_and_key() -> list[dict]:
    hex_tag = TAG.hex()
    rotation = [key("2026-05", "older-secret"), key("2026-11", SECRET)]
    older = hmac_sha256(b"older-secret", BODY).hex()
    many = [key(f"k{n}", f"secret-{n}") for n in range(3)] + [key("last", SECRET)]
    return [
        case(
            "one byte changed",
            "m_1 became m_2: the signature covers the body.",
            body=BODY.replace(b"m_1", b"m_2"),
            expect=reject(MISMATCH),
        ),
        case(
            "one bit changed",
            "The lowest bit of the first byte.",
            body=bytes([BODY[0] ^ 1]) + BODY[1:],
            expect=reject(MISMATCH),
        ),
        case(
            "a line break added",
            "An editor's newline at the end is a changed body.",
            body=BODY + b"\n",
            expect=reject(MISMATCH),
        ),
        case("the last byte cut off", "A truncated upload.", body=BODY[:-1], expect=reject(MISMATCH)),
        case(
            "the body lost",
            "A proxy that drops the body does not get it accepted.",
            body=b"",
            expect=reject(MISMATCH),
        ),
        case(
            "the same JSON written again",
            "A space after each colon: equal as JSON, different as bytes, and bytes are what is signed.",
            body=b'{"event": "member.created", "data": {"id": "m_1"}}',
            expect=reject(MISMATCH),
        ),
        value("a tag of zeros", "Well formed, and nobody made it.", "00" * 32, MISMATCH),
        value("the first digit wrong", "Every digit counts.", "6" + hex_tag[1:], MISMATCH),
        value("the last digit wrong", "Every digit counts, the last one too.", hex_tag[:-1] + "e", MISMATCH),
        value(
            "base64 of another tag",
            "Well formed, and nobody made it.",
            base64.b64encode(bytes(32)).decode(),
            MISMATCH,
            encoding="base64",
        ),
        case(
            "another secret",
            "The receiver's secret is not the sender's.",
            keys=[key("current", "another-secret")],
            expect=reject(MISMATCH),
        ),
        case(
            "the secret with a line break",
            "A secret read from a file with its newline is another secret.",
            keys=[key("current", SECRET + "\n")],
            expect=reject(MISMATCH),
        ),
        value(
            "a plain hash",
            "SHA-256 of secret and body without HMAC is not the scheme.",
            hashlib.sha256(SECRET.encode() + BODY).hexdigest(),
            MISMATCH,
        ),
        case(
            "rotation, the newer key",
            "Two keys are known; the proof names the one that made it.",
            keys=rotation,
            expect=accept("2026-11", *PROVES),
        ),
        case(
            "rotation, the older key",
            "The older key still counts, and is named, so that an operator sees when the rotation is over.",
            keys=rotation,
            headers=[(HEADER, older)],
            expect=accept("2026-05", *PROVES),
        ),
        case(
            "four keys, the last one matches",
            "All keys of the keyring are tried.",
            keys=many,
            expect=accept("last", *PROVES),
        ),
        case(
            "four keys, none matches",
            "And none of them made this.",
            keys=many[:3] + [key("other", "x")],
            expect=reject(MISMATCH),
        ),
    ]
