"""Three years of Acme: mail and meetings at odd hours, put through the product, with the naive list
of what they come to beside it."""

import random
from datetime import UTC, datetime, timedelta

from crm.models import Company, Member
from crm.record_pages import RecordPage, record_page
from crm.records import COMPANY
from tests.desk import NOW
from tests.intelligence.material import ADA, BEN, BOB, CARLA, CLEO, CONTACTS, CROWD, DORA
from tests.intelligence.naive import Interaction, Mail, Meeting, interactions
from tests.intelligence.office import Office

DAY = timedelta(days=1)
ZONES = ("UTC", "Pacific/Auckland", "America/Los_Angeles", "Asia/Kathmandu")


class Acme:
    def __init__(self, *, letters: int = 130, meetings: int = 14, seed: int = 7) -> None:
        self.office = Office(CONTACTS)
        self.random = random.Random(seed)
        for name, mine in (("ada", ADA), ("ben", BEN)):
            self.office.put(name, *(self._letter(f"{n}@{name}", mine) for n in range(letters // 2)))
            self.office.schedule(name, *(self._meeting(f"{n}-{name}", mine) for n in range(meetings // 2)))

    @property
    def company(self) -> Company:
        return Company.objects.get(name="Acme")

    def member(self, name: str = "ada") -> Member:
        return self.office.desk.members[name]

    def page(self, name: str = "ada", *, now: datetime = NOW) -> RecordPage:
        return record_page(self.member(name), COMPANY, self.company.pk, now=now)

    def interactions(self, *, member: str = "") -> list[Interaction]:
        """Acme's, of somebody's or everybody's."""
        ours = [
            one
            for one in interactions(self.office.said, self.office.owners)
            if any(email.endswith("@acme.example") for email in one.outside)
        ]
        return [one for one in ours if not member or self.member(member).pk in one.members]

    def _letter(self, message_id: str, mine: str) -> Mail:
        at = self._moment(0, 1000)
        theirs = self.random.choice([BOB, BOB, CARLA])
        sender, to = (mine, theirs) if self.random.random() < 0.5 else (theirs, mine)
        cc = self.random.choice([(), (), (CLEO,), (DORA,), tuple(CROWD[:26])])
        return Mail(message_id, sender, (to,), cc, date=at, received=at, subject=f"Letter {message_id}")

    def _meeting(self, uid: str, mine: str) -> Meeting:
        is_all_day = self.random.random() < 0.3
        at = self._moment(-60, 700)
        at = at.replace(hour=0, minute=0, second=0) if is_all_day else at
        answers = ((mine, "accepted"), (BOB, self.random.choice(["accepted", "declined", "needs_action"])))
        return Meeting(uid, mine, answers, at, all_day=is_all_day)

    def _moment(self, newest: int, oldest: int) -> datetime:
        """To the second, and often on the first or last day of a month."""
        at = (
            NOW
            - self.random.randint(newest, oldest) * DAY
            - timedelta(seconds=self.random.randint(0, 86_399))
        )
        if self.random.random() < 0.3:
            at = at.replace(day=1, hour=self.random.randint(0, 23))
        return min(at, NOW - DAY) if newest == 0 else at.astimezone(UTC)
