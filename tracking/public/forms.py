"""The contact form."""

import unicodedata
from typing import Any

from django import forms
from django.core.validators import MaxLengthValidator, validate_email
from django.utils.encoding import punycode
from django.utils.translation import gettext_lazy as _

from tracking.values import numbers
from tracking.values.validators import has_control_characters
from tracking.words.glossary import Glossary

# Characters. The limits of the columns of Message, whose text column has none.
_LONGEST_NAME, _LONGEST_ADDRESS, _LONGEST_NUMBER, LONGEST_TEXT = 100, 254, 40, 5000
_TOO_LONG = _("Please write at most %(limit_value)d characters; these are %(show_value)d.")


_LONGEST_TYPED_NUMBER = 2000  # a pasted address of a page, in which the number is looked for
_LONGEST_SENT = 20_000  # no field is looked at, or sent back, beyond it


def check_one_line(text: str) -> None:
    """Raise ValidationError for a line end or another control character: the text is a part of mails and lists."""
    if has_control_characters(text):
        raise forms.ValidationError(_("Please write this in one line, without signs that cannot be seen."))


class BoundedField(forms.Field):
    """A field of a form of strangers. Its other checks, whose work grows with the length, never see a huge text."""

    def to_python(self, value: Any) -> Any:
        """Return the text. Raises ValidationError, before anything else, for one of more than 20,000 characters."""
        if len(value or "") > _LONGEST_SENT:
            raise forms.ValidationError(
                _TOO_LONG, params={"limit_value": _LONGEST_SENT, "show_value": len(value)}
            )
        return super().to_python(value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what the form shows again: what was typed, cut after 20,000 characters."""
        return data[:_LONGEST_SENT] if isinstance(data, str) else data


class BoundedText(BoundedField, forms.CharField):
    """Text that visitors type."""


class AddressField(BoundedField, forms.EmailField):
    """An e-mail address, without the invisible characters that chats and address books add when it is pasted."""

    def to_python(self, value: Any) -> str | None:
        """Return the address without format characters (category Cf)."""
        typed = super().to_python(value) or ""
        return "".join(sign for sign in typed if unicodedata.category(sign) != "Cf").strip()


class ContactForm(forms.Form):
    """A customer's message to the shop. `website` is a trap for spam: people do not see it, programs fill it in.

    No field has a `max_length`, because browsers would silently cut pasted text.
    """

    name = BoundedText(
        label=_("Your name"),
        required=False,
        validators=[MaxLengthValidator(_LONGEST_NAME, _TOO_LONG), check_one_line],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = AddressField(
        label=_("Your e-mail address"),
        help_text=_("We answer to this address."),
        max_length=None,  # in place of Django's default of 320
        validators=[
            check_one_line,
            MaxLengthValidator(
                _LONGEST_ADDRESS,
                _(
                    "Please write an address of at most %(limit_value)d characters; this one has %(show_value)d."
                ),
            ),
        ],
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={
            "required": _("Please write your e-mail address, so that we can answer."),
            "invalid": _(
                "This does not look like an e-mail address: it needs a name, an @ and a host, such as ann@example.com."
            ),
        },
    )
    number = BoundedText(
        label=_("Tracking number"),
        required=False,
        help_text=_("If it is about a parcel."),
        validators=[MaxLengthValidator(_LONGEST_TYPED_NUMBER, _TOO_LONG)],
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )
    text = BoundedText(
        label=_("Your message"),
        validators=[MaxLengthValidator(LONGEST_TEXT, _TOO_LONG)],
        widget=forms.Textarea(attrs={"rows": 7}),
        error_messages={"required": _("Please write what we can help with.")},
    )
    to = BoundedField(required=False, widget=forms.HiddenInput)  # the country in the link of the e-mail
    website = BoundedText(
        label=_("Leave this empty"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"}),
    )

    def clean_email(self) -> str:
        """Return the address as written. Refuses hosts that Django's pattern accepts but mail cannot reach."""
        address: str = self.cleaned_data["email"]
        user, host = address.rsplit("@", 1)
        try:
            validate_email(f"{user}@{punycode(host)}")
        except (UnicodeError, forms.ValidationError):
            raise forms.ValidationError(
                _("No mail can be sent to what stands behind the @. Please look whether it is spelt right.")
            ) from None
        return address

    def clean_number(self) -> str:
        """Return the numbers found in the text (which may be a pasted link), or the text itself if it has none."""
        typed: str = self.cleaned_data["number"]
        number = " ".join(numbers.find_numbers(typed)) or typed
        if len(number) > _LONGEST_NUMBER:
            raise forms.ValidationError(
                _(
                    "Please write one tracking number here, such as EM123456785JP. Others fit into the message."
                )
            )
        check_one_line(number)
        return number

    def clean_to(self) -> str:
        """Return an ISO code; empty for an unknown country. No error: the visitor did not type this hidden field."""
        code = (self.cleaned_data["to"] or "").strip().upper()
        return code if code in Glossary.current().destinations else ""

    @property
    def visible(self) -> list[Any]:
        """The fields that visitors see, in order."""
        return [self[name] for name in ("name", "email", "number", "text")]
