"""A backfill keeps how many of its awards were withdrawn; those undone before are counted now."""

from django.db import migrations, models
from django.db.models.functions import Coalesce


def count(apps, schema_editor):
    withdrawn = (
        apps.get_model("achievements", "EarnedAchievement")
        .objects.filter(backfill=models.OuterRef("pk"), withdrawn_at__isnull=False)
        .order_by()
        .values("backfill")
        .annotate(number=models.Count("pk"))
        .values("number")
    )
    undone = apps.get_model("achievements", "Backfill").objects.filter(state="undone")
    undone.update(withdrawn=Coalesce(models.Subquery(withdrawn), 0))


class Migration(migrations.Migration):
    dependencies = [("achievements", "0004_awards_read_from_an_index")]

    operations = [
        migrations.AddField(
            model_name="backfill",
            name="withdrawn",
            field=models.PositiveIntegerField(default=0, verbose_name="withdrawn"),
        ),
        migrations.RunPython(count, migrations.RunPython.noop, elidable=True),
    ]
