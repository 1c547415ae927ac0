#!/usr/bin/env python3
"""Write the conformance vectors of this folder, from nothing but Python's standard library.

    python3 tests/vectors/generate.py            write signature-*.json and event-*.json
    python3 tests/vectors/generate.py --check    write nothing; exit 1 if a file differs from what would be written

The vectors judge the Rust code, so nothing here is taken from it. Digests come from `hashlib` and `hmac`; what has
been published (RFC 4231, the RFC 1321 suite, the Standard Webhooks examples) is a literal and is asserted
against them before a file is written; what an event means was typed by hand from the vendors' pages. The output is
deterministic: no clock, no random source, no dictionary order.

`generator/` holds one module a scheme and one a vendor, named like the file that it fills. Python 3.11 or newer.
"""

import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # leave no __pycache__ among the vectors

from generator import (
    event_egym,
    event_gympoint,
    event_perfectgym,
    event_pg_next,
    event_point,
    published,
    signature_api_key,
    signature_body_hmac,
    signature_request_id_md5,
    signature_standard_webhooks,
    signature_timestamped_hmac,
)

FOLDER = Path(__file__).resolve().parent

FILES = {
    "signature-api-key.json": signature_api_key,
    "signature-body-hmac.json": signature_body_hmac,
    "signature-request-id-md5.json": signature_request_id_md5,
    "signature-standard-webhooks.json": signature_standard_webhooks,
    "signature-timestamped-hmac.json": signature_timestamped_hmac,
    "event-egym.json": event_egym,
    "event-gympoint.json": event_gympoint,
    "event-perfectgym.json": event_perfectgym,
    "event-pg-next.json": event_pg_next,
    "event-point.json": event_point,
}


def render(cases: list[dict]) -> str:
    """The file's text: one case a block, one key a line, so that a diff shows which case changed."""
    blocks = []
    for case in cases:
        lines = [f"      {json.dumps(key)}: {json.dumps(value)}" for key, value in case.items()]
        blocks.append("    {\n" + ",\n".join(lines) + "\n    }")
    return '{\n  "format": "gymhook-vectors/1",\n  "cases": [\n' + ",\n".join(blocks) + "\n  ]\n}\n"


def check_names(file: str, cases: list[dict]) -> None:
    names = [case["name"] for case in cases]
    twice = sorted({name for name in names if names.count(name) > 1})
    assert not twice, f"{file}: names used twice: {twice}"
    assert all(case["why"].strip() for case in cases), f"{file}: a case without why"


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    published.assert_against_the_standard_library()
    stale = []
    for file, module in FILES.items():
        cases = module.cases()
        check_names(file, cases)
        text = render(cases)
        path = FOLDER / file
        if arguments == ["--check"]:
            if not path.exists() or path.read_text(encoding="ascii") != text:
                stale.append(file)
        else:
            path.write_text(text, encoding="ascii")
        print(f"{len(cases):4} cases  {file}")
    for file in stale:
        print(f"differs from what the generator writes: {file}", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
