"""What several desk pages share: odd input, read-only pages, filters with a default, contexts for a list's rows."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import BadRequest, ValidationError
from django.db import DataError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    ModelAdminMixin = admin.ModelAdmin  # a mixin may use what the ModelAdmin has that it is mixed into
else:
    ModelAdminMixin = object


class OddInputMixin(ModelAdminMixin):
    """For every ModelAdmin: a value in the address or in a form that fits no row is refused, and is no error 500."""

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The list. Raises IncorrectLookupParameters, for which Django leads to the whole list.

        Django does this for values that it finds to be odd itself. Some are odd only for the database, such as a number
        with more digits than its columns have. No list has a filter by a regular expression, which could run for hours.
        """
        if any(name.endswith(("__regex", "__iregex")) for name in request.GET):
            raise IncorrectLookupParameters("regular expression")
        try:
            return super().get_changelist_instance(request)
        except (DataError, OverflowError, ValueError) as error:
            raise IncorrectLookupParameters(error) from error

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *where: Any
    ) -> HttpResponse | None:
        """Do what staff chose for the rows that they ticked. Raises BadRequest for a row that cannot exist."""
        key = self.model._meta.pk
        for ticked in request.POST.getlist(ACTION_CHECKBOX_NAME):
            try:
                key.clean(ticked, None)
            except ValidationError:
                raise BadRequest("a ticked row that cannot exist") from None
        return super().response_action(request, queryset, *where)


class ReadOnlyAdmin(OddInputMixin, admin.ModelAdmin):
    """Staff can read the rows. Only superusers can delete them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class DefaultedFilter(admin.SimpleListFilter, ABC):
    """A filter without Django's “All”: one of its own choices is selected when staff choose none."""

    def __init__(self, request: HttpRequest, *arguments: Any) -> None:
        super().__init__(request, *arguments)
        self.chosen = self.choice_of(request)

    @staticmethod
    @abstractmethod
    def choice_of(request: HttpRequest) -> str:
        """The value that the list shows: the one in the address, else the default."""

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for value, words in self.lookup_choices:
            yield {
                "selected": value == self.chosen,
                "query_string": changelist.get_query_string({str(self.parameter_name): value}),
                "display": words,
            }


class RowContextList(ChangeList, ABC):
    """Gives each row of the shown page a `row_context` for its columns, computed for the whole page at once."""

    @abstractmethod
    def row_contexts(self, rows: Sequence[Any], request: HttpRequest) -> Iterable[Any]:
        """One context per row, in the order of the rows."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        for row, context in zip(rows, self.row_contexts(rows, request), strict=True):
            row.row_context = context


def admin_of(model: type[Model]) -> admin.ModelAdmin:
    """The ModelAdmin that the desk has for this model: its permissions, its log and its messages."""
    return admin.site.get_model_admin(model)


def page_context(model_admin: admin.ModelAdmin, request: HttpRequest, title: str) -> dict[str, Any]:
    """The context that every template of the desk needs."""
    return {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "opts": model_admin.opts,
    }
