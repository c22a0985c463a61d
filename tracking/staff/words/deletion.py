"""Explains why a status cannot be deleted."""

from tracking.models import Status
from tracking.staff.words.fallbacks import parcels_by_status
from tracking.values.counting import count_of
from tracking.words import seed
from tracking.words.glossary import Glossary


def why_not_deleted(status: Status) -> str:
    """Return a sentence on what uses the status and what to do instead; empty if it can be deleted."""
    counts = (
        (status.phrases.count(), "phrase of Japan Post's", "phrases of Japan Post's"),
        (status.wordings.count(), "wording", "wordings"),
        (
            parcels_by_status(Glossary.current())[status.pk],
            "parcel that shows it now",
            "parcels that show it now",
        ),
    )
    used = [count_of(count, singular, plural) for count, singular, plural in counts if count]
    if used:
        return (
            f"“{status}” is in use and was not deleted: {', '.join(used)}. "
            "Tick “hidden” instead: that leaves it out of the guide."
        )
    if status.slug in {one["slug"] for one in seed.read("statuses")["status"]}:
        return (
            f"“{status}” belongs to the site, which would bring it back at its next update. "
            "Tick “hidden” instead: that leaves it out of the guide."
        )
    return ""
