"""The preview: unpublished words on a page as customers would see it, on a phone and on a desktop."""

from abc import ABC, abstractmethod
from datetime import UTC
from functools import partial
from typing import Any
from urllib.parse import urlencode

from csp.constants import SELF
from csp.decorators import csp_replace
from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.clickjacking import xframe_options_sameorigin

from tracking.admin.base import ModelAdminMixin, page_context
from tracking.japanpost.examples import Example, all_examples, get_example, has_example
from tracking.journey.story import has_story
from tracking.models import Notice, Status
from tracking.models.words import language_name
from tracking.public.guide import guide_page
from tracking.public.rendering import answer_page
from tracking.staff.words import preview
from tracking.staff.words.fallbacks import languages_of
from tracking.values.numbers import find_numbers
from tracking.values.places import japans_day
from tracking.words.glossary import Glossary

USUAL_EXAMPLE = "in-customs"


class PreviewForm(forms.Form):
    """Which parcel's page shows the words."""

    example = forms.ChoiceField(label="Example parcel", required=False)
    to = forms.ChoiceField(label="Destination of the example", required=False)
    number = forms.CharField(
        label="Or a parcel of yours, by its number", required=False, max_length=40, strip=True
    )
    language = forms.ChoiceField(label="Language", required=False)

    def __init__(self, data: Any, glossary: Glossary) -> None:
        super().__init__(data)
        self.glossary = glossary
        self._choose("example", [(one.slug, one.title) for one in all_examples()])
        places = sorted((place.name, code) for code, place in glossary.destinations.items())
        self._choose("to", [("", "its own country"), *((code, name) for name, code in places)])
        self._choose("language", [(code, language_name(code)) for code in languages_of(glossary)])

    def clean_number(self) -> str:
        """The number of a parcel with a stored story. Empty if none was typed. Never asks Japan Post."""
        typed = self.cleaned_data["number"]
        found = find_numbers(typed)
        if typed and (len(found) != 1 or not has_story(found[0])):
            raise forms.ValidationError(
                "We have no story of this parcel. "
                "It appears here after a customer looks the parcel up, or after you register it."
            )
        return found[0] if typed else ""

    def subject(self) -> preview.Subject:
        """The parcel and the language that staff chose."""
        chosen = self.cleaned_data
        language = chosen["language"] or "en"
        if chosen["number"]:
            return preview.Subject(number=chosen["number"], language=language)
        example = _example(chosen["example"])
        if chosen["to"]:
            example = preview.moved_to(example, chosen["to"], self.glossary)
        return preview.Subject(example, language=language)

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        if not isinstance(field, forms.ChoiceField):
            raise TypeError(f"{name} has no choices")
        field.choices = choices


class NoticePreviewForm(PreviewForm):
    where = forms.ChoiceField(
        label="Where", required=False, choices=[("parcel", "On a parcel's page"), ("guide", "In the guide")]
    )


class PreviewSource(ABC):
    """What the preview of one model shows."""

    form: type[PreviewForm] = PreviewForm

    @abstractmethod
    def glossary(self, row: Any) -> Glossary:
        """The glossary with the row's unpublished words in it."""

    @abstractmethod
    def first_choice(self, row: Any) -> dict[str, str]:
        """The form's data before staff choose anything."""

    @abstractmethod
    def remark(self, row: Any, form: PreviewForm) -> str:
        """What staff must know about the page they see. Empty if there is nothing to say."""

    @abstractmethod
    def page(self, request: HttpRequest, row: Any, form: PreviewForm) -> HttpResponse:
        """The page as customers would get it."""


class PreviewMixin(ModelAdminMixin):
    """Adds the preview page, and the page in its two frames, to a ModelAdmin. The right to view is enough."""

    change_form_template = "admin/tracking/previewed_change_form.html"
    preview: PreviewSource

    def get_urls(self) -> list[URLPattern]:
        name = f"tracking_{self.opts.model_name}_preview"
        view = self.admin_site.admin_view
        page: Any = view(partial(preview_page, self))  # django-csp's types know views without arguments only
        frame: Any = xframe_options_sameorigin(view(partial(preview_frame, self)))
        page = csp_replace({"frame-src": [SELF]})(page)
        frame = csp_replace({"frame-ancestors": [SELF]})(frame)
        return [
            path("<path:object_id>/preview/", page, name=name),
            path("<path:object_id>/preview/frame/", frame, name=f"{name}_frame"),
            *super().get_urls(),
        ]


def preview_page(model_admin: PreviewMixin, request: HttpRequest, object_id: str) -> HttpResponse:
    """A form to choose the parcel, and its page in a phone's and in a desktop's frame."""
    row, form = _row_and_form(model_admin, request, object_id)
    is_valid = form.is_valid()
    frame = reverse(f"admin:tracking_{model_admin.opts.model_name}_preview_frame", args=[row.pk])
    chosen = {name: value for name, value in form.cleaned_data.items() if value} if is_valid else {}
    context = {
        **page_context(model_admin, request, f"Preview: {row}"),
        "is_nav_sidebar_enabled": False,  # room for both frames
        "object": row,
        "form": form,
        "frame": f"{frame}?{urlencode(chosen)}" if is_valid else "",
        "remark": model_admin.preview.remark(row, form) if is_valid else "",
    }
    return TemplateResponse(request, "admin/tracking/preview.html", context)


def preview_frame(model_admin: PreviewMixin, request: HttpRequest, object_id: str) -> HttpResponse:
    """The page that the frames show."""
    row, form = _row_and_form(model_admin, request, object_id)
    if not form.is_valid():
        raise Http404("no such parcel")
    with timezone.override(UTC):  # the clock of customers' pages
        return model_admin.preview.page(request, row, form)


def _row_and_form(model_admin: PreviewMixin, request: HttpRequest, object_id: str) -> tuple[Any, PreviewForm]:
    row = model_admin.get_object(request, object_id)
    if not model_admin.has_view_permission(request, row):
        raise PermissionDenied
    if row is None:
        raise Http404(object_id)
    preview = model_admin.preview
    return row, preview.form(request.GET.dict() or preview.first_choice(row), preview.glossary(row))


class StatusPreview(PreviewSource):
    """The drafts of a status on a parcel's page."""

    def glossary(self, row: Status) -> Glossary:
        return preview.with_drafts(Glossary.current(), row)

    def first_choice(self, row: Status) -> dict[str, str]:
        example = row.example if has_example(row.example) else USUAL_EXAMPLE
        return {"example": example, **preview.first_draft(row)}

    def remark(self, row: Status, form: PreviewForm) -> str:
        shown = preview.preview_status(row, form.subject(), form.glossary, timezone.now())
        if shown.pretends:
            return (
                "This parcel has another status. "
                "To show your words, this page takes its newest scan to mean this status."
            )
        if not shown.leads:
            return "This parcel's page does not lead with this status. Choose another example to see your words on top."
        return ""

    def page(self, request: HttpRequest, row: Status, form: PreviewForm) -> HttpResponse:
        subject = form.subject()
        shown = preview.preview_status(row, subject, form.glossary, timezone.now())
        return answer_page(request, shown.answer, shown.glossary, example=subject.example, is_preview=True)


class NoticePreview(PreviewSource):
    """A notice on a parcel's page and in the guide, even before its first day."""

    form = NoticePreviewForm

    def glossary(self, row: Notice) -> Glossary:
        return preview.with_notice(Glossary.current(), row, timezone.now())

    def first_choice(self, row: Notice) -> dict[str, str]:
        return {"example": USUAL_EXAMPLE, "to": row.destination_id or ""}

    def remark(self, row: Notice, form: PreviewForm) -> str:
        return (
            ""
            if row.is_current(japans_day())
            else "Customers do not see this notice today: here it is shown as if they did."
        )

    def page(self, request: HttpRequest, row: Notice, form: PreviewForm) -> HttpResponse:
        if form.cleaned_data["where"] == "guide":
            return guide_page(request, form.glossary, is_preview=True)
        subject = form.subject()
        answer = subject.answer(form.glossary, timezone.now())
        return answer_page(request, answer, form.glossary, example=subject.example, is_preview=True)


def _example(slug: str) -> Example:
    return get_example(slug or USUAL_EXAMPLE)
