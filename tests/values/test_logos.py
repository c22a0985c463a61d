"""Pictures that are slow to encode, and odd files that are a logo all the same."""

import io
from random import Random

import pytest
from PIL import Image

from tracking.values.logos import read_picture


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
