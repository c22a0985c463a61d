"""The parameters of a request, and redirects to the canonical addresses."""

import re
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from tracking.values.numbers import MOST_AT_ONCE, TrackingNumber
from tracking.words.glossary import Glossary

NUMBER_PARAMETERS = ("number", "tracking_number", "trackingNumber", "nums", "n")
_JAPAN_POST_PARAMETERS = tuple(
    f"{name}{i}" for name in ("reqCodeNo", "requestNo") for i in range(1, MOST_AT_ONCE + 1)
)
# Parameters that a redirect carries over, and their values. Proxies answer 502 if a redirect carries a long text.
_KEPT = {"to": re.compile("[A-Z]{2}"), "anyway": re.compile("1"), "stored": re.compile("1")}


def typed_numbers(request: HttpRequest) -> str | None:
    """Return the values of all parameters that may hold numbers, one per line; None if the request has none of them."""
    given = [
        value for name in (*NUMBER_PARAMETERS, *_JAPAN_POST_PARAMETERS) for value in request.GET.getlist(name)
    ]
    return "\n".join(given) if given else None


def hinted_destination(request: HttpRequest, glossary: Glossary) -> str | None:
    """Return the ISO code of the destination in `?to=`, set by the link in the e-mail; None if we do not know it."""
    code = request.GET.get("to", "").strip().upper()
    return code if code in glossary.destinations else None


def redirect_to_list(request: HttpRequest, found: list[TrackingNumber]) -> HttpResponse:
    """Return a redirect to the list of these numbers, ten at most."""
    query = {"number": ",".join(found)} | _kept(request)
    return HttpResponseRedirect(f"{reverse('track')}?{urlencode(query, safe=',')}")


def redirect_to_shipment(
    request: HttpRequest, number: TrackingNumber, *, permanent: bool, as_json: bool = False
) -> HttpResponse:
    """Return a redirect to the page, or the JSON, of one number."""
    kept = _kept(request)
    address = reverse("shipment_json" if as_json else "shipment", args=[number])
    location = f"{address}?{urlencode(kept)}" if kept else address
    return HttpResponseRedirect(location, status=301 if permanent else 302)


def _kept(request: HttpRequest) -> dict[str, str]:
    """The parameters of the request that a redirect carries over."""
    sent = {name: request.GET.get(name, "").strip().upper() for name in _KEPT}
    return {name: value for name, value in sent.items() if _KEPT[name].fullmatch(value)}
