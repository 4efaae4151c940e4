"""How much faster than the standard library is `parse_mail`? Run me; figures are process CPU.

Goal 14 of PERFORMANCE.md: headers >= 4 x policy.default, a full parse >= 5 x.
"""

import base64
import email
import email.policy
import random
import statistics
import time
from collections.abc import Callable, Sequence
from email.utils import getaddresses, parsedate_to_datetime

from mailboxes.parsing import headers
from mailboxes.parsing.mail import parse_mail

WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "lazy",
    "dog",
    "meeting",
    "report",
    "revenue",
    "küche",
    "café",
    "naïve",
]
ROUNDS = 6
MESSAGES = 200


def message(number: int) -> bytes:
    """About 20 kB with 1.7 kB of headers, text, HTML and an attachment."""
    dice = random.Random(number)
    text = " ".join(dice.choices(WORDS, k=600))
    html = "".join(f"<p>{' '.join(dice.choices(WORDS, k=12))}</p>" for _ in range(60))
    attached = base64.encodebytes(dice.randbytes(6000)).decode()
    hops = "".join(
        f"Received: from mx{k}.example.net (mx{k}.example.net [192.0.2.{k}])\r\n"
        f"\tby mail{k}.example.org (Postfix) with ESMTPS id 4X{number:08x}\r\n"
        f"\tfor <ada@example.org>; Tue, 3 Nov 2026 10:0{k}:00 +0000 (UTC)\r\n"
        for k in range(4)
    )
    return (
        f"Return-Path: <jane@acme.test>\r\n{hops}"
        f"DKIM-Signature: v=1; a=rsa-sha256; d=acme.test; s=s1;\r\n bh={'A' * 44};\r\n b={'B' * 70}\r\n"
        f'MIME-Version: 1.0\r\nFrom: "Doe, Jane" <jane.doe{number}@acme.test>\r\n'
        "To: Ada Lovelace <ada@example.org>, Ben <ben@example.org>,\r\n"
        f"\t=?utf-8?q?J=C3=BCrgen_M=C3=BCller?= <jm{number}@example.org>\r\n"
        f'Cc: "Roe, R." <r{number}@example.com>, team{number}@example.com\r\n'
        f"Subject: =?utf-8?q?R=C3=A9union_du_projet?= {number} and some more text\r\n"
        f"Date: Tue, 3 Nov 2026 11:02:03 +0100\r\nMessage-ID: <{number}.abc@acme.test>\r\n"
        f"In-Reply-To: <p{number}@acme.test>\r\n"
        f"References: <a{number}@acme.test> <b{number}@acme.test>\r\n\t<p{number}@acme.test>\r\n"
        f'X-Mailer: Bench\r\nContent-Type: multipart/mixed; boundary="=_mix{number}"\r\n\r\n'
        f'--=_mix{number}\r\nContent-Type: multipart/alternative; boundary="=_alt{number}"\r\n\r\n'
        f'--=_alt{number}\r\nContent-Type: text/plain; charset="utf-8"\r\n\r\n{text}\r\n'
        f'--=_alt{number}\r\nContent-Type: text/html; charset="utf-8"\r\n\r\n{html}\r\n'
        f'--=_alt{number}--\r\n--=_mix{number}\r\nContent-Type: application/pdf; name="report.pdf"\r\n'
        'Content-Disposition: attachment; filename="report.pdf"\r\n'
        f"Content-Transfer-Encoding: base64\r\n\r\n{attached}\r\n--=_mix{number}--\r\n"
    ).encode()


def default_headers(raw: bytes) -> object:
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    people = [a.addr_spec for name in ("from", "to", "cc") for a in parsed[name].addresses]
    return (
        people,
        parsed["subject"],
        parsed["date"].datetime,
        parsed["message-id"],
        parsed["references"],
    )


def compat32_headers(raw: bytes) -> object:
    parsed = email.message_from_bytes(raw)
    people = getaddresses([parsed[name] for name in ("from", "to", "cc")])
    return people, parsed["subject"], parsedate_to_datetime(parsed["date"]), parsed["message-id"]


def our_headers(raw: bytes) -> object:
    end, _ = headers.find_body(raw)
    fields, _, flags = headers.split_fields(raw[:end])
    people = [headers.addresses(fields, name, flags) for name in ("from", "to", "cc")]
    ids = headers.message_id(fields, flags), headers.references(fields)
    return people, headers.subject(fields), headers.date(fields), ids


def default_full(raw: bytes) -> object:
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    parts = [part.get_content() for part in parsed.walk() if not part.is_multipart()]
    return (
        default_headers(raw)
        if not parts
        else [str(parsed[name]) for name in ("from", "to", "cc", "subject", "date")]
    )


def compat32_full(raw: bytes) -> object:
    parsed = email.message_from_bytes(raw)
    return [part.get_payload(decode=True) for part in parsed.walk()], compat32_headers(raw)


def rate(parse: Callable[[bytes], object], messages: Sequence[bytes]) -> float:
    start = time.process_time()
    for raw in messages:
        parse(raw)
    return len(messages) / (time.process_time() - start)


def main() -> None:
    for title, parsers in (
        ("headers", (default_headers, compat32_headers, our_headers)),
        ("full", (default_full, compat32_full, parse_mail)),
    ):
        rates: dict[str, list[float]] = {parse.__name__: [] for parse in parsers}
        for turn in range(ROUNDS):
            messages = [message(turn * MESSAGES + number) for number in range(MESSAGES)]
            for parse in parsers:
                rates[parse.__name__].append(rate(parse, messages))
        base = statistics.median(rates[parsers[0].__name__])
        for name, seen in rates.items():
            print(
                f"{title:8} {name:18} {statistics.median(seen):8.0f}/s  x {statistics.median(seen) / base:.1f}"
            )


if __name__ == "__main__":
    main()
