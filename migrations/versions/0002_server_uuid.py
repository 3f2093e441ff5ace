"""An index for looking servers up by their SMBIOS UUID."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_servers_uuid"), "servers", ["uuid"], unique=False)
