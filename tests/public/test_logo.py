"""The shop's logo: accepted files, the upload at the desk, its address on pages, and its cost for pages."""

import io
import struct
import sys
import zlib
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from lxml import html
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.support.pictures import jpeg_of_scans, jpeg_of_segments, png_chunk, png_with
from tests.support.processes import run
from tracking.models import Logo, Shop
from tracking.staff.access import groups
from tracking.values.logos import NoLogoError, Picture, read_picture, shown_size

FORMATS = ("PNG", "JPEG", "WEBP")


def picture(kind: str = "PNG", size: tuple[int, int] = (320, 80), **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "#0b6e4f").save(file, kind, **options)
    return file.getvalue()


# Accepted files


@pytest.mark.parametrize("kind", FORMATS)
def test_png_jpeg_and_webp_become_a_webp_of_their_size(kind):
    found = read_picture(picture(kind))
    assert (found.extension, found.width, found.height) == ("webp", 320, 80)
    with Image.open(io.BytesIO(found.data)) as kept:
        assert (kept.format, kept.size) == ("WEBP", (320, 80))
    assert found.digest != read_picture(picture(kind, (321, 80))).digest


@pytest.mark.parametrize("size", [(12, 8), (1200, 800)])
def test_a_turned_photograph_is_upright(size):
    photograph = Image.new("RGB", size, "red")
    photograph.paste("blue", (0, 0, size[0] // 2, size[1]))
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6  # orientation: browsers turn it by 90 degrees, so its left half is the upper one
    photograph.save(file, "JPEG", quality=100, exif=exif)
    with Image.open(io.BytesIO(read_picture(file.getvalue()).data)) as kept:
        width, height = kept.size
        assert width / height == size[1] / size[0]
        colors = [kept.convert("RGB").getpixel((width // 2, y)) for y in (1, height - 2)]
        assert [max(range(3), key=color.__getitem__) for color in colors] == [2, 0]  # blue, red
        assert kept.getexif().get(0x0112) is None


def test_a_small_drawing_keeps_each_pixel_and_its_transparency():
    drawing = Image.effect_noise((40, 20), 90).convert("RGBA")
    drawing.putalpha(Image.linear_gradient("L").resize((40, 20)).point(lambda value: max(value, 1)))
    file = io.BytesIO()
    drawing.save(file, "PNG")
    with Image.open(io.BytesIO(read_picture(file.getvalue()).data)) as kept:
        assert kept.convert("RGBA").tobytes() == drawing.tobytes()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L"])
def test_a_large_logo_is_scaled_down_to_what_a_page_needs(mode):
    file = io.BytesIO()
    photograph = Image.effect_noise((1000, 500), 60).convert(mode)
    photograph.save(file, "PNG")
    assert len(file.getvalue()) > 200_000
    found = read_picture(file.getvalue())
    assert (found.extension, found.width, found.height) == ("webp", 240, 120)
    assert len(found.data) <= 10_000
    with Image.open(io.BytesIO(found.data)) as kept:
        assert kept.size == (240, 120)


def test_sixteen_bits_of_grey_stay_grey():
    file = io.BytesIO()
    Image.new("I;16", (1000, 300), 40_000).save(file, "PNG")
    with Image.open(io.BytesIO(read_picture(file.getvalue()).data)) as kept:
        grey, *_ = kept.convert("RGB").getpixel((50, 50))
    assert abs(grey - 40_000 / 256) < 4


def described(kind: str, size: tuple[int, int]) -> bytes:
    """A picture that says SECRET in all places that its format has for text, and behind its end."""
    exif = Image.Exif()
    exif[0x010E] = "SECRET"
    exif.get_ifd(0x8825)[0x0012] = "SECRET"  # GPS
    options: dict[str, object] = {"exif": exif, "icc_profile": b"SECRET", "xmp": b"SECRET"}
    if kind == "JPEG":
        options["comment"] = "SECRET"
    if kind == "PNG":
        texts = options["pnginfo"] = PngInfo()
        texts.add_text("Author", "SECRET")
        texts.add_itxt("XML:com.adobe.xmp", "SECRET")
    return picture(kind, size, **options) + b"SECRET"


@pytest.mark.parametrize("size", [(64, 32), (600, 300)])
@pytest.mark.parametrize("kind", FORMATS)
def test_only_the_pixels_are_kept(kind, size):
    data = described(kind, size)
    assert data.count(b"SECRET") >= 4
    found = read_picture(data)
    assert b"SECRET" not in found.data
    with Image.open(io.BytesIO(found.data)) as kept:
        kept.load()
        assert not kept.info.keys() & {"exif", "xmp", "icc_profile", "comment"}


def moving(kind: str) -> bytes:
    file, frames = io.BytesIO(), [Image.new("RGB", (40, 40), color) for color in ("red", "blue")]
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    return file.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    """Return a small file whose header announces a picture too large for memory."""
    body = b"IHDR" + width.to_bytes(4) + height.to_bytes(4) + b"\x08\x02\0\0\0"
    chunk = (13).to_bytes(4) + body + zlib.crc32(body).to_bytes(4)
    return picture()[:8] + chunk + picture()[33:]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"hello", "no PNG, JPEG or WebP"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "no PNG, JPEG or WebP"),
        (picture("GIF"), "no PNG, JPEG or WebP"),
        (picture("GIF", (3001, 1)), "no PNG, JPEG or WebP"),  # refused by its format, before its size is read
        (picture("BMP"), "no PNG, JPEG or WebP"),
        (picture()[:-40], "damaged"),
        (picture("JPEG")[:-200], "damaged"),
        (picture("WEBP")[:-20], "damaged"),
        (picture() + b"x" * 2_000_000, "larger than 2 MB"),
        (picture(size=(3001, 1)), "too many pixels"),
        (picture(size=(1, 3001)), "too many pixels"),
        (png_that_claims(10_000, 10_000), "too many pixels"),
        (png_that_claims(2**31 - 1, 2**31 - 1), "too many pixels"),
        (moving("PNG"), "moving"),
        (moving("WEBP"), "moving"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_anything_else_is_refused_with_a_sentence(data, words):
    with pytest.raises(NoLogoError, match=words):
        read_picture(data)


@pytest.mark.parametrize(
    "data",
    [
        jpeg_of_scans(500),
        jpeg_of_segments(20_000, b"\xff\xe1\0\x09Exif\0\0a"),
        jpeg_of_segments(100_000, b"\xff\xfe\0\x02"),
        png_with(png_chunk(b"abCd") * 50_000, behind="IHDR"),
        png_with(png_chunk(b"abCd") * 50_000, behind="IDAT"),
        png_with(png_chunk(b"iCCP", b"a\0\0" + zlib.compress(b"\0" * 1_000_000)) * 200, behind="IHDR"),
    ],
    ids=["scans", "EXIF", "comments", "chunks", "late-chunks", "profiles"],
)
def test_a_picture_that_takes_long_to_read_is_not_read(data, monkeypatch):
    assert len(data) < 2_000_000
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("the picture was opened"))
    with pytest.raises(NoLogoError, match="made of too many parts"):
        read_picture(data)


def test_damaged_metadata_write_nothing_into_the_log(tmp_path):
    entries = b"".join(struct.pack("<HHII", 1000 + i, 7, 9000, 8) for i in range(500))
    exif = b"II*\0" + struct.pack("<IH", 8, 500) + entries + bytes(4) + b"a" * 9000
    (tmp_path / "logo.png").write_bytes(png_with(png_chunk(b"eXIf", exif), behind="IHDR"))
    program = "import sys; from tracking.values.logos import read_picture; read_picture(open(sys.argv[1], 'rb').read())"
    command = [sys.executable, "-c", program, tmp_path / "logo.png"]
    ran = run(command, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_real_pictures_have_few_parts():
    photograph = Image.effect_noise((1500, 1000), 80).convert("RGB")
    for kind, options in (
        ("JPEG", {"progressive": True, "quality": 60, "exif": b"Exif\0\0" + bytes(range(256)) * 200}),
        ("JPEG", {"quality": 60, "restart_marker_blocks": 1, "icc_profile": bytes(range(256)) * 800}),
        ("PNG", {}),
    ):
        file = io.BytesIO()
        photograph.resize((700, 500)).save(file, kind, **options)
        assert read_picture(file.getvalue()).extension == "webp"


def test_it_is_shown_at_most_40_pixels_high_and_never_enlarged():
    assert shown_size(320, 80) == (160, 40)
    assert shown_size(100, 20) == (100, 20)
    assert shown_size(1, 3000) == (1, 40)


# The desk and the site

pytestmark = pytest.mark.django_db


def save(client, shop: Shop, **changes: object):
    """Send the shop's form at the desk with these changes. Returns the page that follows."""
    address = reverse("admin:tracking_shop_change", args=[shop.pk])
    form = html.fromstring(client.get(address).content).get_element_by_id("shop_form")
    fields = {name: value for name, value in form.form_values() if not name.startswith("_")}
    return client.post(address, fields | changes, follow=True)


def upload(data: bytes, name: str = "logo.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


def head_of(client):
    """Return the link around the shop's name or logo at the top of the guide."""
    return html.fromstring(client.get("/").content.decode()).xpath("//a[@class='shop-name']")[0]


@pytest.mark.parametrize("kind", FORMATS)
def test_an_uploaded_logo_is_on_the_next_page_and_cached_for_a_year(admin_client, shop, kind):
    assert head_of(admin_client).text_content() == shop.name
    save(admin_client, shop, logo=upload(picture(kind)))
    (image,) = head_of(admin_client).xpath("img")
    assert dict(image.attrib).items() >= {"alt": shop.name, "width": "160", "height": "40"}.items()
    response = admin_client.get(image.get("src"))
    assert response.content == read_picture(picture(kind)).data
    assert response["Content-Type"] == "image/webp"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in response["Cache-Control"] and "max-age=31536000" in response["Cache-Control"]
    assert not response.cookies


def test_a_new_logo_has_a_new_address_and_the_old_one_is_not_found(admin_client, shop):
    save(admin_client, shop, logo=upload(picture()))
    old = Logo.objects.get().url
    save(admin_client, shop, logo=upload(picture(size=(320, 81))))
    new = Logo.objects.get().url
    assert head_of(admin_client).xpath("string(img/@src)") == new != old
    gone = admin_client.get(old)
    assert gone.status_code == 404 and "immutable" not in gone.headers.get("Cache-Control", "")
    assert admin_client.get(new.replace(".webp", ".png")).status_code == 404


def test_the_logo_survives_other_edits_and_can_be_cleared(admin_client, shop):
    save(admin_client, shop, logo=upload(picture()))
    save(admin_client, shop, name="Kyoto Tea")
    assert head_of(admin_client).xpath("string(img/@alt)") == "Kyoto Tea"
    save(admin_client, shop, **{"logo-clear": "on"})
    assert head_of(admin_client).text_content() == "Kyoto Tea"
    assert not Logo.objects.exists()
    changed = [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]
    assert changed == ["Changed logo.", "Changed Name.", "Changed logo."]


@pytest.mark.parametrize("data", [b"no picture", picture() + b"x" * 2_000_000, b""])
def test_a_file_that_is_no_logo_changes_nothing(admin_client, shop, data):
    save(admin_client, shop, logo=upload(picture()))
    page = save(admin_client, shop, logo=upload(data), name="Another name")
    assert "errorlist" in page.content.decode()
    assert bytes(Logo.objects.get().data) == read_picture(picture()).data
    shop.refresh_from_db()
    assert shop.name != "Another name"


@pytest.mark.parametrize("data", [picture(), picture()[:-40]], ids=["logo", "damaged"])
def test_the_picture_is_read_before_the_transaction_of_the_save(admin_client, shop, data, monkeypatch):
    before, during, opened = len(connection.savepoint_ids), [], Image.open

    def note(*args: object, **how: object) -> Image.Image:
        during.append(len(connection.savepoint_ids))
        return opened(*args, **how)

    monkeypatch.setattr(Image, "open", note)
    save(admin_client, shop, logo=upload(data))
    assert during == [before]


def test_a_picture_of_staff_who_may_not_change_the_logo_is_not_read(client, shop, monkeypatch):
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("the picture was opened"))
    support = User.objects.create_user("support", is_staff=True)
    support.groups.add(Group.objects.get(name=groups.SUPPORT))
    client.force_login(support)
    address = reverse("admin:tracking_shop_change", args=[shop.pk])
    assert client.post(address, {"logo": upload(picture())}).status_code == 403


def test_a_logo_changed_without_the_form_shows_at_the_next_request(client, shop):
    found = read_picture(picture())
    assert not head_of(client).xpath("img")
    Logo.objects.create(shop=shop, **vars(found), digest=found.digest)
    assert head_of(client).xpath("img")
    Logo.objects.all().delete()
    assert not head_of(client).xpath("img")


def test_no_page_loads_the_picture_from_the_database(client, shop):
    Logo.objects.create(shop=shop, **vars(read_picture(picture())), digest=read_picture(picture()).digest)
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            client.get("/")
            client.get("/track/")
        assert not [one["sql"] for one in queries if '"data"' in one["sql"]]
    assert len(queries) == 2  # the shop's row, once for each page


def test_support_sees_the_logo_and_cannot_change_it(client, shop):
    data = read_picture(picture())
    Logo.objects.create(shop=shop, **vars(data), digest=data.digest)
    support = User.objects.create_user("support", is_staff=True)
    support.groups.add(Group.objects.get(name=groups.SUPPORT))
    client.force_login(support)
    address = reverse("admin:tracking_shop_change", args=[shop.pk])
    page = client.get(address)
    assert page.status_code == 200
    assert Logo.objects.get().url in page.content.decode()
    assert client.post(address, {"logo-clear": "on"}).status_code == 403
    assert Logo.objects.exists()


def test_the_color_is_drawn_with_its_contrast_and_no_inline_style(admin_client, shop):
    shop.accent_color = "#0b6e4f"
    shop.save()
    page = html.fromstring(
        admin_client.get(reverse("admin:tracking_shop_change", args=[shop.pk])).content.decode()
    )
    (row,) = page.xpath("//div[contains(@class, 'field-color_now')]")
    assert row.xpath(".//svg/rect/@fill")[1] == "#0b6e4f"
    assert not row.xpath(".//@style")
    text = " ".join(row.text_content().split())
    assert "#0b6e4f on light pages, contrast 5.7" in text
    assert "It can be read." in text


def test_the_name_of_the_shop_cannot_break_out_of_the_alt_text(client, shop):
    shop.name = '"><script>alert(1)</script>'
    shop.save()
    found: Picture = read_picture(picture())
    Logo.objects.create(shop=shop, **vars(found), digest=found.digest)
    assert "<script>alert" not in client.get("/").content.decode()


def test_nothing_is_written_outside_the_database(admin_client, shop, settings, tmp_path: Path):
    settings.MEDIA_ROOT = tmp_path
    save(admin_client, shop, logo=upload(picture()))
    assert not list(tmp_path.iterdir())
