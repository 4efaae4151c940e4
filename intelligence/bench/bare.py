"""The product's addresses and one more: fifty names, as plain as a view can be."""

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path

from crm.decorators import signed_in
from crm.models import Company

TEMPLATE = "<table>{% for r in rows %}<tr><td>{{ r.id }}</td><td>{{ r.name }}</td></tr>{% endfor %}</table>"


@signed_in
def bare(request: HttpRequest) -> HttpResponse:
    template = engines["django"].from_string(TEMPLATE)
    return HttpResponse(template.render({"rows": Company.objects.order_by("id")[:50]}, request))


urlpatterns = [path("bare/", bare), path("", include("crm.project.urls"))]
