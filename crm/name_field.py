"""What people, and their workspace, are called: on every page, and in the subjects of mail."""

from typing import Any

from django import forms

from crm.plain import tidied

LONGEST = 120


class NameField(forms.CharField):
    """One line of what can be seen, with a letter or a digit in it."""

    def __init__(self, *, label: str, **options: Any) -> None:
        super().__init__(label=label, max_length=LONGEST, **options)

    def to_python(self, value: Any) -> str:
        return tidied(super().to_python(value) or "")

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value and not any(character.isalnum() for character in value):
            raise forms.ValidationError("A name needs at least one letter.")
