from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('badges', '0018_names_in_languages'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='issuedbadge',
            index=models.Index(condition=models.Q(('status__in', ['issued', 'accepted', 'rejected', 'revoking'])), fields=['badge'], name='issued_of_badge'),
        ),
    ]
