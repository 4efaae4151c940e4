"""What operators may change. What others are derived from goes through the functions the pages use, so that
they follow; when records are made (mail follows that), mail, events and credentials are not here."""

from typing import Any

from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from crm.addresses import normalise
from crm.edits import editing
from crm.live import announce
from crm.models import AuditEvent, Company, Member, Person, Role, Team, TeamMembership, User, Workspace
from crm.signing import password_link
from crm.workspaces import LastAdmin, claim_verified, give_address, is_last_admin, set_active, set_role

admin.site.unregister(Group)  # there is one kind of operator


class ReadOnly:
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AddressForm(forms.ModelForm):
    def clean_email(self) -> str:
        email = normalise(self.cleaned_data["email"])
        if email is None:
            raise forms.ValidationError("This is not an email address.")
        if EmailAddress.objects.filter(email=email).exclude(user_id=self.instance.pk).exists():
            raise forms.ValidationError("This address belongs to another account.")
        return email


class CreationForm(AddressForm, AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("email",)


class ChangeForm(AddressForm, UserChangeForm):
    class Meta(UserChangeForm.Meta):
        model = User


@admin.register(User)
class UserAdministration(UserAdmin):
    ordering = ("email",)
    list_display = ("email", "name", "is_active", "is_staff", "last_login")
    list_filter = ("is_staff", "is_active")
    search_fields = ("email", "name")
    add_form, form = CreationForm, ChangeForm
    fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        ("Rights", {"fields": ("is_active", "is_staff")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)
    filter_horizontal = ()
    actions = ("show_password_link",)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "email" in form.changed_data:
            give_address(obj, obj.email)
            # What was mistyped is somebody else's, who must not get in by it.
            EmailAddress.objects.filter(user=obj, email=form.initial.get("email")).delete()

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


class MemberForm(forms.ModelForm):
    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        stays = given.get("role") == Role.ADMIN and given.get("is_active")
        if self.instance.pk and not stays:
            member = Member.objects.get(pk=self.instance.pk)
            if member.is_active and is_last_admin(member):
                raise forms.ValidationError(str(LastAdmin(member)))
        return given


@admin.register(Member)
class MemberAdministration(admin.ModelAdmin):
    form = MemberForm
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
        role, active = Role(obj.role), obj.is_active
        if change:
            obj = Member.objects.get(pk=obj.pk)
            set_role(obj, role)
        else:
            super().save_model(request, obj, form, change)
            claim_verified(obj)
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
        announce(form.instance.workspace_id, topics=["access", "settings"])


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


@admin.register(AuditEvent)
class AuditAdministration(ReadOnly, admin.ModelAdmin):
    """Who decided what, by numbers; it holds nobody's words."""

    list_display = ("created_at", "workspace", "action", "actor", "owner")
    list_filter = ("workspace", "action")
    list_select_related = ("workspace", "actor__user", "owner__user")
    fields = ("created_at", "workspace", "action", "actor", "owner", "details")
    ordering = ("-pk",)
    show_full_result_count = False
