"""The words in the form of a status: drafts until staff publish them, with guidance on their length."""

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from django import forms
from django.conf.global_settings import LANGUAGES
from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from tracking.admin.edit_conflicts import (
    ConflictAwareForm,
    changed_since_opened,
    merged_data,
    values_at,
    values_of,
)
from tracking.japanpost.examples import all_examples, has_example
from tracking.models import Wording
from tracking.models.words import WORDS_EXIST, language_name

FITS = {"title": 60, "meaning": 240, "what_to_do": 160, "who_has_it": 60}
_HELP = 'About {} characters fit on a phone\'s first screen; now <output class="count" data-fits="{}">{}</output>.'


_DRAFT_BUTTONS = ("_draft", "_preview")


def keeps_drafts(data: Mapping[str, Any] | None) -> bool:
    """True after “Save draft” or “Save draft and preview”: the save must not change what customers see."""
    return any(button in (data or {}) for button in _DRAFT_BUTTONS)


class StatusForm(ConflictAwareForm):
    """The status itself has no draft: “Save draft” refuses a change of it, rather than lose it unnoticed."""

    example = forms.ChoiceField(
        choices=lambda: [("", "None"), *((one.slug, one.title) for one in all_examples())],
        required=False,
        help_text="The example parcel that shows it: the guide and the list of statuses link to it.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_example(self.initial.get("example", "")):
            self.initial["example"] = ""  # an update of the site may have removed the example

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.instance.pk and keeps_drafts(self.data) and self.changed_data:
            names = ", ".join(str(self.fields[name].label).lower() for name in self.changed_data)
            raise ValidationError(
                f"A draft holds words only. You have also changed: {names}. Use “Save and publish”, or take that back."
            )
        return cleaned


class WordingForm(forms.ModelForm):
    """Shows the draft's texts if there is a draft.

    `opened_at` is the version of the status that the page shows, if the status has changed since.
    """

    class Meta:
        model = Wording
        fields = ["language", "destination", "hidden", *Wording.TEXTS]

    def __init__(self, *args: Any, opened_at: datetime | None = None, **kwargs: Any) -> None:
        wording = kwargs.get("instance")
        shown: dict[str, Any] = wording.drafted_texts if wording else {}
        if wording and wording.pk and not wording.was_published:
            shown["hidden"] = (
                False  # hidden until published; the tick says whether they are hidden after that
            )
        kwargs["initial"] = shown | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        if opened_at and wording:
            self.data = merged_data(self, values_at(self, opened_at), values_of(self, wording))
        for name in Wording.TEXTS:
            if name in self.fields:  # staff who may only view have no fields
                self._guide(name)
        is_stored = wording is not None and bool(wording.pk)
        for name in {"language", "destination"} & self.fields.keys():
            self.fields[name].disabled = is_stored
            if is_stored and isinstance(self.fields[name].widget, RelatedFieldWidgetWrapper):
                self.fields[name].widget = self.fields[
                    name
                ].widget.widget  # without links that leave the form
        if "language" in self.fields:
            known = dict.fromkeys([wording.language] if wording else ["en"])
            codes = [*known, *sorted({code for code, _ in LANGUAGES} - known.keys(), key=language_name)]
            self.fields["language"] = forms.ChoiceField(
                choices=[(code, language_name(code)) for code in codes],
                initial=codes[0],  # so that an empty block counts as unchanged
                disabled=self.fields["language"].disabled,
                help_text="English is what customers get when their language is missing.",
            )

    def _guide(self, name: str) -> None:
        field = self.fields[name]
        given = self.data.get(self.add_prefix(name)) if self.is_bound else self.initial.get(name)
        written = given or ""
        length = len(str(written).replace("\r\n", "\n"))
        guide = format_html(_HELP, FITS[name], FITS[name], length)
        if isinstance(field.widget, forms.Textarea):
            field.widget.attrs["rows"] = 4
        field.help_text = format_html("{}<br>{}", field.help_text, guide)


class WordingFormSet(BaseInlineFormSet):
    """A draft holds words only. “Save draft” refuses other changes, so that they are not lost unnoticed."""

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        return super().get_form_kwargs(index) | {"opened_at": self._opened_at}

    @cached_property
    def _opened_at(self) -> datetime | None:
        return changed_since_opened(self.data, self.instance) if self.is_bound else None

    def get_queryset(self) -> Any:
        """In a submitted form: the words on its page, in its order, including those deleted since it was opened."""
        return self._on_the_page if self.is_bound else super().get_queryset()

    @cached_property
    def _on_the_page(self) -> list[Wording]:
        stored = {str(one.pk): one for one in super().get_queryset()}
        keys = [self.data.get(f"{self.add_prefix(i)}-id", "") for i in range(self.initial_form_count())]
        gone = {key for key in keys if key.isdecimal() and len(key) < 19} - stored.keys()
        for record in Wording.history.filter(id__in=gone, status_id=self.instance.pk, history_type="-"):
            stored.setdefault(str(record.id), record.instance)
        return [stored[key] for key in keys if key in stored]

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        if (
            form.instance.pk and form.instance._state.adding
        ):  # Django's field refuses keys that are not stored
            form.fields["id"] = forms.CharField(widget=forms.HiddenInput)

    def clean(self) -> None:
        super().clean()
        places = [
            (form.cleaned_data.get("language"), form.cleaned_data.get("destination"))
            for form in self.forms
            if form not in self.deleted_forms and (form.instance.pk or form.has_changed())
        ]
        if len(set(places)) < len(places):
            raise ValidationError(WORDS_EXIST)
        if not keeps_drafts(self.data):
            return
        for form in self.initial_forms:
            if form in self.deleted_forms or "hidden" in form.changed_data:
                raise ValidationError(
                    "A draft holds words only. You have also hidden or deleted some: use “Save and publish”, "
                    "or take that back."
                )

    def get_unique_error_message(self, unique_check: Any) -> str:
        return WORDS_EXIST

    def save_drafts(self) -> None:
        """Store the texts as drafts. What customers see does not change."""
        self.save(commit=False)
        for form in self.forms:
            if not form.has_changed():
                continue
            written = form.instance
            drafted = {name: form.cleaned_data[name] for name in Wording.TEXTS}
            stored = Wording.objects.filter(pk=written.pk).first() or Wording(
                status=self.instance,
                language=written.language,
                destination=written.destination,
                hidden=True,
            )
            is_new = stored.texts != drafted or not stored.was_published
            stored.draft = drafted if is_new else None
            stored.save()

    def publish(self) -> None:
        """Publish everything on the page, including drafts from before that were not edited."""
        self.save(commit=False)
        for gone in self.deleted_objects:
            gone.delete()
        for form in self.forms:
            waits = form.instance.draft is not None
            if form in self.deleted_forms or not (form.has_changed() or waits):
                continue
            form.instance.put({name: form.cleaned_data[name] for name in Wording.TEXTS})
            form.instance.save()


class WordingInline(admin.StackedInline):
    model = Wording
    form = WordingForm
    formset = WordingFormSet
    extra = 0
    autocomplete_fields = ["destination"]
    readonly_fields = ["state"]
    fieldsets = [(None, {"fields": ["state", ("language", "destination", "hidden"), *Wording.TEXTS]})]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Wording]:
        wordings: Any = super().get_queryset(request)
        found: QuerySet[Wording] = wordings.in_order().select_related("status", "destination")
        return found

    def get_extra(self, request: HttpRequest, obj: Any = None, **_: Any) -> int:
        """A new status gets one empty block."""
        return 0 if obj else 1

    @admin.display(description="these words are")
    def state(self, wording: Wording) -> str:
        """Whether customers see the texts in the fields."""
        if not wording.pk:
            return "new"
        if wording._state.adding:
            return "deleted in the meantime: saving writes them again"
        if wording.draft is None:
            return "hidden: customers do not see them" if wording.hidden else "what customers see"
        return format_html(
            '<strong class="draft">Draft, customers do not see it yet.</strong> <a href="{}">Compare with what '
            "they see, or discard the draft</a>",
            reverse("admin:tracking_status_discard", args=[wording.status_id, wording.pk]),
        )
