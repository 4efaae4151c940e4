"""/<slug>/companies/ and /<slug>/people/: what people do to records by hand."""

from django.urls import path

from crm.views import attributes, bulk, creating, deleting, importing, merging, people, record, stars

# /<slug>/companies/<id>/
urlpatterns = [
    path("<int:pk>/header/", record.header, name="record_header"),
    path("<int:pk>/attributes/", record.details, name="record_details"),
    path("<int:pk>/attributes/company/choices/", attributes.company_choices, name="company_choices"),
    path("<int:pk>/attributes/<slug:name>/", attributes.attribute, name="attribute"),
    path("<int:pk>/attributes/<slug:name>/value/", attributes.value, name="attribute_value"),
    path("<int:pk>/star/", stars.star, name="star"),
    path("<int:pk>/deletion/", deleting.deletion, name="record_deletion"),
    path("<int:pk>/merging/form/", merging.form, name="merging_form"),
    path("<int:pk>/merging/preview/", merging.preview, name="merging_preview"),
    path("<int:pk>/merging/", merging.merging, name="merging"),
    path("<int:pk>/people/", people.people, name="company_people"),
]

# /<slug>/companies/creation/
urlpatterns += [
    path("creation/form/", creating.form, name="creation_form"),
    path("creation/check/", creating.check, name="creation_check"),
    path("creation/", creating.creation, name="creation"),
]

# /<slug>/companies/bulk/
urlpatterns += [
    path("bulk/deletion/form/", bulk.deletion_form, name="bulk_deletion_form"),
    path("bulk/deletion/", bulk.deletion, name="bulk_deletion"),
    path("bulk/company/form/", bulk.company_form, name="bulk_company_form"),
    path("bulk/company/", bulk.company, name="bulk_company"),
    path("bulk/attribute/form/", bulk.attribute_form, name="bulk_attribute_form"),
    path("bulk/attribute/", bulk.attribute, name="bulk_attribute"),
    path("bulk/export.csv", bulk.export, name="bulk_export"),
]

# /<slug>/companies/import/
urlpatterns += [
    path("import/", importing.upload, name="import"),
    path("import/<int:pk>/", importing.job, name="import_job"),
    path("import/<int:pk>/mapping/", importing.mapping, name="import_mapping"),
    path("import/<int:pk>/start/", importing.start, name="import_start"),
    path("import/<int:pk>/removal/", importing.removal, name="import_removal"),
    path("import/<int:pk>/problems.csv", importing.problems, name="import_problems"),
]
