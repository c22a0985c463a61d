"""The history of the words as staff read it: each change with its author and its difference, and the way back."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import chain
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import models
from django.db.models import Max

from tracking.models import Status, Wording
from tracking.models.history import INSTALLATION, without_length
from tracking.staff.words.difference import Piece, word_difference

_EMPTY = "–"
_IN_HEADING = ("status", "language", "destination")  # of a wording: the heading of a change names them


@dataclass(frozen=True)
class FieldChange:
    """One field, before and after."""

    label: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class HistoryLine:
    """One line of the history."""

    record: Any
    before: Any | None  # the record before it of the same row
    key: str  # names the record in a form: "wording:17"
    what: str
    happened: str
    is_newest: bool  # the row is still as after this change

    @cached_property
    def fields(self) -> tuple[FieldChange, ...]:
        """The fields that the change touched. Compared when they are read: a page shows a part of the history."""
        deleted = self.record.history_type == "-"
        return () if deleted else tuple(_field_changes(self.record, self.before))

    @property
    def at(self) -> datetime:
        moment: datetime = self.record.history_date
        return moment

    @property
    def who(self) -> str:
        """The author's name, or what made the change without a person."""
        if self.record.history_change_reason == INSTALLATION:
            return "by the installation"
        return self.record.author or "by the site itself"


def histories_of(row: Any) -> list[models.QuerySet[Any]]:
    """The records of a row. Those of a status include the records of its words, deleted ones too."""
    own = [row.history.all()]
    if isinstance(row, Status):
        own.append(Wording.history.filter(status_id=row.pk).select_related("destination"))
    return own


def newest_line(row: Any) -> tuple[datetime | None, int]:
    """When the row, or a wording of a status, last changed, and a number that differs after each further change.

    The number is the sum of the newest keys: the time alone stays where a clock that was ahead wrote a record.
    (None, 0) if there is no record.
    """
    newest = [one.aggregate(at=Max("history_date"), key=Max("history_id")) for one in histories_of(row)]
    times = (one["at"] for one in newest)
    return max(filter(None, times), default=None), sum(one["key"] or 0 for one in newest)


def changes_since(row: Any, moment: datetime) -> list[HistoryLine]:
    """The lines of a row's history after this moment, the newest first."""
    return [one for one in changes_of(chain(*histories_of(row))) if one.at > moment]


def changes_of(records: Iterable[Any]) -> list[HistoryLine]:
    """The lines of the history that these records make, the newest first.

    Each record is compared with the one before it of its row.
    """
    earlier: dict[tuple[type, Any], Any] = {}
    pairs = []
    for record in sorted(records, key=lambda one: (one.history_date, one.history_id)):
        row = (type(record), getattr(record, record.instance_type._meta.pk.attname))
        pairs.append((record, earlier.get(row)))
        earlier[row] = record
    newest = {id(record) for record in earlier.values()}
    return [_line_of(record, before, id(record) in newest) for record, before in reversed(pairs)]


def go_back(record: Any) -> models.Model:
    """Make a row what it was after this record, for customers too, and return it. The history gets a new record.

    A waiting draft stays, unless the record is about a draft. The slug of a status always stays, because the site
    identifies the status by it. Raises ValidationError if the old values are not valid any more; a text may be longer
    than the limit of today.
    """
    row = _row_of(record)
    if isinstance(row, Wording) and is_about_draft(record):
        row.draft = record.draft
        if row._state.adding:
            row.hidden = True
    else:
        stays = set() if row._state.adding else {"draft", "slug"}
        for field in record.tracked_fields:
            if not field.primary_key and field.name not in stays:
                setattr(row, field.attname, getattr(record, field.attname))
    try:
        row.full_clean(exclude=_not_to_check(row))
    except ValidationError as error:
        if rest := without_length(error, error.error_dict):
            raise ValidationError(rest) from None
    row.save()
    return row


def _not_to_check(row: models.Model) -> list[str]:
    """The texts, for words that were never published: only their draft has texts."""
    return list(Wording.TEXTS) if isinstance(row, Wording) and not row.was_published else []


def _row_of(record: Any) -> models.Model:
    """The row of a record. For deleted words the words in the same place, or new ones."""
    model = record.instance_type
    row: models.Model | None = model.objects.filter(pk=getattr(record, model._meta.pk.attname)).first()
    if row is None and model is Wording:
        row = Wording.objects.filter(
            status_id=record.status_id, language=record.language, destination_id=record.destination_id
        ).first()
    if row is not None:
        return row
    if model is Wording:
        return Wording(
            status_id=record.status_id, language=record.language, destination_id=record.destination_id
        )
    instance: models.Model = record.instance
    return instance


def is_about_draft(record: Any) -> bool:
    """True if the record changes a draft and not what customers see, as do all records of unpublished words."""
    if getattr(record, "draft", None) is None:
        return False
    before = record.prev_record
    return before is None or before.draft != record.draft or not record.title


def _line_of(record: Any, before: Any | None, is_newest: bool) -> HistoryLine:
    kind = record.instance_type._meta.model_name
    return HistoryLine(
        record=record,
        before=before,
        key=f"{kind}:{record.history_id}",
        what=_name_of(record),
        happened=_happened(record, before),
        is_newest=is_newest and record.history_type != "-",
    )


def _name_of(record: Any) -> str:
    if record.instance_type is Wording:
        return f"Words, {Wording.name_of(record.language, _destination(record))}"
    return f"The {record.instance_type._meta.verbose_name} itself"


def _happened(record: Any, before: Any | None) -> str:
    draft, old_draft = getattr(record, "draft", None), getattr(before, "draft", None)
    match record.history_type:
        case "-":
            return "deleted"
        case "+":
            return "begun as a draft" if draft else "written"
    if draft and draft != old_draft:
        return "draft saved"
    if old_draft and not draft:
        has_new_texts = record.diff_against(before, included_fields=Wording.TEXTS).changes
        return "published" if has_new_texts else "draft discarded"
    return "changed"


def _field_changes(record: Any, before: Any | None) -> Iterable[FieldChange]:
    published = False
    for field in _changed_fields(record, before):
        old, new = _text(before, field.name), _text(record, field.name)
        says_nothing = before is None and new in (_EMPTY, "no")
        if old != new and not says_nothing:
            published = published or field.name in Wording.TEXTS
            yield FieldChange(str(field.verbose_name), word_difference(old, new))
    if record.instance_type is Wording and not published:
        yield from _draft_changes(record, before)


def _changed_fields(record: Any, before: Any | None) -> list["models.Field[Any, Any]"]:
    """The fields that differ from the record before, in the model's order; all fields of a first record.

    Compares foreign keys as keys, so that a row that is related to many records is not loaded for each of them.
    """
    hidden = {"draft", *(_IN_HEADING if record.instance_type is Wording else ())}
    fields = [each for each in record.tracked_fields if not each.primary_key and each.name not in hidden]
    if before is None:
        return fields
    names = [field.name for field in fields]
    changed = set(record.diff_against(before, included_fields=names).changed_fields)
    return [field for field in fields if field.name in changed]


def _draft_changes(record: Any, before: Any | None) -> Iterable[FieldChange]:
    for name in Wording.TEXTS:
        old, new = (str(((one and one.draft) or {}).get(name, _text(one, name))) for one in (before, record))
        if old != new:
            yield FieldChange(f"{name.replace('_', ' ')} (draft)", word_difference(old, new))


def _text(record: Any | None, name: str) -> str:
    """A field's value as staff read it. Empty without a record."""
    if record is None:
        return ""
    if hasattr(record, f"get_{name}_display"):
        return str(getattr(record, f"get_{name}_display")() or _EMPTY)
    try:
        value = getattr(record, name)
    except ObjectDoesNotExist:
        return _EMPTY
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _EMPTY if value is None else str(value)


def _destination(record: Any) -> str:
    return "" if record.destination_id is None else _text(record, "destination")
