#!/usr/bin/env python3
"""The independent twin of the offline verifier: written from API.md alone, with Python's standard library.

    verify.py <log.jsonl> [<keys.json>]

The log holds events as GET /v1/audit answers them, oldest first, and may hold checkpoints and other lines, as an extract of reports does. Signatures are checked where the package
`cryptography` is there; hashes always. Exit code 0 intact, 1 broken, 2 nothing to check.
"""
import base64
import hashlib
import json
import sys


def number(value):
    """A number as ECMAScript writes it, which is what RFC 8785 asks for; Python writes exponents and whole numbers in another way."""
    value = float(value)
    if abs(value) < 2**53 and value == int(value):
        return str(int(value))
    digits, _, exponent = repr(value).partition("e")
    if exponent == "":
        return digits.removesuffix(".0")
    power = int(exponent)
    mantissa = digits.replace("-", "").replace(".", "")
    sign = "-" if value < 0 else ""
    if -7 < power < 0:
        return f"{sign}0.{'0' * (-power - 1)}{mantissa}"
    if 0 < power < 21:
        whole = mantissa.ljust(power + 1, "0")
        return sign + whole[: power + 1] + (f".{whole[power + 1:]}" if len(whole) > power + 1 else "")
    return f"{digits.removesuffix('.0')}e{'+' if power > 0 else '-'}{abs(power)}"


def canonical(value):
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{canonical(name)}:{canonical(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    return json.dumps(value, ensure_ascii=False)


def event_hash(item):
    event = {name: value for name, value in item.items() if name not in ("hash", "prevHash", "display")}
    return hashlib.sha256(bytes.fromhex(item["prevHash"]) + canonical(event).encode()).hexdigest()


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def signed(point, keys):
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return True
    key = next((key for key in keys if key["kid"] == point["keyId"]), None)
    message = f"{point['sequence']}.{point['hash']}.{point['time']}".encode()
    try:
        Ed25519PublicKey.from_public_bytes(decoded(key["x"])).verify(decoded(point["signature"]), message)
        return True
    except (InvalidSignature, TypeError, ValueError):
        return False


def broken(sequence):
    print(f"BROKEN at {sequence}")
    sys.exit(1)


def listed(path):
    """The keys of a JWK set, or of the lines of an extract that hold one each."""
    lines = [line for line in open(path, encoding="utf-8", newline="\n") if line.startswith('{"key":')]
    return [json.loads(line)["key"] for line in lines] or json.load(open(path, encoding="utf-8"))["keys"]


def main(log, keys=None):
    keys = listed(keys) if keys else None
    last, points, hashes = None, [], {}
    for line in open(log, encoding="utf-8", newline="\n"):
        item = json.loads(line)
        if "signature" in item:
            points.append(item)
        elif "prevHash" in item:
            sequence = item["sequence"]
            expected = last["sequence"] + 1 if last else sequence
            prev_hash = last["hash"] if last else "0" * 64 if sequence == 1 else item["prevHash"]
            if last is None and sequence > 1:
                # A log that was pruned begins after a signed base.
                hashes[sequence - 1] = item["prevHash"]
            if sequence != expected or item["prevHash"] != prev_hash or event_hash(item) != item["hash"]:
                broken(min(sequence, expected))
            hashes[sequence] = item["hash"]
            last = item
    if last is None:
        sys.exit(2)
    for point in points:
        if hashes.get(point["sequence"]) != point["hash"] or (keys is not None and not signed(point, keys)):
            broken(point["sequence"])
    print(f"INTACT to {last['sequence']}, head {last['hash']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
