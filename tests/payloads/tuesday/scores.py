"""Connection scores of "A Tuesday inbox", worked out from a list of contact days written down by hand.

Nothing here is parsed from the mails and nothing is shared with the product: this is the second opinion.
Run it to see the table: python3 tests/payloads/tuesday/scores.py

DESIGN: S = r * sum of w(d) * 2^(-(today - d) / 30);  w = b * n^(1/4);  b = 2 meeting, 1 the member wrote one, 3/4 else;
r = 1 if they wrote both ways or have met, else 1/2. Mail with more than 25 recipients and meetings with more than 20
attendees are left out of the days below.
"""

import datetime
import json

TODAY = datetime.date(2026, 11, 24)
HALF_LIFE = 30
MEETING, WROTE, RECEIVED = 2, 1, 0.75
BOTH_WAYS, ONE_WAY = 1, 0.5
GRADES = [(12, "Very strong"), (6, "Strong"), (2.5, "Good"), (0.75, "Weak")]
MEMBERS = ["ada", "ben", "cleo"]

# record -> member -> (r, [(day, kind of the day, interactions that day)])
TIES = {
    "maeve.quinlan@brackenfield.co.uk": {
        "ada": (
            BOTH_WAYS,
            [
                ("2026-09-14", WROTE, 1),
                ("2026-09-15", RECEIVED, 1),
                ("2026-10-06", RECEIVED, 1),
                ("2026-10-07", MEETING, 1),
                ("2026-10-14", MEETING, 1),
                ("2026-10-21", MEETING, 1),
                ("2026-10-29", MEETING, 1),
                ("2026-11-02", RECEIVED, 1),
                ("2026-11-04", MEETING, 1),
                ("2026-11-11", MEETING, 1),
                ("2026-11-18", MEETING, 1),
                ("2026-11-19", WROTE, 1),
                ("2026-11-24", MEETING, 1),
            ],
        ),
        "ben": (ONE_WAY, [("2026-10-06", WROTE, 1), ("2026-11-20", WROTE, 1)]),
        "cleo": (ONE_WAY, [("2026-11-02", RECEIVED, 1), ("2026-11-21", RECEIVED, 1)]),
    },
    "dan.okafor@brackenfield.co.uk": {
        "ada": (
            BOTH_WAYS,
            [
                ("2026-09-15", RECEIVED, 1),
                ("2026-10-06", RECEIVED, 2),
                ("2026-10-07", RECEIVED, 1),
                ("2026-10-27", MEETING, 1),
                ("2026-11-10", RECEIVED, 1),
                ("2026-11-24", MEETING, 1),
            ],
        ),
        "ben": (
            BOTH_WAYS,
            [
                ("2026-09-10", RECEIVED, 1),
                ("2026-10-06", WROTE, 2),
                ("2026-10-07", RECEIVED, 1),
                ("2026-11-13", WROTE, 1),
                ("2026-11-16", RECEIVED, 1),
                ("2026-11-18", RECEIVED, 1),
            ],
        ),
        "cleo": (ONE_WAY, [("2026-10-07", WROTE, 1)]),
    },
    "john.doe@brackenfield.co.uk": {
        "cleo": (
            BOTH_WAYS,
            [
                ("2026-10-20", RECEIVED, 1),
                ("2026-10-21", WROTE, 1),
                ("2026-11-05", RECEIVED, 1),
                ("2026-11-23", RECEIVED, 1),
            ],
        ),
    },
    "tom.ashby@eu.brackenfield.co.uk": {
        "ada": (ONE_WAY, [("2026-11-17", RECEIVED, 1), ("2026-11-18", RECEIVED, 1)]),
        "cleo": (ONE_WAY, []),  # only the webinar of 24
    },
    "iris.vale@brackenfield.co.uk": {"ada": (ONE_WAY, [])},  # only the mail to 28
    "brackenfield.co.uk": {
        "ada": (
            BOTH_WAYS,
            [
                ("2026-09-14", WROTE, 1),
                ("2026-09-15", RECEIVED, 1),
                ("2026-10-06", RECEIVED, 2),
                ("2026-10-07", MEETING, 2),
                ("2026-10-14", MEETING, 1),
                ("2026-10-21", MEETING, 1),
                ("2026-10-27", MEETING, 1),
                ("2026-10-29", MEETING, 1),
                ("2026-11-02", RECEIVED, 1),
                ("2026-11-04", MEETING, 1),
                ("2026-11-10", RECEIVED, 1),
                ("2026-11-11", MEETING, 1),
                ("2026-11-17", RECEIVED, 1),
                ("2026-11-18", MEETING, 2),
                ("2026-11-19", WROTE, 1),
                ("2026-11-24", MEETING, 1),
            ],
        ),
        "ben": (
            BOTH_WAYS,
            [
                ("2026-09-10", RECEIVED, 1),
                ("2026-10-06", WROTE, 2),
                ("2026-10-07", RECEIVED, 1),
                ("2026-11-13", WROTE, 1),
                ("2026-11-16", RECEIVED, 1),
                ("2026-11-18", RECEIVED, 1),
                ("2026-11-20", WROTE, 1),
            ],
        ),
        "cleo": (
            BOTH_WAYS,
            [
                ("2026-10-07", WROTE, 1),
                ("2026-10-20", RECEIVED, 1),
                ("2026-10-21", WROTE, 1),
                ("2026-11-02", RECEIVED, 1),
                ("2026-11-05", RECEIVED, 1),
                ("2026-11-21", RECEIVED, 1),
                ("2026-11-23", RECEIVED, 1),
            ],
        ),
    },
    "soren@thistlewood-labs.co.uk": {
        "ada": (
            BOTH_WAYS,
            [("2026-10-12", WROTE, 2), ("2026-11-03", MEETING, 1), ("2026-11-04", RECEIVED, 2)],
        ),
        "cleo": (
            BOTH_WAYS,
            [
                ("2026-08-20", WROTE, 1),
                ("2026-08-21", RECEIVED, 1),
                ("2026-10-12", RECEIVED, 2),
                ("2026-11-03", MEETING, 1),
                ("2026-11-04", RECEIVED, 2),
            ],
        ),
    },
    "thistlewood-labs.co.uk": {
        "ada": (
            BOTH_WAYS,
            [("2026-10-12", WROTE, 2), ("2026-11-03", MEETING, 1), ("2026-11-04", RECEIVED, 2)],
        ),
        "ben": (ONE_WAY, [("2026-11-22", RECEIVED, 1)]),
        "cleo": (
            BOTH_WAYS,
            [
                ("2026-08-20", WROTE, 1),
                ("2026-08-21", RECEIVED, 1),
                ("2026-10-12", RECEIVED, 2),
                ("2026-11-03", MEETING, 1),
                ("2026-11-04", RECEIVED, 2),
            ],
        ),
    },
    "priya@copperline-freight.com": {
        "ben": (
            BOTH_WAYS,
            [("2026-07-06", WROTE, 1), ("2026-07-07", RECEIVED, 1), ("2026-07-15", RECEIVED, 1)],
        ),
    },
    "priya.raman@saltmarsh-energy.co.uk": {
        "ada": (BOTH_WAYS, [("2026-11-13", MEETING, 1)]),
        "ben": (
            BOTH_WAYS,
            [("2026-10-30", WROTE, 2), ("2026-11-11", RECEIVED, 1), ("2026-11-13", MEETING, 1)],
        ),
    },
    "kaethe@xn--kthe-ofenwerk-bfb.de": {
        "ben": (ONE_WAY, [("2026-10-01", RECEIVED, 1)]),
        "cleo": (BOTH_WAYS, [("2026-10-01", RECEIVED, 1), ("2026-10-02", WROTE, 1)]),
    },
    "gwen@tallowmere.co.uk": {
        "cleo": (
            BOTH_WAYS,
            [("2026-09-03", RECEIVED, 1), ("2026-09-17", RECEIVED, 1), ("2026-11-12", WROTE, 1)],
        ),
    },
    "felix@tallowmere.co.uk": {"cleo": (ONE_WAY, [("2026-09-17", RECEIVED, 1)])},
    "yusuf.demir@pinehurst-optics.com": {
        "ben": (ONE_WAY, [("2026-11-06", WROTE, 1)]),
        "cleo": (BOTH_WAYS, [("2026-11-06", MEETING, 1), ("2026-11-09", RECEIVED, 1)]),
    },
    "quayside-venues.co.uk": {"cleo": (BOTH_WAYS, [("2026-11-03", WROTE, 2)])},
    "hana.sato@mizu-ceramics.com": {
        "ada": (
            BOTH_WAYS,
            [("2026-10-15", RECEIVED, 1), ("2026-10-16", WROTE, 1), ("2026-10-19", RECEIVED, 1)],
        ),
    },
    "tessa@tessa-quill.github.io": {"ada": (ONE_WAY, [("2026-11-20", WROTE, 1)])},
    "rosa.delgado.draws@gmail.com": {"ada": (BOTH_WAYS, [("2026-11-21", WROTE, 2)])},
}
# companies all of whose interactions are those of one of their people (Felix shares his only mail with Gwen)
TIES["copperline-freight.com"] = TIES["priya@copperline-freight.com"]
TIES["saltmarsh-energy.co.uk"] = TIES["priya.raman@saltmarsh-energy.co.uk"]
TIES["xn--kthe-ofenwerk-bfb.de"] = TIES["kaethe@xn--kthe-ofenwerk-bfb.de"]
TIES["tallowmere.co.uk"] = TIES["gwen@tallowmere.co.uk"]
TIES["pinehurst-optics.com"] = TIES["yusuf.demir@pinehurst-optics.com"]
TIES["mizu-ceramics.com"] = TIES["hana.sato@mizu-ceramics.com"]
TIES["tessa-quill.github.io"] = TIES["tessa@tessa-quill.github.io"]


def score(r, days):
    total = 0.0
    for day, kind, interactions in days:
        age = (TODAY - datetime.date.fromisoformat(day)).days
        total += kind * interactions**0.25 * 2 ** (-age / HALF_LIFE)
    return r * total


def grade(value):
    for floor, name in GRADES:
        if value >= floor:
            return name
    return "Very weak"


def answers():
    """record -> (score of the strongest tie, its grade, that member or "")."""
    found = {}
    for record, ties in TIES.items():
        scores = {member: score(*tie) for member, tie in ties.items()}
        best = max(scores.values())
        strongest = min((m for m in scores if scores[m] == best), key=MEMBERS.index) if best > 0 else ""
        found[record] = (best, grade(best), strongest)
    return found


if __name__ == "__main__":
    for record, ties in TIES.items():
        best, name, strongest = answers()[record]
        each = {member: f"{score(*tie):.4f}" for member, tie in ties.items()}
        print(f"{record:38} {best:8.4f} {name:12} {strongest:5} {json.dumps(each)}")
