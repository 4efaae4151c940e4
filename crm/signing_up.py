"""What sign-up asks for besides an address and a password. Apart, as allauth builds its forms on it."""

from django import forms
from django.http import HttpRequest

from crm.models import User


class NameForm(forms.Form):
    """Colleagues see each other's names on every page."""

    field_order = ("name", "email", "password1")

    name = forms.CharField(
        label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )

    def signup(self, request: HttpRequest, user: User) -> None:
        user.name = self.cleaned_data["name"]
        user.save(update_fields=["name"])
