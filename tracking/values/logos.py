"""The shop's logo as staff upload it: which files are accepted, and the size on the page."""

import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from PIL import Image, ImageOps

MOST_BYTES = 2_000_000
MOST_PIXELS = 3000  # in width or height
SHOWN_HEIGHT = 40
_KEPT_SIZE = (720, 3 * SHOWN_HEIGHT)  # the pixels that screens of three times the usual density show
_KEPT_BYTES = 10_000  # every visitor downloads them at the first visit
_FORMATS = ("PNG", "JPEG", "WEBP")  # Pillow's names
_PHOTO_WITH_PREVIEW = (
    "MPO"  # Pillow's name for a JPEG with further pictures behind the first, as phones write it
)
_DEPTH_OF_PNG = 24  # where the header of a PNG has the bits of a pixel
_QUALITIES = (90, 75, 60, 40, 25)
_METHOD = 4  # 6 is 3 % smaller, and takes up to 20 seconds

# What makes Pillow slow is not the size of a file. A real progressive JPEG has about ten scans, and each scan reads
# all pixels again. 2 MB of random bytes contain about 1,600 pairs that look like a marker of a JPEG.
_MOST_SCANS, _MOST_MARKERS = 50, 3000
_MOST_CHUNKS = 100  # of a PNG, without those of its pixels
_SCAN = b"\xff\xda"
_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")  # without the restart marks between pixels

# Pillow writes one warning to the log for each damaged entry of the metadata, of which a file may have thousands.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


class NoLogoError(ValueError):
    """This file cannot be the logo. The message says why, for staff."""


@dataclass(frozen=True)
class Picture:
    """The pixels of an uploaded picture, stored as WebP."""

    data: bytes
    extension: str
    width: int  # in pixels
    height: int

    @property
    def digest(self) -> str:
        """A short hash of the content, for the picture's address."""
        return sha256(self.data).hexdigest()[:16]


def read_picture(data: bytes) -> Picture:
    """The picture, upright, reduced where it is larger than a page needs, and without all that is not a pixel.

    Takes about a second of a processor at most. Raises NoLogoError where the file is too large, not a picture, damaged,
    animated, or has too many pixels or parts.
    """
    if len(data) > MOST_BYTES:
        raise NoLogoError(f"The file is larger than {MOST_BYTES // 1_000_000} MB. Save the picture smaller.")
    if _has_too_many_parts(data):
        raise NoLogoError(_TOO_MANY_PARTS)
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if max(image.size) > MOST_PIXELS:
                raise NoLogoError(_TOO_MANY_PIXELS)
            if getattr(image, "is_animated", False) and image.format != _PHOTO_WITH_PREVIEW:
                raise NoLogoError("A moving picture cannot be the logo.")
            image.load()  # reads every pixel
            _scale_transparent_grey(image, data)
            return _kept(_upright(image))
    except NoLogoError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise NoLogoError(_TOO_MANY_PIXELS) from None
    except Exception as error:  # Pillow raises a dozen kinds of exception for files damaged on purpose
        raise NoLogoError("This is no PNG, JPEG or WebP picture, or it is damaged.") from error


_TOO_MANY_PIXELS = f"The picture has too many pixels: at most {MOST_PIXELS} in width and in height."


_TOO_MANY_PARTS = (
    "The file is made of too many parts, so it would take too long to read. "
    "Open it in a picture editor, save it as PNG, and choose that file."
)


def _has_too_many_parts(data: bytes) -> bool:
    """True where Pillow would work for seconds or minutes. Takes a time that grows with the size of the file alone."""
    if data.startswith(b"\xff\xd8"):
        markers = sum(1 for _ in _MARKER.finditer(data))
        return data.count(_SCAN) > _MOST_SCANS or markers > _MOST_MARKERS
    if data.startswith(b"\x89PNG"):
        return sum(1 for kind in _png_chunks(data) if kind != b"IDAT") > _MOST_CHUNKS
    return False


def _png_chunks(data: bytes) -> Iterator[bytes]:
    """The kind of each chunk."""
    at = 8
    while at + 8 <= len(data):
        yield data[at + 4 : at + 8]
        at += 12 + int.from_bytes(data[at : at + 4])


def _upright(image: Image.Image) -> Image.Image:
    """The picture as its EXIF data turn it; as it is where they are damaged."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # Pillow raises a dozen kinds of exception for damaged EXIF data
        return image


def _scale_transparent_grey(image: Image.Image, data: bytes) -> None:
    """Give the transparent grey of a PNG of 2 or 4 bits the scale of the pixels, which Pillow has made 8 bits."""
    transparent = image.info.get("transparency")
    depth = data[_DEPTH_OF_PNG]
    if image.format == "PNG" and image.mode == "L" and depth in (2, 4) and isinstance(transparent, int):
        image.info["transparency"] = transparent * 255 // (2**depth - 1)


def _kept(image: Image.Image) -> Picture:
    """The pixels, in the best quality that is small enough; fewer pixels where no quality is."""
    if image.mode.startswith("I"):  # 16 bits of grey
        image = image.point(lambda value: value / 256).convert("L")
    image = image.convert("RGBA")
    image.thumbnail(_KEPT_SIZE)
    data = _as_webp(image, lossless=True, quality=50)
    for quality in _QUALITIES:
        if len(data) <= _KEPT_BYTES:
            break
        data = _as_webp(image, quality=quality, alpha_quality=quality)
    while len(data) > _KEPT_BYTES:
        image = image.resize((max(1, image.width * 3 // 4), max(1, image.height * 3 // 4)))
        data = _as_webp(image, quality=_QUALITIES[-1], alpha_quality=_QUALITIES[-1])
    return Picture(data, "webp", *image.size)


def _as_webp(image: Image.Image, **how: Any) -> bytes:
    """The picture without metadata. `how`: Pillow's options for WebP."""
    file = io.BytesIO()
    image.save(file, "WEBP", method=_METHOD, exif=b"", xmp=b"", icc_profile=b"", **how)
    return file.getvalue()


def shown_size(width: int, height: int) -> tuple[int, int]:
    """The (width, height) on the page in CSS pixels: the picture's own size, at most 40 high."""
    shown = min(height, SHOWN_HEIGHT)
    return max(1, round(width * shown / height)), shown
