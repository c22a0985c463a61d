"""The pictures of the guide for staff: the program that takes them does each job of the guide at the desk."""

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from tests.browser.conftest import LiveServer
from tests.support.standin import StandIn
from tests.tools.desk_tour import EDITOR, FOLDER, fill_store, parcels_say_something_new, take_pictures
from tracking.models import Phrase, Shop, Wording

pytestmark = pytest.mark.browser


def test_each_job_of_the_guide_can_be_done_and_has_its_picture(
    browser: Browser, live_server: LiveServer, standin: StandIn, tmp_path: Path
) -> None:
    fill_store()
    parcels_say_something_new(standin, browser, live_server.url)
    files = take_pictures(browser, live_server.url, tmp_path)
    assert {file.name for file in files} == {file.name for file in FOLDER.iterdir()}
    for file in files:
        with Image.open(file) as picture:
            assert (picture.mode, picture.width <= 1280, picture.height <= 720) == ("P", True, True)
        assert file.stat().st_size < 70_000
    assert not Phrase.objects.unmapped().exists()
    words = Wording.objects.get(destination="FR", status__slug="customs-clearance")
    assert "takes a day" in words.meaning and words.history.first().history_user.username == EDITOR
    assert Shop.objects.get().accent_color == "#0b6e4f"
