"""The preview: what customers would see, on a phone and on a desktop, before they see it."""

from abc import abstractmethod
from datetime import UTC
from typing import Any
from urllib.parse import urlencode

from csp.constants import SELF
from csp.decorators import csp_replace
from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.clickjacking import xframe_options_sameorigin

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
    """On which page the words are looked at."""

    example = forms.ChoiceField(label="Example parcel", required=False)
    to = forms.ChoiceField(label="The example goes to", required=False)
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
        """One parcel whose story is in the store: Japan Post is not asked for a preview."""
        typed = self.cleaned_data["number"]
        found = find_numbers(typed)
        if typed and (len(found) != 1 or not has_story(found[0])):
            raise forms.ValidationError(
                "We have no story of this parcel. It comes here when somebody looks the parcel up, or after you registered it."
            )
        return found[0] if typed else ""

    def subject(self) -> preview.Subject:
        """The parcel that was chosen."""
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
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices


class NoticePreviewForm(PreviewForm):
    where = forms.ChoiceField(
        label="Where", required=False, choices=[("parcel", "On a parcel's page"), ("guide", "In the guide")]
    )


class WithPreview(admin.ModelAdmin):
    """Adds the preview page, and the page in its two frames, to a model's desk. Whoever may view may look."""

    change_form_template = "admin/tracking/previewed_change_form.html"
    preview_form: type[PreviewForm] = PreviewForm

    @abstractmethod
    def words(self, obj: Any) -> Glossary:
        """The words with what is to be looked at in them."""

    @abstractmethod
    def first_choice(self, obj: Any) -> dict[str, str]:
        """What is shown before anything was chosen."""

    @abstractmethod
    def remark(self, obj: Any, form: PreviewForm) -> str:
        """What staff should know about what they see."""

    @abstractmethod
    def frame(self, request: HttpRequest, obj: Any, form: PreviewForm) -> HttpResponse:
        """The page itself, as customers would get it."""

    def get_urls(self) -> list[URLPattern]:
        name = f"tracking_{self.opts.model_name}_preview"
        view = self.admin_site.admin_view
        page: Any = view(self.preview_page)  # django-csp's types know views without arguments only
        frame: Any = xframe_options_sameorigin(view(self.preview_frame))
        page = csp_replace({"frame-src": [SELF]})(page)
        frame = csp_replace({"frame-ancestors": [SELF]})(frame)
        return [
            path("<path:object_id>/preview/", page, name=name),
            path("<path:object_id>/preview/frame/", frame, name=f"{name}_frame"),
            *super().get_urls(),
        ]

    def preview_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A form to choose the parcel, and its page in a phone's and in a desktop's frame."""
        obj, form = self._opened(request, object_id)
        is_valid = form.is_valid()
        frame = reverse(f"admin:tracking_{self.opts.model_name}_preview_frame", args=[obj.pk])
        chosen = {name: value for name, value in form.cleaned_data.items() if value} if is_valid else {}
        context = {
            **self.admin_site.each_context(request),
            "is_nav_sidebar_enabled": False,  # room for both frames
            "title": f"Preview: {obj}",
            "opts": self.opts,
            "object": obj,
            "form": form,
            "frame": f"{frame}?{urlencode(chosen)}" if is_valid else "",
            "remark": self.remark(obj, form) if is_valid else "",
        }
        return TemplateResponse(request, "admin/tracking/preview.html", context)

    def preview_frame(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What stands in the frames."""
        obj, form = self._opened(request, object_id)
        if not form.is_valid():
            raise Http404("no such parcel")
        with timezone.override(UTC):  # the clock of customers' pages
            return self.frame(request, obj, form)

    def _opened(self, request: HttpRequest, object_id: str) -> tuple[Any, PreviewForm]:
        obj = self.get_object(request, object_id)
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        if obj is None:
            raise Http404(object_id)
        return obj, self.preview_form(request.GET.dict() or self.first_choice(obj), self.words(obj))


class StatusPreview(WithPreview):
    """The drafts of a status on a parcel's page."""

    def words(self, obj: Status) -> Glossary:
        return preview.with_drafts(Glossary.current(), obj)

    def first_choice(self, obj: Status) -> dict[str, str]:
        example = obj.example if has_example(obj.example) else USUAL_EXAMPLE
        return {"example": example, **preview.first_draft(obj)}

    def remark(self, obj: Status, form: PreviewForm) -> str:
        shown = preview.preview_status(obj, form.subject(), form.glossary, timezone.now())
        if shown.pretends:
            return "This parcel stands at another point. So that you see your words, its newest scan is taken to mean this status here."
        if not shown.leads:
            return "This parcel's page does not lead with this status. Choose another example to see your words on top."
        return ""

    def frame(self, request: HttpRequest, obj: Status, form: PreviewForm) -> HttpResponse:
        subject = form.subject()
        shown = preview.preview_status(obj, subject, form.glossary, timezone.now())
        return answer_page(request, shown.answer, shown.glossary, example=subject.example, is_preview=True)


class NoticePreview(WithPreview):
    """A notice on a parcel's page and in the guide, even before its first day."""

    preview_form = NoticePreviewForm

    def words(self, obj: Notice) -> Glossary:
        return preview.with_notice(Glossary.current(), obj, timezone.now())

    def first_choice(self, obj: Notice) -> dict[str, str]:
        return {"example": USUAL_EXAMPLE, "to": obj.destination_id or ""}

    def remark(self, obj: Notice, form: PreviewForm) -> str:
        return (
            ""
            if obj.is_current(japans_day())
            else "Customers do not see this notice today: here it is shown as if they did."
        )

    def frame(self, request: HttpRequest, obj: Notice, form: PreviewForm) -> HttpResponse:
        if form.cleaned_data["where"] == "guide":
            return guide_page(request, form.glossary, is_preview=True)
        subject = form.subject()
        answer = subject.answer(form.glossary, timezone.now())
        return answer_page(request, answer, form.glossary, example=subject.example, is_preview=True)


def _example(slug: str) -> Example:
    return get_example(slug or USUAL_EXAMPLE)
