#!/usr/bin/env python3
"""Reads a report as somebody would who knows nothing of what wrote it, and holds it against what the API lists.

    reading.py csv|jsonl|pdf <report> <grants.json> [<pdftotext>]

The grants are the items of GET /v1/grants?asOf=, in their order. Prints what was found as JSON; every difference is an error.
"""
import collections
import csv
import hashlib
import json
import re
import subprocess
import sys
import unicodedata

RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r")
# By block, since what has no character yet runs as its neighbours do.
RIGHT_TO_LEFT = (range(0x590, 0x900), range(0xFB1D, 0xFE00), range(0xFE70, 0xFF00), range(0x10800, 0x11000), range(0x1E800, 0x1F000))
TURN_TEXT_ROUND = "\u202d\u202e\u2066\u2067\u2068\u2069"


def of_csv(path, grants):
    csv.field_size_limit(2**31 - 1)
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    for row in rows:
        assert None not in row and None not in row.values(), f"a row of another length than the header: {row}"
        for cell in row.values():
            assert not cell.startswith(RUN_BY_SPREADSHEETS), f"a spreadsheet would run {cell[:40]!r}"
    plain = [{name: cell[1:] if cell.startswith("'") else cell for name, cell in row.items()} for row in rows]
    same(plain, [{name: value or "" for name, value in grant.items()} for grant in grants])
    return len(rows)


def of_json_lines(path, grants):
    with open(path, encoding="utf-8", newline="\n") as file:
        first, *rows, last = [json.loads(line) for line in file]
    assert first["metadata"]["rows"] == last["counts"]["rows"] == len(rows)
    same(rows, grants)
    return len(rows)


def same(rows, grants):
    named = [(row["grantId"], row["privilege"], row["sensitivity"]) for row in rows]
    assert collections.Counter(kind[1:] for kind in named).total() == len(grants)
    for row, grant in zip(rows, grants, strict=True):
        assert row["grantId"] == grant["id"], f"{row['grantId']} stands where {grant['id']} should"
        for name in ("principalName", "assetName", "permission", "privilege", "justification"):
            assert row[name] == grant[name], f"{name} of {grant['id']}: {row[name]!r:.80} is not {grant[name]!r:.80}"


def squeezed(text):
    """Without what programs that copy text out of pages put in and leave out as they like: blanks, and what has no picture."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if unicodedata.category(c)[0] not in "CZ")


def of_pdf(path, grants, pdftotext):
    told = subprocess.run([pdftotext, "-raw", "-enc", "UTF-8", path, "-"], check=True, capture_output=True).stdout.decode()
    cover, *pages = told.split("\f")[:-1]
    rows = int(re.search(r"^Rows (\d+)$", cover, re.M)[1])
    included = int(re.search(r"^Included (\d+)$", cover, re.M)[1])
    for number, page in enumerate([cover, *pages], 1):
        assert re.search(rf"page {number} of {len(pages) + 1}$", page, re.M), f"page {number} does not say so"
    # What is on every page again: the foot, which is drawn first, and the headings of the table, which on its first page follow its title.
    pages = [re.sub(r"^.* page \d+ of \d+\n", "", page, count=1) for page in pages]
    heading = squeezed(pages[0].partition("\n")[2]).partition(squeezed(grants[0]["id"]))[0]
    text = "".join(squeezed(page).removeprefix(heading) for page in pages)
    starts = [text.index(squeezed(grant["id"])) for grant in grants]
    for grant, start, end in zip(grants, starts, [*starts[1:], len(text)], strict=True):
        assert_shown(squeezed(grant["justification"] or ""), text[start:end], grant["id"])
    wanted, seen = (collections.Counter(c for c in all_text if c in TURN_TEXT_ROUND) for all_text in (
        "".join(grant["justification"] or "" for grant in grants), told))
    assert wanted == seen, f"marks that turn text round: {seen} of {wanted}"
    assert rows == included == len(grants)
    return rows


def assert_shown(value, row, name):
    """As it is where it runs from left to right; where it runs both ways, pdftotext puts its characters in an order of its own."""
    if any(ord(c) in block for c in value for block in RIGHT_TO_LEFT):
        lost = collections.Counter(value) - collections.Counter(row)
        assert not lost, f"lost of {name}: {lost}"
    else:
        assert value in row, f"lost of {name}: {value!r:.80} in {row!r:.400}"


def main(kind, path, listed, *tools):
    with open(listed, encoding="utf-8") as file:
        grants = json.load(file)
    rows = {"csv": of_csv, "jsonl": of_json_lines, "pdf": of_pdf}[kind](path, grants, *tools)
    with open(path, "rb") as file:
        print(json.dumps({"rows": rows, "sha256": hashlib.sha256(file.read()).hexdigest()}))


main(*sys.argv[1:])
