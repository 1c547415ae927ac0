"""How a case is put together, and the bytes that the schemes sign."""

import base64
import hashlib
import hmac
import json
from datetime import datetime, timezone

MISSING = "missing-header"
DUPLICATE = "duplicate-header"
MALFORMED = "malformed-header"
UNKNOWN_KEY = "unknown-key"
MISMATCH = "signature-mismatch"
TOO_OLD = "timestamp-too-old"
TOO_NEW = "timestamp-too-new"


def accept(key: str | None, *proves: str) -> dict:
    """Accepted; `key=None` leaves open which key matched (the runner does not compare an absent key)."""
    expect: dict = {"verdict": "accept"}
    if key is not None:
        expect["key"] = key
    return expect | {"proves": list(proves)}


def reject(reason: str) -> dict:
    return {"verdict": "reject", "reason": reason}


def key(id: str, secret: str, encoding: str = "utf8") -> dict:
    return {"id": id, "secret": secret, "secret_encoding": encoding}


def signature(
    name: str,
    why: str,
    *,
    scheme: dict,
    keys: list[dict],
    headers: list[tuple[str, str]],
    body: bytes,
    expect: dict,
    now: str,
    tolerance: int | None = 300,
) -> dict:
    return {
        "kind": "signature",
        "name": name,
        "why": why,
        "scheme": scheme,
        "keys": keys,
        "now": now,
        "tolerance_seconds": tolerance,
        "headers": [list(header) for header in headers],
        "body_base64": b64(body),
        "expect": expect,
    }


def event(name: str, why: str, *, vendor: str, body: bytes | str | dict | list, expect: dict) -> dict:
    """A body given as a value is written with Python's compact JSON; bytes and text are taken as they are."""
    if isinstance(body, (dict, list)):
        body = compact(body)
    if isinstance(body, str):
        body = body.encode()
    return {"kind": "event", "name": name, "why": why, "vendor": vendor, "body_base64": b64(body), "expect": expect}


def error(name: str, why: str, *, vendor: str, body: bytes | str | dict | list) -> dict:
    return event(name, why, vendor=vendor, body=body, expect={"error": True})


def compact(value: dict | list) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def hmac_sha256(secret: bytes, message: bytes) -> bytes:
    return hmac.new(secret, message, hashlib.sha256).digest()


def md5(message: bytes) -> bytes:
    return hashlib.md5(message, usedforsecurity=False).digest()


def rfc3339(unix_ms: int) -> str:
    """Milliseconds since the Unix epoch as RFC 3339 in UTC, with three digits of fraction where they are needed."""
    seconds, ms = divmod(unix_ms, 1000)
    moment = datetime.fromtimestamp(seconds, tz=timezone.utc)
    fraction = f".{ms:03}" if ms else ""
    return moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + fraction + "Z"
