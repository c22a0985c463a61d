"""Pictures that are slow to encode, and odd files that are a logo all the same."""

import io
import struct
import zlib
from random import Random

import pytest
from PIL import Image

from tests.support.pictures import png_chunk, png_with
from tracking.values.logos import read_picture


def plain(kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (320, 80), "red").save(file, kind, **options)
    return file.getvalue()


def pictures_that_compress_badly() -> list[Image.Image]:
    size = (720, 120)
    smooth = Image.frombytes("RGB", (90, 15), noise(90 * 15 * 3)).resize(size, Image.Resampling.BICUBIC)
    photograph = Image.blend(smooth, Image.frombytes("RGB", size, noise(720 * 120 * 3)), 0.2)
    soft_alpha, noisy_alpha = photograph.copy(), photograph.copy()
    soft_alpha.putalpha(Image.linear_gradient("L").resize(size))
    noisy_alpha.putalpha(Image.frombytes("L", size, noise(720 * 120)))
    return [photograph, soft_alpha, noisy_alpha, Image.frombytes("RGBA", size, noise(720 * 120 * 4))]


def noise(number: int) -> bytes:
    return Random(1).randbytes(number)


@pytest.mark.parametrize(
    "drawn", pictures_that_compress_badly(), ids=["photo", "soft-alpha", "noisy-alpha", "noise"]
)
def test_any_picture_is_small_after_few_quick_encodings(drawn, monkeypatch):
    file, encodings, save = io.BytesIO(), [], Image.Image.save
    drawn.save(file, "PNG")
    monkeypatch.setattr(Image.Image, "save", lambda *args, **how: (encodings.append(how), save(*args, **how)))
    found = read_picture(file.getvalue())
    assert len(found.data) <= 10_000
    assert found.height >= 40  # as many pixels as a page shows
    with Image.open(io.BytesIO(found.data)) as kept:
        assert kept.size == (found.width, found.height)
    assert len(encodings) <= 12
    assert max(how["method"] for how in encodings) <= 4  # 6 takes 20 seconds for one encoding


def test_a_phones_photo_with_a_preview_is_its_first_picture():
    file = io.BytesIO()
    photograph, preview = Image.new("RGB", (320, 80), "red"), Image.new("RGB", (32, 8), "blue")
    photograph.save(file, "MPO", save_all=True, append_images=[preview])
    found = read_picture(file.getvalue())
    assert (found.width, found.height) == (320, 80)
    with Image.open(io.BytesIO(found.data)) as kept:
        red, _, blue = kept.convert("RGB").getpixel((160, 40))
    assert red > 200 > 50 > blue


@pytest.mark.parametrize(
    "data",
    [
        plain("JPEG", exif=b"Exif\0\0junk"),
        plain("WEBP", exif=b"Exif\0\0junk"),
        png_with(png_chunk(b"eXIf", b"junk"), behind="IHDR"),
        png_with(png_chunk(b"eXIf", b"II*\0\x08\0\0\0\xff\xff\x12\x01"), behind="IDAT"),
    ],
    ids=["JPEG", "WebP", "PNG", "PNG-late"],
)
def test_a_picture_with_damaged_exif_data_is_taken_without_them(data):
    found = read_picture(data)
    assert (found.width, found.height) == (320, 80)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_the_transparent_grey_of_a_png_is_transparent_in_each_depth(depth):
    header = struct.pack(">IIBBBBB", 16, 1, depth, 0, 0, 0, 0)
    white, black = b"\xff" * depth, b"\0" * depth  # eight pixels each
    chunks = [
        (b"IHDR", header),
        (b"tRNS", struct.pack(">H", 2**depth - 1)),
        (b"IDAT", zlib.compress(b"\0" + white + black)),
        (b"IEND", b""),
    ]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, body) for kind, body in chunks)
    with Image.open(io.BytesIO(read_picture(data).data)) as kept:
        alphas = [kept.convert("RGBA").getpixel((x, 0))[3] for x in (2, 13)]
    assert alphas == [0, 255]
