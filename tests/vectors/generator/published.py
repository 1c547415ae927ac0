"""Values that others have published, as literals, and the check that Python's standard library agrees with them.

Read, but without a place in a case: the RFC 1321 suite (no message of it has the form `id:secret`, so it only shows
that the MD5 used here is MD5) and RFC 2202 (HMAC-MD5 and HMAC-SHA1, which no scheme here uses).
"""

import base64

from .case import hmac_sha256, md5

# RFC 4231, sections 4.2 to 4.8: (number, key, data, HMAC-SHA-256). Test case 5 is published cut to 128 bits.
RFC_4231 = [
    (1, bytes.fromhex("0b" * 20), b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (
        2,
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (
        3,
        bytes.fromhex("aa" * 20),
        bytes.fromhex("dd" * 50),
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ),
    (
        4,
        bytes(range(1, 26)),
        bytes.fromhex("cd" * 50),
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    (5, bytes.fromhex("0c" * 20), b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
    (
        6,
        bytes.fromhex("aa" * 131),
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        7,
        bytes.fromhex("aa" * 131),
        b"This is a test using a larger than block-size key and a larger than block-size data. "
        b"The key needs to be hashed before being used by the HMAC algorithm.",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
]

# RFC 1321, appendix A.5.
RFC_1321 = [
    (b"", "d41d8cd98f00b204e9800998ecf8427e"),
    (b"a", "0cc175b9c0f1b6a831c399e269772661"),
    (b"abc", "900150983cd24fb0d6963f7d28e17f72"),
    (b"message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
    (b"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
    (b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"),
    (b"1234567890" * 8, "57edf4a22be3c955ac49da2e2107b67a"),
]

# The example that the Standard Webhooks reference libraries share as their signing test.
STANDARD_WEBHOOKS_EXAMPLE = {
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "timestamp": "1614265330",
    "body": b'{"test": 2432232314}',
    "signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}

# The signing test of the Rust reference library (crate `standardwebhooks` 1.0.1, `test_sign`).
STANDARD_WEBHOOKS_RUST = {
    "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    "id": "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
    "timestamp": "1649367553",
    "body": b'{"email":"test@example.com","username":"test_user"}',
    "signature": "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
}

# The value printed on Point's page about its signature header. Neither its secret nor its body is published.
POINT_HEADER = "t=1669056240352,v1=0dd7997238ae232183b59e225ed4ca859183dd991e5dbc34b019c895de1f40ce"


def assert_against_the_standard_library() -> None:
    for number, key, data, tag in RFC_4231:
        assert hmac_sha256(key, data).hex().startswith(tag), f"RFC 4231 test case {number}"
    for message, digest in RFC_1321:
        assert md5(message).hex() == digest, f"RFC 1321 suite: {message!r}"
    for example in (STANDARD_WEBHOOKS_EXAMPLE, STANDARD_WEBHOOKS_RUST):
        secret = base64.b64decode(example["secret"].removeprefix("whsec_"), validate=True)
        content = f"{example['id']}.{example['timestamp']}.".encode() + example["body"]
        tag = base64.b64encode(hmac_sha256(secret, content)).decode()
        assert "v1," + tag == example["signature"], f"Standard Webhooks example {example['id']}"
