"""Our wiring as an app (for its commands), and the stock back office with our own site class."""

from django.apps import AppConfig
from django.contrib.admin import apps as stock


class WiringConfig(AppConfig):
    name = "config"
    default = True


class BackOfficeConfig(stock.AdminConfig):
    default = False
    default_site = "config.back_office.BackOffice"
