"""What several desk pages share: read-only pages, filters with a default, lists with a context for each row."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model
from django.http import HttpRequest

if TYPE_CHECKING:
    ModelAdminMixin = admin.ModelAdmin  # a mixin may use what the ModelAdmin has that it is mixed into
else:
    ModelAdminMixin = object


class ReadOnlyAdmin(admin.ModelAdmin):
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
