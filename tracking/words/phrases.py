"""Records the phrases that Japan Post uses: new ones for the staff's inbox, and when each was last seen."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from tracking.models import Phrase
from tracking.values.clocks import has_passed
from tracking.values.spelling import normalise, spellings
from tracking.values.store import tolerates_trouble
from tracking.words.glossary import Glossary

SEEN_LATELY = timedelta(hours=1)  # the precision of "last seen", so that few answers need to write it


def note_unknown(texts: Iterable[str], glossary: Glossary, now: datetime) -> None:
    """Add unknown phrases to the staff's inbox, each in a transaction of its own.

    Where the store cannot be written, the next answer with such a phrase adds it.
    """
    seen = {"first_seen_at": now, "last_seen_at": now}
    with tolerates_trouble("new phrases are not in the inbox yet"):
        for text in {normalise(one): one for one in sorted(texts)}.values():
            if not glossary.knows(text) and glossary.status_of(text) is None:
                Phrase.objects.get_or_create(text=text, defaults=seen)


def note_seen(texts: Iterable[str], now: datetime) -> None:
    """Set when these phrases, which are in new rows, were last seen.

    One update per phrase: an update of many rows locks them in no fixed order, so two could deadlock. Where the store
    cannot be written, they keep an older time.
    """
    spelt = set[str]().union(*map(spellings, texts))
    outdated = has_passed("last_seen_at", now - SEEN_LATELY)
    with tolerates_trouble("phrases keep the time at which they were seen before"):
        for key in Phrase.objects.filter(outdated, text__in=spelt).values_list("pk", flat=True):
            Phrase.objects.filter(pk=key).update(last_seen_at=now)
