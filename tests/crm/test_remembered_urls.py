"""{% url %} as the templates have it: Django's answers, looked up once."""

import pytest
from django.template import Context, Template
from django.urls import NoReverseMatch, get_script_prefix, reverse, set_script_prefix


def drawn(template: str, **values: object) -> str:
    return Template(template).render(Context(values))


def test_it_answers_what_django_answers() -> None:
    for pk in (7, 8, 7):
        asked = "{% url 'crm:team' slug pk %} {% url 'crm:'|add:plural slug as list_url %}{{ list_url }}"
        expected = f"{reverse('crm:team', args=['halyard', pk])} {reverse('crm:people', args=['halyard'])}"
        assert drawn(asked, slug="halyard", pk=pk, plural="people") == expected
    assert drawn("{% url 'account_login' %}") == reverse("account_login")


def test_what_there_is_not_is_nothing_as_a_variable_and_a_mistake_in_place() -> None:
    assert drawn("{% url 'crm:nothing' as missing %}[{{ missing }}]") == "[]"
    with pytest.raises(NoReverseMatch):
        drawn("{% url 'crm:nothing' %}")


def test_a_product_below_another_address_keeps_its_own() -> None:
    asked, before = "{% url 'account_login' %}", get_script_prefix()
    plain = drawn(asked)
    try:
        set_script_prefix("/below/")
        assert drawn(asked) == f"/below{plain}"
    finally:
        set_script_prefix(before)
    assert drawn(asked) == plain
