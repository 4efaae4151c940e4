"""Faces and grades in templates, the same HTML as in cells."""

from django import template

from crm import cells

register = template.Library()
register.simple_tag(cells.avatar)
register.simple_tag(cells.strength)
register.simple_tag(cells.team_avatar)
