"""Numbers with what they count."""


def counted(number: int, one: str, many: str = "") -> str:
    """`1 email`, `1,204 emails`; `many` where an s does not do."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
