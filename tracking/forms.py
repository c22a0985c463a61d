"""The contact form."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class ContactForm(forms.Form):
    """What a customer writes to the shop. `website` is the trap: people do not see it, programs fill it in."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label=_("Your e-mail address"),
        help_text=_("We answer to this address."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={
            "required": _("Please write your e-mail address, so that we can answer."),
            "invalid": _(
                "This does not look like an e-mail address: it needs a name, an @ and a host, such as ann@example.com."
            ),
        },
    )
    number = forms.CharField(
        label=_("Tracking number"),
        max_length=40,
        required=False,
        help_text=_("If it is about a parcel."),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )
    text = forms.CharField(
        label=_("Your message"),
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 7}),
        error_messages={"required": _("Please write what we can help with.")},
    )
    website = forms.CharField(
        label=_("Leave this empty"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"}),
    )

    @property
    def visible(self) -> list[Any]:
        """The fields people see."""
        return [self[name] for name in ("name", "email", "number", "text")]
