"""{% url %} that remembers: a page has some forty addresses, most of them those of the page before, and
looking each up among all the product's was a fifteenth of a table."""

from functools import lru_cache

from django.template import Context, Library
from django.template.base import Parser, Token
from django.template.defaulttags import URLNode, url
from django.urls import NoReverseMatch, get_script_prefix, get_urlconf, reverse
from django.utils.html import conditional_escape

register = Library()


@lru_cache(maxsize=10_000, typed=True)
def _address(view_name: str, _below: tuple[object, ...], *args: object) -> str:
    return reverse(view_name, args=args)


class RememberedURLNode(URLNode):
    """Of a view by its name alone, with arguments in their order: other ones are Django's."""

    def render(self, context: Context) -> str:
        if self.kwargs:
            return super().render(context)
        below = (get_urlconf(), get_script_prefix())
        try:
            found = _address(
                self.view_name.resolve(context), below, *(one.resolve(context) for one in self.args)
            )
        except NoReverseMatch:
            if self.asvar is None:
                raise
            found = ""
        if self.asvar:
            context[self.asvar] = found
            return ""
        return conditional_escape(found) if context.autoescape else found


@register.tag("url")
def remembered_url(parser: Parser, token: Token) -> URLNode:
    node = url(parser, token)
    return RememberedURLNode(node.view_name, node.args, node.kwargs, node.asvar)
