"""A check of ours beside schemathesis' own: positive_data_acceptance has to let every 400 pass, since some rules no schema can say."""

import schemathesis

# The codes that say that a request is not what the document asks for. A broken rule has another code.
MALFORMED = {"validation_failed", "malformed_json", "malformed_request"}

# schemathesis 4.32 sends what it makes for the pattern of an entity tag, '"0"', without the quotes.
QUOTED_HEADERS = {"If-Match", "If-None-Match"}


@schemathesis.check
def valid_data_is_not_called_malformed(ctx, response, case):
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive or response.status_code != 400:
        return
    error = response.json()["error"]
    if error["code"] not in MALFORMED:
        return
    if not error["details"] or any(detail["path"] not in QUOTED_HEADERS for detail in error["details"]):
        raise AssertionError(f"The request fits the document, and is answered {error['code']}: {response.text}")
