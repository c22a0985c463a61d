"""Staff accounts, groups, the log of changes and failed log-ins. For superusers."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from tracking.admin.base import OddInputMixin, ReadOnlyAdmin
from tracking.models import Edit, FailedLogIn
from tracking.staff.access import groups, second_factor, tries

_GROUPS = (
    "Editors write the words: phrases, statuses, destinations, the shop; they read notices. "
    "Support looks after parcels, messages and notices, and reads the words. "
    "A superuser may do everything: also people, and deleting."
)

admin.site.unregister([User, Group, TOTPDevice, StaticDevice])  # the devices' own pages show their secrets


@admin.register(User)
class PersonAdmin(OddInputMixin, UserAdmin):
    """A staff account. Its rights come from groups."""

    list_display = ["username", "first_name", "last_name", "is_active", "is_superuser", "last_login"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Who it is", {"fields": ["first_name", "last_name", "email"]}),
        (
            "What they may do",
            {"fields": ["is_active", "is_staff", "groups", "is_superuser"], "description": _GROUPS},
        ),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (None, {"fields": ["username", "password1", "password2"]}),
        ("What they may do", {"fields": ["is_staff", "groups"], "description": _GROUPS}),
    ]
    readonly_fields = ["last_login", "date_joined"]
    actions = ["forget_phones"]

    @admin.action(description="Phone lost: remove the second factor", permissions=["change"])
    def forget_phones(self, request: HttpRequest, people: QuerySet[User]) -> None:
        """End the sessions of these people. They set up another phone after their next log-in."""
        forgotten = [person for person in people if second_factor.remove(person)]
        if forgotten:
            LogEntry.objects.log_actions(
                str(request.user.pk), forgotten, CHANGE, "Removed the second factor."
            )
        names = ", ".join(person.username for person in forgotten) or "no user: none had one"
        self.message_user(request, f"The second factor was removed for {names}.")

    @admin.display(description="second factor", boolean=True, ordering="has_phone")
    def phone(self, person: User) -> bool:
        return bool(person.has_phone)  # type: ignore[attr-defined]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        people: QuerySet[User] = super().get_queryset(request)
        phones = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
        return people.annotate(has_phone=Exists(phones))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [*self.list_display, *(["phone"] if second_factor.is_required() else [])]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"is_staff": True} | super().get_changeform_initial_data(request)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Never, because the log of changes needs the name. Superusers untick “active” instead."""
        return False


@admin.register(Group)
class KeptGroupAdmin(OddInputMixin, GroupAdmin):
    """Editors and Support cannot be changed. Superusers can change any other group."""

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return not _is_ours(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return not _is_ours(obj) and super().has_delete_permission(request, obj)


def _is_ours(group: Group | None) -> bool:
    return group is not None and group.name in (groups.EDITORS, groups.SUPPORT)


@admin.register(Edit)
class EditAdmin(ReadOnlyAdmin):
    """One change at this desk: by whom, when, of what. Read-only."""

    list_display = ["action_time", "user", "action", "kind", "thing", "details"]
    list_display_links = None
    list_filter = [
        "action_flag",
        ("user", admin.RelatedOnlyFieldListFilter),
        ("content_type", admin.RelatedOnlyFieldListFilter),
    ]
    list_select_related = ["user", "content_type"]
    search_fields = ["object_repr", "change_message"]
    date_hierarchy = "action_time"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, (extra_context or {}) | {"title": "Who changed what"})

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="action", ordering="action_flag")
    def action(self, edit: Edit) -> str:
        return edit.get_action_flag_display()

    @admin.display(description="kind", ordering="content_type")
    def kind(self, edit: Edit) -> str:
        return edit.content_type.name if edit.content_type else "–"

    @admin.display(description="what", ordering="object_repr")
    def thing(self, edit: Edit) -> str:
        address = None if edit.is_deletion() else edit.get_admin_url()
        return format_html('<a href="{}">{}</a>', address, edit.object_repr) if address else edit.object_repr

    @admin.display(description="details")
    def details(self, edit: Edit) -> str:
        return edit.get_change_message()


@admin.register(FailedLogIn)
class FailedLogInAdmin(ReadOnlyAdmin):
    """Recent failed log-ins. After five failures a name is locked for 15 minutes; deleting its row unlocks it.

    Deleting also unlocks the address, for all names.
    """

    list_display = ["username", "ip_address", "failures_since_start", "attempt_time"]
    search_fields = ["username", "ip_address"]
    fields = ["username", "ip_address", "failures_since_start", "attempt_time", "user_agent"]

    def delete_model(self, request: HttpRequest, obj: FailedLogIn) -> None:
        """Delete the row, those of the same name and address with other browsers, and the counts of tries."""
        FailedLogIn.objects.filter(username=obj.username, ip_address=obj.ip_address).delete()
        tries.forget(obj.username or "", obj.ip_address)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[FailedLogIn]) -> None:
        """Delete the chosen rows as `delete_model` does."""
        for failed in queryset:
            self.delete_model(request, failed)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        heading = {
            "title": "Failed log-ins",
            "subtitle": f"After {settings.AXES_FAILURE_LIMIT} failures a name has to wait. "
            "Delete its line, and it may try again at once.",
        }
        return super().changelist_view(request, (extra_context or {}) | heading)
