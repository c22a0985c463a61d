"""Edit conflicts: two people have the same form open.

Each form carries a version token, which says what its page showed. If the row has changed since, the form keeps every
field in which something was typed and takes the stored value for the others. So no change is lost. The save is refused
once, and the page shows the other person's change:

- A row with a history is refused after any change. Its token is the time and key of the newest history record; the
  history has the values of that time and the list of changes.
- A row without a history is refused only if both people changed the same field. Its token is the values themselves.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ObjectDoesNotExist, ValidationError
from django.template.loader import render_to_string
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware

from tracking.staff.words.history import changes_since, newest_line

TOKEN = "version_token"
_BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_LISTED = 10


class ConflictAwareForm(forms.ModelForm):
    """Refuses a save once if the row has changed since its page was opened. The refused page can be saved."""

    version_token = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._refusals: dict[str, str] = {}  # field, or NON_FIELD_ERRORS -> message
        if not self.instance.pk:
            return
        if self.is_bound and _has_history(self.instance):
            self._compare_with_history()
        elif self.is_bound:
            self._compare_with_row()
        if TOKEN not in self.initial:
            self.initial[TOKEN] = (
                version_token(self.instance) if _has_history(self.instance) else _encoded(_values(self))
            )

    def _compare_with_history(self) -> None:
        opened_at = changed_since_opened(self.data, self.instance)
        if opened_at is None:
            return
        row = _locked(self.instance) or self.instance
        self._merge(values_at(self, opened_at), row, version_token(row))
        changes = changes_since(row, opened_at)
        context = {
            "changes": changes[:_MOST_LISTED],
            "more": len(changes[_MOST_LISTED:]),
            "files": bool(self.files),
        }
        self._refusals[NON_FIELD_ERRORS] = render_to_string("admin/tracking/_edit_conflict.html", context)

    def _compare_with_row(self) -> None:
        row = _locked(self.instance) or self.instance
        stored = values_of(self, row)
        shown = stored | _decoded(self.data.get(TOKEN, ""), stored)
        for name in [name for name in stored if shown[name] != stored[name]]:
            field, typed = self.fields[name], self[name].data
            if field.has_changed(shown[name], typed) and field.has_changed(stored[name], typed):
                self._refusals[name] = _refusal_of_field(str(getattr(row, name) or ""))
        self._merge(shown, row, _encoded(stored))

    def _merge(self, shown: Mapping[str, Any], row: Any, token: str) -> None:
        """Continue as if the page had been opened now and the same fields had been typed."""
        stored = values_of(self, row)
        self.data = merged_data(self, shown, stored) | {TOKEN: token}
        self.initial = {**self.initial, **stored, TOKEN: token}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self._refusals:
            raise ValidationError({name: [message] for name, message in self._refusals.items()})
        return cleaned


def version_token(row: Any) -> str:
    """The version of a row with a history, for a form to carry. Empty for a row without any record."""
    newest, number = newest_line(row)
    return f"{newest.isoformat()} {number}" if newest else ""


def changed_since_opened(data: Mapping[str, Any], row: Any) -> datetime | None:
    """The time of the version that a submitted form shows, if the row has changed since; else None.

    A form without a valid token counts as older than every change. Locks the row, so that of two people who save at the
    same moment the second one sees the change of the first.
    """
    _locked(row)
    token = data.get(TOKEN, "")
    return None if token == version_token(row) else _time_of(token)


def values_at(form: forms.ModelForm, moment: datetime) -> dict[str, Any]:
    """What a page with this form showed of its row at this moment, by field. Empty if the row did not exist."""
    try:
        return values_of(form, form.instance.history.as_of(moment))
    except ObjectDoesNotExist:
        return {}


def values_of(form: forms.ModelForm, row: Any) -> dict[str, Any]:
    """What a page with this form shows of a row, by field."""
    return _values(type(form)(instance=row, prefix=form.prefix))


def merged_data(form: forms.ModelForm, shown: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """The submitted data, with the stored value in each field that was left as the page showed it."""
    left_alone = {
        form.add_prefix(name): stored[name]
        for name, value in shown.items()
        if not form.fields[name].has_changed(value, form[name].data)
    }
    return {name: form.data[name] for name in form.data} | left_alone


def _values(form: forms.ModelForm) -> dict[str, Any]:
    return {
        name: form.get_initial_for_field(field, name) for name, field in form.fields.items() if name != TOKEN
    }


def _has_history(row: Any) -> bool:
    return hasattr(type(row), "history")


def _locked(row: Any) -> Any:
    """The row as it is stored, locked until the end of the transaction. None if it was deleted."""
    return type(row)._default_manager.select_for_update().filter(pk=row.pk).first()


def _refusal_of_field(stored: str) -> str:
    became = f"became “{stored}”" if stored else "was emptied"
    return (
        f"Nothing is saved yet: since you opened this page this {became}. "
        "What you typed is still here: save again to put it in its place."
    )


def _encoded(values: Mapping[str, Any]) -> str:
    """The values as JSON: text, booleans, numbers and None. Raises TypeError for a value that JSON does not have."""
    return json.dumps(values)


def _decoded(token: str, stored: Mapping[str, Any]) -> dict[str, Any]:
    """The values in a token, without names that the form does not have. Empty if the token is not valid."""
    try:
        values = json.loads(token)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(values, dict):
        return {}
    return {name: value for name, value in values.items() if name in stored}


def _time_of(token: str) -> datetime:
    """The time in a token, in UTC. Before all changes if the token is not valid."""
    try:
        moment = parse_datetime(token.partition(" ")[0])
        return moment.astimezone(UTC) if moment and is_aware(moment) else _BEFORE_ALL
    except (ValueError, OverflowError):  # the latter for a time that is outside of the calendar in UTC
        return _BEFORE_ALL
