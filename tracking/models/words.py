"""The words: a phrase of Japan Post's points to a status, a status has wordings."""

from django.core.validators import MaxLengthValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Stage(models.IntegerChoices):
    """The five steps of the journey. Fixed: exceptions are a tone, never a sixth step."""

    ACCEPTED = 1, _("Accepted")
    LEAVING_JAPAN = 2, _("Leaving Japan")
    CUSTOMS_AND_ARRIVAL = 3, _("Customs and arrival")
    LOCAL_POST = 4, _("With the local post")
    DELIVERED = 5, _("Delivered")


class Tone(models.TextChoices):
    """What the page leads with."""

    NORMAL = "normal", _("Normal: all goes as usual")
    WAIT = "wait", _("Wait: nothing to do but wait")
    ACT = "act", _("Act: the customer must do something")
    PROBLEM = "problem", _("Problem: it does not move forward")
    DONE = "done", _("Done: delivered")


class StatusQuerySet(models.QuerySet["Status"]):
    def without_words(self) -> "StatusQuerySet":
        """Statuses that lack an English wording for any destination: what staff should write next."""
        written = Wording.objects.filter(language="en", destination=None)
        return self.exclude(pk__in=written.values("status"))


class Status(models.Model):
    """What a phrase means to us."""

    slug = models.SlugField(
        unique=True,
        help_text="Short name in addresses: /#customs-clearance. Do not change it once customers may have the link.",
    )
    name = models.CharField(
        max_length=100,
        help_text="The name in the guide, close to Japan Post's own words, such as “Arrival at inward office of exchange”.",
    )
    stage = models.PositiveSmallIntegerField(
        choices=Stage,
        null=True,
        blank=True,
        help_text="The step of the journey it stands for. Empty: it does not move the journey.",
    )
    tone = models.CharField(max_length=10, choices=Tone, default=Tone.NORMAL)
    guide_order = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="Its place among the main statuses of the guide (1 is the first). Empty: listed after them as less common.",
    )
    usual_days = models.PositiveSmallIntegerField(
        default=4,
        help_text="So many days without news are usual here. After that the page says “longer than usual”.",
    )
    worry_days = models.PositiveSmallIntegerField(
        default=10,
        validators=[MinValueValidator(1)],
        help_text="After so many days without news the page says “far longer than usual” and what to do.",
    )
    example = models.SlugField(
        blank=True,
        help_text="The example parcel that shows it, such as in-customs. Empty: no link to an example.",
    )
    reviewed_on = models.DateField(
        null=True, blank=True, help_text="When someone last read these words and found them true."
    )
    hidden = models.BooleanField(
        default=False, help_text="Leave it out of the guide. Parcels with this status are still explained."
    )

    objects = StatusQuerySet.as_manager()

    class Meta:
        ordering = [models.F("guide_order").asc(nulls_last=True), "name"]
        verbose_name_plural = "statuses"
        constraints = [
            models.CheckConstraint(
                condition=Q(worry_days__gte=models.F("usual_days")),
                name="worry_after_usual",
                violation_error_message="The worry days cannot be fewer than the usual days.",
            )
        ]

    def __str__(self) -> str:
        return self.name


NEWEST_FIRST = models.F("last_seen_at").desc(nulls_last=True)


class PhraseQuerySet(models.QuerySet["Phrase"]):
    def unmapped(self) -> "PhraseQuerySet":
        """The staff's inbox: phrases that nobody has given a meaning yet."""
        return self.filter(status=None, ambiguous=False)

    def newest_first(self) -> "PhraseQuerySet":
        """What Japan Post said last comes first; what they never said, last."""
        return self.order_by(NEWEST_FIRST, "text")


class Phrase(models.Model):
    """An exact wording Japan Post uses. Compared with case: two of them differ in one letter only."""

    text = models.CharField(
        max_length=200, unique=True, help_text="Japan Post's own words, exactly as they print them."
    )
    status = models.ForeignKey(
        Status,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="phrases",
        help_text="What it means. Empty: it waits here for you, and customers see Japan Post's own words.",
    )
    ambiguous = models.BooleanField(
        default=False,
        help_text="It has two meanings, so it stays without a status on purpose and is no item of the inbox.",
    )
    first_seen_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_seen_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = PhraseQuerySet.as_manager()

    class Meta:
        ordering = ["text"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ambiguous=False) | Q(status=None),
                name="ambiguous_has_no_status",
                violation_error_message="A phrase with two meanings cannot have one status: clear one of the two.",
            )
        ]

    def __str__(self) -> str:
        return self.text

    @property
    def waits(self) -> bool:
        """It is an item of the inbox."""
        return self.status_id is None and not self.ambiguous


_WORDS_EXIST = "There are words for this status, language and destination already: edit those."


class Wording(models.Model):
    """Our words for a status in one language, for one destination or for all."""

    status = models.ForeignKey(Status, on_delete=models.CASCADE, related_name="wordings")
    language = models.CharField(
        max_length=10,
        default="en",
        help_text="Language code: en, fr, de, ja … English is what customers get when their language is missing.",
    )
    destination = models.ForeignKey(
        "tracking.Destination",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        help_text="Only for parcels to this country. Empty: for all countries that have no words of their own.",
    )
    title = models.CharField(
        max_length=100,
        help_text="The headline, a whole short sentence: “Your parcel is with customs”. {country}, {operator} and {number} are filled in.",
    )
    meaning = models.TextField(
        validators=[MaxLengthValidator(600)],
        help_text="What it means, one to three sentences. {country} becomes the country, {operator} who delivers there.",
    )
    what_to_do = models.TextField(
        blank=True,
        validators=[MaxLengthValidator(600)],
        help_text="What the customer should do now. Empty: nothing.",
    )
    who_has_it = models.CharField(
        max_length=200, blank=True, help_text="Who has the parcel now: “Customs in {country}”."
    )
    hidden = models.BooleanField(
        default=False,
        help_text="Do not use these words; customers get the next ones that fit. (Deleted seed words come back.)",
    )

    class Meta:
        ordering = ["status", "language", models.F("destination").asc(nulls_first=True)]
        constraints = [
            models.UniqueConstraint(
                fields=["status", "language", "destination"],
                name="one_wording_per_language_and_destination",
                violation_error_message=_WORDS_EXIST,
            ),
            models.UniqueConstraint(
                fields=["status", "language"],
                condition=Q(destination=None),
                name="one_wording_per_language",
                violation_error_message=_WORDS_EXIST,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} ({self.language}, {self.destination or 'any destination'})"
