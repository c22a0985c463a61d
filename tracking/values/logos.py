"""The shop's logo as staff upload it: which files are accepted, and the size on the page."""

import io
from dataclasses import dataclass
from hashlib import sha256

from PIL import Image, ImageOps

MOST_BYTES = 2_000_000
MOST_PIXELS = 3000  # in width or height
SHOWN_HEIGHT = 40
_KEPT_SIZE = (720, 3 * SHOWN_HEIGHT)  # the pixels that screens of three times the usual density show
_KEPT_BYTES = 10_000  # every visitor downloads them at the first visit
EXTENSIONS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}  # Pillow's names


class NoLogoError(ValueError):
    """This file cannot be the logo. The message says why, for staff."""


@dataclass(frozen=True)
class Picture:
    """A picture whose pixels have all been read."""

    data: bytes
    extension: str
    width: int  # in pixels, as browsers show it: after the rotation that a photograph's metadata asks for
    height: int

    @property
    def digest(self) -> str:
        """A short hash of the content, for the picture's address."""
        return sha256(self.data).hexdigest()[:16]


def read_picture(data: bytes) -> Picture:
    """The picture, reduced where it is larger than a page needs.

    Raises NoLogoError where the file is too large, not a picture, damaged, animated, or has too many pixels.
    """
    if len(data) > MOST_BYTES:
        raise NoLogoError(f"The file is larger than {MOST_BYTES // 1_000_000} MB. Save the picture smaller.")
    try:
        with Image.open(io.BytesIO(data), formats=list(EXTENSIONS)) as image:
            if max(image.size) > MOST_PIXELS:
                raise NoLogoError(_TOO_MANY_PIXELS)
            if getattr(image, "is_animated", False):
                raise NoLogoError("A moving picture cannot be the logo.")
            upright = ImageOps.exif_transpose(image)  # reads every pixel
            if len(data) > _KEPT_BYTES or upright.width > _KEPT_SIZE[0] or upright.height > _KEPT_SIZE[1]:
                return _smaller(upright)
            return Picture(data, EXTENSIONS[image.format or ""], *upright.size)
    except NoLogoError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise NoLogoError(_TOO_MANY_PIXELS) from None
    except Exception as error:  # Pillow raises a dozen kinds of exception for files damaged on purpose
        raise NoLogoError("This is no PNG, JPEG or WebP picture, or it is damaged.") from error


_TOO_MANY_PIXELS = f"The picture has too many pixels: at most {MOST_PIXELS} in width and in height."


def _smaller(image: Image.Image) -> Picture:
    """The picture as a smaller WebP, without metadata such as the place of a photograph."""
    if image.mode.startswith("I"):  # 16 bits of grey
        image = image.point(lambda value: value / 256).convert("L")
    image = image.convert("RGBA")
    image.thumbnail(_KEPT_SIZE)
    for quality in (80, 60, 40, 20):
        file = io.BytesIO()
        image.save(file, "WEBP", quality=quality, method=6)
        if len(file.getvalue()) <= _KEPT_BYTES:
            break
    return Picture(file.getvalue(), EXTENSIONS["WEBP"], *image.size)


def shown_size(width: int, height: int) -> tuple[int, int]:
    """The (width, height) on the page in CSS pixels: the picture's own size, at most 40 high."""
    shown = min(height, SHOWN_HEIGHT)
    return max(1, round(width * shown / height)), shown
