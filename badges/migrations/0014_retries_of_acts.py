from django.db import migrations, models
from django.db.models import Exists, F, OuterRef


def tell_retries(apps, schema_editor):
    """What was there before its act: the act has written nothing older than itself."""
    outcome = apps.get_model("badges", "ActOutcome")
    older = outcome.objects.filter(pk=OuterRef("pk"), issued_badge__created_at__lt=F("act__created_at"))
    outcome.objects.filter(Exists(older), code="queued").update(is_retry=True)


class Migration(migrations.Migration):

    dependencies = [
        ('badges', '0013_issued_through_each_provider'),
    ]

    operations = [
        migrations.AddField(
            model_name='actoutcome',
            name='is_retry',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.RunPython(tell_retries, migrations.RunPython.noop),
    ]
