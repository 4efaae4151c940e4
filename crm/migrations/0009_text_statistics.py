from django.db import migrations

# Attributes of text are filtered in lower case. How often each is empty or says what cannot be guessed
# from the column, and a wrong guess sorts half a million rows where a walk would stop after fifty.
TEXTS = {"company": ("industry", "location"), "person": ("job_title", "phone", "location")}


def statistics(kind: str, column: str) -> migrations.RunSQL:
    name = f"{kind}_{column}_lower"
    return migrations.RunSQL(
        f"CREATE STATISTICS {name} ON (lower({column})) FROM crm_{kind}", f"DROP STATISTICS {name}"
    )


class Migration(migrations.Migration):
    dependencies = [("crm", "0008_imports")]

    operations = [statistics(kind, column) for kind, columns in TEXTS.items() for column in columns]
