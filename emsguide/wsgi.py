"""The WSGI application: `gunicorn emsguide.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

from emsguide.incoming import guard

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "emsguide.settings")
application = guard(get_wsgi_application())
