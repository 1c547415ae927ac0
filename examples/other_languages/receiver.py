#!/usr/bin/env python3
"""A receiver for the webhooks of five fitness platforms: Python's standard library, nothing else.

    python3 receiver.py PLATFORM [PORT]   serve on 127.0.0.1, with the secret in GYMHOOK_SECRET
    python3 receiver.py --cases           judge conformance vectors from standard input, one a line

`gymhook vectors --stream --against 'python3 receiver.py --cases' tests/vectors/signature-*.json` checks it against the vectors.

Copy `verify` into a program of yours. It wants the body's raw bytes: verify first, parse afterwards.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import re
import sys
import time
from datetime import datetime, timezone
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BODY = 256 * 1024


class Refused(Exception):
    """The request is not proved. The reason is for the operator; the peer gets a bare 401."""


def verify(scheme, keys, headers, body, now, tolerance):
    """Says which key signed, and what that proves.

    `scheme` is a dict as in the vectors (`{"type": "timestamped-hmac"}`), `keys` a list of (id, bytes), `headers` a list of
    (name, value) in which a name may occur twice, `now` seconds since 1970, `tolerance` seconds or None.
    """
    return SCHEMES[scheme["type"]](scheme, keys, headers, body, now, tolerance)


def api_key(scheme, keys, headers, body, now, tolerance):
    """EGYM, PG Next: the key itself. It tells the studio, and proves nothing of the body."""
    (shown,) = exactly_once(headers, [scheme.get("header", "x-api-key")])
    printable(shown, 1024)
    # Digests have one length, and comparing them all tells nothing about any key.
    digest = hashlib.sha256(shown).digest()
    found = [key_id for key_id, key in keys if hmac.compare_digest(hashlib.sha256(key).digest(), digest)]
    if not found:
        raise Refused("unknown-key")
    return found[0], ["sender"]


def body_hmac(scheme, keys, headers, body, now, tolerance):
    """GymPoint: an HMAC of the body. Header and encoding are not published, so they are settings."""
    (shown,) = exactly_once(headers, [scheme.get("header", "x-gympoint-signature")])
    if not shown:
        raise Refused("malformed-header")
    prefix = scheme.get("prefix")
    if prefix is None:
        shown = shown.removeprefix(b"sha256=")
    elif shown.startswith(prefix.encode()):
        shown = shown[len(prefix.encode()) :]
    else:
        raise Refused("malformed-header")
    tag = decoded(shown, scheme.get("encoding", "any-hex"), 32)
    return matching_key(keys, [tag], body), ["sender", "body"]


def request_id_md5(scheme, keys, headers, body, now, tolerance):
    """PerfectGym: an MD5 over id and secret. Whoever has seen one request can send any body with its signature."""
    request_id, shown = exactly_once(
        headers, ["x-perfectgym-request", scheme.get("header", "x-perfectgym-signature")]
    )
    checked_id(request_id, b":")
    encoding = "base64" if scheme.get("encoding") == "base64" else "any-hex"
    tag = decoded(shown, encoding, 16)
    for key_id, key in keys:
        if hmac.compare_digest(hashlib.md5(request_id + b":" + key).digest(), tag):
            return key_id, ["sender", "id"]
    raise Refused("signature-mismatch")


def timestamped_hmac(scheme, keys, headers, body, now, tolerance):
    """Point: `t=…,v1=…`, an HMAC of time and body."""
    (shown,) = exactly_once(headers, [scheme.get("header", "point-signature")])
    printable(shown, 4096)
    times, signatures = [], []
    for part in shown.split(b","):
        part = part.strip(b" \t\n\r\x0c")
        if part.startswith(b"v1="):
            signatures.append(part[3:])
        elif part.startswith(b"t="):
            times.append(part[2:])
    if len(times) != 1:
        raise Refused("malformed-header")
    signed_at = timestamp(times[0], 1 if scheme.get("unit") == "s" else 1000)
    tags = any_decoded(signatures, scheme.get("encoding", "hex"))
    key_id = matching_key(keys, tags, times[0] + b"." + body)
    return key_id, ["sender", "body"] + judged(signed_at, now, tolerance)


def standard_webhooks(scheme, keys, headers, body, now, tolerance):
    """Standard Webhooks: an HMAC of id, time and body."""
    prefix = scheme.get("header", "webhook-signature").removesuffix("-signature")
    names = [prefix + "-id", prefix + "-timestamp", prefix + "-signature"]
    request_id, digits, shown = exactly_once(headers, names)
    checked_id(request_id, b".")
    signed_at = timestamp(digits, 1)
    printable(shown, 4096)
    signatures = [part[3:] for part in shown.split(b" ") if part.startswith(b"v1,")]
    tags = any_decoded(signatures, "base64")
    key_id = matching_key(keys, tags, request_id + b"." + digits + b"." + body)
    time_proved = judged(signed_at, now, tolerance)
    return key_id, ["sender", "body"] + time_proved + ["id"]


SCHEMES = {
    "api-key": api_key,
    "body-hmac": body_hmac,
    "request-id-md5": request_id_md5,
    "timestamped-hmac": timestamped_hmac,
    "standard-webhooks": standard_webhooks,
}


def exactly_once(headers, names):
    """The one value of each header: two readers of a doubled one may read different ones."""
    values = [[value for name, value in headers if name.lower() == wanted.lower()] for wanted in names]
    if any(len(found) == 0 for found in values):
        raise Refused("missing-header")
    if any(len(found) > 1 for found in values):
        raise Refused("duplicate-header")
    return [found[0] for found in values]


def printable(value, longest):
    if not 1 <= len(value) <= longest or re.fullmatch(rb"[ -~]*", value) is None:
        raise Refused("malformed-header")


def checked_id(value, delimiter):
    """An id with the delimiter of what is signed could lend its signature to another id."""
    if not 1 <= len(value) <= 256 or re.fullmatch(rb"[!-~]*", value) is None or delimiter in value:
        raise Refused("malformed-header")


def timestamp(digits, per_second):
    """Seconds, exactly; one spelling for each number."""
    if re.fullmatch(rb"0|[1-9][0-9]{0,14}", digits) is None:
        raise Refused("malformed-header")
    return Fraction(int(digits), per_second)


def decoded(text, encoding, length):
    """Exactly `length` bytes, in the one spelling that they have."""
    try:
        if encoding == "base64":
            tag = base64.b64decode(text, validate=True)
            canonical = base64.b64encode(tag) == text
        else:
            tag = binascii.unhexlify(text)
            canonical = text == text.lower() or encoding == "any-hex"
    except (binascii.Error, ValueError):
        raise Refused("malformed-header") from None
    if len(tag) != length or not canonical:
        raise Refused("malformed-header")
    return tag


def any_decoded(signatures, encoding):
    """The signatures that can be read, of at most 16; those that cannot are ignored beside them."""
    tags = []
    for text in signatures:
        try:
            tags.append(decoded(text, encoding, 32))
        except Refused:
            pass
    if len(signatures) > 16 or not tags:
        raise Refused("malformed-header")
    return tags


def matching_key(keys, tags, signed):
    for key_id, key in keys:
        own = hmac.new(key, signed, hashlib.sha256).digest()
        if any([hmac.compare_digest(own, tag) for tag in tags]):
            return key_id
    raise Refused("signature-mismatch")


def judged(signed_at, now, tolerance):
    if tolerance is None:
        return []
    if now - signed_at > tolerance:
        raise Refused("timestamp-too-old")
    if signed_at - now > tolerance:
        raise Refused("timestamp-too-new")
    return ["time"]


# What follows is the vectors' form of a case, and a small server.


def secret(key):
    text, encoding = key["secret"], key.get("secret_encoding", "utf8")
    if encoding == "hex":
        return bytes.fromhex(text)
    if encoding == "base64":
        return base64.b64decode(text)
    if encoding == "whsec":
        return base64.b64decode(text.removeprefix("whsec_"))
    return text.encode()


def header_value(text):
    """What no HTTP message can carry becomes what no scheme can read."""
    value = text.encode()
    return b"\xff" if re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", value) else value


def seconds(text):
    """RFC 3339 to seconds since 1970, exactly, for every year that it can write."""
    parts = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", text)
    year, month, day, hour, minute, second = (int(part) for part in parts.groups()[:6])
    # The calendar repeats every 400 years, and datetime begins with year 1.
    eras = 1 if year == 0 else 0
    whole = datetime(year + 400 * eras, month, day, hour, minute, second, tzinfo=timezone.utc)
    total = Fraction(int(whole.timestamp()) - eras * 146097 * 86400) + Fraction("0" + (parts[7] or ".0"))
    if parts[8] != "Z":
        sign = -1 if parts[8][0] == "+" else 1
        total += sign * (int(parts[8][1:3]) * 3600 + int(parts[8][4:6]) * 60)
    return total


def answer(case):
    if case["kind"] != "signature":
        return {"unsupported": True}
    keys = [(key["id"], secret(key)) for key in case["keys"]]
    headers = [(name, header_value(value)) for name, value in case["headers"]]
    body = base64.b64decode(case["body_base64"])
    now = seconds(case["now"]) if case.get("now") else Fraction(0)
    try:
        key_id, proves = verify(case["scheme"], keys, headers, body, now, case.get("tolerance_seconds"))
    except Refused as refused:
        return {"verdict": "reject", "reason": str(refused)}
    return {"verdict": "accept", "key": key_id, "proves": proves}


PLATFORMS = {
    "egym": ({"type": "api-key"}, None),
    "gympoint": ({"type": "body-hmac"}, None),
    "perfectgym": ({"type": "request-id-md5"}, None),
    "pg-next": ({"type": "api-key"}, None),
    "point": ({"type": "timestamped-hmac"}, 300),
    "standard-webhooks": ({"type": "standard-webhooks"}, 300),
}


def serve(platform, port):
    scheme, tolerance = PLATFORMS[platform]
    text = os.environ.get("GYMHOOK_SECRET", "")
    if not text:
        sys.exit("set GYMHOOK_SECRET: an empty key would let anybody sign")
    encoding = "whsec" if platform == "standard-webhooks" else "utf8"
    keys = [("main", secret({"secret": text, "secret_encoding": encoding}))]

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self):
            length = self.headers.get("content-length", "")
            if not re.fullmatch("[0-9]{1,9}", length):
                return self.reply(411)
            if int(length) > MAX_BODY:
                return self.reply(413)
            body = self.rfile.read(int(length))
            headers = [(name, value.strip().encode("latin-1")) for name, value in self.headers.items()]
            try:
                key_id, proves = verify(scheme, keys, headers, body, time.time(), tolerance)
                json.loads(body)
            except Refused as refused:
                self.log_message("refused: %s", refused)
                return self.reply(401)
            except ValueError:
                return self.reply(400)
            # Put the body into a queue here, and answer only when it is there: what is lost after a 200 is not sent again.
            self.log_message("accepted by key %s: proves %s", key_id, ", ".join(proves))
            self.reply(200)

        def reply(self, status):
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

    # Python's own number, 5, makes a burst of connections wait for a second.
    ThreadingHTTPServer.request_queue_size = 128
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


def main(arguments):
    if arguments == ["--cases"]:
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line))), flush=True)
    elif arguments and arguments[0] in PLATFORMS and len(arguments) <= 2:
        serve(arguments[0], int(arguments[1]) if len(arguments) == 2 else 8080)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
