"""The shop: its name, contact and logo, and the messages of customers."""

import uuid

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models
from django.urls import reverse
from django.utils.timezone import localtime

from tracking.models.history import KeepsStoredTexts, kept_history
from tracking.values import colors, logos, numbers
from tracking.values.places import JAPAN_TIME
from tracking.values.validators import check_characters


class Shop(KeepsStoredTexts):
    """One row: name, contact, the guide's introduction and note."""

    name = models.CharField(
        max_length=100, validators=[check_characters], help_text="The shop's name, at the top of every page."
    )
    website = models.URLField(
        blank=True, help_text="The shop's own site; the name in the foot of the page leads there."
    )
    email = models.EmailField(blank=True, help_text="Where customers may write, shown on the contact page.")
    technical_email = models.EmailField(
        blank=True,
        help_text="Gets a mail when Japan Post's pages change; never shown to customers. Empty: the address above.",
    )
    phone = models.CharField(max_length=50, blank=True, validators=[check_characters])
    contact_text = models.TextField(
        blank=True,
        validators=[MaxLengthValidator(2000), check_characters],
        help_text="Shown above the contact form: when you answer, in which languages.",
    )
    accent_color = models.CharField(
        max_length=7,
        blank=True,
        help_text="Colour of links and buttons, such as #2b5a8c. Empty: a calm blue. It must be dark enough to read.",
    )
    guide_title = models.CharField(
        max_length=100, validators=[check_characters], help_text="Title of the guide."
    )
    guide_introduction = models.TextField(
        validators=[MaxLengthValidator(2000), check_characters],
        help_text="First lines of the guide, under its title.",
    )
    guide_note = models.TextField(
        validators=[MaxLengthValidator(2000), check_characters],
        help_text="The note that updates can lag. Shown in a box of its own.",
    )
    words_version = models.UUIDField(
        default=uuid.uuid4,
        editable=False,
        help_text="Changes with every edit of any words, so that no page shows old ones.",
    )

    history = kept_history(without=("words_version",))

    class Meta:
        verbose_name_plural = "shop"

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Make the accent color lower case. Raises ValidationError for a second shop and for an unreadable color."""
        if not self.pk and Shop.objects.exists():
            raise ValidationError("There is one shop only: edit the one that is here.")
        self.accent_color = self.accent_color.lower()
        if self.accent_color and not colors.is_color(self.accent_color):
            raise ValidationError(
                {"accent_color": "Write it as # and six digits or letters a to f: #2b5a8c."}
            )
        if self.accent_color and not colors.can_be_read(self.accent_color):
            nearest = colors.darkened(self.accent_color)
            raise ValidationError(
                {
                    "accent_color": "This colour is too light to read on a white page. "
                    f"Near it and dark enough: {nearest}."
                }
            )


class LogoQuerySet(models.QuerySet["Logo"]):
    def without_data(self) -> "LogoQuerySet":
        """The logo without the picture's data, which pages do not need."""
        return self.defer("data")


class Logo(models.Model):
    """The shop's logo. In a table of its own, because every page reads the shop's row, but not the picture."""

    shop = models.OneToOneField(Shop, on_delete=models.CASCADE, primary_key=True, related_name="+")
    data = models.BinaryField(help_text="The pixels as WebP, made smaller where there were many.")
    digest = models.CharField(max_length=16, help_text="Hash of the content, a part of its address.")
    extension = models.CharField(max_length=4)
    width = models.PositiveSmallIntegerField(help_text="Pixels.")
    height = models.PositiveSmallIntegerField(help_text="Pixels.")

    objects = LogoQuerySet.as_manager()

    def __str__(self) -> str:
        return f"logo.{self.extension}"

    @property
    def url(self) -> str:
        """The address of the picture. It changes with the content, so browsers may cache the picture for ever."""
        return reverse("logo", args=[self.digest, self.extension])

    @property
    def content_type(self) -> str:
        """The media type, such as image/png."""
        return f"image/{'jpeg' if self.extension == 'jpg' else self.extension}"

    @property
    def shown_width(self) -> int:
        """The width on the page, in CSS pixels."""
        return logos.shown_size(self.width, self.height)[0]

    @property
    def shown_height(self) -> int:
        """The height on the page, in CSS pixels."""
        return logos.shown_size(self.width, self.height)[1]


class MessageQuerySet(models.QuerySet["Message"]):
    def unanswered(self) -> "MessageQuerySet":
        """Messages without an answer, suspected spam left out."""
        return self.filter(answered=False, suspected_spam=False)


class Message(models.Model):
    """A message from the contact form. We store it first and then mail it."""

    name = models.CharField(max_length=100, blank=True)
    email = models.EmailField()
    number = models.CharField(max_length=40, blank=True, verbose_name="tracking number")
    text = models.TextField()
    situation = models.TextField(
        blank=True, help_text="What the tracking page said when the message was written."
    )
    created_at = models.DateTimeField()
    sender_key = models.CharField(
        max_length=64, editable=False, help_text="Keyed hash of the client address; limits messages per hour."
    )
    mailed = models.BooleanField(
        default=False, help_text="A mail with this message left for the shop's address."
    )
    answered = models.BooleanField(default=False)
    suspected_spam = models.BooleanField(
        default=False, help_text="The field that people do not see was filled in. Kept here, not mailed."
    )

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["sender_key", "created_at"])]

    def __str__(self) -> str:
        """The time and the numbers, without the writer: staff's log keeps this text for ever."""
        about = ", ".join(numbers.find_numbers(self.number)) or "no number"
        return f"{localtime(self.created_at, JAPAN_TIME):%Y-%m-%d %H:%M}, {about}"
