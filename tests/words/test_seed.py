"""The seed words: they fill gaps, never overwrite, and give words to every status and phrase."""

import json
from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.core.management import call_command

from tests import PROJECT
from tracking.japanpost.errors import JapanPostError
from tracking.japanpost.examples import all_examples, get_example
from tracking.journey.deadlines import WAITS_FOR_CUSTOMER
from tracking.journey.route import (
    BEING_RETURNED,
    DELIVERED_BACK,
    INSIDE_ORIGIN,
    RETURNED,
    TRANSIT_COUNTRY,
)
from tracking.models import Destination, Phrase, Shop, Status, Wording
from tracking.public.answers import example_answer
from tracking.words import seed
from tracking.words.glossary import FINAL_DELIVERY, Glossary

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db

GUIDE = [
    ("posting-collection", "Posting/Collection", 1),
    ("arrival-at-outward-office", "Arrival at outward office of exchange", 2),
    ("dispatch-from-outward-office", "Dispatch from outward office of exchange", 2),
    ("arrival-at-inward-office", "Arrival at inward office of exchange", 3),
    ("customs-clearance", "Customs clearance", 3),
    ("collection", "Collection", 4),
    ("out-for-delivery", "Out for delivery", 4),
    ("attempted-delivery", "Attempted Delivery", 4),
    ("final-delivery", "Final delivery", 5),
    ("retention", "Retention", 4),
]


def test_the_guide_has_its_ten_statuses_in_order():
    main = Status.objects.exclude(guide_order=None).order_by("guide_order")
    assert list(main.values_list("slug", "name", "stage")) == GUIDE


def test_every_status_has_english_words_for_all_destinations():
    assert not Status.objects.without_words().exists()
    for wording in Wording.objects.all():
        assert wording.title and wording.meaning and wording.what_to_do and wording.who_has_it, wording


def test_every_phrase_has_a_status_or_two_meanings():
    assert not Phrase.objects.unmapped().exists()
    assert Phrase.objects.filter(ambiguous=True).count() == 2


def test_all_seed_words_pass_the_checks_of_the_admin():
    for model in (Destination, Phrase, Shop, Status, Wording):
        for row in model.objects.all():
            row.full_clean()


def test_the_slugs_that_the_code_knows_exist():
    journeys = {INSIDE_ORIGIN, TRANSIT_COUNTRY, BEING_RETURNED, RETURNED, DELIVERED_BACK}
    named = {FINAL_DELIVERY, *journeys, *WAITS_FOR_CUSTOMER}
    assert named <= set(Status.objects.values_list("slug", flat=True))


def test_all_example_phrases_but_the_unknown_one_have_a_status():
    glossary, now = Glossary.current(), NOW
    for example in all_examples():
        try:
            events = example.item(now).events
        except JapanPostError:
            continue
        without = [event.phrase for event in events if glossary.status_of(event.phrase) is None]
        assert len(without) == (example.slug == "unknown-phrase"), example.slug


@pytest.mark.parametrize("slug", [facts["slug"] for facts in seed.read("statuses")["status"]])
def test_every_status_has_an_example_whose_page_leads_with_it(slug):
    status = Status.objects.get(slug=slug)
    shown = example_answer(get_example(status.example), Glossary.current(), now=NOW)
    assert shown.progress.guide_status == status


def test_another_migrate_overwrites_no_edit_of_staff():
    Wording.objects.filter(status__slug="retention", destination=None).update(title="Come and get it")
    Phrase.objects.filter(text="Retention").update(status=None)
    Status.objects.filter(slug="retention").update(name="Waiting for you", worry_days=77)
    Status.objects.filter(slug="collection").update(example="")
    Destination.objects.filter(code="DE").update(operator="Another post")
    Shop.objects.update(name="Tea from Uji")
    call_command("migrate", verbosity=0)
    assert Wording.objects.get(status__slug="retention", destination=None).title == "Come and get it"
    assert Phrase.objects.get(text="Retention").status is None
    assert Status.objects.filter(slug="retention", name="Waiting for you", worry_days=77).exists()
    assert Status.objects.get(slug="collection").example == ""
    assert Destination.objects.get(code="DE").operator == "Another post"
    assert Shop.objects.get().name == "Tea from Uji"


def test_filling_gaps_again_adds_what_is_missing():
    Wording.objects.filter(status__slug="retention").delete()
    Phrase.objects.filter(text="En route").delete()
    seed.fill_gaps(apps)
    assert Wording.objects.filter(status__slug="retention").exists()
    assert Phrase.objects.get(text="En route").status.slug == "en-route"


def test_each_country_has_a_tracking_page():
    assert Destination.objects.count() > 240
    assert not Destination.objects.filter(tracking_url="").exists()


@pytest.mark.parametrize(
    "page", sorted((PROJECT / "tests/japanpost/pages").glob("*.json")), ids=lambda page: page.stem
)
def test_every_phrase_of_every_written_page_has_a_status(page):
    glossary = Glossary.current()
    for event in json.loads(page.read_text(encoding="utf-8")).get("events", []):
        assert glossary.status_of(event["phrase"]) or glossary.knows(event["phrase"]), event["phrase"]
