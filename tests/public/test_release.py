"""The id of the release that a process runs: it changes with each file that pages are made of."""

import json
import shutil
from pathlib import Path

import pytest

from tests import PROJECT
from tracking.public.release import release_id


@pytest.fixture
def project(tmp_path: Path, settings) -> Path:
    """A copy of all files that the site runs on, in another folder."""
    for folder in ("emsguide", "tracking", "templates", "locale"):
        shutil.copytree(PROJECT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "requirements.txt", tmp_path)
    settings.BASE_DIR = tmp_path
    return tmp_path


def release_of_a_new_process() -> str:
    release_id.cache_clear()
    return release_id()


def test_the_same_files_in_another_place_are_the_same_release(project: Path, settings) -> None:
    before = release_of_a_new_process()
    (project / "tracking" / "__pycache__").mkdir()
    (project / "tracking" / "__pycache__" / "views.pyc").write_bytes(b"compiled")
    assert release_of_a_new_process() == before
    settings.BASE_DIR = PROJECT
    assert release_of_a_new_process() == before


@pytest.mark.parametrize(
    "name",
    [
        "templates/public/shipment.html",
        "tracking/journey/progress.py",
        "emsguide/settings.py",
        "requirements.txt",
        "locale/de/LC_MESSAGES/django.mo",
    ],
)
def test_a_change_of_any_kind_of_file_is_another_release(project: Path, name: str) -> None:
    before = release_of_a_new_process()
    file = project / name
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as changed:
        changed.write(" ")
    assert release_id() == before  # this process runs what it read before
    assert release_of_a_new_process() != before


def test_other_static_files_are_another_release(tmp_path: Path, settings) -> None:
    storage = {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
    settings.STATIC_ROOT = tmp_path

    def collected(digest: str) -> str:
        manifest = {"paths": {}, "version": "1.1", "hash": digest}
        (tmp_path / "staticfiles.json").write_text(json.dumps(manifest))
        settings.STORAGES = {
            **settings.STORAGES,
            "staticfiles": storage,
        }  # so that Django reads the manifest again
        return release_of_a_new_process()

    assert collected("one") == collected("one") != collected("two")
