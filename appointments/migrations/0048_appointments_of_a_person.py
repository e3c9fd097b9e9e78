from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """What a person has booked is found by an index, also when it is over."""

    atomic = False
    dependencies = [
        ("agencies", "0016_how_often_a_person_may_have_a_service"),
        ("appointments", "0047_one_mailbox_one_person"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="appointment",
            index=models.Index(
                condition=models.Q(("person_key", ""), _negated=True),
                fields=["person_key", "starts_at"],
                name="appointment_by_person",
            ),
        ),
    ]
