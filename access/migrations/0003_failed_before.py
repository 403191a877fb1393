from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0002_sign_in_count'),
    ]

    operations = [
        migrations.AddField(
            model_name='signincount',
            name='failed_before_at',
            field=models.DateTimeField(help_text='`failed_at` before that attempt.', null=True),
        ),
    ]
