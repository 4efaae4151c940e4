from django.urls import path

from crm.signin import views

urlpatterns = [
    path("<slug:issuer_id>/login/", views.begin, name="issuer_login"),
    path("<slug:issuer_id>/login/callback/", views.callback, name="issuer_callback"),
]
