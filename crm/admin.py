"""What operators may change. What others are derived from goes through the functions the pages use, so that
they follow; when records are made (mail follows that), mail, events and credentials are not here."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from crm.edits import editing
from crm.models import Company, Member, Person, Team, TeamMembership, User, Workspace
from crm.signing import password_link
from crm.workspaces import set_active


class CreationForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("email",)


@admin.register(User)
class UserAdministration(UserAdmin):
    ordering = ("email",)
    list_display = ("email", "name", "is_active", "is_staff", "last_login")
    list_filter = ("is_staff", "is_active")
    search_fields = ("email", "name")
    add_form = CreationForm
    fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)
    filter_horizontal = ()
    actions = ("show_password_link",)

    @admin.action(description="Show a link to set a new password")
    def show_password_link(self, request: HttpRequest, users: QuerySet[User]) -> None:
        for user in users:
            messages.info(request, f"{user.email}: {password_link(request, user)}")


@admin.register(Workspace)
class WorkspaceAdministration(admin.ModelAdmin):
    list_display = ("name", "slug", "plan", "created_at")
    list_filter = ("plan",)
    search_fields = ("name", "slug")
    fields = ("name", "slug", "plan", "default_level")


@admin.register(Member)
class MemberAdministration(admin.ModelAdmin):
    list_display = ("user", "workspace", "role", "is_active")
    list_filter = ("workspace", "role", "is_active")
    list_select_related = ("user", "workspace")
    search_fields = ("user__email", "user__name")
    fields = ("workspace", "user", "role", "is_active")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("workspace", "user") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # their history counts; deactivate instead

    def save_model(self, request: HttpRequest, obj: Member, form: Any, change: bool) -> None:
        active = obj.is_active
        if change:
            obj.is_active = Member.objects.values_list("is_active", flat=True).get(pk=obj.pk)
        super().save_model(request, obj, form, change)
        set_active(obj, active=active)


class MembershipForm(forms.ModelForm):
    def clean_member(self) -> Member:
        member: Member = self.cleaned_data["member"]
        team = self.instance.team if self.instance.team_id else None
        if not member.is_active or (team and team.workspace_id and member.workspace_id != team.workspace_id):
            raise forms.ValidationError("Only an active member of the same workspace can be in the team.")
        return member


class TeamMembershipInline(admin.TabularInline):
    model = TeamMembership
    form = MembershipForm
    fields = ("member",)
    autocomplete_fields = ("member",)
    extra = 1


@admin.register(Team)
class TeamAdministration(admin.ModelAdmin):
    list_display = ("name", "workspace")
    list_filter = ("workspace",)
    fields = ("workspace", "name")
    inlines = (TeamMembershipInline,)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for membership in formset.save(commit=False):
            membership.workspace_id = membership.team.workspace_id
            membership.save()
        for membership in formset.deleted_objects:
            membership.delete()


class RecordForm(forms.ModelForm):
    def clean_company(self) -> Company | None:
        company = self.cleaned_data["company"]
        if company and company.workspace_id != self.instance.workspace_id:
            raise forms.ValidationError("This company is in another workspace.")
        return company


class RecordAdministration(admin.ModelAdmin):
    list_display = ("name", "workspace", "created_at")
    list_filter = ("workspace",)
    list_select_related = ("workspace",)
    search_fields = ("name",)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # records are made by mail, and by members

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        editing.delete_record(obj, by=editing.OPERATOR)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for record in queryset:
            self.delete_model(request, record)


@admin.register(Company)
class CompanyAdministration(RecordAdministration):
    fields = ("name",)

    def save_model(self, request: HttpRequest, obj: Company, form: Any, change: bool) -> None:
        editing.rename(obj, obj.name, by=editing.OPERATOR)


@admin.register(Person)
class PersonAdministration(RecordAdministration):
    form = RecordForm
    fields = ("name", "company")
    autocomplete_fields = ("company",)

    def save_model(self, request: HttpRequest, obj: Person, form: Any, change: bool) -> None:
        before = Person.objects.select_related("company").get(pk=obj.pk)
        if "name" in form.changed_data:
            editing.rename(before, obj.name, by=editing.OPERATOR)
        if "company" in form.changed_data:
            editing.move_person(before, obj.company, by=editing.OPERATOR)
