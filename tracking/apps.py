from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class TrackingConfig(AppConfig):
    name = "tracking"
    verbose_name = "Parcels and words"

    def ready(self) -> None:
        from tracking.ops import doctor
        from tracking.staff.access import groups
        from tracking.words import seed, version

        version.connect()
        doctor.register()

        def fill(**said: Any) -> None:
            """`flush`, unlike `migrate`, does not say which state of the models it means: the current one."""
            seed.after_migrate(**({"apps": apps} | said))
            groups.after_migrate(**({"apps": apps} | said))

        post_migrate.connect(fill, sender=self, weak=False, dispatch_uid="tracking.words.seed")
