"""Links to other posts' tracking pages, as staff type them."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

from tracking.values.validators import check_characters

EXAMPLE_NUMBER = "EM123456785JP"
PLACEHOLDER = "{number}"

_is_web_address = URLValidator(schemes=["https"])


def problem_of(link: str) -> str:
    """Why customers cannot use this link, as a sentence for staff; empty where they can."""
    if not link.startswith("https://"):
        return "The link must begin with https://."
    rest = link.replace(PLACEHOLDER, "")
    if "{" in rest or "}" in rest:
        return "Only {number}, in small letters, is filled in: take out every other { and }."
    try:
        parts = urlsplit(link)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return _NO_ADDRESS
    if PLACEHOLDER in parts.netloc:
        return "{number} belongs behind the host, such as https://www.post.example/?id={number}."
    if "@" in parts.netloc:
        return "Take out the part before the @: the link must begin with the host, such as www.post.example."
    if _is_number(host) or "." not in host.rstrip("."):
        return "The host must be a name that everybody can reach, such as www.post.example."
    if port == 0:
        return _NO_ADDRESS
    try:
        check_characters(link)
    except ValidationError as problem:
        return problem.messages[0]
    try:
        _is_web_address(link.replace(PLACEHOLDER, EXAMPLE_NUMBER))
    except ValidationError:
        return _NO_ADDRESS
    return ""


_NO_ADDRESS = "A browser cannot open this: look for spaces, missing parts, mistyped letters and numbers."


def _is_number(host: str) -> bool:
    """True for an IP address such as 192.0.2.1, in any spelling that browsers accept."""
    try:
        ip_address(host)
    except ValueError:
        last = host.rstrip(".").rpartition(".")[2]
        return last.isdigit() or last.startswith("0x")
    return True
