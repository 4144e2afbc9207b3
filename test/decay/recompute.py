#!/usr/bin/env python3
"""Recomputes decay scores from nothing but the published model and the shapes of the API. Python standard library only.

Whoever doubts a score can run this beside the gateway; it shares no line with it. All arithmetic is exact (fractions and
40-digit decimals), so where the two differ by more than rounding, one of them is wrong.

  recompute.py                 reads one case per line (JSON) from standard input, writes one answer per line
  recompute.py --api FOLDER    checks scores that the API gave; reads from FOLDER, one API item per line,
                                 principals.jsonl, assets.jsonl, grants.jsonl, scores.jsonl
                                 usage.jsonl         the usage events that were accepted, as they were sent
                                 memberships.jsonl   optional: groupId, principalId, addedAt, removedAt (or null)
                               prints a summary with the first differences, and exits 1 if there is one.

A case: grantedAt, lastUsedAt, usageTrackedSince (RFC 3339 or null), usageDays (dates), principalType, privilege,
sensitivity, peers (null, or count and holding), now.
"""

import json
import sys
from collections import defaultdict
from datetime import date, datetime, timedelta, timezone
from decimal import ROUND_CEILING, ROUND_HALF_UP, Context, Decimal, getcontext
from fractions import Fraction
from pathlib import Path

getcontext().prec = 40
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
DAY_MS = 86_400_000
BANDS = [(Decimal(25), "aging"), (Decimal(50), "stale"), (Decimal(75), "dormant")]
RECOMMENDATIONS = {"active": "keep", "aging": "keep", "stale": "review", "dormant": "revoke", "insufficient_data": "none"}
SENSITIVITIES = {"public": Fraction(0), "internal": Fraction(1, 3), "confidential": Fraction(2, 3), "restricted": Fraction(1)}
PRIVILEGES = {"read": Fraction(0), "write": Fraction(1, 2), "admin": Fraction(1)}
LN2 = Decimal(2).ln()
# Half-lives after which a score is reached: -log2(1 - score/100).
HALF_LIVES = {score: -(1 - score / 100).ln() / LN2 for score, _ in BANDS}
# 50 and 75 are whole half-lives; a logarithm of 40 digits may miss them by its last one.
HALF_LIVES[Decimal(50)] = Decimal(1)
HALF_LIVES[Decimal(75)] = Decimal(2)


def instant(text):
    """RFC 3339 text to milliseconds since 1970, None to None."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    return (moment - EPOCH) // timedelta(milliseconds=1)


def rfc3339(ms):
    moment = EPOCH + timedelta(milliseconds=ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def decimal(fraction):
    return Decimal(fraction.numerator) / Decimal(fraction.denominator)


def rounded(value):
    """2 decimals, ties up, of the value to 15 significant digits."""
    return float(Context(prec=15, rounding=ROUND_HALF_UP).plus(value).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))


def percentile90(gaps):
    """As percentile_cont(0.9): linear interpolation between the two nearest ranks."""
    gaps = sorted(gaps)
    rank = Fraction(9, 10) * (len(gaps) - 1)
    below = rank.numerator // rank.denominator
    above = min(below + 1, len(gaps) - 1)
    return gaps[below] + (rank - below) * (gaps[above] - gaps[below])


def cadence(last_used, usage_days):
    """The 90th percentile of the gaps in days, or None; and how many gaps there are."""
    if last_used is None:
        return None, 0
    end = last_used // DAY_MS
    days = sorted({day for day in usage_days if end - 400 < day <= end} | {end})
    gaps = [later - earlier for earlier, later in zip(days, days[1:])]
    return (percentile90(gaps) if len(gaps) >= 3 else None), len(gaps)


def combined_weight(sensitivity, privilege, peers):
    terms = [(Fraction(5, 10), SENSITIVITIES[sensitivity]), (Fraction(3, 10), PRIVILEGES[privilege])]
    if peers is not None and peers["count"] >= 5:
        terms.append((Fraction(2, 10), 1 - Fraction(peers["holding"], peers["count"])))
    return sum(share * value for share, value in terms) / sum(share for share, _ in terms)


def score_after(idle_ms, half_life_ms):
    half_lives = Fraction(idle_ms) / half_life_ms
    return 100 * (1 - Decimal(2) ** -decimal(half_lives))


def band_of(score):
    reached = [band for start, band in BANDS if score >= start]
    return reached[-1] if reached else "active"


def next_band(now, anchor, judged_from, half_life_ms):
    """The first millisecond at which the band is another one, or None."""
    if judged_from is None:
        return None
    if now < judged_from:
        return judged_from
    for start, _ in BANDS:
        idle = (HALF_LIVES[start] * decimal(half_life_ms)).to_integral_value(rounding=ROUND_CEILING)
        if anchor + int(idle) > now:
            return anchor + int(idle)
    return None


def recompute(case):
    """case: times in milliseconds, usageDays as day numbers; everything else as in the docstring above."""
    granted, last_used, tracked, now = case["grantedAt"], case["lastUsedAt"], case["usageTrackedSince"], case["now"]
    anchor = granted if last_used is None else last_used
    anchor_kind = "granted" if last_used is None else "last_used"
    if tracked is not None and anchor < tracked:
        anchor, anchor_kind = tracked, "tracking_started"
    half_life = 15 if case["privilege"] == "admin" else 90 if case["principalType"] == "service_account" else 45
    gap, gaps = cadence(last_used, case["usageDays"])
    effective = min(Fraction(180), max(Fraction(half_life), gap or Fraction(0)))
    score = score_after(max(0, now - anchor), effective * DAY_MS)
    weight = combined_weight(case["sensitivity"], case["privilege"], case["peers"])
    priority = score * decimal(Fraction(1, 2) + weight / 2)
    judged_from = None if tracked is None else max(granted, tracked) + 30 * DAY_MS
    band = "insufficient_data" if judged_from is None or now < judged_from else band_of(score)
    upcoming = next_band(now, anchor, judged_from, effective * DAY_MS)
    return {
        "score": rounded(score),
        "priority": rounded(priority),
        "band": band,
        "recommendation": RECOMMENDATIONS[band],
        "nextBandAt": None if upcoming is None else rfc3339(upcoming),
        "unrounded": {"score": float(score), "priority": float(priority)},
        "terms": {
            "anchorAt": rfc3339(anchor),
            "anchorKind": anchor_kind,
            "halfLifeDays": half_life,
            "cadenceDays": None if gap is None else float(gap),
            "cadenceGaps": gaps,
            "effectiveHalfLifeDays": float(effective),
            "combined": float(weight),
        },
    }


def from_json(case):
    times = {name: instant(case[name]) for name in ("grantedAt", "lastUsedAt", "usageTrackedSince", "now")}
    days = [date.fromisoformat(day).toordinal() - EPOCH.toordinal() for day in case["usageDays"]]
    return {**case, **times, "usageDays": days}


class World:
    """What the API showed, so that a case can be put together for each score."""

    def __init__(self, folder):
        read = lambda name: [json.loads(line) for line in (folder / name).read_text("utf-8").splitlines() if line]
        self.principals = {item["id"]: item for item in read("principals.jsonl")}
        self.assets = {item["id"]: item for item in read("assets.jsonl")}
        self.grants = {item["id"]: item for item in read("grants.jsonl")}
        # Read once: every grant is looked at for each score on its asset.
        self.from_until = {item["id"]: validity(item) for item in self.grants.values()}
        self.scores = read("scores.jsonl")
        self.groups_of = defaultdict(list)
        for row in read("memberships.jsonl") if (folder / "memberships.jsonl").exists() else []:
            self.groups_of[row["principalId"]].append((row["groupId"], instant(row.get("addedAt")), instant(row.get("removedAt"))))
        self.grants_on = defaultdict(list)
        for grant in self.grants.values():
            self.grants_on[grant["assetId"]].append(grant)
        self.colleagues = defaultdict(set)
        for principal in self.principals.values():
            if principal["type"] == "user" and principal["status"] == "active" and principal["department"]:
                self.colleagues[principal["department"]].add(principal["id"])
        self.by_external_id = {
            (kind, item["source"], item["externalId"]): item["id"]
            for kind, items in (("principal", self.principals), ("asset", self.assets))
            for item in items.values()
            if item.get("externalId")
        }
        self.uses = defaultdict(list)
        for event in read("usage.jsonl"):
            for grant_id in self.credited(event):
                self.uses[grant_id].append(instant(event["usedAt"]))

    def named(self, kind, event):
        own = event.get(kind + "Id")
        return own or self.by_external_id.get((kind, event.get(kind + "Source"), event.get(kind + "ExternalId")))

    def credited(self, event):
        """The grant an event names, else every grant in force at the time that could have allowed it."""
        if event.get("grantId"):
            return [event["grantId"]]
        used = instant(event["usedAt"])
        holders = self.itself_and_groups(self.named("principal", event), used)
        permission = event.get("permission")
        return [
            grant["id"]
            for grant in self.grants_on[self.named("asset", event)]
            if grant["principalId"] in holders and self.in_force(grant, used) and permission in (None, grant["permission"])
        ]

    def itself_and_groups(self, principal_id, at):
        seen, waiting = {principal_id}, [principal_id]
        while waiting:
            for group, added, removed in self.groups_of[waiting.pop()]:
                within = (added is None or added <= at) and (removed is None or at < removed)
                if within and group not in seen:
                    seen.add(group)
                    waiting.append(group)
        return seen

    def in_force(self, grant, at):
        start, end = self.from_until[grant["id"]]
        return start <= at and (end is None or at < end)

    def peers(self, principal, asset_id, now):
        if not principal["department"]:
            return None
        others = self.colleagues[principal["department"]] - {principal["id"]}
        holders = {grant["principalId"] for grant in self.grants_on[asset_id] if self.in_force(grant, now)}
        return {"count": len(others), "holding": len(others & holders)}

    def case(self, grant, now):
        principal, asset = self.principals[grant["principalId"]], self.assets[grant["assetId"]]
        uses = self.uses[grant["id"]]
        return {
            "grantedAt": instant(grant["grantedAt"]),
            "lastUsedAt": max(uses, default=None),
            "usageTrackedSince": instant(asset["usageTrackedSince"]),
            "usageDays": [used // DAY_MS for used in uses],
            "principalType": principal["type"],
            "privilege": grant["privilege"],
            "sensitivity": asset["sensitivity"],
            "peers": self.peers(principal, asset["id"], now),
            "now": now,
        }


def validity(grant):
    ends = [instant(grant[name]) for name in ("expiresAt", "revokedAt") if grant.get(name)]
    return instant(grant["grantedAt"]), min(ends, default=None)


def differences(world):
    """Yields one record for every fact of a score that is not what the model says."""
    scored = set()
    for shown in world.scores:
        scored.add(shown["grantId"])
        grant = world.grants.get(shown["grantId"])
        if grant is None or grant["status"] != "active":
            yield {"grantId": shown["grantId"], "field": "grant", "shown": "a score", "recomputed": "no active grant"}
            continue
        case = world.case(grant, instant(shown["computedAt"]))
        if instant(grant["lastUsedAt"]) != case["lastUsedAt"]:
            expected = None if case["lastUsedAt"] is None else rfc3339(case["lastUsedAt"])
            yield {"grantId": grant["id"], "field": "lastUsedAt", "shown": grant["lastUsedAt"], "recomputed": expected}
        answer = recompute(case)
        for field in ("score", "priority", "band", "recommendation", "nextBandAt"):
            if shown[field] != answer[field]:
                yield {"grantId": grant["id"], "field": field, "shown": shown[field], "recomputed": answer[field]}
    for grant in world.grants.values():
        if grant["status"] == "active" and grant["id"] not in scored:
            yield {"grantId": grant["id"], "field": "grant", "shown": "no score", "recomputed": "an active grant"}


def check_api(folder):
    world = World(folder)
    found = list(differences(world))
    print(json.dumps({"compared": len(world.scores), "differences": len(found), "first": found[:20]}))
    return 1 if found else 0


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "--api":
        return check_api(Path(arguments[1]))
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    for line in sys.stdin:
        if line.strip():
            print(json.dumps(recompute(from_json(json.loads(line)))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
