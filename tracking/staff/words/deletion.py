"""Why a status stays: what uses it, said in one sentence."""

from tracking.models import Status
from tracking.staff.words.fallbacks import parcels_by_status
from tracking.words import seed
from tracking.words.glossary import Glossary


def why_not_deleted(status: Status) -> str:
    """What uses the status and what to do instead; empty where nothing does, so that it may go."""
    counts = {
        "phrase of Japan Post's": status.phrases.count(),
        "wording": status.wordings.count(),
        "parcel that shows it now": parcels_by_status(Glossary.current())[status.pk],
    }
    used = [f"{count} {_several(what, count)}" for what, count in counts.items() if count]
    if used:
        return f"“{status}” is in use and was not deleted: {', '.join(used)}. Tick “hidden” instead: that leaves it out of the guide."
    if status.slug in {one["slug"] for one in seed.read("statuses")["status"]}:
        return f"“{status}” belongs to the site, which would bring it back at its next update. Tick “hidden” instead: that leaves it out of the guide."
    return ""


def _several(what: str, count: int) -> str:
    noun, _, rest = what.partition(" ")
    plural = noun if count == 1 else f"{noun}s"
    verb = rest.replace("shows", "show") if count != 1 else rest
    return f"{plural} {verb}".strip()
