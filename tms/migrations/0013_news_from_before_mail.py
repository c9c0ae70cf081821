from django.db import migrations
from django.db.models.functions import Now


def keep(apps, schema_editor):
    """What waited while nothing read the outbox is no news: nobody is told of all of it at once."""
    waiting = apps.get_model("tms", "Notification").objects.filter(sent_at=None)
    waiting.update(unmailed="before", read_at=Now())


class Migration(migrations.Migration):

    dependencies = [
        ('tms', '0012_outgoing_mail'),
    ]

    operations = [
        migrations.RunPython(keep, migrations.RunPython.noop),
    ]
