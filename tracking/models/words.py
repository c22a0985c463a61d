"""The words: a phrase of Japan Post has a status, and a status has wordings."""

from copy import copy
from typing import ClassVar, Self

from django.conf.locale import LANG_INFO
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tracking.models.history import KeepsStoredTexts, kept_history
from tracking.values.spelling import normalise
from tracking.values.validators import check_characters, check_placeholders


class Stage(models.IntegerChoices):
    """The five steps of the journey. Their number is fixed: an exception is a tone, never a sixth step."""

    ACCEPTED = 1, _("Accepted")
    LEAVING_JAPAN = 2, _("Leaving Japan")
    CUSTOMS_AND_ARRIVAL = 3, _("Customs and arrival")
    LOCAL_POST = 4, _("With the local post")
    DELIVERED = 5, _("Delivered")


class Tone(models.TextChoices):
    """What a status asks of the customer. The tracking page begins with it."""

    NORMAL = "normal", _("Normal: all goes as usual")
    WAIT = "wait", _("Wait: nothing to do but wait")
    ACT = "act", _("Act: the customer must do something")
    PROBLEM = "problem", _("Problem: it does not move forward")
    DONE = "done", _("Done: delivered")


class StatusQuerySet(models.QuerySet["Status"]):
    def without_words(self) -> "StatusQuerySet":
        """Statuses without an English wording for all destinations, which staff should write next."""
        written = Wording.objects.filter(language="en", destination=None, hidden=False)
        return self.exclude(pk__in=written.values("status"))


class Status(KeepsStoredTexts):
    """The meaning of a phrase."""

    slug = models.SlugField(
        "name in links",
        unique=True,
        help_text="The end of its link in the guide, such as customs-clearance in /#customs-clearance: "
        "small letters, digits and hyphens. "
        "It cannot be changed once it is saved: the site knows the status by it, and customers may have the link.",
    )
    name = models.CharField(
        max_length=100,
        validators=[check_characters],
        help_text="The name in the guide, close to Japan Post's own words, "
        "such as “Arrival at inward office of exchange”.",
    )
    stage = models.PositiveSmallIntegerField(
        choices=Stage,
        null=True,
        blank=True,
        help_text="The step of the journey that it means. Empty: it does not move the journey.",
    )
    tone = models.CharField(max_length=10, choices=Tone, default=Tone.NORMAL)
    guide_order = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="Its place among the main statuses of the guide (1 is the first; of two with the same number, "
        "the one whose name comes first in the alphabet). Empty: listed after them as less common.",
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
        null=True, blank=True, help_text="When staff last read these words and found them true."
    )
    hidden = models.BooleanField(
        default=False, help_text="Leave it out of the guide. Parcels with this status are still explained."
    )

    objects = StatusQuerySet.as_manager()
    history = kept_history()

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
        """The staff's inbox: phrases to which staff gave no meaning yet."""
        return self.filter(status=None, ambiguous=False)

    def newest_first(self) -> "PhraseQuerySet":
        """The phrases by when Japan Post last used them, the newest first; those never seen come last."""
        return self.order_by(NEWEST_FIRST, "text")


class Phrase(KeepsStoredTexts):
    """An exact phrase of Japan Post. Case matters: two phrases differ only in the case of one letter."""

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
        "has two meanings",
        default=False,
        help_text="Japan Post says it for two things, "
        "so it has no status on purpose and is not in the inbox.",
    )
    first_seen_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_seen_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = PhraseQuerySet.as_manager()
    history = kept_history(without=("first_seen_at", "last_seen_at"))

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
        """True for an item of the inbox."""
        return self.status_id is None and not self.ambiguous

    @property
    def state(self) -> str:
        """Its meaning as a predicate for a sentence: “means …”, “has two meanings” or “waits for a meaning”."""
        if self.ambiguous:
            return "has two meanings"
        return f"means “{self.status}”" if self.status else "waits for a meaning"

    def clean(self) -> None:
        """Raise ValidationError for a new text that is another spelling of a stored phrase.

        Raises it for two stored spellings too, where their meanings differ.
        """
        is_new = not Phrase.objects.filter(pk=self.pk, text=self.text).exists()
        others = self.other_spellings() if is_new else self.contradictions()
        if others:
            raise ValidationError(
                f"This is the phrase “{others[0]}”, which {others[0].state}: "
                "spaces and a final full stop make no other phrase. Find that one and change its meaning."
            )

    def other_spellings(self) -> list["Phrase"]:
        """Other rows that are the same phrase after `normalise`, mostly none. Two simultaneous answers can add two."""
        others = Phrase.objects.exclude(pk=self.pk).exclude(text=self.text).select_related("status")
        return [one for one in others if normalise(one.text) == normalise(self.text)]

    def contradictions(self) -> list["Phrase"]:
        """Other spellings whose meaning differs from this one's; empty where this phrase has no meaning yet."""
        mine = (self.status_id, self.ambiguous)
        others = [] if self.waits else self.other_spellings()
        return [one for one in others if not one.waits and (one.status_id, one.ambiguous) != mine]


def language_name(code: str) -> str:
    """The English name of a language: “French” for fr; the code itself where Django does not know it."""
    return str(LANG_INFO.get(code, {}).get("name", code))


_FILLED_IN = "{country}, {operator}, {origin} and {number} are filled in."
WORDS_EXIST = "There are words for this status, language and destination already: edit those."
_CHECKS = [check_characters, check_placeholders]


class WordingQuerySet(models.QuerySet["Wording"]):
    def in_order(self) -> "WordingQuerySet":
        """The wordings with English first, and in each language those for any destination first."""
        english_first = models.Case(models.When(language="en", then=0), default=1)
        return self.order_by(english_first, "language", models.F("destination__name").asc(nulls_first=True))

    def ever_published(self) -> "WordingQuerySet":
        """Wordings that were published at least once, so without those that were always a draft."""
        return self.exclude(title="")


class Wording(KeepsStoredTexts):
    """The shop's words for a status in one language, for one destination or for all."""

    TEXTS: ClassVar[tuple[str, ...]] = ("title", "meaning", "what_to_do", "who_has_it")

    status = models.ForeignKey(Status, on_delete=models.PROTECT, related_name="wordings")
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
        validators=_CHECKS,
        help_text=f"The headline, a whole short sentence: “Your parcel is with customs”. {_FILLED_IN}",
    )
    meaning = models.TextField(
        validators=[MaxLengthValidator(600), *_CHECKS],
        help_text=f"What it means, one to three sentences. {_FILLED_IN} "
        "{country} becomes the country, {operator} who delivers there, {origin} where it was posted.",
    )
    what_to_do = models.TextField(
        blank=True,
        validators=[MaxLengthValidator(600), *_CHECKS],
        help_text=f"What the customer should do now. Empty: nothing. {_FILLED_IN}",
    )
    who_has_it = models.CharField(
        max_length=200,
        blank=True,
        validators=_CHECKS,
        help_text=f"Who has the parcel now: “Customs in {{country}}”. {_FILLED_IN}",
    )
    hidden = models.BooleanField(
        default=False,
        help_text="Do not use these words; customers get the next ones that fit. "
        "Better than deleting them: English words that the site came with would be back after its next update.",
    )
    draft = models.JSONField(
        null=True,
        blank=True,
        editable=False,
        help_text="The four texts as staff are writing them; customers do not see them. Empty: no draft.",
    )

    objects = WordingQuerySet.as_manager()
    history = kept_history()

    class Meta:
        ordering = ["status", "language", models.F("destination").asc(nulls_first=True)]
        constraints = [
            models.UniqueConstraint(
                fields=["status", "language", "destination"],
                name="one_wording_per_language_and_destination",
                violation_error_message=WORDS_EXIST,
            ),
            models.UniqueConstraint(
                fields=["status", "language"],
                condition=Q(destination=None),
                name="one_wording_per_language",
                violation_error_message=WORDS_EXIST,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} ({self.name_of(self.language, str(self.destination or ''))})"

    @staticmethod
    def name_of(language: str, destination: str) -> str:
        """ "France in English"; without a destination "any destination in English"."""
        return f"{destination or 'any destination'} in {language_name(language)}"

    @property
    def texts(self) -> dict[str, str]:
        """The four published texts by name."""
        return {name: getattr(self, name) for name in self.TEXTS}

    @property
    def drafted_texts(self) -> dict[str, str]:
        """The four texts by name as staff last wrote them: those of the draft where there is one."""
        return {name: str((self.draft or {}).get(name, text)) for name, text in self.texts.items()}

    @property
    def was_published(self) -> bool:
        """False where the wording was always a draft."""
        return bool(self.title)

    def as_drafted(self) -> Self:
        """A copy of the wording as it would be after its draft is published. Stores nothing."""
        drafted = copy(self)
        drafted.put(self.drafted_texts, unhide=not self.was_published)
        return drafted

    def discard_draft(self) -> None:
        """Discard the draft. Deletes the row where it was never published. The history keeps both."""
        if not self.was_published:
            self.delete()
            return
        self.draft = None
        self.save()

    def put(self, texts: dict[str, str], *, unhide: bool = False) -> None:
        """Set these as the published texts and drop the draft. The caller saves. `unhide`: also show the wording."""
        for name in self.TEXTS:
            setattr(self, name, texts[name])
        self.draft = None
        self.hidden = self.hidden and not unhide
