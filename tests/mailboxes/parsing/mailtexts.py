"""Messages put together by hand, for the tests of the parser."""

import resource

PLAIN = b"""\
Return-Path: <jane@acme.test>
Received: from mx2.acme.test (mx2.acme.test [192.0.2.7]) by mail.rapport.test
\twith ESMTPS id 7; Tue, 03 Nov 2026 10:00:05 +0000 (UTC)
Received: from laptop by mx2.acme.test; Tue, 03 Nov 2026 10:00:01 +0000
From: "Doe, Jane" <Jane.Doe@Acme.test>
To: =?utf-8?q?M=C3=BCller=2C_J=C3=BCrgen?= <jm@rapport.test>, ada@rapport.test,
 Ben <ben@rapport.test>
Cc: "O'Neil, Pat" <pat@acme.test>
Bcc: secret@acme.test
Reply-To: <office@acme.test>
Subject: =?utf-8?B?UsOpdW5pb24=?= =?utf-8?Q?_du_projet?=
Date: Tue, 3 Nov 2026 11:00:00 +0100
Message-ID: <abc.1@acme.test>
In-Reply-To: <parent@rapport.test>
References: <root@rapport.test> <middle@acme.test>
 <parent@rapport.test>
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Caf=C3=A9 at ten?
""".replace(b"\n", b"\r\n")


def cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def with_headers(*lines: str | bytes, body: bytes = b"hello") -> bytes:
    known = [
        b"From: Jane <jane@acme.test>",
        b"To: ada@rapport.test",
        b"Subject: Hi",
        b"Message-ID: <1@acme.test>",
    ]
    given = [line.encode() if isinstance(line, str) else line for line in lines]
    names = {line.partition(b":")[0].lower() for line in given}
    kept = [line for line in known if line.partition(b":")[0].lower() not in names]
    return b"\r\n".join([*given, *kept]) + b"\r\n\r\n" + body


def multipart(*parts: bytes, kind: str = "mixed", extra: str = "") -> bytes:
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"
    return with_headers(f'Content-Type: multipart/{kind}; boundary="b"{extra}', body=body)
