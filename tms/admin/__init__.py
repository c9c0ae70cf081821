"""Facts about training in the back office; the pages of one topic are one module."""

from django.contrib import admin
from django.contrib.auth.models import Group
from rest_framework.authtoken.models import TokenProxy

from tms.admin import coursework, people, records, subscriptions, teaching, training

__all__ = ["coursework", "people", "records", "subscriptions", "teaching", "training"]

# Who may do what is tms.access's business, and tokens are made by a command and shown once.
admin.site.unregister([Group, TokenProxy])
