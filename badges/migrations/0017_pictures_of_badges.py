import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('badges', '0016_what_learners_show'),
    ]

    operations = [
        migrations.CreateModel(
            name='BadgeArtwork',
            fields=[
                ('badge', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='artwork', serialize=False, to='badges.badge', verbose_name='badge')),
                ('address', models.URLField(max_length=500, verbose_name='address')),
                ('content', models.BinaryField(default=b'')),
                ('digest', models.CharField(blank=True, max_length=64)),
                ('problem', models.TextField(blank=True, verbose_name='problem')),
                ('looked_at', models.DateTimeField(verbose_name='looked at')),
            ],
            options={
                'verbose_name': 'picture of a badge',
                'verbose_name_plural': 'pictures of badges',
            },
        ),
    ]
