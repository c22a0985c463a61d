"""The shop: its name, its appearance and how customers reach it."""

from typing import Any, Literal

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminFileWidget
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import models
from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from django.utils.html import format_html

from tracking.admin.base import OddInputMixin
from tracking.admin.edit_conflicts import ConflictAwareForm
from tracking.admin.words.history import HistoryMixin
from tracking.models import Logo, Shop
from tracking.values import colors
from tracking.values.logos import MOST_BYTES, NoLogoError, Picture, read_picture


class ShopForm(ConflictAwareForm):
    """The shop's row and its logo, which is in a table of its own."""

    logo = forms.FileField(
        required=False,
        widget=AdminFileWidget(attrs={"accept": "image/png,image/jpeg,image/webp"}),
        help_text="PNG, JPEG or WebP, at most 2 MB. Every page shows it at the top instead of the name, "
        "40 pixels high: a file of 80 pixels or more looks sharp, a large one is made smaller. "
        "Empty: the name in letters.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["logo"] = Logo.objects.without_data().filter(shop=self.instance.pk).first()

    def clean_logo(self) -> Picture | Literal[False] | None:
        """Return the new picture, False to remove the logo, None to keep it. `read_logo` has read the file."""
        given = self.cleaned_data["logo"]
        if not isinstance(given, UploadedFile):
            return False if given is False else None
        found: Picture | NoLogoError = given.found  # type: ignore[attr-defined]
        if isinstance(found, NoLogoError):
            raise ValidationError(str(found)) from found
        return found

    def save_logo(self) -> None:
        """Store or remove the logo. Call it after the shop is saved."""
        picture = self.cleaned_data["logo"]
        if picture is False:
            Logo.objects.filter(shop=self.instance).delete()
        elif picture:
            names = ("data", "digest", "extension", "width", "height")
            fields = {name: getattr(picture, name) for name in names}
            Logo.objects.update_or_create(shop=self.instance, defaults=fields)


def read_logo(files: MultiValueDict[str, Any]) -> None:
    """Put the picture, or why it is none, on the uploaded logo as `found`. Nothing happens without an upload."""
    if upload := files.get("logo"):
        try:
            upload.found = read_picture(upload.read(MOST_BYTES + 1))
        except NoLogoError as problem:
            upload.found = problem


@admin.register(Shop)
class ShopAdmin(HistoryMixin, OddInputMixin, admin.ModelAdmin):
    """The one shop: its name, its appearance, how customers reach it, the first lines of the guide."""

    form = ShopForm
    list_display = ["name", "email", "website"]
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    readonly_fields = ["logo_now", "color_now"]
    fieldsets = [
        ("Who we are", {"fields": ["name", "website"]}),
        ("How it looks", {"fields": ["logo", "logo_now", "accent_color", "color_now"]}),
        ("How customers reach us", {"fields": ["email", "phone", "contact_text"]}),
        ("When something breaks", {"fields": ["technical_email"]}),
        ("The guide", {"fields": ["guide_title", "guide_introduction", "guide_note"]}),
    ]

    class Media:
        css = {"all": ["css/staff/desk.css"]}

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Reads the logo first: Django checks the form in a transaction, which locks SQLite for all other writers."""
        if self.has_change_permission(request):
            read_logo(request.FILES)
        return super().changeform_view(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Shop, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        form.save_logo()

    @admin.display(description="the logo now")
    def logo_now(self, shop: Shop) -> str:
        """On a light background, as customers see it, even if the desk is dark."""
        logo = Logo.objects.without_data().filter(shop=shop.pk).first()
        if logo is None:
            return "None: pages show the name in letters."
        width, height = logo.shown_width + 16, logo.shown_height + 16
        return format_html(
            '<svg width="{}" height="{}" role="img" aria-label="{}"><rect width="{}" height="{}" fill="{}"/>'
            '<image x="8" y="8" width="{}" height="{}" href="{}"/></svg>',
            *(width, height, shop.name),
            *(width, height, colors.LIGHT_PAPERS[0]),
            *(logo.shown_width, logo.shown_height, logo.url),
        )

    @admin.display(description="the colour now")
    def color_now(self, shop: Shop) -> str:
        """On a light and on a dark page. SVG attributes, because the security policy forbids inline styles."""
        if not shop.accent_color:
            return "A calm blue, the site's own."
        light, dark = shop.accent_color, colors.lightened(shop.accent_color)
        verdict = "It can be read." if colors.can_be_read(light) else "It cannot be read on light pages."
        return format_html(
            "<p>{}<br>{}</p><p>{}</p>",
            _swatch(light, colors.LIGHT_PAPERS[0], "light"),
            _swatch(dark, colors.DARK_PAPERS[0], "dark"),
            verdict,
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return not Shop.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Shop | None = None) -> bool:
        return False


def _swatch(color: str, paper: str, page: str) -> str:
    return format_html(
        '<svg width="56" height="24" aria-hidden="true"><rect width="56" height="24" fill="{}"/>'
        '<rect x="6" y="6" width="44" height="12" rx="3" fill="{}"/></svg> {} on {} pages, contrast {}',
        paper,
        color,
        color,
        page,
        f"{colors.contrast(color, paper):.1f}",
    )
