"""Refuses a page that would take long to read, before libxml2 sees it.

libxml2 compares each attribute of a tag with all before it, and its XPath compares each comment with its neighbours. So
reading a page of 1 MB can take a minute. The checks here take time that grows only with the length of the page, and
allow much more than a page of Japan Post has: 20 kB and 200 tags, or 220 kB and 8,000 tags with 500 events.
"""

import re

from .errors import UnexpectedPage

SHORT = 20_000  # characters; a page that is no longer takes a quarter of a second at most
MAX_TAGS = 20_000  # each "<" counts: start tags, end tags, comments
MAX_WORK = 50_000_000  # the lengths of all tags plus the squares of their attributes; one tag may have 7,000 attributes

_NAME, _SPACE = r"[^ \t\n\f\r/>]", r"[ \t\n\f\r]"
_VALUE = r""""[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^ \t\n\f\r>"'][^ \t\n\f\r>]*+"""
# As HTML defines them. Possessive (`*+`, `?+`), so that they never try a character twice.
_ATTRIBUTE = rf"{_NAME}[^ \t\n\f\r/>=]*+(?:{_SPACE}*+={_SPACE}*+(?:{_VALUE})?+)?+"
_ATTRIBUTES = re.compile(_ATTRIBUTE)
# A look-ahead, so that a tag inside another is found too. Groups: the tag up to its ">" or the page's end; its name.
_TAG = re.compile(rf"<(?=(([A-Za-z]{_NAME}*+)(?:[ \t\n\f\r/]++|{_ATTRIBUTE})*+))")
_FEW_ATTRIBUTES = 200  # characters; a shorter tag does not have many attributes


def check_work(html: str) -> None:
    """Raise UnexpectedPage for a page with so many tags, or so many attributes in a tag, that reading takes seconds.

    A page of at most SHORT characters has no room for them.
    Measures a tag at each place where one may begin, also in scripts, comments and quotes. So the tags that libxml2
    finds are among them, however it reads an odd page.
    """
    if len(html) <= SHORT:
        return
    if (count := html.count("<")) > MAX_TAGS:
        raise UnexpectedPage(f"too many tags: {count}")
    work = 0
    for tag in _TAG.finditer(html):
        length = tag.end(1) - tag.start(1)
        attributes = count_attributes(tag) if length > _FEW_ATTRIBUTES else 0
        work += length + attributes * attributes
        if work > MAX_WORK:
            raise UnexpectedPage(
                f"too long tags, or too many attributes: {attributes} in one of {length} characters"
            )


def count_attributes(tag: re.Match[str]) -> int:
    """The number of attributes of a tag that `_TAG` found."""
    return sum(1 for _ in _ATTRIBUTES.finditer(tag.string, tag.end(2), tag.end(1)))
