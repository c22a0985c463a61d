"""Refuses a page that would take long or much memory to read, before libxml2 sees it.

libxml2 compares each attribute of a tag with all before it, and keeps 250 bytes for each attribute of a page. So a page
of 1 MB could take a minute, and one of 2 MB could take 140 MB. The checks here take time that grows only with the
length of the page, and allow much more than a page of Japan Post has: 20 kB, 200 tags and 150 attributes, or 220 kB,
8,000 tags and 5,000 attributes with 500 events.
"""

import re

from .errors import UnexpectedPage

SHORT = 20_000  # characters; a page that is no longer takes a quarter of a second at most
MAX_TAGS = 20_000  # each "<" counts: start tags, end tags, comments
MAX_ATTRIBUTES = 40_000  # of all tags of the page
MAX_WORK = 20_000_000  # the lengths of all tags plus the squares of their attributes; one tag may have 4,400 attributes

_NAME, _SPACE = r"[^ \t\n\f\r/>]", r"[ \t\n\f\r]"
_VALUE = r""""[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^ \t\n\f\r>"'][^ \t\n\f\r>]*+"""
# As HTML defines them. Possessive (`*+`, `?+`), so that they never try a character twice.
_ATTRIBUTE = rf"{_NAME}[^ \t\n\f\r/>=]*+(?:{_SPACE}*+={_SPACE}*+(?:{_VALUE})?+)?+"
_ATTRIBUTES = re.compile(_ATTRIBUTE)
# A look-ahead, so that a tag inside another is found too. Groups: the tag up to its ">" or the page's end; its name.
_TAG = re.compile(rf"<(?=(([A-Za-z]{_NAME}*+)(?:[ \t\n\f\r/]++|{_ATTRIBUTE})*+))")


def check_work(html: str) -> None:
    """Raise UnexpectedPage for a page with so many tags or attributes that reading takes seconds or much memory.

    A page of at most SHORT characters has no room for them.
    Measures a tag at each place where one may begin, also in scripts, comments and quotes. So the tags that libxml2
    finds are among them, however it reads an odd page.
    """
    if len(html) <= SHORT:
        return
    if (count := html.count("<")) > MAX_TAGS:
        raise UnexpectedPage(f"too many tags: {count}")
    work = attributes_of_page = 0
    for tag in _TAG.finditer(html):
        length = tag.end(1) - tag.start(1)
        attributes = count_attributes(tag)
        work += length + attributes * attributes
        attributes_of_page += attributes
        if work > MAX_WORK:
            raise UnexpectedPage(
                f"too long tags, or too many attributes: {attributes} in one of {length} characters"
            )
        if attributes_of_page > MAX_ATTRIBUTES:
            raise UnexpectedPage(f"too many attributes: more than {MAX_ATTRIBUTES} on the page")


def count_attributes(tag: re.Match[str]) -> int:
    """The number of attributes of a tag that `_TAG` found."""
    return sum(1 for _ in _ATTRIBUTES.finditer(tag.string, tag.end(2), tag.end(1)))
