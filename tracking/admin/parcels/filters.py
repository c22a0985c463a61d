"""The filters of the list of parcels."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.timezone import localdate

from tracking.models import Stage, Standing
from tracking.models.standings import ENQUIRY_SOON, Reason
from tracking.values.places import JAPAN_TIME
from tracking.words.glossary import Glossary


class ChoiceFilter(admin.SimpleListFilter):
    """Ignores a value in the address that is not one of its choices."""

    def value(self) -> str | None:
        value = super().value()
        return value if value in {str(one) for one, _ in self.lookup_choices} else None


class AttentionFilter(ChoiceFilter):
    title = "needs a look"
    parameter_name = "look"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("any", "For any reason"), *((str(one.value), str(one.label)) for one in Reason)]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        chosen, now = self.value(), timezone.now()
        if chosen is None:
            return queryset
        waiting = queryset.needing_attention(now)
        return waiting if chosen == "any" else waiting.filter(Reason(chosen).holds(now))


class StageFilter(ChoiceFilter):
    title = "stage"
    parameter_name = "stage"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        stages = [(str(one.value), f"{one.value}. {one.label}") for one in Stage]
        return [*stages, ("none", "Not known")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case None:
                return queryset
            case "none":
                return queryset.filter(standing__stage=None)
        return queryset.filter(standing__stage=self.value())


class DestinationFilter(ChoiceFilter):
    """By the country that a scan names, else the one that staff entered."""

    title = "destination"
    parameter_name = "destination"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        countries = Glossary.current().destinations
        codes = Standing.objects.order_by().values_list("destination", flat=True).distinct()
        named = sorted((countries[code].name, code) for code in codes if code in countries)
        return [*((code, name) for name, code in named), ("none", "Not known")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case None:
                return queryset
            case "none":
                return queryset.filter(standing__destination=None)
        return queryset.filter(standing__destination=self.value())


class SilenceFilter(ChoiceFilter):
    title = "silence"
    parameter_name = "silent"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("longer", "Longer than usual"), ("far", "Far longer than usual")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "longer":
                return queryset.filter(standing__quiet_from__lte=timezone.now())
            case "far":
                return queryset.filter(standing__worry_from__lte=timezone.now())
        return queryset


class EnquiryFilter(ChoiceFilter):
    title = "enquiry by the sender"
    parameter_name = "enquiry"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("soon", f"Ends within {ENQUIRY_SOON.days} days"),
            ("open", "Still possible"),
            ("over", "Too late"),
            ("unknown", "Not known until when"),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        today = localdate(timezone.now(), JAPAN_TIME)
        match self.value():
            case "soon":
                soon = (today, today + ENQUIRY_SOON)
                return queryset.filter(standing__enquiry_ends_on__range=soon)
            case "open":
                return queryset.filter(standing__enquiry_ends_on__gte=today)
            case "over":
                return queryset.filter(standing__enquiry_ends_on__lt=today)
            case "unknown":
                return queryset.filter(standing__enquiry_ends_on=None)
        return queryset
