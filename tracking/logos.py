"""The shop's logo as staff upload it: what is taken, and how large it is shown."""

import io
from dataclasses import dataclass
from hashlib import sha256

from PIL import Image, ImageOps

MOST_BYTES = 100_000
MOST_PIXELS = 3000  # in width or height; the page shows forty of them
SHOWN_HEIGHT = 40
EXTENSIONS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}  # Pillow's names


class NoLogo(ValueError):
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
    """Raises NoLogo for what is too large, no picture, cut, moving or of far too many pixels."""
    if len(data) > MOST_BYTES:
        raise NoLogo(f"The file is larger than {MOST_BYTES // 1000} kB. Save the picture smaller.")
    try:
        with Image.open(io.BytesIO(data), formats=list(EXTENSIONS)) as image:
            if max(image.size) > MOST_PIXELS:
                raise NoLogo(_TOO_MANY_PIXELS)
            if getattr(image, "is_animated", False):
                raise NoLogo("A moving picture cannot be the logo.")
            width, height = ImageOps.exif_transpose(image).size  # reads every pixel
            return Picture(data, EXTENSIONS[image.format or ""], width, height)
    except NoLogo:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise NoLogo(_TOO_MANY_PIXELS) from None
    except Exception as error:  # Pillow raises a dozen kinds for a file that somebody has broken on purpose
        raise NoLogo("This is no PNG, JPEG or WebP picture, or it is damaged.") from error


_TOO_MANY_PIXELS = f"The picture has too many pixels: at most {MOST_PIXELS} in width and in height."


def shown_size(width: int, height: int) -> tuple[int, int]:
    """The picture's size on the page: as large as it is, at most forty pixels high."""
    shown = min(height, SHOWN_HEIGHT)
    return max(1, round(width * shown / height)), shown
