"""Pictures that are valid, small, and made to keep a decoder busy."""

import io
import zlib

from PIL import Image


def jpeg_of_scans(number: int) -> bytes:
    """A progressive JPEG that repeats its last pass over the pixels this many times."""
    start, last = _jpeg(progressive=True).removesuffix(b"\xff\xd9").rsplit(b"\xff\xda", 1)
    return start + (b"\xff\xda" + last) * number + b"\xff\xd9"


def jpeg_of_segments(number: int, segment: bytes) -> bytes:
    """A JPEG with this many copies of a segment in front of the picture."""
    data = _jpeg()
    return data[:2] + segment * number + data[2:]


def png_chunk(kind: bytes, body: bytes = b"") -> bytes:
    """One chunk of a PNG."""
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)


def png_with(chunks: bytes, *, behind: str) -> bytes:
    """A PNG with these chunks behind its header (`IHDR`) or behind its pixels (`IDAT`)."""
    file = io.BytesIO()
    Image.new("RGB", (320, 80)).save(file, "PNG")
    at = {"IHDR": 33, "IDAT": -12}[behind]
    return file.getvalue()[:at] + chunks + file.getvalue()[at:]


def _jpeg(*, progressive: bool = False) -> bytes:
    file = io.BytesIO()
    Image.new("L", (300, 100)).save(file, "JPEG", progressive=progressive)
    return file.getvalue()
