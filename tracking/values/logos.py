"""The shop's logo as staff upload it: what is taken, and how large it is shown."""

import io
from dataclasses import dataclass
from hashlib import sha256

from PIL import Image, ImageOps

MOST_BYTES = 2_000_000
MOST_PIXELS = 3000  # in width or height
SHOWN_HEIGHT = 40
_KEPT_SIZE = (720, 3 * SHOWN_HEIGHT)  # as many pixels as the sharpest screens show
_KEPT_BYTES = 10_000  # each first visit pays for them
EXTENSIONS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}  # Pillow's names


class NoLogoError(ValueError):
    """This file cannot be the logo; the message tells staff why."""


@dataclass(frozen=True)
class Picture:
    """A picture that has been read whole."""

    data: bytes
    extension: str
    width: int  # as a browser shows it: a turned photograph is turned
    height: int

    @property
    def digest(self) -> str:
        """Names the content in the address."""
        return sha256(self.data).hexdigest()[:16]


def read_picture(data: bytes) -> Picture:
    """The picture, made smaller where a page needs less of it.

    Raises NoLogoError for what is too large, no picture, cut, moving or of far too many pixels.
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
    except Exception as error:  # Pillow raises a dozen kinds for a file that somebody has broken on purpose
        raise NoLogoError("This is no PNG, JPEG or WebP picture, or it is damaged.") from error


_TOO_MANY_PIXELS = f"The picture has too many pixels: at most {MOST_PIXELS} in width and in height."


def _smaller(image: Image.Image) -> Picture:
    """What it carries beside its pixels, such as where a photograph was taken, is left out."""
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
    """The picture's size on the page: as large as it is, at most forty pixels high."""
    shown = min(height, SHOWN_HEIGHT)
    return max(1, round(width * shown / height)), shown
