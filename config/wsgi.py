"""The web process. With EMBEDDED_WORKER on, config.embedded adds worker and beat (see config/gunicorn.py)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
