"""Answers of Japan Post that raised an alarm, saved for the person who corrects the parser, and the alarms' mails."""

import zlib
from datetime import date, datetime, timedelta

from django.db import models
from django.utils.timezone import localtime

from tracking.values.places import JAPAN_TIME

MOST_BYTES_KEPT = 256 * 1024  # of one page, before compression; a real page has about 20 kB
MAIL_AGAIN = timedelta(hours=1)  # after a mail that failed, or whose process died
_PAGES_KEPT = 20


class KeptPageManager(models.Manager["KeptPage"]):
    def keep(self, *, html: str, **fields: object) -> "KeptPage":
        """Store a page, truncated and compressed, and delete all but the newest twenty. Returns the stored page."""
        body = html.encode("utf-8", errors="replace")
        page = self.create(size=len(body), body=zlib.compress(body[:MOST_BYTES_KEPT]), **fields)
        self.beyond_the_newest().delete()
        return page

    def beyond_the_newest(self) -> models.QuerySet["KeptPage"]:
        """The pages to delete: all but the newest twenty."""
        # By key: after a jump of the clock, a new page could have an older time than all others.
        newest = self.order_by("-pk").values_list("pk", flat=True)[:_PAGES_KEPT]
        return self.exclude(pk__in=list(newest))


class KeptPage(models.Model):
    """One answer of Japan Post that raised an alarm."""

    number = models.CharField(max_length=13, verbose_name="tracking number")
    kind = models.CharField(max_length=50, help_text="The reason without its particulars.")
    reason = models.CharField(max_length=500)
    size = models.PositiveIntegerField(help_text="Bytes of the whole page; 0: the page itself was not kept.")
    body = models.BinaryField(help_text="zlib; the first 256 KiB.")
    kept_at = models.DateTimeField(db_index=True)

    objects = KeptPageManager()

    class Meta:
        ordering = ["-kept_at", "-pk"]

    def __str__(self) -> str:
        return f"{localtime(self.kept_at, JAPAN_TIME):%Y-%m-%d %H:%M} {self.number}: {self.kind}"

    @property
    def text(self) -> str:
        """The page's source, or its first 256 KiB."""
        return zlib.decompress(self.body).decode("utf-8", errors="replace")


class AlarmManager(models.Manager["Alarm"]):
    def claim(self, kind: str, *, day: date, now: datetime) -> "Alarm | None":
        """The alarm, where the caller must mail it; None where it was mailed, or claimed within the last hour."""
        alarm, is_new = self.get_or_create(kind=kind, day=day, defaults={"claimed_at": now})
        if is_new:
            return alarm
        due = self.filter(pk=alarm.pk, mailed_at=None, claimed_at__lte=now - MAIL_AGAIN)
        return alarm if due.update(claimed_at=now) else None


class Alarm(models.Model):
    """One kind of alarm on one day (UTC). The process that creates the row, or claims it again, sends the mail.

    The daily list of new phrases is one of the kinds; its day is by Japan's calendar.
    """

    kind = models.CharField(max_length=50)
    day = models.DateField()
    claimed_at = models.DateTimeField(help_text="When a process last claimed the mail, to send it.")
    mailed_at = models.DateTimeField(null=True, help_text="Empty: no mail has left.")

    objects = AlarmManager()

    class Meta:
        ordering = ["-day", "kind"]
        constraints = [models.UniqueConstraint(fields=["kind", "day"], name="one_alarm_per_kind_and_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.kind}"
