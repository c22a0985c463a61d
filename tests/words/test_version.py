"""The version of the words: what renews it."""

import pytest
from django.apps import apps
from django.db import connection
from django.db.models.signals import post_save
from django.test.utils import CaptureQueriesContext

from tracking.models import UsualWait
from tracking.words.glossary import Glossary
from tracking.words.version import renew_words_version, words_version

pytestmark = pytest.mark.django_db
# The command that learns usual waits replaces all of them and renews the version once, at its end.
RENEWS_IT_ITSELF = {UsualWait}


def models_read_by_the_glossary():
    renew_words_version()
    with CaptureQueriesContext(connection) as queries:
        Glossary.current()
    sql = " ".join(query["sql"] for query in queries)
    return {
        model for model in apps.get_app_config("tracking").get_models() if f'"{model._meta.db_table}"' in sql
    }


def test_an_edit_of_any_model_that_the_glossary_reads_renews_it():
    models = models_read_by_the_glossary()
    assert models > RENEWS_IT_ITSELF
    for model in models - RENEWS_IT_ITSELF:
        row, before = model(), words_version()
        row.skip_history_when_saving = True  # an empty row has no version to keep
        post_save.send(sender=model, instance=row, created=False, using="default")
        assert words_version() != before, model
