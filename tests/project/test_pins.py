"""`make pin` and the requirements files: each package has an exact version and the hashes of its files."""

import re
import tomllib

import pytest

from tests import PROJECT

PROJECT_FILE = tomllib.loads((PROJECT / "pyproject.toml").read_text())
NAMED = {
    "requirements.txt": PROJECT_FILE["project"]["dependencies"],
    "requirements-dev.txt": PROJECT_FILE["project"]["dependencies"]
    + PROJECT_FILE["dependency-groups"]["dev"],
    "requirements-mutants.txt": PROJECT_FILE["dependency-groups"]["mutants"],
    "requirements-fuzz.txt": PROJECT_FILE["dependency-groups"]["fuzz"],
}


def packages_of(file):
    """Each package of a requirements file as `name==version`, in lower case, with the lines about it."""
    entries = re.findall(
        r"^([\w.-]+==[\w.]+)((?:.*\n)(?: .*\n)+)", (PROJECT / file).read_text(), re.MULTILINE
    )
    return {pin.lower(): lines for pin, lines in entries}


@pytest.mark.parametrize("file", NAMED)
def test_a_requirements_file_is_written_from_the_project_file(file):
    chosen = {pin for pin, lines in packages_of(file).items() if "emsguide (pyproject.toml" in lines}
    assert chosen == {re.sub(r"\[.*\]|;.*", "", pin).lower() for pin in NAMED[file]}


@pytest.mark.parametrize("file", NAMED)
def test_every_package_has_an_exact_version_and_a_hash(file):
    lines = [line for line in (PROJECT / file).read_text().splitlines() if re.match(r"[^ #]", line)]
    assert len(lines) == len(packages_of(file)) > 0
    assert all("--hash=sha256:" in about for about in packages_of(file).values())


def test_the_site_and_its_tests_have_the_same_packages():
    assert packages_of("requirements.txt").keys() <= packages_of("requirements-dev.txt").keys()
    versions = dict(pin.split("==") for pin in packages_of("requirements-dev.txt"))
    for pin in packages_of("requirements-mutants.txt") | packages_of("requirements-fuzz.txt"):
        name, version = pin.split("==")
        assert versions.get(name, version) == version, name
