"""Every written page with its JSON: what the parser must read. They are like Japan Post's, with made-up numbers."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tracking.japanpost import errors
from tracking.japanpost.parser import parse_page

PAGES = Path(__file__).parent / "pages"
NAMES = sorted({path.stem for path in PAGES.iterdir() if path.suffix in (".html", ".json")})


@pytest.mark.parametrize("name", NAMES)
def test_the_page_is_read_as_its_json_says(name: str) -> None:
    """The JSON is the TrackedItem, or `{"number": …, "raises": …}`. Fails if the page or its JSON is missing."""
    html = (PAGES / f"{name}.html").read_bytes().decode("utf-8")
    expected: dict[str, Any] = json.loads((PAGES / f"{name}.json").read_text("utf-8"))
    if "raises" in expected:
        with pytest.raises(getattr(errors, expected["raises"])):
            parse_page(html, expected["number"])
    else:
        assert plain(parse_page(html, expected["number"])) == expected


def plain(item: Any) -> dict[str, Any]:
    """A TrackedItem in the form of the JSON files: dates like 2026-11-04, times like 05:30."""
    story = asdict(item)
    story["events"] = [
        event
        | {
            "local_date": event["local_date"].isoformat(),
            "local_time": event["local_time"] and event["local_time"].isoformat("minutes"),
        }
        for event in story["events"]
    ]
    return story


def test_there_are_pages() -> None:
    assert len(NAMES) > 10
