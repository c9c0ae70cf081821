"""Launches made before sessions were kept make theirs: a streak may begin in the past."""

from django.db import migrations

LAB_INSTANCE, ACTIVITY = 1, 4
SUBJECT_ACTIVITY = 50
CHUNK = 500


def write(apps, schema_editor):
    record_model = apps.get_model("tms", "LearningRecord")
    launches = record_model.objects.filter(source_kind=LAB_INSTANCE)
    learners = list(launches.order_by("learner").values_list("learner", flat=True).distinct())
    for start in range(0, len(learners), CHUNK):
        first = {}
        for launch in launches.filter(learner__in=learners[start : start + CHUNK]).order_by("started_at", "pk"):
            first.setdefault((launch.learner_id, launch.started_day), launch)
        _store(apps, first.values())


def _store(apps, launches):
    zones = dict(
        apps.get_model("tms", "LabInstance")
        .objects.filter(pk__in=[launch.source_id for launch in launches])
        .values_list("pk", "started_zone")
    )
    launches = [launch for launch in launches if launch.source_id in zones]
    activity_model = apps.get_model("tms", "Activity")
    sessions = activity_model.objects.bulk_create(
        [
            activity_model(
                user_id=launch.learner_id,
                kind="session",
                occasion=launch.started_day.isoformat(),
                occurred_at=launch.started_at,
                occurred_zone=zones[launch.source_id],
            )
            for launch in launches
        ],
        batch_size=CHUNK,
    )
    record_model = apps.get_model("tms", "LearningRecord")
    record_model.objects.bulk_create(
        [
            record_model(
                learner_id=launch.learner_id,
                subject=SUBJECT_ACTIVITY,
                kind="session",
                started_at=launch.started_at,
                started_day=launch.started_day,
                utc_offset=launch.utc_offset,
                source_kind=ACTIVITY,
                source_id=session.pk,
            )
            for launch, session in zip(launches, sessions, strict=True)
        ],
        batch_size=CHUNK,
    )


class Migration(migrations.Migration):
    dependencies = [("tms", "0004_utc_offsets_of_known_records")]
    operations = [migrations.RunPython(write, migrations.RunPython.noop)]
