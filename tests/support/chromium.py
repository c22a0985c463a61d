"""The system's Chromium for tests, tour and benchmarks, with its own home folder and its own fonts."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

# The first opens a page at less than half the cost, because it has no windows.
_PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, _PROGRAMS)), None)
ARGUMENTS = (
    "--no-sandbox --headless --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync --font-render-hinting=none"
).split()

# The ends of lines depend on the fonts, so the browser has the same family on every machine.
_FOLDERS = (
    Path("/usr/share/fonts/truetype/dejavu"),
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
)
_FONTS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf")
_FONTS_CONF = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{folder}/fonts</dir>
  <cachedir>{folder}/cache</cachedir>
  <alias binding="same"><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
  <match target="pattern">
    <edit name="family" mode="append_last"><string>DejaVu Sans</string></edit>
  </match>
  <match target="font">
    <edit name="antialias" mode="assign"><bool>true</bool></edit>
    <edit name="hinting" mode="assign"><bool>false</bool></edit>
    <edit name="autohint" mode="assign"><bool>false</bool></edit>
    <edit name="hintstyle" mode="assign"><const>hintnone</const></edit>
    <edit name="rgba" mode="assign"><const>none</const></edit>
  </match>
</fontconfig>
"""


def _find_font(name: str) -> Path | None:
    return next((found for folder in _FOLDERS for found in folder.rglob(name)), None)


FONTS = [font for font in map(_find_font, _FONTS) if font] if CHROMIUM else []
HAS_FONTS = len(FONTS) == len(_FONTS)


@contextmanager
def launched(playwright: "Playwright") -> Iterator["Browser"]:
    """A new Chromium while the block lasts. Where our fonts are missing (`HAS_FONTS`), it uses those of the machine."""
    with tempfile.TemporaryDirectory(prefix="emsguide-chromium-", ignore_cleanup_errors=True) as home:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=ARGUMENTS, env=dict(os.environ) | environment(Path(home))
        )
        try:
            yield browser
        finally:
            browser.close()


def environment(home: Path) -> dict[str, str]:
    """Return variables that keep a Chromium away from the user's files, which may not be writable.

    Writes the configuration of the fonts into `home`.
    """
    xdg = {name: str(home) for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
    if not HAS_FONTS:
        return {"HOME": str(home), **xdg}
    (home / "fonts").mkdir()
    for font in FONTS:
        (home / "fonts" / font.name).symlink_to(font)
    file = home / "fonts.conf"
    file.write_text(_FONTS_CONF.format(folder=escape(str(home))), encoding="utf-8")
    return {"HOME": str(home), "FONTCONFIG_FILE": str(file), **xdg}
