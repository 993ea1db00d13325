"""docs/export.md: every table that an export shows, and every column that it does not."""

import msgspec

from skillcore.privacy.declared import portions
from skillcore.privacy.export import FORMAT, Export
from skillcore.runtime.database import Base
from tests.docs.documents import codes, read, tables

TEXT = read("export.md")
MEMBERS, TABLES = tables(TEXT)


def test_every_member_is_there_in_its_order():
    assert [codes(row["member"])[0] for row in MEMBERS] == [field.name for field in msgspec.structs.fields(Export)]
    assert FORMAT in codes(MEMBERS[0]["holds"])


def test_every_table_is_there_with_what_it_does_not_show():
    documented = {codes(row["table"])[0]: codes(row["not shown"]) for row in TABLES}
    in_code = {portion.name: [left_out.column for left_out in portion.left_out] for portion in portions(Base.metadata)}
    assert documented == in_code
    assert all(row["each row is"] for row in TABLES)
