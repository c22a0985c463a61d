from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TrackingConfig(AppConfig):
    name = "tracking"
    verbose_name = "Parcels and words"

    def ready(self) -> None:
        from tracking import seed, signals

        signals.connect()
        post_migrate.connect(seed.after_migrate, sender=self)
