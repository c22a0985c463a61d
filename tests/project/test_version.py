"""The version is written in one place, and the changelog agrees with it."""

import re
import tomllib

from packaging.version import Version

from tests import PROJECT
from tracking import VERSION

HEADINGS = re.findall(r"^## (.+)$", (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_changelog_begins_with_unreleased_changes() -> None:
    assert HEADINGS[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+] - \d{4}-\d\d-\d\d", one) for one in HEADINGS[1:])


def test_versions_descend_from_the_current_one() -> None:
    released = [Version(one.split("]")[0].strip("[")) for one in HEADINGS[1:]]
    assert released
    versions = [Version(VERSION), *released]
    assert versions == sorted(versions, reverse=True)
    assert len(set(released)) == len(released)


def test_the_project_file_holds_no_second_version() -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in settings["project"] and settings["project"]["dynamic"] == ["version"]
    assert settings["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "tracking.VERSION"}
