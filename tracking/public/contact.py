"""`/contact/`: the form by which a customer writes to the shop."""

from math import ceil
from urllib.parse import urlencode

from django.core import signing
from django.db import Error
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods

from tracking.models import Message, Purpose
from tracking.models.allowances import seconds_left
from tracking.public import messages as customer_messages
from tracking.public.addresses import hinted_destination
from tracking.public.forms import ContactForm
from tracking.public.rendering import plain_page, unindexed
from tracking.public.visitors import visitor_keys
from tracking.values.clocks import is_impossible
from tracking.values.store import LOCK_WAIT, lock_wait, log_trouble
from tracking.words.glossary import Glossary

_TEMPLATE = "public/contact.html"


@require_http_methods(["GET", "HEAD", "POST"])
@cache_control(private=True, no_store=True)
def contact(request: HttpRequest) -> HttpResponse:
    """`/contact/`: the form, filled in with what we know about the parcel of `?number=` and `?to=`; or the receipt."""
    if request.method == "POST":
        return unindexed(_send(request))
    typed, hint = request.GET.get("number", "")[:40], hinted_destination(request, Glossary.current())
    progress = customer_messages.stored_progress(typed, timezone.now(), hint=hint)
    form = ContactForm(
        initial={"number": typed, "to": hint, "text": customer_messages.message_start(progress)}
    )
    page = plain_page(request, _TEMPLATE, {"form": form, "receipt": _receipt(request)})
    return unindexed(page) if request.GET else page


def _send(request: HttpRequest) -> HttpResponse:
    """Store the message and redirect to its receipt; or return the form with an error and everything typed."""
    form, now = ContactForm(request.POST), timezone.now()
    if not form.is_valid():
        return plain_page(request, _TEMPLATE, {"form": form}, 400)
    try:
        with lock_wait(LOCK_WAIT):
            message = customer_messages.keep_message(form.cleaned_data, sender=visitor_keys(request), now=now)
    except Error as error:
        log_trouble("a message from the contact form was not kept", error)
        return _refused(request, form, "not_kept", status=503, retry_after=60)
    if message is None:
        retry_after = ceil(seconds_left(Purpose.MESSAGE, now))
        return _refused(request, form, "too_often", status=429, retry_after=retry_after)
    return HttpResponseRedirect(f"{reverse('contact')}?{urlencode({'receipt': signing.dumps(message.pk)})}")


def _refused(
    request: HttpRequest, form: ContactForm, reason: str, *, status: int, retry_after: int
) -> HttpResponse:
    """The form with everything typed, and the reason why the message was not kept. `retry_after` is in seconds."""
    response = plain_page(request, _TEMPLATE, {"form": form, reason: True}, status)
    response["Retry-After"] = str(retry_after)
    return response


def _receipt(request: HttpRequest) -> Message | None:
    """The message that the signed `?receipt=` names; None if it is missing, invalid or more than a day old.

    Also None if a clock that was ahead signed it: such a receipt would stay valid for as long as the clock was ahead.
    Raises Http404 if the message was deleted.
    """
    if not (receipt := request.GET.get("receipt")):
        return None
    try:
        message = get_object_or_404(Message, pk=signing.loads(receipt, max_age=86400))
    except signing.BadSignature:
        return None
    return None if is_impossible(message.created_at, timezone.now()) else message
