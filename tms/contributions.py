"""What the apps above put on pages of this one, which cannot import them.

By convention an app offers its dashboard panels as PANELS in its module `panels` and its figures for
monitoring as METRICS in its module `metrics`; nothing has to be registered.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from django.apps import apps
from django.utils.module_loading import module_has_submodule


@cache
def contributed(topic: str) -> tuple[Any, ...]:
    """What every installed app offers under `topic`, in the order of INSTALLED_APPS."""
    offers: list[Any] = []
    for app in apps.get_app_configs():
        if app.module is not None and module_has_submodule(app.module, topic):
            offers += getattr(import_module(f"{app.name}.{topic}"), topic.upper(), ())
    return tuple(offers)
