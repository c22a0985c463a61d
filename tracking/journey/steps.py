"""The five steps of the journey, as the tracking page draws them."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from tracking.models import Stage, Tone

STEP_ICONS = {
    Stage.ACCEPTED: "parcel",
    Stage.LEAVING_JAPAN: "plane",
    Stage.CUSTOMS_AND_ARRIVAL: "customs",
    Stage.LOCAL_POST: "van",
    Stage.DELIVERED: "home",
}


@dataclass(frozen=True)
class Step:
    """One step: done, current or ahead."""

    number: int
    label: str
    state: str  # done, current, ahead
    state_text: str
    icon: str  # path of the template that draws it


def steps_of(stage: int | None, tone: str, origin_name: str) -> tuple[Step, ...]:
    """The five steps. `stage`: the current one; None: none reached yet.

    `origin_name`: where another country's post issued the number, that country's name; empty for Japan.
    """
    steps = []
    for step in Stage:
        label = str(step.label)
        if step == Stage.LEAVING_JAPAN and origin_name:
            label = _("Leaving %(country)s") % {"country": origin_name}
        state = "ahead" if stage is None or step > stage else "current" if step == stage else "done"
        steps.append(Step(int(step), label, state, _state_text(state, tone), icon_template(STEP_ICONS[step])))
    return tuple(steps)


def _state_text(state: str, tone: str) -> str:
    match state, tone:
        case ("ahead", _any):
            return _("still ahead")
        case ("current", Tone.PROBLEM):
            return _("last reached")
        case ("done", _any) | (_any, Tone.DONE):
            return _("done")
    return _("now")


def icon_template(name: str) -> str:
    """The path of the template that draws this icon."""
    return f"icons/{name}.svg"
