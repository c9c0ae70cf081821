import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('providers', '0002_care_of_accounts'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AccredibleConfig',
            fields=[
            ],
            options={
                'verbose_name': 'Accredible API Config',
                'verbose_name_plural': 'Accredible API Configs',
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('providers.badgeprovider',),
        ),
        migrations.CreateModel(
            name='CredlyOrganization',
            fields=[
            ],
            options={
                'verbose_name': 'Credly Organization',
                'verbose_name_plural': 'Credly Organizations',
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('providers.badgeprovider',),
        ),
        migrations.AddField(
            model_name='badgeprovider',
            name='paused_by',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='paused by'),
        ),
    ]
