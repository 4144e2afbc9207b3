"""What schemathesis cannot know by the document alone: ids of things that are there, and which refusals of valid data are right."""

import json
import os
import random
import uuid

import schemathesis
from schemathesis.generation.meta import TestPhase

# Ids of things that the spec has made: {"principals": […], "groups": […], "assets": […], "grants": […], "campaigns": […], "reports": […], "schedules": […]}.
KNOWN = json.loads(os.environ["CONTRACT_KNOWN"])

NAMES = {
    "principalId": "principals",
    "managerId": "principals",
    "ownerId": "principals",
    "groupId": "groups",
    "assetId": "assets",
    "parentId": "assets",
    "grantId": "grants",
    "campaignId": "campaigns",
}

# The codes that say that a request is not what the document asks for. A broken rule has another code.
MALFORMED = {"validation_failed", "malformed_json", "malformed_request"}

# schemathesis 4.32 sends what it makes for the pattern of an entity tag, '"0"', without the quotes.
QUOTED_HEADERS = {"If-Match", "If-None-Match"}


def with_known_ids(value, collection, choice):
    """The value with most of its ids, by their names, exchanged for known ones; `id` is one of the collection."""
    if isinstance(value, list):
        return [with_known_ids(item, collection, choice) for item in value]
    if not isinstance(value, dict):
        return value
    exchanged = {}
    for name, item in value.items():
        kind = NAMES.get(name, collection if name == "id" else None)
        if kind in KNOWN and isinstance(item, str) and choice.random() < 0.8:
            exchanged[name] = choice.choice(KNOWN[kind])
        else:
            exchanged[name] = with_known_ids(item, collection, choice)
    return exchanged


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """Valid requests are let past 404, broken references and used keys, so that they reach what is behind. Chains of requests have their own ids."""
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive or meta.phase.name == TestPhase.STATEFUL:
        return
    choice = random.Random(case.id)
    collection = "schedules" if "/schedules/" in case.path else case.path.split("/")[2]
    if case.path_parameters:
        case.path_parameters = with_known_ids(case.path_parameters, collection, choice)
    case.body = with_known_ids(case.body, None, choice)
    if "Idempotency-Key" in (case.headers or {}) and choice.random() < 0.7:
        case.headers["Idempotency-Key"] = str(uuid.UUID(int=choice.getrandbits(128), version=4))


@schemathesis.check
def valid_data_is_not_called_malformed(ctx, response, case):
    """Stricter than positive_data_acceptance, which has to let every 400 pass, since some rules no schema can say."""
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive or response.status_code != 400:
        return
    error = response.json()["error"]
    if error["code"] not in MALFORMED:
        return
    if not error["details"] or any(detail["path"] not in QUOTED_HEADERS for detail in error["details"]):
        raise AssertionError(f"The request fits the document, and is answered {error['code']}: {response.text}")
