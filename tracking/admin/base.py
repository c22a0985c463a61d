"""What several desk pages share: odd input, read-only pages, filters with a default, contexts for a list's rows."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import BadRequest, FieldError, ValidationError
from django.db import DataError
from django.db.models import BigIntegerField, Model, QuerySet
from django.db.models.sql import Query
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import register_converter
from django.urls.converters import IntConverter
from django.utils.text import smart_split

_OF_FILTERS = {"exact", "isnull", "gte", "lt"}  # the lookups of Django's filters of a list
_MOST_VALUES = 100  # in the address of a list; a click on a filter sets one or two
_MOST_WORDS = 50  # of a search
_MOST_DIGITS = 1000  # of a key, with zeros in front; Python reads no number of more than 4,300

if TYPE_CHECKING:
    ModelAdminMixin = admin.ModelAdmin  # a mixin may use what the ModelAdmin has that it is mixed into
else:
    ModelAdminMixin = object


class OddInputMixin(ModelAdminMixin):
    """For every ModelAdmin: a value in the address or in a form that fits no row is refused, and is no error 500."""

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The list. Raises IncorrectLookupParameters, for which Django leads to the whole list.

        Django does this for values that it finds to be odd itself. Some are odd only for the database, such as a number
        with more digits than its columns have. An address can name any lookup, such as a regular expression, which
        could run for hours, or `range`, which fails with one value: only those of the lists' own filters are answered.
        """
        if sum(len(values) for _, values in request.GET.lists()) > _MOST_VALUES:
            raise IncorrectLookupParameters("too many values")
        for name in request.GET:
            self._check_lookup(name)
        try:
            return super().get_changelist_instance(request)
        except (DataError, OverflowError, TypeError, ValueError) as error:  # TypeError: for a column of bytes
            raise IncorrectLookupParameters(error) from error

    def _check_lookup(self, name: str) -> None:
        """Raise IncorrectLookupParameters for a lookup that no filter uses. Django refuses columns that have none."""
        try:
            lookups, _, _ = Query(self.model).solve_lookup_type(name)
        except FieldError:
            return  # Django refuses it with 400
        calendar = [f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day")]
        if "__" in name and name not in calendar and not _OF_FILTERS.issuperset(lookups):
            raise IncorrectLookupParameters(name)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search for the first words of a long text: SQLite answers no query with hundreds of conditions."""
        words = list(islice(smart_split(search_term), _MOST_WORDS))
        return super().get_search_results(request, queryset, " ".join(words))

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


class KeyConverter(IntConverter):
    """The key of a row in an address. Raises Http404 for one that no column of the database holds."""

    def to_python(self, value: str) -> int:
        """Return the key. Not a ValueError: then Django would try its own addresses, which lead to the start page."""
        if len(value) > _MOST_DIGITS or int(value) > BigIntegerField.MAX_BIGINT:
            raise Http404("no row has this key")
        return int(value)


register_converter(KeyConverter, "key")


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
