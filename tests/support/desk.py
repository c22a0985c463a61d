"""What staff do at the desk: open a status, type, press a button. The form is the one that the page shows."""

from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from tracking.models import Status, Wording


class StatusPage:
    """The form of a status with its present values; that of a new status where there is None."""

    def __init__(self, client: Client, status: Status | None) -> None:
        self.client = client
        end = ("change", [status.pk]) if status else ("add", [])
        self.address = reverse(f"admin:tracking_status_{end[0]}", args=end[1])
        self.page = client.get(self.address)
        assert self.page.status_code == 200
        self.formset = self.page.context["inline_admin_formsets"][0].formset
        forms = [self.page.context["adminform"].form, self.formset.management_form, *self.formset.forms]
        self.data: dict[str, Any] = {}
        for form in forms:
            for field in form:
                if not field.field.disabled and field.value() is not None and field.value() is not False:
                    self.data[field.html_name] = field.value()

    def write(self, language: str = "en", destination: str = "", **fields: Any) -> "StatusPage":
        """Types into the wording for a language and destination; adds a block where the page has none."""
        at = next(
            (
                form.prefix
                for form in self.formset.initial_forms
                if (form.instance.language, form.instance.destination_id or "") == (language, destination)
            ),
            None,
        )
        if at is None:
            return self.add(language, destination, **fields)
        for name, value in fields.items():
            self.data[f"{at}-{name}"] = value
        return self

    def add(self, language: str, destination: str = "", **fields: Any) -> "StatusPage":
        """Add a block for a wording, as “Add another wording” does."""
        count = int(self.data["wordings-TOTAL_FORMS"])
        self.data["wordings-TOTAL_FORMS"] = count + 1
        texts = dict.fromkeys(Wording.TEXTS, "x")
        typed = {"language": language, "destination": destination} | texts | fields
        self.data |= {f"wordings-{count}-{name}": value for name, value in typed.items()}
        return self

    def press(self, button: str) -> HttpResponse:
        """Press `_draft`, `_preview` or `_publish`. Returns the page that follows."""
        return self.client.post(self.address, self.data | {button: "1"}, follow=True)
