#!/usr/bin/env python3
"""Writes retry.json, the retry cases of gymhook-vectors/1.

The expected offsets are computed here, by arithmetic of its own on delays copied from the platforms' pages, never by the
library under test. Run it from any directory; it overwrites the file beside it. No dependencies.
"""

import datetime
import json
import pathlib
import re

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

PUBLISHED = {
    # gympoint.ai/knowledge-base/settings/integrations-api, "Webhook retry behavior"
    "gympoint": [5 * MINUTE, 30 * MINUTE, 2 * HOUR],
    # developer.egym.com/general/webhooks: nothing about retries, so none
    "egym": [],
    # kb.perfectgym.com/article/how-use-and-set-webhooks: a button to repeat by hand, no automatic schedule, so none
    "perfectgym": [],
    # developer.sportalliance.com/apis/perfectgym/webhooks/general-information: "after 10 minutes", "3 repeats"
    "pg-next": [10 * MINUTE] * 3,
    # areyouonpoint.co/docs/webhooks-overview: retries, but no schedule; 1 min to 1 h in five attempts is gymhook's own
    "point": [1 * MINUTE, 4 * MINUTE, 16 * MINUTE, 60 * MINUTE],
    # github.com/standard-webhooks/standard-webhooks, spec, "Deliverability and reliability", without the first "Immediately"
    "standard-webhooks": [
        5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR,
    ],
}
# "a non-2xx status code", "in case of any error", "all non 2xx response status codes": 410 is one of them. Only the
# specification's "Delivery success and failure" takes it for the end of the endpoint.
GONE_ENDS = {"standard-webhooks"}
RETRY_AFTER_MAX = DAY
PRESENT = datetime.datetime(2026, 1, 1)


def delays_of(policy):
    if isinstance(policy, str):
        return PUBLISHED[policy]
    if "delays_ms" in policy:
        return policy["delays_ms"]
    if "constant_ms" in policy:
        return [policy["constant_ms"]] * policy["retries"]
    return [min(policy["initial_ms"] * policy["factor"] ** n, policy["max_ms"]) for n in range(policy["retries"])]


def asked_wait(text):
    """What a Retry-After asks for in ms, as far as the policy respects it; 0 if it says nothing.

    Dates in these files are either long past or beyond any cap, so that no case depends on when it is run.
    """
    if text is None:
        return 0
    text = text.strip(" \t")
    if re.fullmatch("[0-9]+", text):
        return min(int(text) * SECOND, RETRY_AFTER_MAX)
    for form in ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"):
        try:
            date = datetime.datetime.strptime(text, form)
        except ValueError:
            continue
        if not any(date.strftime(day) in text.split(" ")[0] for day in ("%a", "%A")):
            return 0
        distance = (date - PRESENT).days
        assert distance < -365 or distance > 365, text
        return RETRY_AFTER_MAX if distance > 0 else 0
    return 0


def expected(policy, outcomes):
    delays = delays_of(policy)
    offsets, clock = [0], 0
    for number, outcome in enumerate(outcomes):
        clock += outcome["took_ms"]
        status = outcome.get("status")
        if status is not None and 200 <= status <= 299:
            return {"attempt_offsets_ms": offsets, "end": "delivered"}
        if status == 410 and isinstance(policy, str) and policy in GONE_ENDS:
            return {"attempt_offsets_ms": offsets, "end": "endpoint-gone"}
        if number == len(delays):
            return {"attempt_offsets_ms": offsets, "end": "undeliverable"}
        clock += max(delays[number], asked_wait(outcome.get("retry_after")))
        offsets.append(clock)
    return {"attempt_offsets_ms": offsets, "end": "waiting"}


def answer(status, took_ms=40, retry_after=None):
    outcome = {"status": status, "took_ms": took_ms}
    if retry_after is not None:
        outcome["retry_after"] = retry_after
    return outcome


def error(name, took_ms):
    return {"error": name, "took_ms": took_ms}


CASES = []


def case(name, why, policy, *outcomes):
    CASES.append({
        "kind": "retry",
        "name": name,
        "why": why,
        "policy": policy,
        "jitter": "none",
        "outcomes": list(outcomes),
        "expect": expected(policy, outcomes),
    })


def presets():
    for policy, delays in PUBLISHED.items():
        attempts = len(delays) + 1
        case(f"{policy}-delivered-at-once", "a 2xx at the first attempt ends the delivery; nothing is scheduled after it",
             policy, answer(200))
        case(f"{policy}-never-delivered", "every attempt of the preset takes place, each delay counted from the end of the "
             "failed attempt, and then the delivery is given up", policy, *[answer(500)] * attempts)
        case(f"{policy}-every-attempt-slow", "an attempt's own running time comes before its delay, so slow attempts move "
             "all later ones", policy, *[error("timeout", 30_000)] * attempts)
        if delays:
            case(f"{policy}-delivered-by-the-last-attempt", "the last attempt counts as much as the first",
                 policy, *[answer(502)] * len(delays), answer(204))
            case(f"{policy}-still-waiting", "the outcomes end before the schedule does: the next attempt is known already",
                 policy, answer(503))
        case(f"{policy}-more-outcomes-than-attempts", "what would have happened after giving up is nobody's business",
             policy, *[answer(500)] * attempts, answer(200), answer(200))


def statuses():
    for status, why in [
        (201, "any 2xx is a success, not only 200"),
        (204, "a success needs no body"),
        (299, "the last 2xx"),
    ]:
        case(f"status-{status}", why, "pg-next", answer(status))
    for status, why in [
        (300, "a redirect is a failure and is never followed"),
        (302, "a redirect is a failure and is never followed, whatever its Location"),
        (304, "not modified is no receipt"),
        (308, "a permanent redirect is a failure too: the URL has to be changed by hand"),
        (400, "the platforms retry every status but 2xx, so a refused request is sent again"),
        (401, "a wrong secret can be put right between attempts"),
        (404, "a missing route can be put right between attempts"),
        (408, "the endpoint ran out of time"),
        (409, "a conflict is no receipt"),
        (415, "a refused content type is retried like any other 4xx by default"),
        (425, "too early means later"),
        (429, "too many requests, without saying until when: the schedule applies"),
        (500, "the endpoint failed"),
        (503, "unavailable, without saying until when: the schedule applies"),
        (599, "the last 5xx"),
    ]:
        case(f"status-{status}", why, "pg-next", answer(status), answer(200))
    gone = "standard-webhooks"
    case("gone-at-once", "410 asks for no more notifications at all: no retry, although nine are left", gone, answer(410))
    case("gone-at-a-retry", "410 ends the endpoint at whichever attempt it comes", gone, answer(500), answer(410), answer(200))
    case("gone-at-the-last-attempt", "410 at the last attempt is still the endpoint's wish, not an exhausted schedule",
         gone, *[answer(500)] * 9, answer(410))
    case("gone-with-retry-after", "there is nothing to wait for", gone, answer(410, retry_after="60"))
    for policy, page in [
        ("gympoint", '"If your endpoint returns a non-2xx status code"'),
        ("pg-next", '"In case of any error, Webhook request will be resend"'),
        ("point", '"all non 2xx response status codes (3xx, 4xx, or 5xx)"'),
    ]:
        attempts = len(PUBLISHED[policy]) + 1
        case(f"{policy}-410-is-retried", f"the page retries it: {page}", policy, answer(410), answer(200))
        case(f"{policy}-410-every-time", "the schedule ends the delivery, and nothing else does", policy, *[answer(410)] * attempts)
    for policy in ["egym", "perfectgym"]:
        case(f"{policy}-410-without-retries", "the page names no rule for 410: a failure like any other", policy, answer(410))
    case("410-under-a-schedule-of-ones-own", "gone is a choice, not the default", {"delays_ms": [1_000]}, answer(410), answer(200))


def errors():
    for name, took in [("timeout", 5_000), ("connect", 12), ("dns", 3), ("tls", 80)]:
        case(f"error-{name}", "no answer is a failure like any other", "pg-next", error(name, took), answer(200))
    case("errors-of-every-kind", "the schedule counts attempts, not kinds of failure", "point",
         error("dns", 3), error("connect", 1_000), error("tls", 70), error("timeout", 30_000), answer(500))
    case("instant-failures", "attempts that take no time leave the bare schedule", "gympoint", *[error("connect", 0)] * 4)


def schedules():
    case("fixed", "the n-th delay follows the n-th failure", {"delays_ms": [1, 20, 300]}, *[answer(500, 7)] * 4)
    case("fixed-falling", "a list is taken unchanged, growing or not", {"delays_ms": [500, 10, 250]}, *[answer(500, 0)] * 4)
    case("fixed-one", "one delay, two attempts", {"delays_ms": [1_000]}, answer(500), answer(500))
    case("fixed-empty", "an empty list means no retry", {"delays_ms": []}, answer(500), answer(200))
    case("fixed-zero-delays", "a delay of zero is a retry at once", {"delays_ms": [0, 0]}, *[answer(500, 5)] * 3)
    case("constant", "the same delay after every failure", {"constant_ms": 2_500, "retries": 4}, *[answer(500, 9)] * 5)
    case("constant-no-retries", "zero retries: the first attempt is the last", {"constant_ms": 2_500, "retries": 0}, answer(500))
    case("constant-zero", "a delay of zero is a retry at once", {"constant_ms": 0, "retries": 2}, *[answer(500, 1)] * 3)
    case("exponential", "each delay is the one before times the factor",
         {"initial_ms": 100, "factor": 3, "max_ms": 1_000_000, "retries": 5}, *[answer(500, 2)] * 6)
    case("exponential-at-its-cap", "growth stops at the longest delay and stays there",
         {"initial_ms": 1_000, "factor": 2, "max_ms": 5_000, "retries": 6}, *[answer(500, 0)] * 7)
    case("exponential-cap-met-exactly", "a delay equal to the cap is not cut",
         {"initial_ms": 1_000, "factor": 2, "max_ms": 4_000, "retries": 4}, *[answer(500, 0)] * 5)
    case("exponential-factor-one", "a factor of one never grows",
         {"initial_ms": 700, "factor": 1, "max_ms": 9_000, "retries": 3}, *[answer(500, 0)] * 4)
    case("exponential-max-is-initial", "the cap holds from the first delay on",
         {"initial_ms": 700, "factor": 10, "max_ms": 700, "retries": 3}, *[answer(500, 0)] * 4)
    case("exponential-no-retries", "zero retries, whatever the growth",
         {"initial_ms": 700, "factor": 2, "max_ms": 9_000, "retries": 0}, answer(503, retry_after="5"), answer(200))
    case("exponential-beyond-64-bits", "factor 10 for 40 retries leaves every integer type behind, and the cap holds",
         {"initial_ms": 1, "factor": 10, "max_ms": 60_000, "retries": 40}, *[answer(500, 0)] * 41)


def retry_after():
    ten_minutes = "pg-next"
    for name, value, why in [
        ("below-the-schedule", "120", "asking for two minutes does not shorten the ten of the schedule"),
        ("equal-to-the-schedule", "600", "asking for just what is scheduled changes nothing"),
        ("a-second-above", "601", "one second more than the schedule is respected"),
        ("above-the-schedule", "3600", "asking for an hour is respected: never before it"),
        ("just-within-the-cap", "86399", "a second below the cap is respected in full"),
        ("at-the-cap", "86400", "24 hours are respected"),
        ("over-the-cap", "86401", "a second above the cap is cut to the cap"),
        ("a-week", "604800", "an endpoint does not get to postpone a delivery for a week"),
        ("zero", "0", "no wait asked for: the schedule applies"),
        ("leading-zeros", "000900", "RFC 9110: one or more digits, leading zeros included"),
        ("surrounding-space", " 900\t", "optional whitespace around a field value is no part of it"),
        ("imf-fixdate-far-ahead", "Fri, 31 Dec 9999 23:59:59 GMT", "a date beyond the cap is cut to the cap"),
        ("rfc850-far-ahead", "Monday, 31-Dec-68 23:59:59 GMT", "the obsolete form with a two-digit year still has to be understood"),
        ("asctime-far-ahead", "Fri Dec 31 23:59:59 9999", "the obsolete form of C's asctime still has to be understood"),
        ("imf-fixdate-past", "Sun, 06 Nov 1994 08:49:37 GMT", "a date in the past asks for nothing"),
        ("rfc850-past", "Sunday, 06-Nov-94 08:49:37 GMT", "a date in the past asks for nothing"),
        ("asctime-past", "Sun Nov  6 08:49:37 1994", "a date in the past asks for nothing"),
        ("more-than-32-bits", "99999999999999", "a huge whole number is a long wait, cut to the cap; adding it must not overflow"),
        ("more-than-64-bits", "99999999999999999999999999", "more digits than any integer type holds: saturated, then cut to the cap"),
        ("exponent", "1e30", "no whole number of seconds: ignored"),
        ("infinity", "inf", "no whole number of seconds: ignored"),
        ("not-a-number", "NaN", "no whole number of seconds: ignored"),
        ("negative", "-1", "no sign in RFC 9110: ignored"),
        ("plus-sign", "+3600", "no sign in RFC 9110: ignored"),
        ("fraction", "3600.5", "no fraction in RFC 9110: ignored"),
        ("hexadecimal", "0xFFFF", "not decimal: ignored"),
        ("unit", "3600s", "no unit in RFC 9110: ignored"),
        ("two-values", "3600, 7200", "not one value: ignored"),
        ("inner-space", "3 600", "digits only: ignored"),
        ("empty", "", "says nothing: ignored"),
        ("words", "tomorrow", "says nothing: ignored"),
        ("impossible-date", "Thu, 31 Feb 9999 00:00:00 GMT", "there is no such day: ignored"),
        ("no-leap-year", "Mon, 29 Feb 2100 00:00:00 GMT", "2100 is no leap year: ignored"),
        ("other-zone", "Fri, 31 Dec 9999 23:59:59 CET", "an HTTP-date is in GMT: ignored"),
        ("iso-8601", "9999-12-31T23:59:59Z", "no form of an HTTP-date: ignored"),
        ("full-width-digits", "３６００", "digits are ASCII digits: ignored"),
    ]:
        case(f"retry-after-{name}", why, ten_minutes, answer(503, 40, value), answer(200))
    case("retry-after-on-429", "too many requests, and until when", ten_minutes, answer(429, 25, "1800"), answer(200))
    case("retry-after-counts-from-the-answer", "the wait begins when the answer came, not when the request left",
         ten_minutes, answer(503, 4_900, "1800"), answer(200))
    case("retry-after-every-time", "each answer is respected on its own", "gympoint",
         answer(503, 10, "600"), answer(429, 10, "600"), answer(503, 10, "10800"), answer(200, 10))
    case("retry-after-on-success", "a success is a success", ten_minutes, answer(200, 40, "3600"))
    case("retry-after-at-the-last-attempt", "it asks for an attempt that the schedule does not have", "pg-next",
         *[answer(500)] * 3, answer(503, 40, "60"))
    case("retry-after-without-retries", "a wish for later is no retry where there is none", "perfectgym", answer(503, 40, "60"))
    case("retry-after-longer-than-a-cap-of-growth", "the cap of an exponential schedule binds the schedule, not the endpoint's wish",
         {"initial_ms": 1_000, "factor": 2, "max_ms": 5_000, "retries": 3}, answer(503, 0, "60"), answer(500, 0), answer(500, 0), answer(500, 0))
    case("retry-after-does-not-shift-the-schedule", "after a long wait the next failure gets its own delay again",
         "standard-webhooks", answer(503, 0, "3600"), answer(500, 0), answer(200, 0))


for section in (presets, statuses, errors, schedules, retry_after):
    section()
names = [each["name"] for each in CASES]
assert len(names) == len(set(names)), "two cases share a name"
lines = ",\n".join("  " + json.dumps(each, ensure_ascii=True) for each in CASES)
target = pathlib.Path(__file__).with_name("retry.json")
target.write_text('{"format": "gymhook-vectors/1", "cases": [\n' + lines + "\n]}\n", encoding="utf-8")
print(f"{len(CASES)} cases written to {target}")
