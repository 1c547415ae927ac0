"""Bodies that no vendor's notification may be read from, made from a good one."""

from collections.abc import Callable

from .case import error


def broken(vendor: str, good: str, with_unknown: Callable[[str], str], top_levels: list[tuple[str, str]]) -> list[dict]:
    """`good` is the text of a good notification; `with_unknown(json)` is it with an unknown field of that value."""
    rows: list[tuple[str, str, bytes | str]] = [
        ("empty body", "Nothing is no JSON.", b""),
        ("only white space", "Nothing is no JSON.", b" \r\n\t "),
        ("not JSON", "Words.", "hello"),
        ("a form", "The content type of another time.", "event=Test&id=7"),
        ("cut off", "A truncated upload.", good[:-1]),
        ("cut off in the middle", "A truncated upload.", good[: len(good) // 2]),
        ("something behind the end", "One document a body.", good + "x"),
        ("a second document behind the end", "One document a body.", good + good),
        ("a NUL behind the end", "Not white space.", good + "\x00"),
        (
            "a byte order mark in front",
            "RFC 8259, section 8.1: no BOM is added; it is not white space.",
            b"\xef\xbb\xbf" + good.encode(),
        ),
        ("UTF-16", "RFC 8259, section 8.1: JSON between systems is UTF-8.", good.encode("utf-16-le")),
        ("a comma before the end", "Not JSON, though some parsers take it.", good[:-1] + "," + good[-1]),
        ("a comment", "Not JSON, though some parsers take it.", "/* hello */" + good),
        ("single quotes", "Not JSON, though some parsers take it.", good.replace('"', "'")),
        ("NaN in an unknown field", "Not JSON, though some parsers take it, wherever it is.", with_unknown("NaN")),
        ("a leading zero in an unknown field", "Not JSON, wherever it is.", with_unknown("01")),
        (
            "a raw control character in an unknown field",
            "It must be escaped, wherever it is.",
            with_unknown('"a\nb"'),
        ),
        (
            "bytes that are no UTF-8 in an unknown field",
            "Refused, not repaired, wherever they are.",
            with_unknown('"\xff"').encode("latin-1"),
        ),
        (
            "an unknown field twice",
            "Duplicate keys are refused at any depth: two readers would pick different ones.",
            with_unknown('1,"later":2'),
        ),
        (
            "a duplicate key inside an unknown field",
            "At any depth, in fields that nobody knows too.",
            with_unknown('{"a":{"b":1,"b":2}}'),
        ),
        ("a duplicate key behind an escape", "a and \\u0061 are one key.", with_unknown('{"a":1,"\\u0061":2}')),
        ("a duplicate key inside an array", "At any depth.", with_unknown('[[{"k":1,"k":1}]]')),
        (
            "an unknown field nested a thousand levels deep",
            "A bomb for whoever parses it next, though nobody here reads it.",
            with_unknown("[" * 1000 + "]" * 1000),
        ),
        (
            "objects nested a thousand levels deep",
            "The same with objects.",
            with_unknown('{"a":' * 1000 + "1" + "}" * 1000),
        ),
    ]
    rows += [(f"top level {name}", "A notification has another shape.", text) for name, text in top_levels]
    return [error(f"{vendor}: {name}", why, vendor=vendor, body=body) for name, why, body in rows]


SCALARS = [
    ("null", "null"),
    ("a number", "7"),
    ("a string", '"GYM_CHECKIN"'),
    ("true", "true"),
    ("an empty object", "{}"),
]
