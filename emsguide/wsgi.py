"""The WSGI application: `gunicorn emsguide.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "emsguide.settings")
application = get_wsgi_application()
