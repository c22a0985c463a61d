"""The form that registers parcels."""

from typing import Any

from django import forms

from tracking.staff.parcels import registration
from tracking.staff.spreadsheets import MOST_BYTES, UnreadableFileError


class RegistrationForm(forms.Form):
    """Numbers that staff paste or upload. The cleaned data has `lines` (ParcelRow) and `all_text`."""

    text = forms.CharField(label="Numbers", required=False, strip=False, widget=forms.Textarea)
    file = forms.FileField(label="Or a file", required=False, allow_empty_file=True)

    def clean(self) -> dict[str, Any]:
        """Add `lines` and `all_text`. A file that cannot be read is an error of the whole form."""
        cleaned = super().clean() or {}
        text, file = cleaned.get("text", ""), cleaned.get("file")
        if self.errors:
            return cleaned
        if file and text.strip():
            raise forms.ValidationError("Paste numbers or upload a file, not both.")
        if (file.size if file else len(text.encode())) > MOST_BYTES:
            raise forms.ValidationError("More than 1 MiB: register them in several parts.")
        try:
            cleaned["all_text"] = registration.SHEET.decode(file.read()) if file else text
            cleaned["lines"] = registration.read_lines(cleaned["all_text"])
        except UnreadableFileError as reason:
            raise forms.ValidationError(str(reason)) from None
        return cleaned
