"""Each test begins with the seeded rows, hashes passwords quickly, and has a time limit."""

import ast
from typing import Any

import pytest
from django.contrib.auth.hashers import identify_hasher, make_password
from django.test import TransactionTestCase

from tests import PROJECT
from tracking.models import Destination, Phrase, Shipment, Shop, Status, Wording
from tracking.words.glossary import Glossary

SEEDED = (Destination, Phrase, Shop, Status, Wording)
TESTS = PROJECT / "tests"


def seeded_rows() -> dict[str, list[dict[str, Any]]]:
    rows = {model.__name__: list(model.objects.order_by("pk").values()) for model in SEEDED}
    rows["Shop"][0].pop("words_version")
    return rows


@pytest.mark.django_db(transaction=True)
def test_a_test_with_transactions_leaves_the_seeded_rows():
    before, token = seeded_rows(), Shop.objects.get().words_version
    Shipment.objects.create(number="EM123456785JP")
    Shop.objects.all().delete()
    Wording.objects.update(title="Changed")
    TransactionTestCase("run")._fixture_teardown()
    assert not Shipment.objects.exists()
    assert seeded_rows() == before
    assert Shop.objects.get().words_version != token, "this process would keep the words of the last test"


@pytest.mark.django_db
@pytest.mark.parametrize("turn", ["first", "second"])
def test_a_test_does_not_use_the_words_of_an_earlier_one(turn):
    Status.objects.update(tone="problem")  # without a new version
    assert {status.tone for status in Glossary.current().statuses} == {"problem"}


@pytest.mark.django_db
def test_a_change_that_was_rolled_back_is_not_read():
    assert {status.tone for status in Glossary.current().statuses} > {"problem"}


def test_passwords_of_tests_are_hashed_quickly():
    assert identify_hasher(make_password("a password")).algorithm == "md5"


def test_every_test_has_a_time_limit(pytestconfig: pytest.Config):
    assert float(pytestconfig.getini("timeout")) == 120


def test_only_tests_of_the_system_stage_start_servers():
    """`make test` leaves out `tests/system`; a real server in another test would slow it down unnoticed."""
    servers = {"served", "proxies", "Site", "Balancer", "CacheServer", "postgresql", "SERVERS"}
    for path in TESTS.rglob("test_*.py"):
        if not path.is_relative_to(TESTS / "system"):
            imports = (
                node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)
            )
            names = {
                name.name
                for node in imports
                if node.module in ("tests.support", "tests.support.served", "tests.support.proxies")
                for name in node.names
            }
            assert not names & servers, path.name
