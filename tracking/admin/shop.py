"""The shop, and what customers wrote to it."""

from urllib.parse import urlencode

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html

from tracking.admin.history import WithHistory
from tracking.models import Message, Shop


@admin.register(Shop)
class ShopAdmin(WithHistory):
    """One shop: its name, how to reach it, the first lines of the guide."""

    list_display = ["name", "email", "website"]
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    fieldsets = [
        ("Who we are", {"fields": ["name", "website", "accent_color"]}),
        ("How customers reach us", {"fields": ["email", "phone", "contact_text"]}),
        ("When something breaks", {"fields": ["technical_email"]}),
        ("The guide", {"fields": ["guide_title", "guide_introduction", "guide_note"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return not Shop.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Shop | None = None) -> bool:
        return False


@admin.register(Message)
class MessageAdmin(admin.ModelAdmin):
    """What customers wrote. Tick “answered” when you have."""

    list_display = ["created_at", "email", "number", "first_words", "mailed", "answered"]
    list_editable = ["answered"]
    list_filter = ["answered", "suspected_spam", "mailed", "created_at"]
    search_fields = ["email", "name", "number", "text"]
    fields = [
        "created_at",
        "name",
        "email",
        "reply",
        "number",
        "situation",
        "text",
        "mailed",
        "suspected_spam",
        "answered",
    ]
    readonly_fields = ["created_at", "name", "email", "reply", "number", "situation", "text", "mailed"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description="message")
    def first_words(self, message: Message) -> str:
        return message.text if len(message.text) <= 60 else f"{message.text[:60]}…"

    @admin.display(description="answer by mail")
    def reply(self, message: Message) -> str:
        subject = f"Your parcel {message.number}" if message.number else "Your message"
        return format_html(
            '<a href="mailto:{}?{}">write a mail</a>', message.email, urlencode({"subject": subject})
        )
