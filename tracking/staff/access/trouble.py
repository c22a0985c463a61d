"""The pages that let staff in, while the store cannot be written: a sentence within seconds instead of an error 500."""

from collections.abc import Callable
from functools import wraps

from django.contrib import admin
from django.db import Error
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

from tracking.values.store import LOCK_WAIT, lock_wait, log_trouble

View = Callable[[HttpRequest], HttpResponseBase]
_RETRY_AFTER = 60  # seconds


def with_short_waits(view: View) -> View:
    """Decorate a view that writes before it lets a person in: each statement waits two seconds for a lock at most.

    An error of the store is 503 with a sentence and `Retry-After`. So a try that cannot be counted checks nothing.
    """

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponseBase:
        try:
            with lock_wait(LOCK_WAIT):
                return view(request)
        except Error as error:
            log_trouble("a log-in, code or password was not taken", error)
        context = {**admin.site.each_context(request), "title": "Please try again in a minute"}
        response = render(request, "admin/store_trouble.html", context, status=503)
        response["Retry-After"] = str(_RETRY_AFTER)
        return response

    return guarded
