"""The configuration of the tracking app: connects its signals. No other module connects one when it is imported."""

from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class TrackingConfig(AppConfig):
    """Connects the words' version and the authors of changes; fills in the seed and the groups after each migrate."""

    name = "tracking"
    verbose_name = "Parcels and words"

    def ready(self) -> None:
        """Connect the receivers of signals and register the doctor's checks.

        The imports are here, because models are not loaded before.
        """
        from tracking.models import history
        from tracking.ops import doctor
        from tracking.staff.access import groups
        from tracking.words import seed, version

        history.sign_history()
        version.renew_version_on_edit()
        doctor.register_checks()

        def fill(**given: Any) -> None:
            """Receiver of post_migrate. `flush`, unlike `migrate`, sends no `apps`: use the current models."""
            seed.after_migrate(**({"apps": apps} | given))
            groups.after_migrate(**({"apps": apps} | given))

        post_migrate.connect(fill, sender=self, weak=False, dispatch_uid="tracking.words.seed")
