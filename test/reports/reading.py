#!/usr/bin/env python3
"""Reads a report as somebody would who knows nothing of what wrote it, and holds it against what the API lists.

    reading.py csv|jsonl|pdf <report> <grants.json> [<pdftotext>]

The grants are the items of GET /v1/grants?asOf=, in their order. Prints what was found as JSON; every difference is an error.
"""
import collections
import csv
import hashlib
import itertools
import json
import re
import subprocess
import sys
import unicodedata

RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r")
LONGEST_WORD = 12
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
    return "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c)[0] not in "CZ")


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
    # pdftotext turns whole runs round, and with them the letters that one glyph stands for.
    turned = {letters(part) for line in told.split("\n") for part in parts(line) if is_right_to_left(part[:1] or "a")}
    for grant in grants:
        assert squeezed(grant["id"]) in text, f"grant {grant['id']} is not there"
        for part in parts(grant["justification"] or ""):
            assert part in text or letters(part) in turned, f"lost of {grant['id']}: {part!r:.80}"
    wanted, seen = (collections.Counter(c for c in all_text if c in TURN_TEXT_ROUND) for all_text in (
        "".join(grant["justification"] or "" for grant in grants), told))
    assert wanted == seen, f"marks that turn text round: {seen} of {wanted}"
    assert rows == included == len(grants)
    return rows


def parts(text):
    """What stands together in whichever order a line is read: all of a text from left to right, the words of one that is not."""
    if not any(is_right_to_left(c) for c in text):
        return [squeezed(text)]
    runs = itertools.groupby(unicodedata.normalize("NFKC", text), key=lambda c: is_right_to_left(c) if unicodedata.category(c)[0] == "L" else None)
    words = [squeezed("".join(run)) for direction, run in runs if direction is not None]
    # A longer one may go on on the next line, with what runs the other way between.
    return [word for word in words if len(word) <= LONGEST_WORD]


def letters(word):
    return "".join(sorted(word))


def is_right_to_left(character):
    return unicodedata.bidirectional(character) in ("R", "AL", "AN")


def main(kind, path, listed, *tools):
    with open(listed, encoding="utf-8") as file:
        grants = json.load(file)
    rows = {"csv": of_csv, "jsonl": of_json_lines, "pdf": of_pdf}[kind](path, grants, *tools)
    with open(path, "rb") as file:
        print(json.dumps({"rows": rows, "sha256": hashlib.sha256(file.read()).hexdigest()}))


main(*sys.argv[1:])
