"""Destinations: the local post and its tracking page, and the notices of staff."""

from collections.abc import Iterator
from datetime import date, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Q

from tracking.models.history import KeepsStoredTexts, kept_history
from tracking.values import links
from tracking.values.places import JAPAN, PREFECTURES, comparable
from tracking.values.validators import check_characters

_LONGEST_TEXT = 2000  # characters; the history compares each version with the one before
VERIFY_AFTER = timedelta(days=180)  # for so long we assume that a link that staff opened still works


class DestinationQuerySet(models.QuerySet["Destination"]):
    def with_link_to_verify(self, today: date) -> "DestinationQuerySet":
        """Destinations whose tracking link staff have never opened, or opened too long ago."""
        old = Q(link_verified_on=None) | Q(link_verified_on__lt=today - VERIFY_AFTER)
        return self.filter(old).exclude(tracking_url="")


class Destination(KeepsStoredTexts):
    """A country, by its ISO 3166 code."""

    class LinkKind(models.TextChoices):
        DEEP = "deep", "Opens the parcel itself: the link has {number} in it"
        PAGE = "page", "Opens a page where the customer pastes the number"

    code = models.CharField(
        max_length=2, primary_key=True, help_text="ISO 3166 code of two letters, such as DE."
    )
    name = models.CharField(
        max_length=100, validators=[check_characters], help_text="As customers read it: “Germany”."
    )
    name_in_text = models.CharField(
        max_length=100,
        blank=True,
        validators=[check_characters],
        help_text="As it reads inside a sentence, where that differs: “the Netherlands”. Empty: like the name.",
    )
    printed_names = models.TextField(
        blank=True,
        validators=[MaxLengthValidator(_LONGEST_TEXT), check_characters],
        help_text="How Japan Post prints it, one name a line, in any case: GERMANY. "
        "Add a line when a new spelling turns up.",
    )
    operator = models.CharField(
        max_length=100,
        blank=True,
        validators=[check_characters],
        help_text="Who delivers EMS there, such as Deutsche Post DHL.",
    )
    tracking_url = models.CharField(
        "tracking link",
        max_length=500,
        blank=True,
        help_text="Their tracking page, beginning with https://. Put {number} where the tracking number belongs.",
    )
    link_kind = models.CharField(max_length=4, choices=LinkKind, default=LinkKind.PAGE)
    link_verified_on = models.DateField(
        null=True, blank=True, help_text="When staff last opened the link and it worked. Empty: never."
    )
    holding_days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="Days a post office there keeps a parcel before it returns it. Empty: not known.",
    )
    exchanges_scans = models.BooleanField(
        default=True,
        help_text="Off: their post sends no scans to Japan, so nothing more will appear after departure.",
    )
    enquiry_months = models.PositiveSmallIntegerField(
        default=6,
        help_text="Months after posting in which the sender can open an enquiry (China 4, others 6).",
    )
    note = models.TextField(
        blank=True,
        validators=[MaxLengthValidator(_LONGEST_TEXT)],
        help_text="For staff only: customers never see it.",
    )

    objects = DestinationQuerySet.as_manager()
    history = kept_history()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def spoken_name(self) -> str:
        """The name as a part of a sentence."""
        return self.name_in_text or self.name

    def clean(self) -> None:
        """Raise ValidationError for a link that is not usable or does not fit `link_kind`, and for a printed name of
        another country.
        """
        errors = {}
        if self.tracking_url and (problem := links.problem_of(self.tracking_url)):
            errors["tracking_url"] = problem
        if (self.link_kind == self.LinkKind.DEEP) != (links.PLACEHOLDER in self.tracking_url):
            errors["link_kind"] = (
                "A link that opens the parcel itself has {number} in it, the other kind has not."
            )
        if taken := list(self._names_of_others()):
            errors["printed_names"] = " ".join(taken)
        if errors:
            raise ValidationError(errors)

    def _names_of_others(self) -> Iterator[str]:
        """A sentence for each printed name that means another country already."""
        others = Destination.objects.exclude(pk=self.pk)
        index = {comparable(name): one for one in others for name in _lines(one.printed_names)}
        for name in _lines(self.printed_names):
            if other := index.get(comparable(name)):
                yield f"“{name}” means {other} already: a name can mean one country only."
            elif comparable(name) in PREFECTURES and self.code != JAPAN:
                yield f"“{name}” is a prefecture of Japan."

    def link_for(self, number: str) -> str:
        """The local post's tracking page for a number, opened at the parcel if the link allows it. Empty: unknown."""
        return self.tracking_url.replace(links.PLACEHOLDER, number)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


class NoticeQuerySet(models.QuerySet["Notice"]):
    def current(self, today: date) -> "NoticeQuerySet":
        """Notices that customers see on this day. The first and the last day are included."""
        return self.filter(starts_on__lte=today).filter(Q(ends_on=None) | Q(ends_on__gte=today))

    def ending_soon(self, today: date, within: timedelta) -> "NoticeQuerySet":
        """Notices that customers see on this day and whose last day is at most `within` later."""
        return self.current(today).filter(ends_on__lte=today + within)

    def planned(self, today: date) -> "NoticeQuerySet":
        """Notices that begin after this day."""
        return self.filter(starts_on__gt=today)

    def over(self, today: date) -> "NoticeQuerySet":
        """Notices whose last day is before this day."""
        return self.filter(ends_on__lt=today, starts_on__lte=today)


class Notice(KeepsStoredTexts):
    """A dated message for one destination or for all."""

    class Severity(models.TextChoices):
        INFO = "info", "Information"
        WARNING = "warning", "Warning"

    destination = models.ForeignKey(
        Destination, on_delete=models.CASCADE, null=True, blank=True, help_text="Empty: for all parcels."
    )
    title = models.CharField(
        max_length=100,
        validators=[check_characters],
        help_text="One line: “EMS to the USA is suspended for goods”.",
    )
    text = models.TextField(
        blank=True,
        validators=[MaxLengthValidator(2000), check_characters],
        help_text="What the customer should know, two or three sentences.",
    )
    severity = models.CharField(max_length=10, choices=Severity, default=Severity.INFO)
    starts_on = models.DateField(
        help_text="First day on which customers see it, by Japan's calendar: from midnight there on."
    )
    ends_on = models.DateField(
        null=True, blank=True, help_text="Last day, by Japan's calendar. Empty: until you end it."
    )

    objects = NoticeQuerySet.as_manager()
    history = kept_history()

    class Meta:
        ordering = ["-starts_on"]

    def __str__(self) -> str:
        return self.title

    @property
    def is_warning(self) -> bool:
        """True for a warning, False for information."""
        return self.severity == self.Severity.WARNING

    def is_current(self, today: date) -> bool:
        """True where customers see it on this day. The first and the last day are included."""
        return self.starts_on <= today and (self.ends_on is None or today <= self.ends_on)

    def clean(self) -> None:
        """Raise ValidationError where the last day is before the first."""
        if self.ends_on and self.starts_on and self.ends_on < self.starts_on:
            raise ValidationError({"ends_on": "The last day is before the first."})
