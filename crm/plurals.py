"""Numbers with what they count."""

from dataclasses import dataclass


def counted(number: int, one: str, many: str = "") -> str:
    """`1 email`, `1,204 emails`; `many` where an s does not do."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


@dataclass(frozen=True, slots=True)
class Capped:
    """How many there are, counted no further than one more than `most`. As text: `74`, `1,000+`."""

    number: int
    most: int

    @property
    def is_capped(self) -> bool:
        return self.number > self.most

    def __str__(self) -> str:
        return f"{self.most:,}+" if self.is_capped else f"{self.number:,}"
