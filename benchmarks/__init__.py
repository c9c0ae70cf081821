"""Figures, as ratios measured in one run on PostgreSQL. Each module with a `main` is one command.

Importing this package sets Django up, with a broker that leads nowhere: a benchmark takes each step itself.
Tests, which borrow servers from here, have set it up already.
"""

import os

import django
from django.apps import apps
from django.conf import settings

if not apps.ready:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ["CELERY_BROKER_URL"] = "memory://nowhere"
    django.setup()
    # For developers Django remembers every statement, which no site does that is measured.
    settings.DEBUG = False
