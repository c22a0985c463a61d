"""Hostile texts: the form refuses them with a sentence, or they are harmless on the customer's page."""

from itertools import cycle

import pytest
from django.core.exceptions import ValidationError
from django.utils.html import escape

from tests.support.desk import StatusPage
from tracking.models import Destination, Notice, Shop, Status, Wording
from tracking.values.validators import check_characters, check_placeholders

PAGE = "/examples/in-customs/"
HARMLESS = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert('2')>",
    "Emoji 📦👩\u200d👧 and flags 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "טקסט בעברית\u200f!",
    "می\u200cخواهم",
    "&amp; &lt;b&gt; 100 %",
]
REFUSED = {
    "\u202egnorw": "right-to-left override",
    "a\u2066b\u2069": "turn the direction",
    "zero\u200bwidth": "invisible signs",
    "\ufeffpasted": "zero width no-break space",
    "bell\x07": "sign 0007",
    "one\u2028two": "line separator",
    "\u200d\u200d": "nothing to see",
    "\u3164": "nothing to see",
    "Parcel {number": "“{”",
    "Parcel {numbr}": "“{numbr}”",
    "{{7*7}}": "“{7*7}”",
    "{% load x %}": "“{% load x %}”",
    "{Country}": "{country} {operator} {origin} {number}",
    "}": "“}”",
}


@pytest.fixture
def status(db):
    return Status.objects.get(slug="customs-clearance")


def published(status):
    """The published English texts of a status, for all destinations."""
    return Wording.objects.get(status=status, language="en", destination=None).texts


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_words_are_saved_and_shown_as_text(admin_client, status, text):
    names = Wording.TEXTS
    texts = {name: f"{text} {name}" for name in names}
    saved = StatusPage(admin_client, status).write(**texts).press("_publish")
    assert published(status) == texts
    assert "was changed successfully" in saved.content.decode()
    for address, fields in ((PAGE, names), ("/", names[:3])):  # the guide does not show who_has_it
        page = admin_client.get(address)
        assert page.status_code == 200
        html = page.content.decode()
        assert "<script>alert" not in html and "<img" not in html
        assert [name for name in fields if escape(texts[name]) not in html] == []


@pytest.mark.parametrize(
    ("text", "why", "button"),
    [(*refused, button) for refused, button in zip(REFUSED.items(), cycle(["_draft", "_publish"]))],
)
def test_refused_words_get_a_reason_and_stay_in_the_form(admin_client, status, text, why, button):
    before = published(status)
    refused = StatusPage(admin_client, status).write(meaning=text, title=text).press(button)
    formset = refused.context["inline_admin_formsets"][0].formset
    errors = [form.errors for form in formset if form.errors]
    assert [set(one) for one in errors] == [{"title", "meaning"}]
    assert why in str(errors[0].as_data()["title"])
    kept = [form["title"].value() for form in formset if form.errors]
    assert kept == [text]
    assert published(status) == before and Wording.objects.get(pk=formset[0].instance.pk).draft is None


@pytest.mark.parametrize(
    ("field", "most"), [("title", 100), ("meaning", 600), ("what_to_do", 600), ("who_has_it", 200)]
)
def test_a_text_that_is_too_long_is_refused_with_its_limit(admin_client, status, field, most):
    refused = StatusPage(admin_client, status).write(**{field: "ab " * 17_000}).press("_draft")
    assert f"at most {most} characters" in refused.content.decode()


def test_the_longest_words_that_fit_are_on_the_page(admin_client, status):
    texts = {"title": "W" * 100, "meaning": "m" * 600, "what_to_do": "w" * 600, "who_has_it": "h" * 200}
    StatusPage(admin_client, status).write(**texts).press("_publish")
    page = admin_client.get(PAGE).content.decode()
    assert all(
        text
        in page.replace("M" + "m" * 599, "m" * 600)
        .replace("H" + "h" * 199, "h" * 200)
        .replace("W" + "w" * 599, "w" * 600)
        for text in texts.values()
    )


def test_the_four_placeholders_are_filled_in_on_the_page(admin_client, status):
    text = "From {origin} to {country}: {operator} has {number}"
    StatusPage(admin_client, status).write(title=text).press("_publish")
    page = admin_client.get(PAGE).content.decode()
    there = Destination.objects.get(code="US")
    assert f"From Japan to {there.spoken_name}: {there.operator} has EM700527935JP" in page


SHOP_TEXTS = ("name", "phone", "contact_text", "guide_title", "guide_introduction", "guide_note")
COUNTRY_TEXTS = ("name", "name_in_text", "printed_names", "operator")


@pytest.mark.parametrize(
    ("model", "field"), [*((Shop, one) for one in SHOP_TEXTS), *((Destination, one) for one in COUNTRY_TEXTS)]
)
def test_shop_and_country_texts_are_checked_for_bad_characters(db, model, field):
    row = model.objects.first()
    setattr(row, field, "\u202eevil")
    with pytest.raises(ValidationError) as refused:
        row.full_clean()
    assert set(refused.value.message_dict) == {field}
    assert "right-to-left override" in refused.value.message_dict[field][0]
    setattr(row, field, "Emoji 📦 and <b>signs</b>")
    row.full_clean()


@pytest.mark.parametrize("field", ["contact_text", "guide_introduction", "guide_note"])
def test_the_shops_long_texts_have_a_limit_too(shop, field):
    setattr(shop, field, "ab " * 17_000)
    with pytest.raises(ValidationError, match="at most 2000 characters"):
        shop.full_clean()


def test_a_notice_is_checked_for_characters_but_may_have_braces():
    check_characters("Line one\r\nline two\tand {braces}")
    with pytest.raises(ValidationError, match="turn the direction"):
        Notice._meta.get_field("text").run_validators("\u202d1")
    with pytest.raises(ValidationError, match="turn the direction"):
        Notice._meta.get_field("title").run_validators("\u202d1")
    check_placeholders("{country}{operator}{origin}{number}")
