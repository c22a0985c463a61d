"""One request to Japan Post, from the ticket to the store."""

import random
import time

from django.conf import settings
from django.db import Error, transaction

from tracking import VERSION
from tracking.fetching import alarms, gate, storing
from tracking.japanpost import client, reader
from tracking.japanpost.errors import JapanPostError, NotSent, Unavailable
from tracking.japanpost.records import TrackedItem
from tracking.models import Fetch, Shop
from tracking.models.shipments import Outcome
from tracking.values.store import log_trouble, was_lost, working_connection
from tracking.words.glossary import Glossary
from tracking.words.phrases import note_seen, note_unknown

LEAST_TO_READ = 1.0  # seconds for a page that came in the last moment; a real one takes a few milliseconds


def ask(ticket: gate.Ticket) -> Fetch:
    """Ask Japan Post in the time the ticket has left, and store the answer or failure. Returns the stored request.

    Raises gate.OutOfTime where no request was sent: nothing is stored, and nothing counts against Japan Post. Raises no
    other failure of `japanpost.errors`. No transaction is open during the request.
    """
    glossary, allowed = Glossary.current(), ticket.timer.left
    started_at, started = ticket.timer.now, time.monotonic()
    html, size = "", 0
    answer: TrackedItem | JapanPostError
    try:
        page = _fetch_page(ticket, _user_agent(glossary.shop))
        html, size = page.html, page.size
        answer = reader.read_page(page.html, ticket.number, timeout=max(ticket.timer.left, LEAST_TO_READ))
    except NotSent as reason:
        raise gate.OutOfTime(str(reason)) from None
    except JapanPostError as failure:
        # Its traceback keeps this function's variables, and so the page, until the garbage collector runs.
        answer = failure.with_traceback(None)
    seconds = time.monotonic() - started
    # The story is dated to the visitor's arrival: after a wait it looks older than it is, never newer. Evidence (the
    # request, and when a row was first seen) keeps its real time.
    asked_at = ticket.timer.began_at
    fetch = Fetch(
        started_at=started_at, milliseconds=round(seconds * 1000), size=size, asked_by=ticket.asked_by
    )
    before = working_connection()  # PostgreSQL may have ended ours while Japan Post was asked
    # Phrases are saved before and after the transaction, one at a time: two requests that lock rows in different orders
    # would deadlock.
    if isinstance(answer, TrackedItem):
        note_unknown({event.phrase for event in answer.events}, glossary, asked_at)
    try:
        effect = _store(ticket, fetch, answer, seconds, allowed)
    except Error as error:
        if not was_lost(before):
            raise
        log_trouble("the answer is stored again on another connection", error)
        effect = _stored(ticket, fetch) or _store(ticket, fetch, answer, seconds, allowed)
    note_seen(effect.new_phrases, asked_at)
    if effect.drift:
        alarms.raise_alarm(effect.drift, number=ticket.number, html=html, now=asked_at)
    return fetch


def _store(
    ticket: gate.Ticket,
    fetch: Fetch,
    answer: TrackedItem | JapanPostError,
    seconds: float,
    allowed: float,
) -> storing.AnswerEffect:
    """Store the answer, and at the gate whether Japan Post answered, in one transaction."""
    with transaction.atomic():
        # Lock order, as everywhere: the gate's row, then the shipment's.
        if isinstance(answer, Unavailable):
            gate.note_failure(ticket, answer, seconds=seconds, allowed=allowed)
        else:
            gate.note_answer(ticket)
        return storing.store(ticket, fetch, answer)


def _stored(ticket: gate.Ticket, fetch: Fetch) -> storing.AnswerEffect | None:
    """The outcome if the connection was lost after the COMMIT, so that nothing is left to store.

    None where the transaction was lost too; then `fetch` can be stored again.
    """
    stored = Fetch.objects.filter(shipment__number=ticket.number, started_at=fetch.started_at).first()
    fetch.pk, fetch._state.adding = (stored.pk, False) if stored else (None, True)
    return storing.AnswerEffect(Outcome(stored.outcome)) if stored else None


def _fetch_page(ticket: gate.Ticket, user_agent: str) -> client.Page:
    """Retry once where Japan Post closed the connection before the first byte; no other failure is worth a retry."""

    def fetch() -> client.Page:
        return client.fetch_page(
            ticket.number,
            base_url=settings.JAPANPOST_URL,
            user_agent=user_agent,
            timeout=ticket.timer.left,
            on_sent=ticket.has_sent,
        )

    try:
        return fetch()
    except Unavailable as failure:
        if not failure.hung_up or not ticket.take_another_turn(after=random.uniform(0.05, 0.25)):
            raise
        first = failure
    try:
        return fetch()
    except NotSent:
        raise first from None


def _user_agent(shop: Shop) -> str:
    """The User-Agent header: the software, and how to reach the shop."""
    return f"emsguide/{VERSION} (parcel tracking for one shop; {shop.email or shop.website or 'no contact given'})"
