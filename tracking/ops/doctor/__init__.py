"""What is misconfigured, in plain words, and what to do about each: Django system checks with the tag `emsguide`.

`manage.py doctor` and `manage.py check --deploy --database default` run all of them; other commands run none.
Ids: 0xx for settings, 1xx for this machine, 2xx for the database. `W` is wrong, `I` is a note. docs/deploying.md lists
them.
"""

from django.conf import settings
from django.core import checks

from tracking.ops.doctor import configuration, machine, store

TAG = "emsguide"
_IN_PLAINER_WORDS = {
    "security.W008",  # the proxy in front redirects to https
    "security.W009",  # the secret key
    "security.W018",  # DEBUG
}


def register_checks() -> None:
    """Register the checks with Django, as deployment checks."""
    checks.register(configuration.check_settings, TAG, deploy=True)
    checks.register(machine.check_machine, TAG, deploy=True)
    checks.register(store.check_store, TAG, checks.Tags.database, deploy=True)


def findings() -> list[checks.CheckMessage]:
    """Return what is not silenced: what is wrong first, then by id. With DEBUG Django's own checks are left out.

    Django's own checks run without the database: with it they raise an error while it is away.
    """
    found = checks.run_checks(tags=[TAG], include_deployment_checks=True, databases=["default"])
    if not settings.DEBUG:
        found += filter(_is_djangos, checks.run_checks(include_deployment_checks=True))
    seen = [one for one in found if not one.is_silenced()]
    return sorted(seen, key=lambda one: (not one.is_serious(checks.WARNING), str(one.id)))


def is_ours(message: checks.CheckMessage) -> bool:
    """Whether one of the checks here gave the message, and not Django or a package."""
    return str(message.id).startswith(f"{TAG}.")


def _is_djangos(message: checks.CheckMessage) -> bool:
    return message.is_serious(checks.WARNING) and not is_ours(message) and message.id not in _IN_PLAINER_WORDS
