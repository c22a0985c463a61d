"""Two people at one form: the later one reads what the other has stored before anything is stored over it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.template.loader import render_to_string
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware

from tracking.staff.words.history import changes_since, newest_line

_BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_TOLD = 10


class GuardedForm(forms.ModelForm):
    """A page knows how new its row was (`seen`). If it is newer by the time of saving, nothing is stored, the page tells
    who changed what and comes back with what was typed; where nothing was typed it has what is stored now.
    """

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seen = left_behind(self.data, self.instance) if self.is_bound and self.instance.pk else None
        if self.instance.pk:
            self.initial["seen"] = mark_of(self.instance)
        if self._seen:
            self.data = merged(self, self._seen) | {"seen": self.initial["seen"]}  # who has read it may save

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self._seen:
            raise ValidationError(self._what_happened(self._seen))
        return cleaned

    def _what_happened(self, seen: datetime) -> str:
        changes = changes_since(self.instance, seen)
        told = {"changes": changes[:_MOST_TOLD], "more": len(changes[_MOST_TOLD:]), "files": bool(self.files)}
        return render_to_string("admin/tracking/_meanwhile.html", told)


class ShownForm(forms.ModelForm):
    """For rows without a history: each field carries what its page showed (Django's `show_hidden_initial`).

    `changed_data` is what was typed here, to be saved alone: a field left as it was shown takes over what others stored
    meanwhile. Where both changed the same field nothing is stored, and the page says what stands there now.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._overtaken: dict[str, str] = {}  # field -> what somebody else has made of it
        for field in self.fields.values():
            field.show_hidden_initial = True
        if self.is_bound and self.instance.pk:
            self._catch_up()

    def _catch_up(self) -> None:
        """Go on from what is stored now as if the page had shown that; note where this passes over what was typed."""
        row = _locked(self.instance) or self.instance
        stored = forms.model_to_dict(row, fields=list(self.fields))
        self.data = {name: self.data[name] for name in self.data}
        for name, field in self.fields.items():
            typed, now = self[name].data, stored[name]
            shown = self.data.get(self[name].html_initial_name, now)
            if field.has_changed(now, shown):
                if not field.has_changed(shown, typed):
                    self.data[self.add_prefix(name)] = now
                elif field.has_changed(now, typed):
                    self._overtaken[name] = str(getattr(row, name) or "")
            self.data[self[name].html_initial_name] = now

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name, now in self._overtaken.items():
            became = f"became “{now}”" if now else "was emptied"
            self.add_error(
                name,
                f"Nothing is saved yet: since you opened this page this {became}. "
                "What you typed is still here: save again to put it in its place.",
            )
        return cleaned


def _locked(row: Any) -> Any:
    """The row as it is stored; of two who save at the same moment the second waits here. None: it is gone."""
    return type(row)._default_manager.select_for_update().filter(pk=row.pk).first()


def left_behind(data: Mapping[str, Any], row: Any) -> datetime | None:
    """How new the row was when the page was opened, if somebody has stored something since; else None."""
    _locked(row)  # so that the second of two sees the first one's line
    return None if data.get("seen") == mark_of(row) else _moment(data.get("seen", ""))


def merged(form: forms.ModelForm, seen: datetime) -> dict[str, Any]:
    """What was sent, with each field in which nothing was typed as it is stored now."""
    sent = {name: form.data[name] for name in form.data}
    try:
        old = form.instance.history.as_of(seen)
    except ObjectDoesNotExist:
        return sent
    shown = type(form)(instance=old, prefix=form.prefix)
    untouched = {
        form.add_prefix(name): form.get_initial_for_field(form.fields[name], name)
        for name, field in shown.fields.items()
        if not field.has_changed(shown.get_initial_for_field(field, name), form[name].data)
    }
    return sent | untouched


def mark_of(row: Any) -> str:
    """How new the row is, for a form to carry as `seen`; empty for a new row."""
    newest = newest_line(row)
    return newest.isoformat() if newest else ""


def _moment(mark: str) -> datetime:
    """Before everything where the mark is none."""
    try:
        moment = parse_datetime(mark)
    except ValueError:
        moment = None
    return moment if moment and is_aware(moment) else _BEFORE_ALL
