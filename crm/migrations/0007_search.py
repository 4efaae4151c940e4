from django.contrib.postgres.operations import BtreeGinExtension, TrigramExtension
from django.db import migrations

# What is looked for and what is looked through, made alike (crm.search.words says the same). Plain ASCII is
# spared the long list of accents.
WORDS = """
    CREATE FUNCTION crm_words(said text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ' ' || CASE WHEN octet_length(said) = char_length(said)
        THEN translate(lower(said), '@._-+/''"()[]{}<>:;,!?#&*|~=', repeat(' ', 27))
        ELSE translate(lower(said),
            'àáâãäåçèéêëìíîïñòóôõöùúûüýÿāăąćĉċčďēĕėęěĝğġģĥĩīĭįĵķĺļľńņňōŏőŕŗřśŝşšţťũūŭůűųŵŷźżžơư'
            'ạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ'
            'άέήίόύώϊϋΐΰйё'
            '@._-+/''"()[]{}<>:;,!?#&*|~=’“”„«»–—',
            'aaaaaaceeeeiiiinooooouuuuyyaaaccccdeeeeegggghiiiijklllnnnooorrrssssttuuuuuuwyzzzou'
            'aaaaaaaaaaaaeeeeeeeeiioooooooooooouuuuuuuyyyy'
            'αεηιουωιυιυие' || repeat(' ', 35)) END
"""
# Every "com" would find most of the world.
WITHOUT_LAST = "left({0}, -1 - length(split_part({0}, '.', -1)))"


def search_index(name: str, table: str, words: str, *, where: str = "") -> migrations.RunSQL:
    """Of a workspace's rows by any three letters in a row of their words."""
    return migrations.RunSQL(
        f"CREATE INDEX {name} ON {table} USING gin (workspace_id, crm_words({words}) gin_trgm_ops) {where}",
        f"DROP INDEX {name}",
    )


class Migration(migrations.Migration):
    dependencies = [("crm", "0006_views_stars_tenant_keys")]

    operations = [
        TrigramExtension(),
        BtreeGinExtension(),
        migrations.RunSQL(WORDS, "DROP FUNCTION crm_words(text)"),
        search_index("company_search", "crm_company", "name_key"),
        search_index("person_search", "crm_person", "name_key"),
        search_index("domain_search", "crm_companydomain", WITHOUT_LAST.format("domain")),
        search_index(
            "address_search",
            "crm_address",
            WITHOUT_LAST.format("email"),
            where="WHERE person_id IS NOT NULL",
        ),
    ]
