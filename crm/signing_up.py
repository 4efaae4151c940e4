"""What sign-up asks for besides an address and a password. Apart, as allauth builds its forms on it."""

from django import forms
from django.http import HttpRequest

from crm.models import User
from crm.name_field import NameField


class NameForm(forms.Form):
    """Colleagues see each other's names on every page."""

    field_order = ("name", "email", "password1")

    name = NameField(label="Your name", widget=forms.TextInput(attrs={"autocomplete": "name"}))

    def signup(self, request: HttpRequest, user: User) -> None:
        user.name = self.cleaned_data["name"]
        user.save(update_fields=["name"])
