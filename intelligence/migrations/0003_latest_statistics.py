from django.db import migrations

# Of what kind the first and the last interaction are, and with whom, follows from two columns each; the
# planner has to be told how often. The expressions are those of intelligence.attribute_filters.
IS_MEETING = "({end}_calendar_at IS NOT NULL AND {end}_calendar_at = {end}_at)"
EXPRESSIONS = {
    "kind": f"CASE WHEN {IS_MEETING} THEN 'meeting' ELSE 'email' END",
    "member": f"CASE WHEN {IS_MEETING} THEN {{end}}_calendar_member_id ELSE {{end}}_email_member_id END",
}


def statistics(record: str, end: str, what: str) -> migrations.RunSQL:
    name, expression = f"{record}_{end}_{what}", EXPRESSIONS[what].format(end=end)
    return migrations.RunSQL(
        f"CREATE STATISTICS {name} ON ({expression}) FROM intelligence_{record}insight",
        f"DROP STATISTICS {name}",
    )


class Migration(migrations.Migration):
    dependencies = [("intelligence", "0002_tenant_keys")]

    operations = [
        statistics(record, end, what)
        for record in ("company", "person")
        for end in ("first", "last")
        for what in EXPRESSIONS
    ]
