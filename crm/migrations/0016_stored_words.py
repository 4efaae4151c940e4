"""The words that are looked through stand beside what they are made of: PostgreSQL checks every row that a
trigram index names, and folding names again for that took longer than all else."""

from django.db import migrations

WITHOUT_LAST = "left({0}, -1 - length(split_part({0}, '.', -1)))"


def stored_words(
    table: str, column: str, text: str, index: str, *, where: str = ""
) -> list[migrations.RunSQL]:
    def indexed(words: str) -> str:
        return f"CREATE INDEX {index} ON {table} USING gin (workspace_id, {words} gin_trgm_ops) {where}"

    words = f"crm_words({text})"
    return [
        migrations.RunSQL(
            f"ALTER TABLE {table} ADD COLUMN {column} text GENERATED ALWAYS AS ({words}) STORED",
            f"ALTER TABLE {table} DROP COLUMN {column}",
        ),
        migrations.RunSQL(f"DROP INDEX {index}", indexed(words)),
        migrations.RunSQL(indexed(column), f"DROP INDEX {index}"),
    ]


class Migration(migrations.Migration):
    dependencies = [("crm", "0015_sessions_ended")]

    operations = [
        *stored_words("crm_company", "name_words", "name_key", "company_search"),
        *stored_words("crm_person", "name_words", "name_key", "person_search"),
        *stored_words("crm_companydomain", "host_words", WITHOUT_LAST.format("domain"), "domain_search"),
        *stored_words(
            "crm_address",
            "host_words",
            WITHOUT_LAST.format("email"),
            "address_search",
            where="WHERE person_id IS NOT NULL",
        ),
        # Filters ask for any part of a domain, its last label too.
        migrations.RunSQL(
            "CREATE INDEX domain_parts ON crm_companydomain USING gin (workspace_id, domain gin_trgm_ops)",
            "DROP INDEX domain_parts",
        ),
    ]
