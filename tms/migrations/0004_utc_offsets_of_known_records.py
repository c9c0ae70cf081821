"""Records made before they kept the offset of their learner's clocks get it from the fact behind them."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from django.db import migrations

# source_kind → (fact, its moment)
SOURCES = {
    1: ("LabInstance", "started_at"),
    2: ("Enrollment", "enrolled_at"),
    3: ("CourseAssignment", "started_at"),
}
CHUNK = 2_000


def fill(apps, schema_editor):
    record_model = apps.get_model("tms", "LearningRecord")
    for source_kind, (name, moment) in SOURCES.items():
        fact_model = apps.get_model("tms", name)
        last = 0
        while True:
            records = list(
                record_model.objects.filter(
                    source_kind=source_kind, source_id__gt=last, utc_offset=None
                ).order_by("source_id")[:CHUNK]
            )
            if not records:
                break
            last = records[-1].source_id
            zones = {
                pk: (at, zone)
                for pk, at, zone in fact_model.objects.filter(
                    pk__in=[record.source_id for record in records]
                ).values_list("pk", moment, "started_zone")
            }
            known = [record for record in records if record.source_id in zones]
            for record in known:
                at, zone = zones[record.source_id]
                offset = at.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
                record.utc_offset = offset // timedelta(minutes=1)
            record_model.objects.bulk_update(known, ["utc_offset"], batch_size=500)


class Migration(migrations.Migration):
    dependencies = [("tms", "0003_assignments_complete_by_themselves")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
